//! How a plan is walked, on the fake engine and with a clock that jumps.

use engine::apply::{Cancel, Options, apply};
use engine::event::Finish;
use engine::fake::{FakeEngine, Fate, Order};
use engine::{Event, Kind, Outcome, Progress, Report};
use planner::live::{Container, State};
use planner::plan::{Cause, Node, Until};
use planner::{ContainerId, ContainerSpec, Live, Plan, Slot, Step, StepId, VolumeSpec};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn id() -> ContainerId {
    ContainerId { stack: "shop".into(), slot: Slot { service: "web".into(), index: 1 }, generation: 1 }
}

/// A step that changes the machine.
fn volume(name: &str) -> Step {
    Step::CreateVolume { spec: VolumeSpec { name: name.into(), ..VolumeSpec::default() } }
}

/// A step that only waits.
fn wait(timeout: Option<Duration>) -> Step {
    Step::Await { id: id(), until: Until::Ready, timeout }
}

fn plan<const N: usize>(nodes: [(Step, &[StepId]); N]) -> Plan {
    let node = |(step, needs): (Step, &[StepId])| Node {
        step,
        cause: Cause::Asked,
        needs: needs.to_vec(),
        after: vec![],
    };
    Plan { nodes: nodes.into_iter().map(node).collect(), ..Plan::default() }
}

/// A fake on which there is one container to wait for.
fn fake() -> Arc<FakeEngine> {
    let container = Container {
        spec: ContainerSpec::default(),
        image_id: String::new(),
        checks_health: false,
        state: State::Created,
        aside: false,
    };
    let mut live = Live::default();
    live.containers.insert(id(), container);
    planner::world::enact(&mut live, &Step::StartContainer { id: id() }).expect("a created container starts");
    Arc::new(FakeEngine::new(live))
}

/// Walks and notes the events as short words: `+0` started, `0:text` progress, `-0 done` finished.
async fn walk(fake: &Arc<FakeEngine>, plan: &Plan, parallel: usize, cancel: Cancel) -> (Report, Vec<String>) {
    let events = RefCell::new(Vec::new());
    let note = |event| {
        events.borrow_mut().push(match event {
            Event::Started(id) => format!("+{id}"),
            Event::Progress(id, Progress::Note(text)) => format!("{id}:{text}"),
            Event::Progress(id, progress) => format!("{id}:{progress:?}"),
            Event::Finished(id, finish, _) => format!("-{id} {}", word(finish)),
        });
    };
    let report = apply(fake.clone(), plan, &Options { parallel }, note, cancel).await;
    (report, events.into_inner())
}

fn word(finish: Finish) -> &'static str {
    match finish {
        Finish::Done => "done",
        Finish::Failed => "failed",
        Finish::Skipped => "skipped",
        Finish::Cancelled => "cancelled",
    }
}

fn words(report: &Report) -> Vec<String> {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Failed(error) => format!("failed: {error}"),
        Outcome::Skipped { because } => format!("skipped because of {because}"),
        Outcome::Cancelled => "cancelled".to_owned(),
    };
    report.outcomes.iter().map(|(outcome, _)| word(outcome)).collect()
}

