//! Namespaces of their own for tests that change the machine.

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, wait};
use std::env;
use std::path::Path;
use std::process::{Command, exit};

const STAGE: &str = "SAMPAN_TEST_STAGE";

/// Goes into namespaces of our own; returns when we are there. The process in between is PID 1 and
/// reaps what loses its parent, as an init of a real machine would.
pub(crate) fn enter() {
    match env::var(STAGE).as_deref() {
        Ok("inside") => return,
        Ok("init") => exit(init()),
        _ => {}
    }
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWPID).unwrap();
    let status = again("init").status().unwrap();
    exit(status.code().unwrap_or(1));
}

fn again(stage: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(env::args_os().skip(1)).env(STAGE, stage);
    command
}

fn init() -> i32 {
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), none).unwrap();
    loopback();
    #[expect(clippy::zombie_processes, reason = "waited for below, with all others")]
    let tests = again("inside").spawn().unwrap();
    loop {
        match wait().unwrap() {
            WaitStatus::Exited(pid, code) if pid.as_raw() == tests.id() as i32 => return code,
            WaitStatus::Signaled(pid, ..) if pid.as_raw() == tests.id() as i32 => return 1,
            _ => {}
        }
    }
}

/// A new network namespace has its loopback down.
fn loopback() {
    let busybox = busybox_path().expect("the package busybox-static must be installed");
    assert!(Command::new(busybox).args(["ip", "link", "set", "lo", "up"]).status().unwrap().success());
}

/// A static busybox of this host.
pub(crate) fn busybox_path() -> Option<&'static str> {
    ["/usr/bin/busybox", "/bin/busybox"].into_iter().find(|path| Path::new(path).exists())
}
