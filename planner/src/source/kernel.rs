//! What a service asks of the kernel for its process: which texts mean something, and of those
//! which a container may have.

use super::cast::{Refused, loose};
use super::tree::{Entry, Tree, Value};
use super::words::refused;
use crate::desired::{Access, DeviceRule, is_named, setting_path};
use std::ops::RangeInclusive;

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

/// Whose processes it sees.
pub(crate) fn pid(text: &str) -> Word {
    namespace(text, &["", "private", "host"], "possible are host, service:NAME, container:NAME")
}

/// Whose shared memory it has.
pub(crate) fn ipc(text: &str) -> Word {
    let possible = "possible are private, none, shareable, host, service:NAME, container:NAME";
    namespace(text, &["", "private", "none", "shareable", "host"], possible)
}

/// Whose host name it has.
pub(crate) fn uts(text: &str) -> Word {
    match text {
        "" | "private" | "host" => Ok(text.to_owned()),
        _ => Err(refused(
            format!("`{}` is not a namespace", text.escape_debug()),
            "write host, or leave it out",
        )),
    }
}

fn namespace(text: &str, words: &[&str], possible: &str) -> Word {
    match text.split_once(':') {
        Some(("service" | "container", name)) if !name.is_empty() => Ok(text.to_owned()),
        None if words.contains(&text) => Ok(text.to_owned()),
        _ => Err(refused(format!("`{}` is not a namespace", text.escape_debug()), possible)),
    }
}

/// Devices by number.
pub(crate) fn device_rule(text: &str) -> Word {
    if DeviceRule::parse(text).is_some() {
        return Ok(text.to_owned());
    }
    Err(refused(format!("`{}` is not a rule for devices", text.escape_debug()), "for example `c 1:3 rw`"))
}

/// What is wrong with `devices`.
pub(crate) fn devices(tree: &Tree) -> Option<Refused> {
    tree.items().iter().find_map(|device| {
        let text = |key: &str| device.get(key).map(|node| loose(&node.value)).unwrap_or_default();
        let (source, target, access) = (text("source"), text("target"), text("permissions"));
        if is_named(&source) {
            return None;
        }
        let hint = "for example /dev/fuse, or a name of a vendor: vendor.com/class=name";
        let path = |path: &str| {
            let usable = path.starts_with('/') && !path.split('/').any(|step| step == "..");
            (!usable).then(|| refused(format!("`{}` is not the path of a device", path.escape_debug()), hint))
        };
        let unknown = || {
            let message = format!("`{}` are no permissions of a device", access.escape_debug());
            refused(message, "some of r, w and m")
        };
        let access_fault = (!access.is_empty() && Access::parse(&access).is_none()).then(unknown);
        path(&source).or_else(|| path(&target).filter(|_| !target.is_empty())).or(access_fault)
    })
}

/// What is wrong with requests for devices.
pub(crate) fn device_requests(tree: &Tree) -> Option<Refused> {
    let has_options =
        |request: &&Tree| request.get("options").is_some_and(|options| !options.entries().is_empty());
    let asked = tree.items().iter().find(has_options)?;
    let named = asked.get("options").and_then(|options| options.entries().first());
    let name = named.map(|entry| entry.key.escape_debug().to_string()).unwrap_or_default();
    let message = format!("the option `{name}` of a device means nothing here");
    Some(refused(message, "what a device brings along is said by its CDI file"))
}

/// A control group of the machine.
pub(crate) fn cgroup_parent(text: &str) -> Word {
    let steps = text.trim_matches('/');
    let is_step =
        |step: &str| !step.is_empty() && step != "." && step != ".." && !step.contains(['\0', '\n']);
    let is_ours = steps.starts_with("sampan-");
    if text.is_empty() || (steps.split('/').all(is_step) && !is_ours) {
        return Ok(text.to_owned());
    }
    let hint = "its path below /sys/fs/cgroup, for example web.slice";
    Err(refused(format!("`{}` is not a control group to be in", text.escape_debug()), hint))
}

/// CPU time against other containers.
pub(crate) fn cpu_shares(text: &str) -> Word {
    among(text, "a number of CPU shares", &[0..=0, 2..=262_144], "from 2 to 262144; 1024 is usual")
}

