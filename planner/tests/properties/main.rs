//! Properties of planning over random stacks and worlds: it converges, a second plan is empty,
//! every order that the edges allow is valid, any interruption is overcome, the lint is silent,
//! and `down -v` leaves nothing.
//!
//! Running a plan in the order of its list proves nothing about its edges; hence every test walks
//! plans in random topological orders.

#![expect(clippy::unwrap_used, reason = "a generator that cannot generate is a failed test")]

mod stacks;
mod walk;

use planner::goal::{RemoveOptions, RestoreOptions, UpOptions, Verb};
use planner::live::{Container, Live, State};
use planner::plan::{self, check, render};
use planner::{Cause, Goal, Plan, Stack, Step};
use proptest::prelude::*;
use stacks::{History, history};
use walk::{Dice, finished, walk};

/// The plan, unless it is refused for the one reason that random worlds give: a container that
/// must not be touched is on a network that must be made anew.
fn plan_of(stack: &Stack, goal: &Goal, live: &Live) -> Option<Plan> {
    match plan::plan(Some(stack), goal, live) {
        Ok(plan) => {
            assert_eq!(check::check(&plan, live), [], "{}", render::steps(&plan));
            Some(plan)
        }
        Err(refusal) => {
            let known = |problem: &plan::build::Problem| problem.message.contains("must be made anew");
            assert!(refusal.problems.iter().all(known), "{refusal}");
            None
        }
    }
}

fn up(wait: bool) -> Goal {
    Goal::all(Verb::Up(UpOptions { wait, remove_orphans: true, ..UpOptions::default() }))
}

/// The goal when all about images is done.
fn settled(goal: &Goal, live: &Live) -> Goal {
    let mut goal = goal.clone();
    for reference in live.images.keys() {
        let (reference, platform) = (reference.clone(), None);
        goal.settle(&Step::PullImage { reference, platform, may_fail: false }, true);
    }
    goal
}

