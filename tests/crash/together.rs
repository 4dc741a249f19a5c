//! Several commands at once.

use super::{converges, up};
use e2e::{Host, Output, Project, eventually};

/// Runs commands at the same time.
fn at_once<'a>(commands: impl IntoIterator<Item = (&'a Project<'a>, &'a [&'a str])>) -> Vec<Output> {
    std::thread::scope(|scope| {
        let start =
            |(project, verb): (&'a Project<'a>, &'a [&'a str])| scope.spawn(|| project.sampan(verb.to_vec()));
        let running: Vec<_> = commands.into_iter().map(start).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

#[test]
fn two_ups_of_a_stack_at_once_make_it_once() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    for _ in 0..3 {
        project.sampan(["down", "-t", "0"]).succeeds();
        let both = at_once([(&project, &["up", "-d"][..]), (&project, &["up", "-d", "--wait"][..])]);
        both.into_iter().for_each(|output| drop(output.succeeds()));
        converges(&host, &project);
    }
    project.down();
}

#[test]
fn up_and_down_at_once_end_in_one_of_the_two() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    for _ in 0..4 {
        let both = at_once([(&project, &["down", "-t", "0"][..]), (&project, &["up", "-d"][..])]);
        both.into_iter().for_each(|output| drop(output.succeeds()));
        let list = project.sampan(["ps", "-a", "--json"]).succeeds().json();
        let count = list.as_array().map_or(0, Vec::len);
        assert!(count == 0 || count == 3, "{list}");
        converges(&host, &project);
    }
    project.down();
}

#[test]
fn five_stacks_at_once_do_not_disturb_each_other() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = |number: usize| {
        super::STACK
            .replace("name: crash", &format!("name: s{number}"))
            .replace("8080", &format!("808{number}"))
    };
    let stacks: Vec<_> = (0..5).map(|number| host.project(&format!("s{number}"), &yaml(number))).collect();
    let all = |verb: &'static [&'static str]| {
        let outputs = at_once(stacks.iter().map(|stack| (stack, verb)));
        outputs.into_iter().for_each(|output| drop(output.succeeds()));
    };
    for round in 0..3 {
        all(&["up", "-d", "--wait"]);
        if round == 1 {
            let mixed: [&[&str]; 5] = [
                &["down", "-t", "0", "-v"],
                &["restart", "-t", "0"],
                &["up", "-d"],
                &["down", "-t", "0"],
                &["up", "-d", "--force-recreate", "-t", "0"],
            ];
            let outputs = at_once(stacks.iter().zip(mixed));
            outputs.into_iter().for_each(|output| drop(output.succeeds()));
            all(&["up", "-d", "--wait"]);
        }
        for number in 0..5 {
            let get = format!("curl -sS --max-time 3 http://127.0.0.1:808{number}/hostname");
            // It has started; that it listens takes it a moment.
            let answer = eventually(&get, || Some(host.shell(&get)).filter(|answer| answer.code == 0));
            answer.says(&format!("s{number}-web-1"));
        }
        all(&["down", "-v", "-t", "0"]);
        host.is_clean();
    }
}

#[test]
fn an_image_is_removed_before_a_container_is_made_or_not_at_all() {
    let Some(host) = Host::bare() else { return };
    let yaml = "name: race\nservices:\n  a: {image: busybox, command: sleep 1000, init: true}\n";
    let project = host.project("race", yaml);
    for round in 0..10 {
        host.import_busybox();
        let verbs = [(&project, &["up", "-d"][..]), (&project, &["image", "rm", "busybox"][..])];
        // Either may be the first to start.
        let mut outputs = at_once(verbs.into_iter().cycle().skip(round % 2).take(2));
        outputs.rotate_left(round % 2);
        let [up, rm] = <[Output; 2]>::try_from(outputs).expect("two outputs");
        if up.code == 0 {
            rm.exits(1).says("used by container race-a-1");
            project.exec("a", "true").succeeds();
        } else {
            up.says("busybox");
            rm.succeeds();
        }
        project.down();
    }
}
