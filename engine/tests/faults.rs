//! Whatever goes wrong with any step of any plan: only its descendants are skipped, the report
//! is complete, and the next command converges.

use engine::apply::{Cancel, Options, apply};
use engine::event::Finish;
use engine::fake::{FakeEngine, Fate, OneFile, Order};
use engine::{Event, Outcome, Report};
use planner::goal::{Goal, RestoreOptions, UpOptions, Verb};
use planner::live::Image;
use planner::load::{LoadOptions, load};
use planner::{Live, Plan, Stack, Step, StepId, plan};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

fn stack(text: &str) -> Stack {
    let options = LoadOptions {
        files: vec!["compose.yaml".into()],
        name: Some("shop".into()),
        directory: "/srv/shop".into(),
        ..LoadOptions::default()
    };
    load(&options, &OneFile(text)).expect("the stack is valid").stack
}

/// A chain through all three conditions, with replicas, networks and a volume.
const SHOP: &str = "
x-behind: &behind
  store: {condition: service_started}
  migrate: {condition: service_completed_successfully}
services:
  web: {image: app, depends_on: {api: {condition: service_healthy}}, networks: [front]}
  api: {image: app, healthcheck: {test: check}, deploy: {replicas: 3}, networks: [front, back], depends_on: *behind}
  store: {image: app, volumes: ['data:/data'], networks: [back]}
  migrate: {image: app, volumes: ['data:/data'], networks: [back], depends_on: [store]}
networks: {front: {}, back: {internal: true}}
volumes: {data: {}}
";

/// Nobody needs anybody.
const FLAT: &str = "
services:
  a: {image: app, deploy: {replicas: 2}}
  b: {image: app}
  c: {image: app, tmpfs: /tmp, networks: [own]}
networks: {own: {}}
";

/// Two ways from one service to another, and a dependency that may fail.
const DIAMOND: &str = "
services:
  top: {image: app, depends_on: [left, right]}
  left: {image: app, depends_on: {bottom: {condition: service_healthy}}}
  right: {image: app, depends_on: {bottom: {condition: service_started}, extra: {condition: service_healthy, required: false}}}
  bottom: {image: app, healthcheck: {test: check}}
  extra: {image: app, healthcheck: {test: check}}
";

/// Containers give way in groups, new ones first and old ones first.
const ROLLED: &str = "
services:
  web:
    image: app
    ports: ['8080:80']
    healthcheck: {test: check}
    deploy: {replicas: 3, update_config: {order: start-first, failure_action: rollback}}
  api:
    image: app
    depends_on: [web]
    deploy: {replicas: 4, update_config: {parallelism: 2, max_failure_ratio: 0.5, delay: 1s}}
";

/// A world without containers that has the image.
fn nothing() -> Live {
    let image = Image { id: "sha256:1".into(), ..Image::default() };
    Live { stack: "shop".into(), images: [("app".into(), image)].into(), ..Live::default() }
}

fn up() -> Goal {
    Goal::all(Verb::Up(UpOptions { wait: true, ..UpOptions::default() }))
}

/// One way from a world to what a goal asks of a stack.
struct Case {
    name: &'static str,
    stack: Option<Stack>,
    goal: Goal,
    live: Live,
}

impl Case {
    fn plan(&self, live: &Live) -> Plan {
        plan::plan(self.stack.as_ref(), &self.goal, live).expect("nothing stands in the way")
    }
}

async fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, text) in [("shop", SHOP), ("flat", FLAT), ("diamond", DIAMOND), ("rolled", ROLLED)] {
        let create = Case { name, stack: Some(stack(text)), goal: up(), live: nothing() };
        let running = brought_about(&create).await;
        let changed = stack(&changed(text));
        let down = Goal::all(Verb::Down { volumes: true });
        cases.push(create);
        cases.push(Case { name, stack: Some(changed), goal: up(), live: running.clone() });
        cases.push(Case {
            name,
            stack: Some(stack(text)),
            goal: Goal::all(Verb::Stop),
            live: running.clone(),
        });
        cases.push(Case { name, stack: None, goal: down, live: running });
    }
    cases
}

async fn brought_about(case: &Case) -> Live {
    let fake = Arc::new(FakeEngine::new(case.live.clone()));
    let (report, _) = walk(&fake, &case.plan(&case.live), 4, Cancel::new()).await;
    assert!(report.is_done(), "{}: {report:?}", case.name);
    fake.live()
}

async fn walk(fake: &Arc<FakeEngine>, plan: &Plan, parallel: usize, cancel: Cancel) -> (Report, Vec<Event>) {
    let events = RefCell::new(Vec::new());
    let note = |event| events.borrow_mut().push(event);
    let report = apply(fake.clone(), plan, &Options { parallel }, note, cancel).await;
    (report, events.into_inner())
}

