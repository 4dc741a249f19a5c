//! Values in the words of a stack file.

use crate::desired::{
    Attachment, Disks, HealthTest, Memory, MountKind, MountSpec, PortSpec, Pressure, Propagation, Protocol,
    RestartPace, RestartPolicy, Submounts, Swap, Tell,
};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// `sha256:0123456789ab…` to its first twelve digits.
pub(super) fn digest(id: &str) -> &str {
    let hex = id.split_once(':').map_or(id, |(_, hex)| hex);
    hex.get(..12).unwrap_or(hex)
}

/// Bytes in the largest unit that divides them: `256M`, `1G`, `1000b`.
pub(super) fn bytes(bytes: u64) -> String {
    let units = [(30, "G"), (20, "M"), (10, "K")];
    let fits = |&&(shift, _): &&(u32, &str)| bytes != 0 && bytes.is_multiple_of(1 << shift);
    match units.iter().find(fits) {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => format!("{bytes}b"),
    }
}

/// Billionths of a core as a decimal number of cores: `1.5`.
pub(super) fn cpus(nano: u64) -> String {
    let (whole, rest) = (nano / 1_000_000_000, nano % 1_000_000_000);
    if rest == 0 {
        whole.to_string()
    } else {
        format!("{whole}.{}", format!("{rest:09}").trim_end_matches('0'))
    }
}

/// A time as `1m30s`, `500ms`.
pub(super) fn duration(time: Duration) -> String {
    let (minutes, seconds, rest) = (time.as_secs() / 60, time.as_secs() % 60, time.subsec_nanos());
    let mut text = String::new();
    if minutes > 0 {
        text += &format!("{minutes}m");
    }
    if seconds > 0 || time.is_zero() {
        text += &format!("{seconds}s");
    }
    match rest {
        0 => {}
        _ if rest % 1_000_000 == 0 => text += &format!("{}ms", rest / 1_000_000),
        _ => text += &format!("{rest}ns"),
    }
    text
}

/// `memswap_limit`, when it is set.
pub(super) fn swap(swap: Swap) -> Option<String> {
    match swap {
        Swap::SameAsMemory => None,
        Swap::Unlimited => Some("-1".to_owned()),
        Swap::Total(total) => Some(bytes(total)),
    }
}

/// When a container is told that its memory runs short, and how.
pub(super) fn pressure(pressure: &Pressure) -> BTreeMap<String, String> {
    let told = (pressure.tell != Tell::Log).then(|| ("on_pressure".to_owned(), pressure.tell.to_string()));
    told.into_iter().chain([("high".to_owned(), bytes(pressure.at))]).collect()
}

/// `blkio_config`, by key and device.
pub(super) fn disks(disks: &Disks) -> BTreeMap<String, String> {
    let mut shown = BTreeMap::new();
    let mut tell = |key: String, value: Option<String>| shown.extend(value.map(|value| (key, value)));
    tell("weight".to_owned(), disks.weight.map(|weight| weight.to_string()));
    for (path, disk) in &disks.devices {
        tell(format!("weight_device.{path}"), disk.weight.map(|weight| weight.to_string()));
        tell(format!("device_read_bps.{path}"), disk.read_bps.map(bytes));
        tell(format!("device_write_bps.{path}"), disk.write_bps.map(bytes));
        tell(format!("device_read_iops.{path}"), disk.read_iops.map(|rate| rate.to_string()));
        tell(format!("device_write_iops.{path}"), disk.write_iops.map(|rate| rate.to_string()));
    }
    shown
}

