//! Containers without a stack file: by flags, and by their names.

use e2e::{Host, eventually};
use std::path::Path;

/// Of the private host, in no folder of a stack.
fn sampan<'a>(host: &Host, args: impl IntoIterator<Item = &'a str>) -> e2e::Output {
    host.sampan_in(Path::new("/"), args)
}

fn value(host: &Host, name: &str, template: &str) -> String {
    let told = sampan(host, ["container", "inspect", "--format", template, name]).succeeds();
    told.stdout.trim().to_owned()
}

fn clean(host: &Host) {
    sampan(host, ["network", "rm", "-f", "bridge"]).succeeds();
    host.is_clean();
}

#[test]
fn what_is_run_gives_its_output_and_exit_code_and_leaves_nothing() {
    let Some(host) = Host::with_busybox() else { return };
    let args = ["container", "run", "--rm", "-e", "WORD=hi$X", "busybox", "sh", "-c", "echo $WORD; exit 7"];
    sampan(&host, args).exits(7).says("hi$X");
    assert_eq!(sampan(&host, ["container", "ls", "-aq"]).succeeds().stdout, "");
    let args = ["container", "run", "--rm", "--network", "none", "busybox", "ip", "-o", "link"];
    sampan(&host, args).succeeds().says("lo").does_not_say("eth0");
    sampan(&host, ["container", "run", "--network", "side", "busybox"]).exits(1).says("no network `side`");
    sampan(&host, ["container", "run", "-m", "1k", "busybox"])
        .exits(15)
        .says("a memory limit of 1 KiB is too small");
    sampan(&host, ["container", "run", "busybox", "nothing"]).says("nothing");
    eventually("it is gone or stays as it failed", || {
        let left = sampan(&host, ["container", "ls", "-aq"]).succeeds().stdout;
        let left: Vec<&str> = left.lines().collect();
        let args = ["container", "rm", "-f"].into_iter().chain(left.iter().copied());
        (!left.is_empty()).then(|| sampan(&host, args).succeeds())
    });
    clean(&host);
}

#[test]
fn a_container_lives_by_its_name() {
    let Some(host) = Host::with_busybox() else { return };
    let args = [
        "container",
        "run",
        "-d",
        "--name",
        "one",
        "-v",
        "data:/data",
        "--tmpfs",
        "/scratch",
        "-p",
        "127.0.0.1:8099:80",
        "--memory",
        "64m",
        "--restart",
        "always",
        "--read-only",
        "--cap-drop",
        "ALL",
        "-l",
        "tier=front",
        "--init",
        "busybox",
        "sh",
        "-c",
        "echo begun; exec httpd -f -p 80 -h /",
    ];
    assert_eq!(sampan(&host, args).succeeds().stdout, "one\n");
    sampan(&host, ["container", "ls"]).succeeds().says("one").says("127.0.0.1:8099->80/tcp");
    assert_eq!(sampan(&host, ["ls", "-aq"]).succeeds().stdout, "", "it is no stack");
    let pid = value(&host, "one", "{{.State.Pid}}");
    let status = host.shell(&format!("cat /proc/{pid}/status; cat /proc/{pid}/mountinfo")).succeeds();
    status.says("CapEff:\t0000000000000000").says(" /data ").says(" /scratch ");
    host.shell("wget -q -O - http://127.0.0.1:8099/etc/hostname").succeeds();
    eventually("it says so", || {
        let told = sampan(&host, ["container", "logs", "one"]).succeeds().stdout;
        (told == "begun\n").then_some(())
    });
    sampan(&host, ["container", "exec", "one", "sh", "-c", "exit 5"]).exits(5);
    sampan(&host, ["container", "run", "--name", "one", "busybox", "true"])
        .exits(1)
        .says("the name one belongs to");

    sampan(
        &host,
        ["container", "update", "--memory", "32m", "--memory-swap", "32m", "--restart", "no", "one"],
    )
    .succeeds();
    assert_eq!(value(&host, "one", "{{.HostConfig.Memory}} {{.State.Pid}}"), format!("{} {pid}", 32 << 20));
    let groups = host.shell(&format!("cat /proc/{pid}/cgroup")).succeeds().stdout;
    let path = groups.lines().find_map(|line| {
        let v1 = line
            .split_once(":memory:")
            .map(|(_, path)| format!("/sys/fs/cgroup/memory{path}/memory.limit_in_bytes"));
        v1.or_else(|| line.strip_prefix("0::").map(|path| format!("/sys/fs/cgroup{path}/memory.max")))
    });
    assert_eq!(std::fs::read_to_string(path.unwrap()).unwrap().trim(), (32 << 20).to_string());

    one_after_the_other(&host, &pid);
    clean(&host);
}

