//! What the golden plans in `tests/plans` do not show: refusals, gates that may fail, ports that
//! change hands, scopes and verbs without a file.

use super::*;
use crate::desired::ContainerId;
use crate::goal::{RemoveOptions, UpOptions};
use crate::live::{Health, Image, State};
use crate::load::{LoadOptions, load};
use crate::plan::{Step, Until, render};
use crate::{Source, world};
use std::io;
use std::time::Duration;

struct Text(&'static str);

impl Source for Text {
    fn read(&self, path: &str) -> io::Result<String> {
        if path == "compose.yaml" { Ok(self.0.to_owned()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn var(&self, _name: &str) -> Option<String> {
        None
    }
}

fn stack(text: &'static str) -> Stack {
    let options = LoadOptions {
        files: vec!["compose.yaml".to_owned()],
        name: Some("shop".to_owned()),
        directory: "/srv/shop".to_owned(),
        ..LoadOptions::default()
    };
    load(&options, &Text(text)).unwrap_or_else(|errors| panic!("{errors}")).stack
}

fn world_with(images: &[&str]) -> Live {
    let image =
        |name: &&str| ((*name).to_owned(), Image { id: format!("sha256:{name}"), ..Image::default() });
    Live { stack: "shop".into(), images: images.iter().map(image).collect(), ..Live::default() }
}

fn up(services: &[&str]) -> Goal {
    of(Verb::Up(UpOptions::default()), services)
}

fn of(verb: Verb, services: &[&str]) -> Goal {
    Goal { services: services.iter().map(|name| (*name).to_owned()).collect(), ..Goal::all(verb) }
}

/// The world after the stack was brought up.
fn after_up(stack: &Stack) -> Live {
    let mut live = world_with(&["a", "b"]);
    let plan = plan(Some(stack), &up(&[]), &live).unwrap();
    plan.nodes.iter().for_each(|node| world::enact(&mut live, &node.step).unwrap());
    live
}

fn refused(stack: &Stack, goal: &Goal, live: &Live) -> Vec<String> {
    let refusal = plan(Some(stack), goal, live).unwrap_err();
    refusal.problems.into_iter().map(|problem| problem.message).collect()
}

fn steps(plan: &Plan) -> Vec<String> {
    plan.nodes.iter().map(|node| node.step.to_string()).collect()
}

#[test]
fn a_missing_image_is_refused_only_when_something_must_be_made_from_it() {
    let stack = stack("services: {web: {image: a, pull_policy: never}}");
    assert_eq!(refused(&stack, &up(&[]), &world_with(&[])), ["image `a` is not here"]);
    let mut live = after_up(&stack);
    live.images.clear();
    assert!(plan(Some(&stack), &up(&[]), &live).unwrap().nodes.is_empty());
}

#[test]
fn what_is_external_must_exist_and_what_is_not_must_be_ours() {
    let stack = stack(
        "services: {web: {image: a, networks: [outer, default], volumes: ['data:/d']}}
networks: {outer: {external: true}}
volumes: {data: {external: true}}",
    );
    let mut live = world_with(&["a"]);
    let network = crate::NetworkSpec { stack: Some("other".into()), ..Default::default() };
    live.networks.insert("shop_default".into(), network);
    let expected = [
        "external network `outer` does not exist",
        "external volume `data` does not exist",
        "network `shop_default` belongs to stack `other`",
    ];
    assert_eq!(refused(&stack, &up(&[]), &live), expected);
}

#[test]
fn consent_is_asked_only_where_it_helps() {
    let before = stack("services: {web: {image: a}, api: {image: a}}");
    let live = after_up(&before);
    let text = "services: {web: {image: a, pull_policy: never}, api: {image: a}}
networks: {default: {internal: true}}";
    let today = stack(text);
    assert!(plan(Some(&today), &up(&["web"]), &live).unwrap_err().needs_consent());
    assert!(!plan(Some(&today), &up(&["wep"]), &live).unwrap_err().needs_consent());
    let both = Live { images: Default::default(), ..live };
    assert!(!plan(Some(&today), &up(&["web"]), &both).unwrap_err().needs_consent());
}

#[test]
fn unknown_services_are_refused_with_those_that_there_are() {
    let stack = stack("services: {web: {image: a}, db: {image: a}}");
    let refusal = plan(Some(&stack), &up(&["wep"]), &world_with(&["a"])).unwrap_err();
    assert_eq!(refusal.to_string(), "there is no service `wep`");
    assert_eq!(refusal.problems[0].hint.as_deref(), Some("services are: db, web"));
    assert!(plan(None, &up(&[]), &world_with(&[])).is_err());
}

#[test]
fn a_dependency_that_no_profile_selects_is_refused() {
    let stack = stack(
        "services:
  debug: {image: a, profiles: [debug], depends_on: [trace]}
  trace: {image: a, profiles: [trace]}
  web: {image: a}",
    );
    let expected = "service `debug` depends on `trace`, which no active profile selects";
    assert_eq!(refused(&stack, &up(&["debug"]), &world_with(&["a"])), [expected]);
    let live = world_with(&["a"]);
    assert!(steps(&plan(Some(&stack), &up(&["trace"]), &live).unwrap()).len() > 1);
}

#[test]
fn a_service_of_an_inactive_profile_is_no_orphan() {
    let with_debug = stack("services: {web: {image: a}, debug: {image: a}}");
    let live = after_up(&with_debug);
    let today = stack("services: {web: {image: a}, debug: {image: a, profiles: [debug]}}");
    let options = UpOptions { remove_orphans: true, ..UpOptions::default() };
    let plan = plan(Some(&today), &Goal::all(Verb::Up(options)), &live).unwrap();
    assert_eq!((steps(&plan), plan.notes), (Vec::new(), Vec::new()));
}

#[test]
fn a_dependency_that_is_not_required_is_waited_for_but_may_fail() {
    let stack = stack(
        "services:
  web: {image: a, depends_on: {db: {condition: service_healthy, required: false}}}
  db: {image: a, healthcheck: {test: 'true'}}",
    );
    let plan = plan(Some(&stack), &up(&[]), &world_with(&["a"])).unwrap();
    let web = |node: &&crate::plan::Node| node.step.to_string() == "start container shop-web-1.1";
    let start = plan.nodes.iter().find(web).unwrap();
    let awaited: Vec<_> = start.after.iter().map(|&step| plan.nodes[step].step.to_string()).collect();
    assert_eq!(awaited, ["wait until container shop-db-1.1 is healthy"]);
    assert!(start.needs.iter().all(|step| !start.after.contains(step)));
}

#[test]
fn one_step_waits_for_all_who_need_the_same() {
    let stack = stack(
        "services:
  web: {image: a, depends_on: {db: {condition: service_healthy}}, deploy: {replicas: 3}}
  api: {image: a, depends_on: {db: {condition: service_healthy}}}
  db: {image: a, healthcheck: {test: 'true'}}",
    );
    let plan = plan(Some(&stack), &up(&[]), &world_with(&["a"])).unwrap();
    let waits = plan.nodes.iter().filter(|node| matches!(node.step, Step::Await { .. })).count();
    assert_eq!(waits, 1);
}

#[test]
fn wait_counts_the_completion_of_what_somebody_needs_completed() {
    let stack = stack(
        "services:
  web: {image: a, depends_on: {job: {condition: service_completed_successfully}}}
  job: {image: a}",
    );
    let limit = Some(Duration::from_secs(30));
    let options = UpOptions { wait: true, wait_timeout: limit, ..UpOptions::default() };
    let plan = plan(Some(&stack), &Goal::all(Verb::Up(options)), &world_with(&["a"])).unwrap();
    let waits = plan.nodes.iter().filter_map(|node| match &node.step {
        Step::Await { id, until, timeout } => Some((id.slot.service.as_str(), *until, *timeout)),
        _ => None,
    });
    let expected = [("job", Until::Completed, limit), ("web", Until::Ready, limit)];
    assert_eq!(waits.collect::<Vec<_>>(), expected);
}

#[test]
fn a_port_changes_hands_only_when_the_one_who_had_it_has_stopped() {
    let before = stack("services: {one: {image: a, ports: ['80:80']}, two: {image: a}}");
    let live = after_up(&before);
    let today = stack("services: {one: {image: a}, two: {image: a, ports: ['80:80']}}");
    let plan = plan(Some(&today), &up(&[]), &live).unwrap();
    let at = |text: &str| steps(&plan).iter().position(|step| step == text).unwrap();
    let start = at("start container shop-two-1.2");
    assert!(plan.nodes[start].needs.contains(&at("stop container shop-one-1.1")));
}

#[test]
fn volumes_are_kept_whatever_the_file_says_about_them_now() {
    let before = stack("services: {web: {image: a, volumes: ['data:/d']}}\nvolumes: {data: {}}");
    let live = after_up(&before);
    let today = "services: {web: {image: a, volumes: ['data:/d']}}\nvolumes: {data: {labels: {tier: gold}}}";
    let plan = plan(Some(&stack(today)), &up(&[]), &live).unwrap();
    assert!(plan.nodes.is_empty());
    let note = "volume shop_data is kept although labels.tier changed: making it anew would lose its data";
    assert_eq!(plan.notes, [note]);
}

#[test]
fn a_running_dependent_outside_the_scope_is_restarted_when_it_asked_for_that() {
    let text = "services:
  web: {image: a, depends_on: {db: {condition: service_started, restart: true}}}
  db: {image: a}
  mail: {image: a, depends_on: [db]}";
    let stack = stack(text);
    let live = after_up(&stack);
    let options = UpOptions { force_recreate: true, ..UpOptions::default() };
    let plan = plan(Some(&stack), &of(Verb::Up(options), &["db"]), &live).unwrap();
    let expected = [
        "create container shop-db-1.2",
        "stop container shop-web-1.1",
        "stop container shop-db-1.1",
        "start container shop-db-1.2",
        "start container shop-web-1.1",
        "remove container shop-db-1.1",
    ];
    assert_eq!(steps(&plan), expected);
}

#[test]
fn down_of_named_services_takes_only_their_containers() {
    let live = after_up(&stack("services: {web: {image: a, depends_on: [db]}, db: {image: a}}"));
    let plan = plan(None, &of(Verb::Down { volumes: true }, &["db"]), &live).unwrap();
    assert_eq!(steps(&plan), ["stop container shop-db-1.1", "remove container shop-db-1.1"]);
    assert_eq!(plan.kept[0].reason, "only containers go when services are named");
}

#[test]
fn stop_takes_dependents_first_and_the_grace_from_the_command() {
    let live = after_up(&stack("services: {web: {image: a, depends_on: [db]}, db: {image: a}}"));
    let goal = Goal { stop_timeout: Some(Duration::from_secs(3)), ..Goal::all(Verb::Stop) };
    let plan = plan(None, &goal, &live).unwrap();
    assert_eq!(steps(&plan), ["stop container shop-web-1.1", "stop container shop-db-1.1"]);
    assert_eq!(plan.nodes[1].needs, [0]);
    let graces = plan.nodes.iter().map(|node| match node.step {
        Step::StopContainer { grace, .. } => grace.as_secs(),
        _ => 0,
    });
    assert_eq!(graces.collect::<Vec<_>>(), [3, 3]);
}

#[test]
fn start_runs_a_completed_container_again_only_when_it_is_named() {
    let mut live = after_up(&stack("services: {job: {image: a}}"));
    live.containers.values_mut().for_each(|job| job.state = State::Exited { code: 0, requested: false });
    let all = plan(None, &Goal::all(Verb::Start), &live).unwrap();
    assert_eq!((steps(&all).len(), all.kept[0].reason.as_str()), (0, "completed"));
    let named = plan(None, &of(Verb::Start, &["job"]), &live).unwrap();
    assert_eq!(steps(&named), ["start container shop-job-1.1"]);
}

#[test]
fn start_waits_for_health_only_where_the_container_itself_is_checked() {
    let file = |check: &str| {
        let web = "web: {image: b, depends_on: {db: {condition: service_healthy}}}";
        stack(format!("services:\n  {web}\n  db: {{image: a{check}}}").leak())
    };
    let check = ", healthcheck: {test: 'true'}";
    let plain = "services: {web: {image: b, depends_on: [db]}, db: {image: a}}";
    for (before, waits) in [(stack(plain), false), (file(check), true)] {
        let mut live = after_up(&before);
        // The name has gone to another image since; what the containers were made from has none.
        live.images.get_mut("a").unwrap().id = "sha256:other".into();
        live.containers.values_mut().for_each(|there| there.state = State::Created);
        let plan = plan(Some(&file(check)), &Goal::all(Verb::Start), &live).unwrap();
        let awaits = |step: &Step| matches!(step, Step::Await { until: Until::Healthy, .. });
        assert_eq!(plan.nodes.iter().any(|node| awaits(&node.step)), waits);
        plan.nodes.iter().for_each(|node| world::enact(&mut live, &node.step).unwrap());
    }
}

#[test]
fn start_and_restart_stop_nothing_when_a_network_was_lost() {
    let file = stack("services: {web: {image: a, networks: [front]}, db: {image: a}}\nnetworks: {front: {}}");
    let mut live = after_up(&file);
    live.networks.remove("shop_front");
    let web = live.containers.iter_mut().find(|(id, _)| id.slot.service == "web").unwrap();
    web.1.state = State::Created;
    for verb in [Verb::Start, Verb::Restart] {
        assert_eq!(refused(&file, &of(verb.clone(), &[]), &live), ["network `shop_front` does not exist"]);
        assert!(plan(None, &of(verb, &["db"]), &live).is_ok());
    }
}

#[test]
fn kill_also_ends_what_waits_for_its_next_start() {
    let mut live = after_up(&stack("services: {a: {image: a}, b: {image: a}, c: {image: a}}"));
    let states = [State::Running { health: Health::None }, State::Restarting, State::Created];
    live.containers.values_mut().zip(states).for_each(|(container, state)| container.state = state);
    let kill = |signal: &str| {
        let goal = Goal::all(Verb::Kill { signal: signal.to_owned() });
        steps(&plan(None, &goal, &live).unwrap())
    };
    assert_eq!(kill("KILL"), ["send KILL to container shop-a-1.1", "send KILL to container shop-b-1.1"]);
    assert_eq!(kill("HUP"), ["send HUP to container shop-a-1.1"]);
}

#[test]
fn pause_takes_what_runs_and_unpause_what_is_paused() {
    let mut live = after_up(&stack("services: {a: {image: a}, b: {image: a}, c: {image: a}}"));
    let states = [State::Running { health: Health::None }, State::Paused, State::Restarting];
    live.containers.values_mut().zip(states).for_each(|(container, state)| container.state = state);
    let planned = |paused| plan(None, &Goal::all(Verb::Pause { paused }), &live).unwrap();
    assert_eq!(steps(&planned(true)), ["pause container shop-a-1.1"]);
    let kept: Vec<_> = planned(true).kept.into_iter().map(|kept| kept.reason).collect();
    assert_eq!(kept, ["paused", "not running"]);
    assert_eq!(steps(&planned(false)), ["unpause container shop-b-1.1"]);
    let up = plan(Some(&stack("services: {b: {image: a}}")), &up(&["b"]), &live).unwrap();
    assert_eq!(steps(&up), [""; 0], "who paused it wants it so");
}

#[test]
fn rm_takes_what_has_ended_and_stops_nothing_unless_asked() {
    let file = stack("services: {a: {image: a, depends_on: [b]}, b: {image: a, volumes: [/data]}}");
    let mut live = after_up(&file);
    live.containers.values_mut().last().unwrap().state = State::Exited { code: 1, requested: false };
    let planned = |stop, volumes| {
        let goal = Goal::all(Verb::Remove(RemoveOptions { stop, volumes }));
        steps(&plan(None, &goal, &live).unwrap())
    };
    assert_eq!(planned(false, false), ["remove container shop-b-1.1"]);
    let all = ["stop container shop-a-1.1", "remove container shop-a-1.1", "remove container shop-b-1.1"];
    assert_eq!(planned(true, false), all);
    let [container, volume] = &planned(false, true)[..] else { panic!("two steps") };
    assert_eq!(container, "remove container shop-b-1.1");
    assert!(volume.starts_with("remove volume "), "its anonymous volume: {volume}");
}

#[test]
fn a_circle_left_by_two_versions_of_a_file_does_not_keep_down_from_working() {
    let mut live = after_up(&stack("services: {a: {image: a, depends_on: [b]}, b: {image: a}}"));
    let b = |id: &ContainerId| id.slot.service == "b";
    let spec = live.containers.iter_mut().find(|(id, _)| b(id)).map(|(_, there)| &mut there.spec).unwrap();
    spec.depends_on.insert("a".into());
    for verb in [Verb::Stop, Verb::Restart, Verb::Down { volumes: false }] {
        let plan = plan(None, &Goal::all(verb), &live).unwrap();
        assert!(plan.nodes.len() >= 2, "{}", render::steps(&plan));
    }
}

#[test]
fn what_was_run_once_is_left_alone_by_all_but_down() {
    let stack = stack("services: {web: {image: a}}");
    let mut live = after_up(&stack);
    let id: ContainerId = "shop.web.3000000000.1".parse().unwrap();
    let replica = live.containers.values().next().unwrap().clone();
    live.containers.insert(id.clone(), replica);
    let about_it = |verb: Verb| {
        let plan = plan(Some(&stack), &of(verb, &[]), &live).unwrap();
        plan.nodes.iter().filter(|node| node.step.container() == Some(&id)).count()
    };
    for verb in [Verb::Up(UpOptions::default()), Verb::Stop, Verb::Restart, Verb::Start] {
        assert_eq!(about_it(verb.clone()), 0, "{verb:?}");
    }
    assert_eq!(about_it(Verb::Down { volumes: false }), 2);
}

#[test]
fn one_more_container_leaves_the_replicas_as_they_are() {
    let stack = stack("services: {web: {image: a, restart: always, depends_on: [db]}, db: {image: b}}");
    let run = crate::goal::RunOptions {
        number: crate::desired::Slot::ONE_OFF,
        one_off: crate::desired::OneOff::default(),
        aliases: false,
        keeps_restart: false,
    };
    let goal = of(Verb::Up(UpOptions { run: Some(run), ..UpOptions::default() }), &["web"]);
    let up = after_up(&stack);
    let plan = plan(Some(&stack), &goal, &up).unwrap();
    let kinds: Vec<_> = plan.nodes.iter().map(|node| node.step.container().unwrap().name()).collect();
    assert_eq!(kinds, ["shop-web-run-80000000"; 2], "created and started");
    let Step::CreateContainer { spec, .. } = &plan.nodes[0].step else { panic!("{plan:?}") };
    assert_eq!(spec.restart, crate::desired::RestartPolicy::No);
    let from_nothing = super::plan(Some(&stack), &goal, &world_with(&["a", "b"])).unwrap();
    let made = steps(&from_nothing);
    assert!(made.iter().any(|step| step.contains("shop-db-1")), "{made:?}");
    assert!(!made.iter().any(|step| step.contains("shop-web-1")), "{made:?}");
}
