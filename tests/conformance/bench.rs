//! One engine under test, and the model beside it.

use engine::apply::{Cancel, Options, apply};
use engine::fake::{FakeEngine, Fate, OneFile};
use engine::store::Store;
use engine::{Engine, Error, LinuxEngine, Scope};
use planner::goal::Verb;
use planner::live::{Health, Image, State};
use planner::load::{LoadOptions, load};
use planner::plan::{plan, render};
use planner::{ContainerId, Goal, Live, Plan, Stack, Step, world};
use std::env;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// The name of the stack under test, and of its image.
pub(super) const STACK: &str = "s";
pub(super) const IMAGE: &str = "busybox";
/// What the registry has that is beside the real engine, and what is built there.
pub(super) const PULLED: &str = "127.0.0.1:5000/pulled:1";
pub(super) const BUILT: [&str; 2] = ["127.0.0.1:5000/built:1", "127.0.0.1:5000/built:2"];

/// Who does the steps.
enum Subject {
    Fake(Arc<FakeEngine>),
    Real(Arc<LinuxEngine>),
}

/// One engine under test, and the model beside it.
pub(super) struct Bench {
    subject: Subject,
    runtime: Runtime,
    case: &'static str,
    /// What must be true.
    pub(super) model: Live,
}

impl Bench {
    pub(super) fn in_memory() -> Self {
        let image = Image { id: "sha256:1".to_owned(), ..Image::default() };
        let images = [(IMAGE.to_owned(), image)].into();
        let live = Live { stack: STACK.to_owned(), images, ..Live::default() };
        Self::new(Subject::Fake(Arc::new(FakeEngine::new(live))))
    }

    /// The real engine, over the roots that the host of this test has.
    pub(super) fn real() -> Self {
        let var = |name| env::var_os(name).expect("started by the test that makes the host");
        let store = Store::new(var("SAMPAN_ROOT"), var("SAMPAN_RUNTIME"));
        let engine = LinuxEngine::open(store).expect("open the store").with_shim(var("SAMPAN_BIN"));
        Self::new(Subject::Real(Arc::new(engine)))
    }

