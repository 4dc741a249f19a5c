//! A plan on file is done exactly, or not at all.

use e2e::Host;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const ONE: &str = "
name: one
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    environment: {MODE: dev, PASSWORD: hunter2}
";

#[test]
fn a_saved_plan_is_done_once_and_refused_when_something_has_moved() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("one", ONE);
    project.up();
    project.edit("MODE: dev", "MODE: prod");
    project.sampan(["plan", "-o", "plan.json"]).succeeds().says("MODE: dev → prod");
    let file = project.folder().join("plan.json");
    let text = fs::read_to_string(&file).expect("read the plan");
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(fs::metadata(&file).expect("look at it").permissions().mode() & 0o777, 0o600);

    project.sampan(["stop", "-t", "1"]).succeeds();
    project
        .sampan(["up", "-d", "--plan", "plan.json"])
        .exits(3)
        .says("container one-a-1 (generation 1): it was stopped; when the plan was made, it runs");
    project.sampan(["start"]).succeeds();
    project.sampan(["up", "-d", "--plan", "plan.json"]).succeeds();
    project.exec("a", "echo $MODE").succeeds().says("prod");
    project.sampan(["up", "-d", "--plan", "plan.json"]).exits(3).says("(generation 1) is gone");
    project.down();
}

#[test]
fn a_plan_of_other_files_or_of_another_stack_and_what_is_no_plan_are_refused() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("one", ONE);
    project.sampan(["plan", "-o", "plan.json"]).succeeds();
    project.edit("hunter2", "hunter3");
    project.sampan(["up", "-d", "--plan", "plan.json"]).exits(3).says("the stack files say something else");
    project.write("wrong.json", "{}");
    project.sampan(["up", "-d", "--plan", "wrong.json"]).exits(2).says("is no saved plan");
    project.sampan(["up", "-d", "--plan", "none.json"]).exits(14).says("none.json");
    project.sampan(["up", "-d", "--plan", "plan.json", "a"]).exits(2);
    let other = host.project("two", &ONE.replace("name: one", "name: two"));
    other.write("plan.json", &fs::read_to_string(project.folder().join("plan.json")).expect("read the plan"));
    other.sampan(["up", "-d", "--plan", "plan.json"]).exits(2).says("the plan is for stack `one`");
    host.is_clean();
}
