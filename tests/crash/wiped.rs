//! The runtime folder is wiped, the machine reboots.

use super::{converges, up};
use e2e::Host;

/// Wipes the runtime folder; the mounts in it make `rm` leave a few files.
fn wipe(host: &Host) {
    host.shell(&format!("rm -rf {} 2>/dev/null", host.runtime().display()));
}

fn unmount(host: &Host) {
    host.shell(&format!("umount -l {}/netns/*", host.runtime().display())).succeeds();
}

#[test]
fn a_wiped_runtime_folder_is_made_again() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    unmount(&host);
    wipe(&host);
    converges(&host, &project);
    project.down();
}

#[test]
fn a_runtime_folder_wiped_around_its_mounts_is_made_again() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    wipe(&host);
    converges(&host, &project);
    project.down();
}

#[test]
fn down_leaves_nothing_of_a_stack_whose_runtime_folder_was_wiped() {
    let Some(host) = Host::with_busybox() else { return };
    for mounts_first in [true, false] {
        let project = up(&host);
        if mounts_first {
            unmount(&host);
        }
        wipe(&host);
        project.down();
    }
}

#[test]
fn after_a_reboot_everything_comes_up_again() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    reboot(&host);
    project.sampan(["ps", "-a"]).succeeds().says("crash-store-1");
    converges(&host, &project);
    reboot(&host);
    project.down();
}

/// What a reboot leaves: no process, no mount, no link, no rule, no cgroup, no runtime folder.
fn reboot(host: &Host) {
    let ours = |line: &str| line.contains(" shim --root ") || !line.starts_with("bash");
    for _ in 0..2 {
        for (pid, _) in host.processes().into_iter().filter(|(_, line)| ours(line)) {
            host.shell(&format!("kill -9 {pid}"));
        }
    }
    unmount(host);
    wipe(host);
    host.shell(
        "for l in $(ip -o link | sed -n 's/^[0-9]*: \\(s[pv][^:@]*\\).*/\\1/p'); do ip link del $l; done",
    );
    host.shell("nft flush ruleset").succeeds();
    host.forget_cgroups();
}