#[tokio::test(start_paused = true)]
async fn an_empty_plan_is_done_at_once() {
    let (report, events) = walk(&fake(), &Plan::default(), 4, Cancel::new()).await;
    assert!(report.is_done());
    assert_eq!(events, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_step_starts_as_soon_as_its_own_needs_are_done() {
    let fake = fake();
    let plan = plan([
        (volume("slow"), &[]),
        (volume("fast"), &[]),
        (volume("next"), &[1]),
        (volume("last"), &[0, 2]),
    ]);
    fake.order(&volume("slow"), Order::Delay(3 * SECOND));
    fake.order(&volume("fast"), Order::Delay(SECOND));
    let (report, events) = walk(&fake, &plan, 4, Cancel::new()).await;
    assert_eq!(events, ["+0", "+1", "-1 done", "+2", "-2 done", "-0 done", "+3", "-3 done"]);
    let seconds: Vec<_> = report.outcomes.iter().map(|(_, took)| took.as_secs()).collect();
    assert_eq!((seconds, report.took.as_secs()), (vec![3, 1, 0, 0], 3));
}

#[tokio::test(start_paused = true)]
async fn no_more_steps_change_the_machine_at_once_than_allowed() {
    for (parallel, takes) in [(0, 6), (1, 6), (2, 3), (4, 2), (6, 1), (9, 1)] {
        let fake = fake();
        let plan = plan(["a", "b", "c", "d", "e", "f"].map(|name| {
            fake.order(&volume(name), Order::Delay(SECOND));
            (volume(name), [].as_slice())
        }));
        let (report, _) = walk(&fake, &plan, parallel, Cancel::new()).await;
        assert_eq!(fake.busiest(), parallel.clamp(1, 6), "{parallel} allowed");
        assert_eq!(report.took.as_secs(), takes, "{parallel} allowed");
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_takes_no_place() {
    let fake = fake();
    fake.order(&wait(None), Order::Delay(SECOND));
    fake.order(&volume("a"), Order::Delay(SECOND));
    let plan = plan([(wait(None), &[]), (volume("a"), &[])]);
    let (report, _) = walk(&fake, &plan, 1, Cancel::new()).await;
    assert!(report.is_done());
    assert_eq!(report.took, SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_failure_skips_its_descendants_at_once_and_nothing_else() {
    let fake = fake();
    fake.order(&volume("bad"), Order::Fail);
    fake.order(&volume("good"), Order::Delay(SECOND));
    let plan = plan([
        (volume("bad"), &[]),
        (volume("good"), &[]),
        (volume("child"), &[0, 1]),
        (volume("grandchild"), &[2]),
        (volume("other"), &[1]),
    ]);
    let (report, events) = walk(&fake, &plan, 4, Cancel::new()).await;
    let failed = "failed: this step was ordered to fail";
    let expected = [failed, "done", "skipped because of 0", "skipped because of 0", "done"];
    assert_eq!(words(&report), expected);
    let expected = ["+0", "+1", "-0 failed", "-2 skipped", "-3 skipped", "-1 done", "+4", "-4 done"];
    assert_eq!(events, expected);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_only_comes_after_a_failed_one_is_done() {
    let fake = fake();
    fake.order(&volume("bad"), Order::Fail);
    let mut plan = plan([(volume("bad"), &[]), (volume("child"), &[0]), (volume("next"), &[])]);
    plan.nodes[2].after = vec![0, 1];
    let (report, events) = walk(&fake, &plan, 4, Cancel::new()).await;
    assert_eq!(words(&report)[1..], ["skipped because of 0", "done"]);
    assert_eq!(events, ["+0", "-0 failed", "-1 skipped", "+2", "-2 done"]);
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_is_the_reason_when_there_are_two() {
    let fake = fake();
    fake.order(&volume("late"), Order::Delay(SECOND));
    fake.order(&volume("late"), Order::Fail);
    fake.order(&volume("early"), Order::Fail);
    let plan = plan([(volume("late"), &[]), (volume("early"), &[]), (volume("child"), &[0, 1])]);
    let (report, _) = walk(&fake, &plan, 4, Cancel::new()).await;
    assert_eq!(words(&report)[2], "skipped because of 1");
}

#[tokio::test(start_paused = true)]
async fn an_interruption_starts_nothing_more_gives_up_waiting_and_lets_changes_end() {
    let fake = fake();
    let cancel = Cancel::new();
    fake.destine(&id(), Fate::Hangs);
    fake.order(&volume("running"), Order::Interrupt(cancel.clone()));
    fake.order(&volume("running"), Order::Delay(SECOND));
    let plan =
        plan([(wait(None), &[]), (volume("running"), &[]), (volume("next"), &[1]), (volume("queued"), &[])]);
    let (report, events) = walk(&fake, &plan, 1, cancel).await;
    assert_eq!(words(&report), ["cancelled", "done", "cancelled", "cancelled"]);
    assert_eq!(report.took, SECOND);
    assert!(report.is_cancelled() && !report.is_done());
    assert_eq!(fake.journal(), [volume("running")]);
    assert!(!events.contains(&"+2".to_owned()) && !events.contains(&"+3".to_owned()), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn an_interruption_before_the_start_changes_nothing() {
    let fake = fake();
    let cancel = Cancel::new();
    cancel.cancel();
    let (report, events) = walk(&fake, &plan([(volume("a"), &[]), (wait(None), &[])]), 4, cancel).await;
    assert_eq!(words(&report), ["cancelled", "cancelled"]);
    assert_eq!(events, ["-0 cancelled", "-1 cancelled"]);
    assert_eq!(fake.journal(), []);
}

#[tokio::test(start_paused = true)]
async fn what_fails_after_an_interruption_is_still_reported_as_failed() {
    let fake = fake();
    let cancel = Cancel::new();
    fake.order(&volume("a"), Order::Interrupt(cancel.clone()));
    fake.order(&volume("a"), Order::Fail);
    let (report, _) = walk(&fake, &plan([(volume("a"), &[]), (volume("b"), &[0])]), 4, cancel).await;
    assert_eq!(words(&report), ["failed: this step was ordered to fail", "cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_takes_too_long_fails() {
    let fake = fake();
    fake.destine(&id(), Fate::Hangs);
    let (report, _) = walk(&fake, &plan([(wait(Some(SECOND)), &[])]), 4, Cancel::new()).await;
    assert!(matches!(&report.outcomes[0].0, Outcome::Failed(error) if error.kind == Kind::Timeout));
    assert_eq!(report.took, SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_the_failure_of_its_step() {
    let fake = fake();
    fake.order(&volume("bad"), Order::Panic);
    let plan = plan([(volume("bad"), &[]), (volume("child"), &[0]), (volume("other"), &[])]);
    let (report, _) = walk(&fake, &plan, 4, Cancel::new()).await;
    let failed = "failed: a defect of sampan: this step was ordered to panic";
    assert_eq!(words(&report), [failed, "skipped because of 0", "done"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_step_says_is_told_between_its_start_and_its_end() {
    let fake = fake();
    for text in ["one", "two"] {
        fake.order(&volume("a"), Order::Say(text.into()));
    }
    let (_, events) = walk(&fake, &plan([(volume("a"), &[]), (volume("b"), &[0])]), 4, Cancel::new()).await;
    assert_eq!(events, ["+0", "0:one", "0:two", "-0 done", "+1", "-1 done"]);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_plan_fails_rather_than_hangs() {
    let plan = plan([(volume("a"), &[]), (volume("b"), &[2]), (volume("c"), &[1])]);
    let (report, _) = walk(&fake(), &plan, 4, Cancel::new()).await;
    let failed = |step| format!("failed: step {step} of the plan needs a step that is not before it");
    assert_eq!(words(&report), ["done".to_owned(), failed(1), failed(2)]);
}

/// Steps of a real engine run on other threads, and the walk may run on several.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_on_several_threads_ends_too() {
    let fake = fake();
    let plan = plan(["a", "b", "c", "d"].map(|name| {
        fake.order(&volume(name), Order::Delay(Duration::from_millis(1)));
        (volume(name), [].as_slice())
    }));
    let (report, _) = walk(&fake, &plan, 2, Cancel::new()).await;
    assert!(report.is_done());
    assert_eq!(fake.journal().len(), 4);
}
