//! An engine in memory that obeys planner::world, with failures and delays to order.
//!
//! ```
//! # use engine::fake::{FakeEngine, Order};
//! # use planner::{Live, Step};
//! let step = Step::RemoveNetwork { name: "shop_default".into() };
//! let fake = FakeEngine::new(Live::default());
//! fake.order(&step, Order::Fail);
//! ```

use crate::apply::Cancel;
use crate::error::{Error, Kind, Result};
use crate::{Engine, Progress, Scope, Tell};
use planner::live::{Health, State};
use planner::plan::Until;
use planner::{ContainerId, Live, Source, Step, world};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A stack file that needs no other file and no variables.
#[derive(Clone, Copy, Debug)]
pub struct OneFile<'a>(pub &'a str);

impl Source for OneFile<'_> {
    fn read(&self, path: &str) -> io::Result<String> {
        if path == "compose.yaml" { Ok(self.0.to_owned()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn var(&self, _name: &str) -> Option<String> {
        None
    }
}

/// What is to go wrong with a step.
#[derive(Clone, Debug)]
pub enum Order {
    /// It takes so long before it does anything.
    Delay(Duration),
    /// It says this on the way.
    Say(String),
    /// The user interrupts while it runs.
    Interrupt(Cancel),
    /// It fails and has changed nothing.
    Fail,
    /// It fails although it has done all that it should.
    FailAfterwards,
    /// It panics and has changed nothing.
    Panic,
}

/// What becomes of a container when somebody waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its health check succeeds.
    Healthy,
    /// Its health check fails.
    Unhealthy,
    /// Its process ends with this code.
    Exits(i32),
    /// Nothing, ever.
    Hangs,
}

/// An engine whose machine is a [`Live`] value. Orders stay in force until [`forget`](Self::forget).
#[derive(Debug, Default)]
pub struct FakeEngine {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    live: Live,
    orders: Vec<(Step, Order)>,
    fates: BTreeMap<ContainerId, Fate>,
    journal: Vec<Step>,
    changing: usize,
    busiest: usize,
}

impl FakeEngine {
    /// A machine that looks like this.
    pub fn new(live: Live) -> Self {
        Self { inner: Mutex::new(Inner { live, ..Inner::default() }) }
    }

    /// From now on this goes wrong with the step. Several orders for one step are obeyed in turn.
    pub fn order(&self, step: &Step, order: Order) {
        self.lock().orders.push((step.clone(), order));
    }

    /// From now on this becomes of the container when somebody waits for it. Without it, what
    /// is waited for comes to pass.
    pub fn destine(&self, id: &ContainerId, fate: Fate) {
        self.lock().fates.insert(id.clone(), fate);
    }

    /// Takes back all orders and fates.
    pub fn forget(&self) {
        let mut inner = self.lock();
        inner.orders.clear();
        inner.fates.clear();
    }

    /// The machine as it is now.
    pub fn live(&self) -> Live {
        self.lock().live.clone()
    }

    /// The steps that took effect, in order.
    pub fn journal(&self) -> Vec<Step> {
        self.lock().journal.clone()
    }

    /// The greatest number of steps that changed the machine at once so far.
    pub fn busiest(&self) -> usize {
        self.lock().busiest
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it holds the lock, and a panic ordered elsewhere harms nothing here.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn obey(&self, step: &Step, order: Order, tell: &Tell) -> Result<()> {
        match order {
            Order::Delay(time) => tokio::time::sleep(time).await,
            Order::Say(text) => tell(Progress::Note(text)),
            Order::Interrupt(cancel) => cancel.cancel(),
            Order::Fail => return Err(Error::new(Kind::System, "this step was ordered to fail")),
            Order::FailAfterwards => {
                self.take_effect(step)?;
                return Err(Error::new(Kind::System, "this step was ordered to fail afterwards"));
            }
            Order::Panic => std::panic::panic_any("this step was ordered to panic"),
        }
        Ok(())
    }

    /// Waits as the container's fate has it.
    async fn wait(&self, step: &Step, id: &ContainerId, until: Until) -> Result<()> {
        let fate = self.lock().fates.get(id).copied();
        let state = match fate {
            None => return self.take_effect(step),
            Some(Fate::Hangs) => return std::future::pending().await,
            Some(Fate::Healthy) => State::Running { health: Health::Healthy },
            Some(Fate::Unhealthy) => State::Running { health: Health::Unhealthy },
            Some(Fate::Exits(code)) => State::Exited { code, requested: false },
        };
        if let Some(container) = self.lock().live.containers.get_mut(id) {
            container.state = state.clone();
        }
        if has_reached(&state, until) {
            self.lock().journal.push(step.clone());
            return Ok(());
        }
        // What runs may complete one day, whatever its health.
        if until == Until::Completed && state.is_running() {
            return std::future::pending().await;
        }
        Err(Error::new(Kind::Container, format!("container {} is {state:?}", id.name())))
    }

    fn take_effect(&self, step: &Step) -> Result<()> {
        let mut inner = self.lock();
        world::enact(&mut inner.live, step)
            .map_err(|error| Error::new(Kind::System, "the world does not allow this step").because(error))?;
        inner.journal.push(step.clone());
        Ok(())
    }
}

fn has_reached(state: &State, until: Until) -> bool {
    match state {
        State::Running { health } => until != Until::Completed && *health == Health::Healthy,
        State::Exited { code, .. } => until != Until::Healthy && *code == 0,
        _ => false,
    }
}

/// Counts a step as changing the machine while it lives.
struct Changing<'a>(&'a FakeEngine);

impl<'a> Changing<'a> {
    fn begin(fake: &'a FakeEngine) -> Self {
        let mut inner = fake.lock();
        inner.changing += 1;
        inner.busiest = inner.busiest.max(inner.changing);
        drop(inner);
        Self(fake)
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.lock().changing -= 1;
    }
}

impl Engine for FakeEngine {
    fn observe(&self, _scope: &Scope) -> Result<Live> {
        Ok(self.live())
    }

    async fn enact(&self, step: &Step, tell: Tell) -> Result<()> {
        let _changing = (!step.is_wait()).then(|| Changing::begin(self));
        let all = self.lock().orders.clone();
        for (_, order) in all.into_iter().filter(|(ordered, _)| ordered == step) {
            self.obey(step, order, &tell).await?;
        }
        let Step::Await { id, until, timeout } = step else { return self.take_effect(step) };
        let wait = self.wait(step, id, *until);
        match timeout {
            None => wait.await,
            Some(timeout) => tokio::time::timeout(*timeout, wait).await.unwrap_or_else(|_| {
                Err(Error::new(
                    Kind::Timeout,
                    format!("container {} took longer than {timeout:?}", id.name()),
                ))
            }),
        }
    }
}