/// The steps that need `id`, directly or not, or that bear fewer failures than come of it.
fn descendants(plan: &Plan, id: StepId) -> BTreeSet<StepId> {
    let mut found = BTreeSet::from([id]);
    for (later, node) in plan.nodes.iter().enumerate() {
        let failed = node.after.iter().filter(|before| found.contains(before)).count();
        let bears = match &node.step {
            Step::Proceed { spare: Some(spare), .. } => failed <= *spare,
            _ => true,
        };
        if !bears || node.needs.iter().any(|need| found.contains(need)) {
            found.insert(later);
        }
    }
    found.remove(&id);
    found
}

/// Each step ends once, starts at most once and before that, and only after what it waits for is over.
fn check_events(plan: &Plan, report: &Report, events: &[Event]) {
    assert_eq!(report.outcomes.len(), plan.nodes.len());
    let (mut started, mut finished) = (BTreeSet::new(), BTreeSet::new());
    for event in events {
        match event {
            Event::Started(id) => {
                let node = &plan.nodes[*id];
                assert!(node.needs.iter().chain(&node.after).all(|before| finished.contains(before)));
                assert!(started.insert(*id) && !finished.contains(id));
            }
            Event::Progress(id, _) => assert!(started.contains(id) && !finished.contains(id)),
            Event::Finished(id, finish, _) => {
                assert!(finished.insert(*id));
                let told = match report.outcomes[*id].0 {
                    Outcome::Done => Finish::Done,
                    Outcome::Failed(_) => Finish::Failed,
                    Outcome::Skipped { .. } => Finish::Skipped,
                    Outcome::Cancelled => Finish::Cancelled,
                };
                assert_eq!(*finish, told);
                assert!(started.contains(id) || matches!(finish, Finish::Skipped | Finish::Cancelled));
            }
        }
    }
    assert_eq!(finished.len(), plan.nodes.len());
}

