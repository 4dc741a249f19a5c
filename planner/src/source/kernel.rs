//! What a service asks of the kernel for its process: which texts mean something, and of those
//! which a container may have.

use super::cast::{Refused, loose};
use super::tree::{Tree, Value};
use super::words::refused;
use crate::desired::setting_path;

type Word = Result<String, Refused>;

/// A group of the image: a name or a number.
pub(crate) fn group(text: &str) -> Word {
    let number = text.bytes().all(|byte| byte.is_ascii_digit());
    let valid = match number {
        true => text.parse::<u32>().is_ok_and(|number| number < u32::MAX),
        false => !text.contains([':', ',', '\0', '\n']) && !text.starts_with('-'),
    };
    if valid {
        return Ok(text.to_owned());
    }
    let message = format!("`{}` is not a group", text.escape_debug());
    Err(refused(message, "a name of the image's /etc/group, or a number"))
}

/// What is wrong with `sysctls`.
pub(crate) fn kernel_settings(tree: &Tree) -> Option<Refused> {
    tree.entries().iter().find_map(|entry| kernel_setting(&entry.key, &entry.value).err())
}

fn kernel_setting(name: &str, value: &Tree) -> Result<(), Refused> {
    let shown = name.escape_debug();
    let Some(path) = setting_path(name) else {
        return Err(refused(format!("`{shown}` is not a kernel setting"), "for example net.core.somaxconn"));
    };
    let mut steps = path.split('/');
    let key = match (steps.next(), steps.next()) {
        (Some("net"), Some(_)) => "",
        (Some("fs"), Some("mqueue")) if steps.next().is_some() => "",
        (
            Some("kernel"),
            Some("msgmax" | "msgmnb" | "msgmni" | "sem" | "shmall" | "shmmax" | "shmmni" | "shm_rmid_forced"),
        ) => "",
        (Some("kernel"), Some(key @ ("hostname" | "domainname"))) => key,
        _ => {
            let hint = "those of a container are net.*, fs.mqueue.* and kernel.{msg,sem,shm}*; \
                set this one on the host with sysctl(8)";
            return Err(refused(format!("`{shown}` is a setting of the whole machine"), hint));
        }
    };
    if !key.is_empty() {
        return Err(refused(format!("`{shown}` is no setting for sysctls"), format!("write it as `{key}`")));
    }
    let text = loose(&value.value);
    if matches!(value.value, Value::Bad) || (!text.trim().is_empty() && !text.contains('\0')) {
        return Ok(());
    }
    Err(refused(format!("`{shown}` has no value"), format!("for example `{shown}=1`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, value: &str) -> String {
        let value = Tree { value: Value::Text(value.into()), ..Tree::default() };
        kernel_setting(name, &value).err().map_or_else(String::new, |fault| fault.message)
    }

    #[test]
    fn a_group_is_a_name_or_a_number() {
        for text in ["0", "4294967294", "audio", "a.b-c", "1a"] {
            assert_eq!(group(text).as_deref(), Ok(text));
        }
        for text in ["4294967295", "99999999999", "a:b", "-1", "a,b"] {
            assert_eq!(group(text).unwrap_err().message, format!("`{text}` is not a group"));
        }
    }

    #[test]
    fn settings_are_those_of_the_container_s_own_namespaces() {
        for name in
            ["net.core.somaxconn", "net/ipv4/conf/eth0.5/forwarding", "kernel.shmmax", "fs.mqueue.msg_max"]
        {
            assert_eq!(told(name, "1"), "", "{name}");
        }
        for name in ["vm.max_map_count", "kernel.panic", "fs.file-max", "fs.mqueue", "net", "kernel"] {
            assert_eq!(told(name, "1"), format!("`{name}` is a setting of the whole machine"));
        }
        assert_eq!(told("kernel.hostname", "a"), "`kernel.hostname` is no setting for sysctls");
        assert_eq!(told("net/../kernel/panic", "1"), "`net/../kernel/panic` is not a kernel setting");
        assert_eq!(told("net.core.somaxconn", " "), "`net.core.somaxconn` has no value");
    }
}