/// Nothing is left to do, and every slot is as it should be.
fn assert_reached(stack: &Stack, goal: &Goal, live: &Live) {
    let again = plan_of(stack, &settled(goal, live), live).expect("a reached goal is not refused");
    assert!(again.nodes.is_empty(), "a second plan is not empty:\n{}", render::steps(&again));
    // Only a policy that asks for it each time brings an image again.
    let again = plan_of(stack, goal, live).expect("a reached goal is not refused");
    for node in &again.nodes {
        assert!(node.step.image().is_some() && matches!(node.cause, Cause::Policy(_)), "{}", node.step);
    }
    let desired = planner::desired::lower(stack, goal, live);
    for (slot, spec) in &desired.containers {
        let occupants: Vec<_> = live.occupants(slot).collect();
        let [(id, container)] = occupants[..] else { panic!("{slot} has occupants {occupants:#?}") };
        assert_eq!(&container.spec, spec, "{id}");
        let completed = container.state == State::Exited { code: 0, requested: false };
        assert!(container.state.is_running() || completed, "{id} is {:?}", container.state);
        assert!(!container.aside, "nothing leads to {id}");
    }
    assert!(desired.networks.iter().all(|(name, spec)| live.networks.get(name) == Some(spec)));
    assert!(desired.volumes.keys().all(|name| live.volumes.contains_key(name)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_linear_extension_of_up_is_valid_and_converges(
        history in history(), wait in any::<bool>(), seed in any::<u64>(),
    ) {
        let History { stack, mut live } = history;
        let goal = up(wait);
        if let Some(plan) = plan_of(&stack, &goal, &live) {
            let last = finished(&plan, &live);
            let mut dice = Dice(seed);
            walk(&plan, &mut live, &mut dice, plan.nodes.len(), |world, step| {
                walk::assert_may_start(&stack, &last, world, step);
            });
            assert_reached(&stack, &goal, &live);
        }
    }

    #[test]
    fn in_rounds_every_container_is_made_from_an_image_that_is_known(
        history in history(), seed in any::<u64>(), luck in any::<u8>(), lost in any::<bool>(),
    ) {
        let History { stack, mut live } = history;
        if lost {
            live.images.remove("image:1");
        }
        let mut goal = up(false);
        let mut dice = Dice(seed);
        for round in 0.. {
            let Some(plan) = plan_of(&stack, &goal, &live) else { return Ok(()) };
            let Some(images) = plan.images_first() else {
                let unknown = |step: &Step| matches!(step, Step::CreateContainer { image_id, .. } if image_id.is_empty());
                prop_assert!(plan.nodes.iter().all(|node| node.step.image().is_none() && !unknown(&node.step)));
                walk(&plan, &mut live, &mut dice, plan.nodes.len(), |_, _| {});
                assert_reached(&stack, &goal, &live);
                return Ok(());
            };
            prop_assert!(round < 2, "a third round of images:\n{}", render::steps(&plan));
            for (at, node) in images.nodes.iter().enumerate() {
                let done = !images.is_optional(at) || luck & (1 << (at % 8)) != 0;
                if done {
                    planner::world::enact(&mut live, &node.step).unwrap();
                }
                goal.settle(&node.step, done);
            }
        }
    }

    #[test]
    fn any_interruption_is_overcome(
        history in history(), wait in any::<bool>(), seed in any::<u64>(), cuts in prop::collection::vec(0..30_usize, 1..4),
    ) {
        let History { stack, mut live } = history;
        let goal = up(wait);
        let mut dice = Dice(seed);
        let Some(mut plan) = plan_of(&stack, &goal, &live) else { return Ok(()) };
        for cut in cuts {
            walk(&plan, &mut live, &mut dice, cut, |_, _| {});
            plan = plan_of(&stack, &goal, &live).expect("an interruption gives no reason to refuse");
        }
        walk(&plan, &mut live, &mut dice, plan.nodes.len(), |_, _| {});
        assert_reached(&stack, &goal, &live);
    }

    #[test]
    fn an_update_that_failed_goes_back_in_every_order(
        history in history(), seed in any::<u64>(), cut in 0..40_usize,
    ) {
        let History { stack, mut live } = history;
        let goal = up(false);
        let mut dice = Dice(seed);
        let Some(plan) = plan_of(&stack, &goal, &live) else { return Ok(()) };
        let slots = plan.rollouts.iter().flat_map(|rollout| rollout.slots.clone()).collect();
        walk(&plan, &mut live, &mut dice, cut, |_, _| {});
        let back = Goal::all(Verb::Restore(RestoreOptions { slots }));
        let Ok(plan) = plan::plan(Some(&stack), &back, &live) else { return Ok(()) };
        prop_assert_eq!(check::check(&plan, &live), []);
        let before = live.clone();
        walk(&plan, &mut live, &mut dice, plan.nodes.len(), |_, _| {});
        for slot in plan.rollouts.iter().flat_map(|rollout| &rollout.slots) {
            let occupants: Vec<_> = live.occupants(slot).collect();
            let [(id, there)] = occupants[..] else { panic!("{slot} has occupants {occupants:#?}") };
            prop_assert!(before.occupants(slot).any(|(newer, _)| newer > id), "{} is the newest", id);
            prop_assert!(!there.aside && there.state != State::Created, "{} is {:?}", id, there.state);
        }
    }

    #[test]
    fn an_interrupted_replacement_of_everything_is_finished_by_a_plain_up(
        history in history(), seed in any::<u64>(), cut in 0..30_usize,
    ) {
        let History { stack, mut live } = history;
        let forced = UpOptions { force_recreate: true, remove_orphans: true, ..UpOptions::default() };
        let mut dice = Dice(seed);
        if let Some(plan) = plan_of(&stack, &Goal::all(Verb::Up(forced)), &live) {
            walk(&plan, &mut live, &mut dice, cut, |_, _| {});
            let plan = plan_of(&stack, &up(false), &live).expect("an interruption gives no reason to refuse");
            walk(&plan, &mut live, &mut dice, plan.nodes.len(), |_, _| {});
            assert_reached(&stack, &up(false), &live);
        }
    }

    #[test]
    fn up_of_one_service_touches_only_what_it_needs_and_what_restarts_with_it(
        history in history(), service in 0..stacks::NAMES.len(), no_deps in any::<bool>(), seed in any::<u64>(),
    ) {
        let History { stack, mut live } = history;
        let name = stacks::NAMES[service].to_owned();
        prop_assume!(stack.services.contains_key(&name));
        let options = UpOptions { no_deps, ..UpOptions::default() };
        let goal = Goal { services: [name.clone()].into(), ..Goal::all(Verb::Up(options)) };
        let graph = planner::graph::DependencyGraph::of_stack(&stack);
        let needed = if no_deps { [name].into() } else { graph.closure([name.as_str()]) };
        let touched = graph.reverse_closure(needed.iter().map(String::as_str));
        if let Some(plan) = plan_of(&stack, &goal, &live) {
            for id in plan.nodes.iter().filter_map(|node| node.step.container()) {
                prop_assert!(touched.contains(&id.slot.service), "{id} is touched");
            }
            walk(&plan, &mut live, &mut Dice(seed), plan.nodes.len(), |_, _| {});
            assert_reached(&stack, &goal, &live);
        }
    }

    #[test]
    fn what_has_completed_runs_again_only_when_it_is_itself_changed(history in history()) {
        let History { stack, live } = history;
        let goal = up(false);
        let desired = planner::desired::lower(&stack, &goal, &live);
        let Some(plan) = plan_of(&stack, &goal, &live) else { return Ok(()) };
        let touched: Vec<_> = plan.nodes.iter().filter_map(|node| node.step.container()).collect();
        for (id, there) in live.containers.iter().filter(|(_, there)| there.is_completed(&there.spec)) {
            let image = live.images.get(&there.spec.image).map(|image| &image.id);
            let unchanged = desired.containers.get(&id.slot) == Some(&there.spec) && image == Some(&there.image_id);
            let alone = live.occupants(&id.slot).count() == 1;
            prop_assert!(!unchanged || !alone || touched.iter().all(|other| other.slot != id.slot), "{id}");
        }
    }

    #[test]
    fn down_with_volumes_leaves_nothing_whatever_the_order_and_the_interruption(
        history in history(), seed in any::<u64>(), cut in 0..30_usize, with_file in any::<bool>(),
    ) {
        let History { stack, mut live } = history;
        let stack = with_file.then_some(&stack);
        let goal = Goal::all(Verb::Down { volumes: true });
        let mut dice = Dice(seed);
        for cut in [cut, usize::MAX] {
            let plan = plan::plan(stack, &goal, &live).unwrap();
            prop_assert_eq!(check::check(&plan, &live), []);
            walk(&plan, &mut live, &mut dice, cut, |_, _| {});
        }
        prop_assert!(live.containers.is_empty());
        prop_assert!(live.networks.keys().eq([stacks::OUTSIDE]));
        prop_assert!(live.volumes.keys().eq([stacks::OUTSIDE]));
    }

    #[test]
    fn what_exists_is_stopped_started_restarted_killed_and_paused_in_every_order(
        history in history(), seed in any::<u64>(), verb in 0..6_usize, with_file in any::<bool>(),
    ) {
        let History { stack, mut live } = history;
        let stack = with_file.then_some(&stack);
        let kill = Verb::Kill { signal: "KILL".to_owned() };
        let [pause, unpause] = [true, false].map(|paused| Verb::Pause { paused });
        let goal = Goal::all([Verb::Stop, Verb::Start, Verb::Restart, kill, pause, unpause][verb].clone());
        let plan = match plan::plan(stack, &goal, &live) {
            Ok(plan) => plan,
            // An interrupted `up` took a network away to make it anew.
            Err(refusal) => {
                let lost = |problem: &plan::build::Problem| problem.message.ends_with("does not exist");
                prop_assert!(matches!(goal.verb, Verb::Start | Verb::Restart), "{}", refusal);
                prop_assert!(refusal.problems.iter().all(lost), "{}", refusal);
                return Ok(());
            }
        };
        prop_assert_eq!(check::check(&plan, &live), []);
        let before = live.containers.len();
        walk(&plan, &mut live, &mut Dice(seed), plan.nodes.len(), |_, _| {});
        prop_assert_eq!(live.containers.len(), before);
        let runs = live.containers.values().any(|container| container.state.is_running());
        match goal.verb {
            Verb::Stop | Verb::Kill { .. } => prop_assert!(!runs),
            Verb::Pause { paused } => {
                let against = |there: &Container| match &there.state {
                    State::Running { .. } => paused,
                    State::Paused => !paused,
                    _ => false,
                };
                prop_assert!(!live.containers.values().any(against));
            }
            // A file that was changed but not applied can make the plan wait for the completion of
            // a container that restarts for ever; the model lets it complete.
            _ if with_file => {}
            _ => {
                let again = plan::plan(stack, &Goal::all(Verb::Start), &live).unwrap();
                prop_assert!(again.nodes.is_empty(), "{}", render::steps(&again));
            }
        }
    }

    #[test]
    fn rm_takes_what_does_not_run_and_with_stop_everything(
        history in history(), seed in any::<u64>(), cut in 0..30_usize, stop in any::<bool>(),
    ) {
        let History { mut live, .. } = history;
        let goal = Goal::all(Verb::Remove(RemoveOptions { stop, volumes: true }));
        let running: Vec<_> = live.containers.iter().filter(|(_, there)| there.state.is_running()).collect();
        let running: Vec<_> = running.into_iter().map(|(id, _)| id.clone()).collect();
        let named: Vec<_> = live.volumes.iter().filter(|(_, spec)| !spec.anonymous).collect();
        let named: Vec<_> = named.into_iter().map(|(name, _)| name.clone()).collect();
        let mut dice = Dice(seed);
        for cut in [cut, usize::MAX] {
            let plan = plan::plan(None, &goal, &live).unwrap();
            prop_assert_eq!(check::check(&plan, &live), []);
            walk(&plan, &mut live, &mut dice, cut, |_, _| {});
        }
        let left: Vec<_> = live.containers.keys().cloned().collect();
        prop_assert_eq!(left, if stop { Vec::new() } else { running });
        prop_assert!(named.iter().all(|name| live.volumes.contains_key(name)));
    }

    #[test]
    fn planning_is_deterministic_and_every_plan_can_be_told(history in history(), force in any::<bool>()) {
        let History { stack, live } = history;
        let options = UpOptions { force_recreate: force, ..UpOptions::default() };
        let goal = Goal::all(Verb::Up(options));
        let plans = [(); 2].map(|()| plan::plan(Some(&stack), &goal, &live.clone()));
        prop_assert_eq!(&plans[0], &plans[1]);
        if let [Ok(plan), _] = plans {
            let text = render::text(&plan).to_string();
            let summary = text.lines().last().unwrap_or_default();
            prop_assert_eq!(summary.starts_with("nothing to do"), plan.nodes.is_empty(), "{}", text);
            let steps = render::json(&plan)["steps"].as_array().map(Vec::len);
            prop_assert_eq!(steps, Some(plan.nodes.len()));
        }
    }
}
