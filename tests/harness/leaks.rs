//! What sampan must not leave behind, looked up in the kernel and on disk.

use crate::host::Host;
use std::fs;
use std::path::{Path, PathBuf};

/// Everything of sampan on a host but images: mounts, links, rules, processes, cgroups, files.
pub(crate) fn find(host: &Host) -> Vec<String> {
    let mut found = Vec::new();
    let mut report = |kind: &str, text: &str| {
        found.extend(
            text.lines().filter(|line| !line.trim().is_empty()).map(|line| format!("{kind}: {line}")),
        );
    };
    let runtime = host.runtime();
    let mounts = host.shell("cat /proc/self/mountinfo").stdout;
    let ours = |line: &&str| {
        line.contains(&*runtime.to_string_lossy()) || line.contains(&*host.root().to_string_lossy())
    };
    report("mount", &mounts.lines().filter(ours).collect::<Vec<_>>().join("\n"));
    report("link", &host.shell("ip -o link | grep -v '^[0-9]*: lo:'").stdout);
    report("nft table", &host.shell("nft list tables").succeeds().stdout);
    report("process", &processes(host));
    for path in cgroups(&host.tag()) {
        report("cgroup", &path.to_string_lossy());
    }
    for folder in ["containers", "names", "leases", "networks", "volumes", "stacks"] {
        report("file", &entries(&host.root().join(folder)));
    }
    for folder in ["containers", "netns", "dns"] {
        report("file", &entries(&runtime.join(folder)));
    }
    found
}

/// Every process but the first one: nothing else runs on such a host between two commands, but a
/// test's registry.
fn processes(host: &Host) -> String {
    let all = host.processes();
    let others = all.iter().filter(|(_, line)| !line.contains("docker-registry serve"));
    others.map(|(pid, line)| format!("{pid} {line}")).collect::<Vec<_>>().join("\n")
}

fn entries(folder: &Path) -> String {
    let Ok(read) = fs::read_dir(folder) else { return String::new() };
    read.flatten().map(|entry| entry.path().to_string_lossy().into_owned()).collect::<Vec<_>>().join("\n")
}

/// The cgroups of one store in every hierarchy, outermost first.
fn cgroups(tag: &str) -> Vec<PathBuf> {
    let name = format!("sampan-{tag}");
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let points =
        mounts.lines().filter(|line| line.contains(" cgroup")).filter_map(|line| line.split(' ').nth(1));
    let tops: Vec<PathBuf> =
        points.map(|point| Path::new(point).join(&name)).filter(|path| path.exists()).collect();
    tops.iter().flat_map(|top| below(top)).collect()
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let mut all = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            all.extend(below(&entry.path()));
        }
    }
    all
}

/// Removes what a failed test left, so that the machine stays clean.
pub(crate) fn remove_cgroups(tag: &str) {
    for path in cgroups(tag).iter().rev() {
        let _ = fs::remove_dir(path);
    }
}
