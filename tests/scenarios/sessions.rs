//! Services and sessions end, as service managers end them: by killing all that is in their groups.

use e2e::{Host, Output, Project};

const YAML: &str = "
name: ses
services:
  a: {image: busybox, command: sleep 1000, init: true}
  b: {image: busybox, command: sleep 1000, init: true}
";

/// The groups of a session, one in each hierarchy that sampan or a service manager uses.
fn groups(host: &Host) -> String {
    let ours = "/(^|,)(cpu|memory|pids|freezer|name=[a-z]+)(,|$)/";
    let points =
        format!("awk '$3 == \"cgroup2\" || $3 == \"cgroup\" && $4 ~ {ours} {{print $2}}' /proc/mounts");
    let points = host.shell(&points).succeeds().stdout;
    points.lines().map(|point| format!("{point}/test-{}.scope ", host.tag())).collect()
}

/// Runs a script inside a session that has groups of its own.
fn in_session(host: &Host, project: &Project<'_>, script: &str) -> Output {
    let groups = groups(host);
    let join = format!("for g in {groups}; do mkdir -p $g && echo 0 >$g/cgroup.procs || exit; done");
    host.script(project.folder(), &format!("{join}; sleep 999 >/dev/null 2>&1 & {join}; {script}"))
}

/// Kills all that is in a session, and removes its groups.
fn end_session(host: &Host) {
    let groups = groups(host);
    let script = format!(
        "for g in {groups}; do
             echo 1 >$g/cgroup.kill || for pid in $(cat $g/cgroup.procs); do kill -9 $pid; done
             until rmdir $g; do sleep 0.02; done
         done 2>/dev/null"
    );
    host.shell(&script).succeeds();
}

fn supervisors(host: &Host) -> Vec<u32> {
    let processes = host.processes().into_iter();
    processes.filter(|(_, line)| line.contains(" shim ")).map(|(pid, _)| pid).collect()
}

#[test]
fn the_end_of_the_session_that_ran_up_ends_no_supervisor_and_no_container() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("ses", YAML);
    in_session(&host, &project, "$sampan up -d").succeeds().does_not_say("supervisors");
    let (pids, shims) = (["ses-a-1", "ses-b-1"].map(|name| project.pid(name)), supervisors(&host));
    assert_eq!(shims.len(), 2);
    for pid in pids.iter().chain(&shims) {
        let in_session =
            format!("grep -E ':(.*,)?(cpu|memory|pids|freezer|name=.*)?:/test-' /proc/{pid}/cgroup");
        host.shell(&in_session).exits(1);
    }
    end_session(&host);
    assert!(!host.processes().iter().any(|(_, line)| line == "sleep 999"), "the session is over");
    assert_eq!(supervisors(&host), shims);
    assert_eq!(["ses-a-1", "ses-b-1"].map(|name| project.pid(name)), pids);
    project.sampan(["stop", "-t", "1", "a"]).succeeds();
    assert_eq!(supervisors(&host).len(), 1);
    project.down();
}

#[test]
fn a_stopped_stack_has_no_groups_and_a_new_session_makes_them_again() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("ses", YAML);
    let left = format!("ls -d /sys/fs/cgroup/sampan-{0} /sys/fs/cgroup/*/sampan-{0} 2>/dev/null", host.tag());
    for _ in 0..2 {
        in_session(&host, &project, "$sampan up -d").succeeds();
        end_session(&host);
        host.shell(&left).says("sampan");
        project.sampan(["stop", "-t", "1"]).succeeds();
        host.shell(&left).does_not_say("sampan");
    }
    project.down();
}

#[test]
fn where_groups_cannot_be_written_the_supervisor_stays_and_says_so() {
    let Some(host) = Host::with_busybox() else { return };
    let named = "/sys/fs/cgroup/systemd";
    if !std::path::Path::new(named).exists() {
        // Without version 1 no container has limits there either: `groups` tells of that.
        return;
    }
    let project = host.project("ses", YAML);
    let script = format!(
        "mount -o remount,bind,ro {named}; $sampan up -d; code=$?
                          mount -o remount,bind,rw {named}; exit $code"
    );
    let output = in_session(&host, &project, &script).succeeds();
    output.says("it ends with this session: move the supervisor into").says("Read-only");
    project.sampan(["ps"]).succeeds().says("Up");
    // The session cannot be ended without them: they are in it.
    project.sampan(["stop", "-t", "1"]).succeeds();
    end_session(&host);
    project.down();
}
