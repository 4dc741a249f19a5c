//! What a container sees in /proc, /sys and /dev: tables.

use super::Device;
use crate::error::{Context, Result};
use std::ffi::CStr;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// Kernel files that tell of, or reach, the host. Hidden unless privileged.
pub(super) const MASKED: [&CStr; 15] = [
    c"/proc/acpi",
    c"/proc/asound",
    c"/proc/interrupts",
    c"/proc/kcore",
    c"/proc/keys",
    c"/proc/latency_stats",
    c"/proc/sched_debug",
    c"/proc/scsi",
    c"/proc/timer_list",
    c"/proc/timer_stats",
    c"/proc/vmcore",
    c"/sys/devices/virtual/powercap",
    c"/sys/firmware",
    c"/sys/kernel/debug",
    c"/sys/kernel/security",
];

/// Kernel files that change the host when written. Read-only unless privileged.
pub(super) const READ_ONLY: [&CStr; 5] =
    [c"/proc/bus", c"/proc/fs", c"/proc/irq", c"/proc/sys", c"/proc/sysrq-trigger"];

/// Settings of the container's own network namespace: any user may bind low ports and ping, since
/// the ports are the container's own.
pub(super) const SYSCTLS: [(&CStr, &CStr); 2] = [
    (c"/proc/sys/net/ipv4/ip_unprivileged_port_start", c"0"),
    (c"/proc/sys/net/ipv4/ping_group_range", c"0 2147483647"),
];

/// The device nodes that every program expects.
pub(super) const DEVICES: [&str; 6] =
    ["/dev/full", "/dev/null", "/dev/random", "/dev/tty", "/dev/urandom", "/dev/zero"];

/// Links in /dev.
pub(super) const LINKS: [(&str, &CStr); 5] = [
    ("/dev/fd", c"/proc/self/fd"),
    ("/dev/ptmx", c"pts/ptmx"),
    ("/dev/stderr", c"/proc/self/fd/2"),
    ("/dev/stdin", c"/proc/self/fd/0"),
    ("/dev/stdout", c"/proc/self/fd/1"),
];

/// Where programs are looked for when the environment does not say.
pub(super) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// All device nodes of the host: for privileged containers.
pub fn host_devices() -> Result<Vec<Device>> {
    let nodes = device_nodes(Path::new("/dev"))?;
    let same = |path: PathBuf| Some(Device { target: path.to_str()?.to_owned(), source: path });
    Ok(nodes.into_iter().filter_map(same).collect())
}

/// All device nodes of the host in a folder and those below it.
pub fn device_nodes(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(folder, &mut found).doing(|| format!("list devices in {}", folder.display()))?;
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    /// What a container has of its own.
    const OWN: [&str; 6] = ["/dev/console", "/dev/fd", "/dev/mqueue", "/dev/ptmx", "/dev/pts", "/dev/shm"];
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if OWN.iter().any(|own| path == Path::new(own)) {
            continue;
        }
        if kind.is_dir() {
            collect(&path, found)?;
        } else if kind.is_char_device() || kind.is_block_device() {
            found.push(path);
        }
    }
    Ok(())
}