/// Everything that can be done to the container `one`, to its end.
fn one_after_the_other(host: &Host, pid: &str) {
    sampan(host, ["container", "pause", "one"]).succeeds();
    assert_eq!(value(host, "one", "{{.State.Status}}"), "paused");
    sampan(host, ["container", "unpause", "one"]).succeeds();
    sampan(host, ["container", "rename", "one", "two"]).succeeds();
    sampan(host, ["container", "restart", "-t", "1", "two"]).succeeds();
    assert_ne!(value(host, "two", "{{.State.Pid}}"), pid);
    sampan(host, ["container", "stop", "-t", "1", "two"]).succeeds();
    assert_eq!(value(host, "two", "{{.State.Status}}"), "exited");
    sampan(host, ["container", "start", "two"]).succeeds();
    sampan(host, ["container", "rm", "two"]).exits(1).says("is running");
    sampan(host, ["container", "rm", "-fv", "two"]).succeeds();
    sampan(host, ["container", "rm", "two"]).exits(1).says("no container `two`");
    sampan(host, ["volume", "rm", "data"]).succeeds();
}

#[test]
fn replicas_of_a_stack_can_be_named_one_by_one() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project(
        "shop",
        "
name: shop
services:
  web: {image: busybox, command: sleep 1000, init: true, scale: 2, mem_limit: 64m}
",
    );
    project.up();
    let first = project.pid("shop-web-1");
    sampan(&host, ["container", "stop", "-t", "1", "shop-web-2"]).succeeds();
    assert_eq!(project.state("shop-web-2").as_deref(), Some("exited"));
    assert_eq!(project.pid("shop-web-1"), first);
    sampan(&host, ["container", "update", "-m", "32m", "shop-web-1"]).succeeds();
    project.sampan(["plan"]).says("deploy.resources.limits.memory: 32M → 64M");
    project.up();
    assert_eq!(project.pid("shop-web-1"), first);
    project.down();
}

#[test]
fn a_program_beside_it_is_left_alone_or_has_all_privileges_when_asked() {
    let Some(host) = Host::with_busybox() else { return };
    sampan(&host, ["container", "create", "--name", "one", "--init", "busybox", "sleep", "1000"])
        .succeeds()
        .says("one");
    assert_eq!(value(&host, "one", "{{.State.Status}}"), "created");
    sampan(&host, ["container", "start", "one"]).succeeds();
    let exec = |args: &[&str], script: &str| {
        let head = ["container", "exec"].into_iter().chain(args.iter().copied());
        sampan(&host, head.chain(["one", "sh", "-c", script])).succeeds().stdout
    };
    let capabilities = "grep CapEff /proc/self/status";
    assert_ne!(exec(&["--privileged"], capabilities), exec(&[], capabilities));
    assert_eq!(exec(&["-d"], "echo done > /tmp/mark; exec sleep 999"), "");
    eventually("it runs on", || exec(&[], "cat /tmp/mark; ps").contains("sleep 999").then_some(()));
    sampan(&host, ["container", "exec", "-d", "one", "nothing"]).exits(127);
    sampan(&host, ["container", "rm", "-f", "one"]).succeeds();
    clean(&host);
}