/// Microseconds of CPU time in each period; -1 is unlimited.
pub(crate) fn cpu_quota(text: &str) -> Word {
    let hint = "microseconds in each period, at least 1000, or -1 for no limit";
    among(text, "a CPU quota", &[-1..=0, 1_000..=i64::MAX], hint)
}

/// The period of that.
pub(crate) fn cpu_period(text: &str) -> Word {
    among(text, "a period of CPU time", &[0..=0, 1_000..=1_000_000], "microseconds, from 1000 to 1000000")
}

/// How readily memory is swapped.
pub(crate) fn swappiness(text: &str) -> Word {
    let hint = "from 0 to 100; to have no swap at all, make `memswap_limit` the same as `mem_limit`";
    among(text, "a swappiness", &[-1..=100], hint)
}

fn among(text: &str, what: &str, ranges: &[RangeInclusive<i64>], hint: &str) -> Word {
    match text.parse::<i64>() {
        Ok(number) if ranges.iter().any(|range| range.contains(&number)) => Ok(text.to_owned()),
        _ => Err(refused(format!("`{}` is not {what}", text.escape_debug()), hint)),
    }
}

/// A list of CPUs.
pub(crate) fn cpus(text: &str) -> Word {
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| !text.starts_with('+'));
    let is_range = |text: &str| match text.split_once('-') {
        Some((from, to)) => number(from).zip(number(to)).is_some_and(|(from, to)| from <= to),
        None => number(text).is_some(),
    };
    if text.is_empty() || text.split(',').all(is_range) {
        return Ok(text.to_owned());
    }
    Err(refused(format!("`{}` is not a list of CPUs", text.escape_debug()), "for example 0-3 or 0,1"))
}

/// What is wrong with `blkio_config`.
pub(crate) fn disks(tree: &Tree) -> Option<Refused> {
    let weight = |holder: &Tree| {
        let weight = holder.get("weight").map(|weight| loose(&weight.value))?;
        among(&weight, "a share of bandwidth", &[0..=0, 10..=1_000], "from 10 to 1000").err()
    };
    let path = |device: &Tree| {
        let path = device.get("path").map(|path| loose(&path.value)).unwrap_or_default();
        let message = format!("`{}` is not the path of a device", path.escape_debug());
        (!path.starts_with('/')).then(|| refused(message, "for example /dev/sda"))
    };
    let rate = |device: &Tree| {
        let rate = device.get("rate").map(|rate| loose(&rate.value)).unwrap_or_default();
        let message = format!("`{}` is not a rate", rate.escape_debug());
        (!rate.parse::<i64>().is_ok_and(|rate| rate > 0)).then(|| refused(message, "for example 10m"))
    };
    let lists = tree.entries().iter().filter(|entry| entry.key != "weight");
    let fault = |entry: &Entry| {
        entry.value.items().iter().find_map(|device| {
            let amount = if entry.key == "weight_device" { weight(device) } else { rate(device) };
            path(device).or(amount)
        })
    };
    weight(tree).or_else(|| lists.into_iter().find_map(fault))
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
    fn numbers_are_those_that_the_kernel_takes() {
        let test = |check: fn(&str) -> Word, right: &[&str], wrong: &[&str]| {
            assert!(right.iter().all(|text| check(text).is_ok()), "{right:?}");
            assert!(wrong.iter().all(|text| check(text).is_err()), "{wrong:?}");
        };
        test(cpu_shares, &["0", "2", "262144"], &["1", "-5", "262145"]);
        test(cpu_quota, &["-1", "0", "1000"], &["999", "-2"]);
        test(cpu_period, &["0", "1000", "1000000"], &["999", "1000001", "-1"]);
        test(cgroup_parent, &["", "/web.slice", "a/b", "/a/"], &["..", "a/../b", "a//b", "sampan-1/x", "/"]);
        test(swappiness, &["-1", "0", "100"], &["101", "-2"]);
        test(cpus, &["0", "0-3", "1,4-5", ""], &["3-1", "a", "1-", ",", "-1", "70000", "0 1"]);
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