/// The same goal again, with nothing in the way, and then there is nothing left to do.
async fn check_convergence(case: &Case, fake: &Arc<FakeEngine>, what: &str) {
    fake.forget();
    let again = case.plan(&fake.live());
    let (report, _) = walk(fake, &again, 4, Cancel::new()).await;
    assert!(report.is_done(), "{what}, then again: {report:#?}\n{again:#?}");
    assert_eq!(case.plan(&fake.live()).nodes, [], "{what}, then again, then a third time");
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_any_step_skips_its_descendants_only_and_the_next_command_converges() {
    for case in cases().await {
        let plan = case.plan(&case.live);
        assert!(plan.nodes.len() > 2, "{} has something to fail", case.name);
        for (id, node) in plan.nodes.iter().enumerate() {
            for (order, parallel) in [(Order::Fail, 1), (Order::FailAfterwards, 3), (Order::Panic, 32)] {
                let what = format!("{} {:?}: {order:?} at {:?}", case.name, case.goal.verb, node.step);
                let fake = Arc::new(FakeEngine::new(case.live.clone()));
                fake.order(&node.step, order);
                let (report, events) = walk(&fake, &plan, parallel, Cancel::new()).await;
                check_events(&plan, &report, &events);
                let poisoned = descendants(&plan, id);
                for (other, (outcome, _)) in report.outcomes.iter().enumerate() {
                    let expected = match outcome {
                        Outcome::Failed(_) => other == id,
                        Outcome::Skipped { because } => *because == id && poisoned.contains(&other),
                        Outcome::Done => other != id && !poisoned.contains(&other),
                        Outcome::Cancelled => false,
                    };
                    assert!(expected, "{what}: step {other} is {outcome:?}");
                }
                check_convergence(&case, &fake, &what).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_interruption_at_any_step_is_understood_by_the_next_command() {
    for case in cases().await {
        let plan = case.plan(&case.live);
        for node in &plan.nodes {
            for parallel in [1, 32] {
                let what = format!("{} {:?}: interrupted at {:?}", case.name, case.goal.verb, node.step);
                let fake = Arc::new(FakeEngine::new(case.live.clone()));
                let cancel = Cancel::new();
                fake.order(&node.step, Order::Interrupt(cancel.clone()));
                fake.order(&node.step, Order::Delay(Duration::from_secs(1)));
                let (report, events) = walk(&fake, &plan, parallel, cancel).await;
                check_events(&plan, &report, &events);
                for (id, (outcome, _)) in report.outcomes.iter().enumerate() {
                    let started = events.contains(&Event::Started(id));
                    let waits = plan.nodes[id].step.is_wait();
                    let expected = match outcome {
                        Outcome::Done => started,
                        Outcome::Cancelled => !started || waits,
                        Outcome::Failed(_) | Outcome::Skipped { .. } => false,
                    };
                    assert!(expected, "{what}: step {id} is {outcome:?}");
                }
                check_convergence(&case, &fake, &what).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_that_fails_its_dependents_fails_only_them() {
    for (service, fate) in [("migrate", Fate::Exits(3)), ("api", Fate::Unhealthy), ("api", Fate::Exits(1))] {
        let case = Case { name: "shop", stack: Some(stack(SHOP)), goal: up(), live: nothing() };
        let plan = case.plan(&case.live);
        let fake = Arc::new(FakeEngine::new(case.live.clone()));
        let of = |step: &Step| match step {
            Step::Await { id, .. } | Step::StartContainer { id } => Some(id.clone()),
            _ => None,
        };
        let ids = plan.nodes.iter().filter_map(|node| of(&node.step));
        ids.filter(|id| id.slot.service == service).for_each(|id| fake.destine(&id, fate));
        let (report, _) = walk(&fake, &plan, 4, Cancel::new()).await;
        let started = |name: &str| {
            let starts = |step: &Step| matches!(step, Step::StartContainer { id } if id.slot.service == name);
            fake.journal().iter().any(starts)
        };
        assert!(!report.is_done());
        assert!(started("store") && started(service), "{service} {fate:?}");
        assert!(!started("web"), "{service} {fate:?}");
        check_convergence(&case, &fake, &format!("{service} {fate:?}")).await;
    }
}

/// The same stack with one more variable in every service.
fn changed(text: &str) -> String {
    text.replace("image: app\n", "image: app\n    environment: {MODE: new}\n")
        .replace("image: app,", "image: app, environment: {MODE: new},")
        .replace("image: app}", "image: app, environment: {MODE: new}}")
}

/// Every slot of the service has one container, which runs and to which names and ports lead.
fn serves(live: &Live, service: &str) -> bool {
    let slots: BTreeSet<_> = live.containers.keys().map(|id| &id.slot).collect();
    slots.into_iter().filter(|slot| slot.service == service).all(|slot| {
        let occupants: Vec<_> = live.occupants(slot).collect();
        matches!(occupants[..], [(_, there)] if there.state.is_running() && !there.aside)
    })
}

#[tokio::test(start_paused = true)]
async fn an_update_that_fails_at_any_step_goes_back_and_serves() {
    let create = Case { name: "rolled", stack: Some(stack(ROLLED)), goal: up(), live: nothing() };
    let live = brought_about(&create).await;
    let changed = stack(&changed(ROLLED));
    let case = Case { name: "rolled", stack: Some(changed), goal: up(), live };
    let plan = case.plan(&case.live);
    let web = |step: &Step| step.container().is_some_and(|id| id.slot.service == "web");
    let steps: Vec<_> = plan.nodes.iter().filter(|node| web(&node.step)).collect();
    assert!(steps.len() > 15, "{plan:#?}");
    for node in steps {
        let fake = Arc::new(FakeEngine::new(case.live.clone()));
        fake.order(&node.step, Order::Fail);
        let (report, _) = walk(&fake, &plan, 4, Cancel::new()).await;
        let slots = report.goes_back(&plan);
        assert!(!slots.is_empty(), "{}", node.step);
        fake.forget();
        let goal = Goal::all(Verb::Restore(RestoreOptions { slots }));
        let back = plan::plan(case.stack.as_ref(), &goal, &fake.live()).expect("nothing stands in the way");
        let (report, _) = walk(&fake, &back, 4, Cancel::new()).await;
        assert!(report.is_done(), "{}: {report:#?}", node.step);
        assert!(serves(&fake.live(), "web"), "{}: {:#?}", node.step, fake.live().containers);
        check_convergence(&case, &fake, &node.step.to_string()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_is_not_required_may_fail() {
    let case = Case { name: "diamond", stack: Some(stack(DIAMOND)), goal: up(), live: nothing() };
    let plan = case.plan(&case.live);
    let fake = Arc::new(FakeEngine::new(case.live.clone()));
    let extra = |step: &Step| matches!(step, Step::StartContainer { id } if id.slot.service == "extra");
    let start = plan.nodes.iter().find(|node| extra(&node.step)).expect("extra is started");
    fake.order(&start.step, Order::Fail);
    let (_, _) = walk(&fake, &plan, 4, Cancel::new()).await;
    let top = fake.live().containers.into_iter().find(|(id, _)| id.slot.service == "top");
    assert!(top.is_some_and(|(_, container)| container.state.is_running()));
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_any_size_keeps_to_the_limit() {
    for parallel in [1, 2, 5] {
        for case in cases().await {
            let plan = case.plan(&case.live);
            let fake = Arc::new(FakeEngine::new(case.live.clone()));
            plan.nodes
                .iter()
                .for_each(|node| fake.order(&node.step, Order::Delay(Duration::from_millis(10))));
            let (report, _) = walk(&fake, &plan, parallel, Cancel::new()).await;
            assert!(report.is_done() && fake.busiest() <= parallel, "{}: {}", case.name, fake.busiest());
        }
    }
}
