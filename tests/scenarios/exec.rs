//! Commands inside running containers.

use e2e::Host;

const ONE: &str = "
name: one
services:
  a: {image: busybox, command: sleep 1000, init: true, working_dir: /tmp, environment: {WHO: captain}}
  b: {image: busybox, command: sleep 1000, init: true, user: nobody, deploy: {replicas: 2}}
";

#[test]
fn exec_runs_in_the_containers_namespaces_with_its_environment() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("one", ONE);
    project.up();
    project.exec("a", "pwd; echo $WHO; hostname").succeeds().says("/tmp").says("captain").says("one-a-1");
    project.exec("b", "id -u").succeeds().says("65534");
    project.sampan(["exec", "-T", "--index", "2", "b", "hostname"]).succeeds().says("one-b-2");
    let options =
        ["exec", "-T", "-u", "root", "-w", "/etc", "-e", "X=y", "b", "sh", "-c", "id -u; pwd; echo $X"];
    assert_eq!(project.sampan(options).succeeds().stdout, "0\n/etc\ny\n");
    let pid = project.pid("one-a-1");
    for namespace in ["pid", "mnt", "net", "uts", "ipc", "cgroup"] {
        let own = host.shell(&format!("readlink /proc/{pid}/ns/{namespace}")).succeeds().stdout;
        let inside = project.exec("a", &format!("readlink /proc/self/ns/{namespace}")).succeeds().stdout;
        assert_eq!(own, inside);
    }
    project.down();
}

#[test]
fn exec_returns_the_exit_code_and_names_what_is_missing() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("one", ONE);
    project.up();
    project.exec("a", "exit 42").exits(42);
    project.sampan(["exec", "-T", "a", "nosuch"]).exits(127).says("nosuch");
    project.sampan(["exec", "-T", "c", "true"]).exits(1).says("c");
    project.sampan(["stop", "-t", "1", "a"]).succeeds();
    project.exec("a", "true").exits(1).says("does not run");
    project.down();
}

#[test]
fn exec_joins_the_limits_of_the_container() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("one", ONE);
    project.up();
    let groups = project.exec("a", "cat /proc/self/cgroup").stdout;
    let pid = project.pid("one-a-1");
    let init = project.exec("a", "cat /proc/1/cgroup").stdout;
    assert_eq!(groups, init);
    assert!(
        host.shell(&format!("cat /proc/{pid}/cgroup")).stdout.contains(&format!("sampan-{}", host.tag()))
    );
    project.down();
}

#[test]
fn exec_with_a_terminal_gives_the_program_one() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("one", ONE);
    project.up();
    let sampan = project.sampan(["version"]).command;
    assert_eq!(sampan, "sampan version");
    let mut command = host.sampan_command(project.folder());
    let program = command.get_program().to_owned();
    let args: Vec<_> =
        command.args(["exec", "a", "tty"]).get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let line = format!("{} {}", program.to_string_lossy(), args.join(" "));
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(project.folder());
    for (name, value) in command.get_envs() {
        script.env(name, value.unwrap_or_default());
    }
    let output = script.output().expect("script(1) is there");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("/dev/pts/"), "{text}");
    project.down();
}
