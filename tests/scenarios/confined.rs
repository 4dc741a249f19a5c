//! Security options: system call profiles of the user's, and what of the kernel is hidden.

use e2e::Host;

const PROFILE: &str = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28},
    {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 10, "op": "SCMP_CMP_EQ"}]}]}"#;

const STACK: &str = "
name: conf
services:
  own: {image: busybox, command: sleep 1000, init: true, user: '1000', security_opt: ['seccomp=calls.json']}
  free: {image: busybox, command: sleep 1000, init: true, security_opt: ['seccomp:unconfined', label=disable]}
  open: {image: busybox, command: sleep 1000, init: true, security_opt: [systempaths=unconfined]}
";

#[test]
fn a_profile_of_the_stack_decides_on_system_calls() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("conf", STACK);
    project.sampan(["up", "-d"]).exits(15).says("calls.json does not exist");
    project.write("calls.json", PROFILE);
    project.up();
    project.exec("own", "mkdir /tmp/a").exits(1).says("No space left on device");
    assert_ne!(project.exec("own", "kill -10 $$; true && kill -10 $$").code, 0);
    project.exec("own", "sleep 9 & kill -15 $!").succeeds();
    for (service, mode) in [("own", "2"), ("free", "0"), ("open", "2")] {
        let status = project.exec(service, "grep '^Seccomp:' /proc/self/status").succeeds().stdout;
        assert_eq!(status.trim(), format!("Seccomp:\t{mode}"), "{service}");
    }
    project.sampan(["plan", "--exit-code"]).exits(0);
    // The text of the profile is what counts, not its place.
    project.write("calls.json", &PROFILE.replace("28", "13"));
    project.sampan(["plan"]).succeeds().says("security_opt.seccomp: sha256:").says("own");
    project.up();
    project.exec("own", "mkdir /tmp/a").exits(1).says("Permission denied");
    project.write("calls.json", "{\"defaultAction\": \"SCMP_ACT_NOTHING\"}");
    project.sampan(["up", "-d"]).exits(1).says("`SCMP_ACT_NOTHING` is not an action");
    project.exec("own", "mkdir /tmp/a").exits(1).says("Permission denied");
    project.down();
}

#[test]
fn what_is_hidden_of_the_kernel_can_be_shown() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("conf", STACK);
    project.write("calls.json", PROFILE);
    project.up();
    let masked = |service: &str| project.exec(service, "cut -d' ' -f2 /proc/mounts | grep -c ^/proc/").stdout;
    assert_ne!(masked("free").trim(), "0");
    assert_eq!(masked("open").trim(), "0");
    project.edit("security_opt: [systempaths=unconfined]", "security_opt: [apparmor=web]");
    if !std::path::Path::new("/proc/self/attr/apparmor/exec").exists() {
        project.sampan(["up", "-d"]).exits(1).says("ask AppArmor");
    }
    for (option, message) in [
        ("label=type:x", "`label=type:x` is not supported yet"),
        ("sekcomp=a", "`sekcomp=a` is not a security option"),
        ("seccomp=", "is not a security option"),
    ] {
        let yaml = STACK.replace("systempaths=unconfined", option);
        let project = host.project("conf", &yaml);
        project.sampan(["up", "-d"]).exits(15).says(message);
    }
    project.down();
}
