//! Walks a plan: parallel, bounded, cancellable, reporting; a failure poisons only descendants.
//!
//! Nothing is decided here about what to do, only when: `schedule` says which step may start,
//! this file starts it as a task, and tells and notes what became of it.

mod cancel;
mod schedule;

pub use cancel::Cancel;

use crate::error::{Error, Kind};
use crate::event::{Event, Finish, Outcome, Report};
use crate::{Engine, Progress, Tell};
use planner::{Plan, Step, StepId};
use schedule::Schedule;
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

/// How a plan is walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many steps that change the machine may run at once; 0 counts as 1. Waiting is free.
    pub parallel: usize,
}

impl Default for Options {
    /// Stopping is mostly waiting for programs to end, so this is well above the number of cores.
    fn default() -> Self {
        Self { parallel: 32 }
    }
}

/// What a task ends with; `None` when it was given up.
type Result = Option<crate::Result<()>>;

/// Walks `plan` through `engine` and reports on every step of it.
///
/// A step starts as soon as the steps that it needs are done. When one fails, the steps that
/// need it are skipped and all others go on. When `cancel` is used, no further step starts and
/// waiting and transfers are given up, but steps that change the machine run to their end. A step that panics
/// has failed. `events` is called from this future, in the order in which things happen.
pub async fn apply<E: Engine>(
    engine: Arc<E>,
    plan: &Plan,
    options: &Options,
    events: impl Fn(Event),
    cancel: Cancel,
) -> Report {
    let began = Instant::now();
    let mut walk = Walk::new(engine, plan, options, events, cancel.clone());
    walk.start_ready();
    let mut cancelled = false;
    while !walk.tasks.is_empty() {
        tokio::select! {
            biased;
            () = cancel.cancelled(), if !cancelled => {
                cancelled = true;
                walk.engine.interrupt();
            }
            Some((id, progress)) = walk.told.recv() => walk.progress(id, progress),
            Some(joined) = walk.tasks.join_next_with_id() => walk.ended(joined),
        }
        walk.start_ready();
    }
    walk.report(began)
}

/// The walk of one plan.
struct Walk<'a, E, F> {
    engine: Arc<E>,
    plan: &'a Plan,
    cancel: Cancel,
    events: F,
    schedule: Schedule,
    tasks: JoinSet<Result>,
    running: HashMap<Id, (StepId, Instant)>,
    outcomes: Vec<Option<(Outcome, Duration)>>,
    tell: UnboundedSender<(StepId, Progress)>,
    told: UnboundedReceiver<(StepId, Progress)>,
}

impl<'a, E: Engine, F: Fn(Event)> Walk<'a, E, F> {
    fn new(engine: Arc<E>, plan: &'a Plan, options: &Options, events: F, cancel: Cancel) -> Self {
        let (tell, told) = unbounded_channel();
        Self {
            engine,
            plan,
            cancel,
            events,
            schedule: Schedule::new(plan, options.parallel),
            tasks: JoinSet::new(),
            running: HashMap::new(),
            outcomes: plan.nodes.iter().map(|_| None).collect(),
            tell,
            told,
        }
    }

    /// Starts every step that may start; after an interruption that is none, ever.
    fn start_ready(&mut self) {
        if self.cancel.is_cancelled() {
            for id in self.schedule.give_up() {
                self.note(id, Outcome::Cancelled, Duration::ZERO);
            }
        }
        while let Some(id) = self.schedule.next() {
            (self.events)(Event::Started(id));
            let task = run(
                self.engine.clone(),
                self.plan.nodes[id].step.clone(),
                self.teller(id),
                self.cancel.clone(),
            );
            let handle = self.tasks.spawn(task);
            self.running.insert(handle.id(), (id, Instant::now()));
        }
    }

    fn teller(&self, id: StepId) -> Tell {
        let tell = self.tell.clone();
        // Nobody listens once the walk is over; then there is nothing left to tell either.
        Arc::new(move |progress| drop(tell.send((id, progress))))
    }

    fn progress(&mut self, id: StepId, progress: Progress) {
        if self.outcomes[id].is_none() {
            (self.events)(Event::Progress(id, progress));
        }
    }

    fn ended(&mut self, joined: std::result::Result<(Id, Result), JoinError>) {
        // What the task said before it ended is told before its end.
        while let Ok((id, progress)) = self.told.try_recv() {
            self.progress(id, progress);
        }
        let (task, result) = match joined {
            Ok((task, result)) => (task, result),
            Err(error) => (error.id(), Some(Err(panicked(error)))),
        };
        if let Some((id, began)) = self.running.remove(&task) {
            self.conclude(id, result, began.elapsed());
        }
    }

    fn conclude(&mut self, id: StepId, result: Result, took: Duration) {
        match result {
            Some(Ok(())) => {
                self.note(id, Outcome::Done, took);
                self.schedule.done(id);
            }
            Some(Err(error)) if error.kind != Kind::Cancelled => {
                self.note(id, Outcome::Failed(error), took);
                for skipped in self.schedule.failed(id) {
                    self.note(skipped, Outcome::Skipped { because: id }, Duration::ZERO);
                }
            }
            None | Some(Err(_)) => {
                self.note(id, Outcome::Cancelled, took);
                for cancelled in self.schedule.failed(id) {
                    self.note(cancelled, Outcome::Cancelled, Duration::ZERO);
                }
            }
        }
    }

    fn note(&mut self, id: StepId, outcome: Outcome, took: Duration) {
        let finish = match outcome {
            Outcome::Done => Finish::Done,
            Outcome::Failed(_) => Finish::Failed,
            Outcome::Skipped { .. } => Finish::Skipped,
            Outcome::Cancelled => Finish::Cancelled,
        };
        self.outcomes[id] = Some((outcome, took));
        (self.events)(Event::Finished(id, finish, took));
    }

    /// Nothing runs any more. A step without an outcome could never start: its needs are not
    /// before it, which no plan of the planner has, but a damaged one may.
    fn report(mut self, began: Instant) -> Report {
        for id in self.schedule.give_up() {
            let error = Error::new(
                Kind::Corrupt,
                format!("step {id} of the plan needs a step that is not before it"),
            );
            self.note(id, Outcome::Failed(error), Duration::ZERO);
        }
        Report { outcomes: self.outcomes.into_iter().flatten().collect(), took: began.elapsed() }
    }
}

/// One step as a task of its own.
async fn run<E: Engine>(engine: Arc<E>, step: Step, tell: Tell, cancel: Cancel) -> Result {
    let enact = engine.enact(&step, tell);
    // What a transfer has fetched so far is of use to the next one, and harms nobody.
    let gives_up = matches!(step, Step::PullImage { .. } | Step::PushImage { .. });
    if !step.is_wait() && !gives_up {
        return Some(enact.await);
    }
    tokio::select! {
        biased;
        () = cancel.cancelled() => None,
        result = enact => Some(result),
    }
}

fn panicked(error: JoinError) -> Error {
    let text = match error.try_into_panic() {
        Ok(payload) => panic_text(&*payload),
        Err(error) => error.to_string(),
    };
    Error::new(Kind::System, format!("a defect of sampan: {text}"))
        .hint("please report it, with the stack file and the output of `sampan plan`")
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let literal = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    literal
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic without a text".to_owned())
}