    fn new(subject: Subject) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("make a runtime");
        let mut bench = Self { subject, runtime, case: "", model: Live::default() };
        bench.model = bench.observe();
        bench
    }

    /// The real engine, when it is the one.
    pub(super) fn linux(&self) -> Option<&LinuxEngine> {
        match &self.subject {
            Subject::Real(engine) => Some(engine),
            Subject::Fake(_) => None,
        }
    }

    pub(super) fn image_id(&self) -> String {
        self.model.images[IMAGE].id.clone()
    }

    pub(super) fn begin(&mut self, case: &'static str) {
        self.case = case;
    }

    pub(super) fn observe(&self) -> Live {
        let images = [IMAGE, PULLED].into_iter().chain(BUILT).map(str::to_owned).collect();
        let scope = Scope { stack: STACK.to_owned(), images, ..Scope::default() };
        let live = match &self.subject {
            Subject::Fake(fake) => fake.observe(&scope),
            Subject::Real(real) => real.observe(&scope),
        };
        live.expect("observe")
    }

    /// On the real engine the container's program decides; the other one is told.
    pub(super) fn destine(&self, id: &ContainerId, fate: Option<Fate>) {
        if let Subject::Fake(fake) = &self.subject {
            fake.forget();
            fate.into_iter().for_each(|fate| fake.destine(id, fate));
        }
    }

    /// One step, by the engine alone.
    pub(super) fn enact(&self, step: &Step) -> Result<(), Error> {
        match &self.subject {
            Subject::Fake(fake) => self.runtime.block_on(fake.enact(step, Arc::new(|_| {}))),
            Subject::Real(real) => self.runtime.block_on(real.enact(step, Arc::new(|_| {}))),
        }
    }

    /// Model and engine do the step, and agree. On the machine it is then done once more, which
    /// changes nothing.
    #[track_caller]
    pub(super) fn does(&mut self, step: Step) {
        world::enact(&mut self.model, &step).unwrap_or_else(|error| panic!("{}: {step}: {error}", self.case));
        self.enact(&step).unwrap_or_else(|error| panic!("{}: {step}: {}", self.case, error.chain()));
        self.agrees(&step.to_string());
        if self.linux().is_some() {
            self.enact(&step)
                .unwrap_or_else(|error| panic!("{}: {step} again: {}", self.case, error.chain()));
            self.agrees(&format!("{step} again"));
        }
    }

    /// Model and engine refuse the step, and nothing has changed.
    #[track_caller]
    pub(super) fn refuses(&mut self, step: &Step) {
        let mut model = self.model.clone();
        assert!(world::enact(&mut model, step).is_err(), "{}: the model allows: {step}", self.case);
        assert!(self.enact(step).is_err(), "{}: the engine allows: {step}", self.case);
        self.agrees(&format!("{step}, refused,"));
    }

    /// What the engine observes is what the model says.
    #[track_caller]
    pub(super) fn agrees(&self, after: &str) {
        let (model, observed) = (settled(&self.model), settled(&self.observe()));
        assert_eq!(observed, model, "{}: after `{after}` (observed, model)", self.case);
    }

    /// The plan for a goal, made from what is observed.
    pub(super) fn plan(&self, stack: &Stack, goal: &Goal) -> Plan {
        let planned = plan(Some(stack), goal, &self.observe());
        planned.unwrap_or_else(|refusal| panic!("{}: {refusal}", self.case))
    }

    /// Walks a plan to its end.
    #[track_caller]
    pub(super) fn apply(&self, plan: &Plan) {
        let (options, cancel) = (Options::default(), Cancel::new());
        let report = match &self.subject {
            Subject::Fake(fake) => self.runtime.block_on(apply(fake.clone(), plan, &options, |_| {}, cancel)),
            Subject::Real(real) => self.runtime.block_on(apply(real.clone(), plan, &options, |_| {}, cancel)),
        };
        assert!(report.is_done(), "{}: {report:#?}\n{}", self.case, render::steps(plan));
    }

    /// Takes everything down; nothing is left.
    #[track_caller]
    pub(super) fn clear(&mut self) {
        self.destine(&container_id("a", 1), None);
        let goal =
            Goal { stop_timeout: Some(std::time::Duration::ZERO), ..Goal::all(Verb::Down { volumes: true }) };
        let down = plan(None, &goal, &self.observe()).expect("down is never refused");
        self.apply(&down);
        let left = self.observe();
        let counts = (left.containers.len(), left.networks.len(), left.volumes.len());
        assert_eq!(counts, (0, 0, 0), "{}: {left:#?}", self.case);
        self.model = left;
    }
}

/// What time and chance decide is taken out: the clock, what a registry has, how a stopped program
/// ended, whether the first probe came already, in which moment between two runs a container is that
/// restarts.
fn settled(live: &Live) -> Live {
    let mut live = Live { now: 0, ..live.clone() };
    for (name, image) in &mut live.images {
        image.tagged_at = 0;
        // The model makes up what an image is that was not there before.
        if name != IMAGE {
            *image = Image::default();
        }
    }
    for container in live.containers.values_mut() {
        container.state = match container.state.clone() {
            State::Exited { requested: true, .. } => State::Exited { code: 143, requested: true },
            State::Running { health: Health::Starting } => State::Running { health: Health::Healthy },
            State::Restarting => State::Running { health: Health::None },
            other => other,
        };
    }
    live
}

pub(super) fn container_id(service: &str, generation: u32) -> ContainerId {
    format!("{STACK}.{service}.1.{generation}").parse().expect("an id")
}

/// The stack that a text means.
pub(super) fn stack(text: &str) -> Stack {
    let options = LoadOptions {
        files: vec!["compose.yaml".to_owned()],
        name: Some(STACK.to_owned()),
        directory: "/nowhere".to_owned(),
        ..LoadOptions::default()
    };
    load(&options, &OneFile(text)).unwrap_or_else(|errors| panic!("{errors}{text}")).stack
}
