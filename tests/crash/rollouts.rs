//! The command is killed in the middle of an update.

use super::running::Running;
use crate::scenarios::rollouts::SHOP;
use e2e::{Host, eventually};
use nix::sys::signal::Signal;

#[test]
fn a_command_that_is_killed_in_the_middle_of_an_update_leaves_the_old_version_and_the_next_one_goes_on() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", SHOP);
    project.sampan(["up", "-d", "--wait"]).succeeds();
    project.edit("VERSION: '1'", "VERSION: '2'");
    // The new containers are healthy only when they have this file.
    project.edit("test: wget -q -O /dev/null http://127.0.0.1/,", "test: test -e /www/ready,");
    project.edit("retries: 40", "retries: 100000");
    let mut command = host.sampan_command(project.folder());
    command.args(["up", "-d"]);
    let up = Running::start(command);
    eventually("a new container runs beside the old one", || {
        let list = project.sampan(["ps", "-a", "--json"]).succeeds().json();
        (list.as_array().map(Vec::len) == Some(4)).then_some(())
    });
    up.signal(Signal::SIGKILL);
    up.end(Some(Signal::SIGKILL));
    let page = "curl -sS --max-time 20 http://127.0.0.1:8080/";
    assert_eq!(host.shell(page).succeeds().stdout, "version 1\n");
    project.edit("test: test -e /www/ready,", "test: wget -q -O /dev/null http://127.0.0.1/,");
    project.up();
    assert_eq!(host.shell(page).succeeds().stdout, "version 2\n");
    let list = project.sampan(["ps", "-a", "--json"]).succeeds().json();
    assert_eq!(list.as_array().map(Vec::len), Some(3), "{list}");
    project.down();
}