/// `deploy.restart_policy`, where `restart` does not say it.
pub(super) fn pace(pace: &RestartPace) -> BTreeMap<String, String> {
    let pairs = [
        ("delay", pace.delay.map(duration)),
        ("window", pace.window.map(duration)),
        ("max_attempts", pace.attempts.map(|times| times.to_string())),
    ];
    pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

pub(super) fn restart(policy: RestartPolicy) -> String {
    match policy {
        RestartPolicy::No => "no".to_owned(),
        RestartPolicy::Always => "always".to_owned(),
        RestartPolicy::UnlessStopped => "unless-stopped".to_owned(),
        RestartPolicy::OnFailure { max_retries: None } => "on-failure".to_owned(),
        RestartPolicy::OnFailure { max_retries: Some(most) } => format!("on-failure:{most}"),
    }
}

pub(super) fn health_test(test: &HealthTest) -> String {
    match test {
        HealthTest::Disabled => r#"["NONE"]"#.to_owned(),
        HealthTest::Exec(argv) => {
            let words: Vec<_> = std::iter::once("CMD").chain(argv.iter().map(String::as_str)).collect();
            format!("{words:?}")
        }
        HealthTest::Shell(line) => line.clone(),
    }
}

/// What is mounted, in the manner of the short form: `shop_data:ro`, `/srv/www`, `tmpfs:size=1M`.
pub(super) fn mount(mount: &MountSpec) -> String {
    let mut options: Vec<String> = Vec::new();
    let source = match &mount.kind {
        MountKind::Volume { name, nocopy, subpath, .. } => {
            options.extend(nocopy.then(|| "nocopy".to_owned()));
            options.extend(part(subpath));
            name.clone()
        }
        MountKind::Bind { source, create, propagation, submounts } => {
            options.extend((!create).then(|| "create_host_path=false".to_owned()));
            let propagates = *propagation != Propagation::Private;
            options.extend(propagates.then(|| propagation.word().to_owned()));
            options.extend(match submounts {
                Submounts::Included => None,
                Submounts::Writable => Some("recursive=writable".to_owned()),
                Submounts::Excluded => Some("recursive=disabled".to_owned()),
            });
            source.display().to_string()
        }
        MountKind::Tmpfs(memory) => {
            options.extend(memory_options(memory));
            "tmpfs".to_owned()
        }
        MountKind::Image { reference, id, subpath } => {
            options.extend(part(subpath));
            match id.is_empty() {
                true => format!("image {reference}"),
                false => format!("image {reference} ({})", digest(id)),
            }
        }
    };
    options.extend(mount.read_only.then(|| "ro".to_owned()));
    if options.is_empty() { source } else { format!("{source}:{}", options.join(",")) }
}

fn part(subpath: &str) -> Option<String> {
    (!subpath.is_empty()).then(|| format!("subpath={subpath}"))
}

fn memory_options(memory: &Memory) -> Vec<String> {
    let number = |name: &str, value: Option<u32>| value.map(|value| format!("{name}={value}"));
    let flag = |name: &str, on: bool| on.then(|| name.to_owned());
    let options = [
        memory.size.map(|size| format!("size={}", bytes(size))),
        memory.mode.map(|mode| format!("mode={mode:o}")),
        number("uid", memory.uid),
        number("gid", memory.gid),
        memory.inodes.map(|inodes| format!("nr_inodes={inodes}")),
        flag("exec", memory.exec),
        flag("suid", memory.suid),
        flag("noatime", memory.noatime),
    ];
    options.into_iter().flatten().collect()
}

/// Where on the host a port is published: `0.0.0.0:8080`, `127.0.0.1:(any)`.
pub(super) fn published(port: &PortSpec) -> String {
    let number = match (port.published, port.published_last) {
        (None, _) => "(any)".to_owned(),
        (Some(first), Some(last)) => format!("{first}-{last}"),
        (Some(number), None) => number.to_string(),
    };
    match port.host_ip {
        None => format!("0.0.0.0:{number}"),
        Some(IpAddr::V4(ip)) => format!("{ip}:{number}"),
        Some(IpAddr::V6(ip)) => format!("[{ip}]:{number}"),
    }
}

/// Presence on a network: `eth0 as web, www; 10.0.0.5`.
pub(super) fn attachment(position: usize, attachment: &Attachment) -> String {
    let interface = attachment.interface.clone().unwrap_or_else(|| format!("eth{position}"));
    let mut text = format!("{interface} as {}", attachment.aliases.join(", "));
    let addresses = attachment.ipv4.map(IpAddr::from).into_iter().chain(attachment.ipv6.map(IpAddr::from));
    let addresses = addresses.chain(attachment.link_local.iter().copied()).map(|one| one.to_string());
    let fixed: Vec<String> = addresses.chain(attachment.mac.map(|mac| mac.to_string())).collect();
    let settings = attachment.sysctls.iter().map(|(name, value)| format!("{name}={value}"));
    let more: Vec<String> = fixed.into_iter().chain(settings).collect();
    if !more.is_empty() {
        text += &format!("; {}", more.join(", "));
    }
    text
}

pub(super) fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Sctp => "sctp",
    }
}

impl PortSpec {
    /// The socket that it opens on the host: `0.0.0.0:8080/tcp`.
    pub fn socket(&self) -> String {
        format!("{}/{}", published(self), protocol(self.protocol))
    }

    /// Whether two of them cannot be open at once.
    pub fn clashes(&self, other: &Self) -> bool {
        let any = |port: &Self| port.host_ip.is_none_or(|ip| ip.is_unspecified());
        // Of a choice another one is taken.
        let fixed = |port: &Self| port.published_last.is_none();
        self.published.is_some()
            && fixed(self)
            && fixed(other)
            && self.published == other.published
            && self.protocol == other.protocol
            && (any(self) || any(other) || self.host_ip == other.host_ip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_in_a_stack_file() {
        assert_eq!([bytes(256 << 20), bytes(1 << 30), bytes(1000), bytes(0)], ["256M", "1G", "1000b", "0b"]);
        assert_eq!([cpus(1_500_000_000), cpus(2_000_000_000), cpus(10_000_000)], ["1.5", "2", "0.01"]);
        let times = [90_000, 500, 0, 61_500].map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(times, ["1m30s", "500ms", "0s", "1m1s500ms"]);
        assert_eq!(digest("sha256:0123456789abcdef"), "0123456789ab");
    }

    #[test]
    fn a_port_clashes_on_the_same_address_only() {
        let port = |ip: Option<&str>, published| PortSpec {
            host_ip: ip.map(|ip| ip.parse().unwrap()),
            published,
            target: 80,
            ..Default::default()
        };
        assert!(port(None, Some(80)).clashes(&port(Some("127.0.0.1"), Some(80))));
        assert!(!port(Some("127.0.0.2"), Some(80)).clashes(&port(Some("127.0.0.1"), Some(80))));
        assert!(!port(None, None).clashes(&port(None, None)));
        assert_eq!(port(Some("::1"), Some(80)).socket(), "[::1]:80/tcp");
    }
}
