//! What `driver_opts` of a service's presence on a network may say to its interface.

use super::BridgeFault;
use std::collections::BTreeMap;

const NAME: &str = "com.docker.network.endpoint.ifname";
const SYSCTLS: &str = "com.docker.network.endpoint.sysctls";
/// Stands for the name of the interface.
const IFNAME: &str = "IFNAME";

/// Settings of the kernel for an interface, with `IFNAME` where its name belongs.
pub(crate) fn interface_settings(
    options: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, BridgeFault> {
    let mut settings = BTreeMap::new();
    for (key, value) in options {
        if key != SYSCTLS {
            let message = format!("`{}` is not an option of an interface", key.escape_debug());
            let hint =
                if key == NAME { "`interface_name` says it".into() } else { format!("there is {SYSCTLS}") };
            return Err(BridgeFault { message, hint });
        }
        settings = sysctls(value)?;
    }
    Ok(settings)
}

fn sysctls(text: &str) -> Result<BTreeMap<String, String>, BridgeFault> {
    let pair = |text: &str| {
        let pair = text.split_once('=').filter(|(key, value)| is_setting(key) && !value.is_empty());
        let pair = pair.map(|(key, value)| (key.to_owned(), value.to_owned()));
        pair.ok_or_else(|| BridgeFault {
            message: format!("`{}` is no setting of an interface", text.escape_debug()),
            hint: "for example net.ipv4.conf.IFNAME.log_martians=1; several are separated by commas".into(),
        })
    };
    text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(pair).collect()
}

/// Whether it is a setting of one interface, and no way to any other file.
fn is_setting(key: &str) -> bool {
    let parts: Vec<&str> = key.split('.').collect();
    let is_word = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match parts[..] {
        ["net", "ipv4" | "ipv6" | "mpls", "conf" | "neigh", IFNAME, setting] => is_word(setting),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, value: &str) -> Result<BTreeMap<String, String>, BridgeFault> {
        interface_settings(&[(key.to_owned(), value.to_owned())].into())
    }

    #[test]
    fn settings_are_read_with_the_place_of_the_name() {
        let text = "net.ipv4.conf.IFNAME.log_martians=1, net.ipv6.neigh.IFNAME.retrans_time=5";
        let settings = read(SYSCTLS, text).unwrap();
        assert_eq!(settings["net.ipv4.conf.IFNAME.log_martians"], "1");
        assert_eq!(settings["net.ipv6.neigh.IFNAME.retrans_time"], "5");
    }

    #[test]
    fn what_is_not_of_the_interface_is_no_setting() {
        for wrong in [
            "net.ipv4.conf.all.forwarding=1",
            "net.ipv4.conf.eth0.forwarding=1",
            "kernel.conf.IFNAME.x.y=1",
            "net.ipv4.conf.IFNAME.../x=1",
            "net.ipv4.conf.IFNAME.forwarding",
            "net.ipv4.conf.IFNAME.forwarding=",
        ] {
            assert!(read(SYSCTLS, wrong).is_err(), "{wrong}");
        }
        assert_eq!(read(NAME, "front0").unwrap_err().hint, "`interface_name` says it");
        assert!(read("com.docker.network.endpoint.colour", "red").is_err());
    }
}
