//! The real engine: each step is one call.

mod images;

pub use images::Caller;

use crate::container::changes::Change;
use crate::container::top::ProcessStatus;
use crate::container::usage::Usage;
use crate::container::{
    self, AttachEnd, AttachOptions, CommitOptions, ContainerStatus, CopyOptions, ExecSpec, logs, record,
};
use crate::error::{Context, Error, Kind, Result};
use crate::image::Images;
use crate::image::registry::{Registries, Stop};
use crate::journal::{self, Entry, JournalOptions};
use crate::stacks::{self, Owner, StackStatus};
use crate::store::{Lock, Store};
use crate::{Engine, Progress, Scope, Tell, net, observe, volume};
use images::Builds;
use planner::{ContainerId, Live, Step};
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Observes and changes this machine, below one pair of roots.
#[derive(Clone, Debug)]
pub struct LinuxEngine {
    store: Store,
    /// The program that is executed as `shim` for each container: this one.
    program: PathBuf,
    /// Steps that make the kernel work hard run a few at a time: the locks inside the kernel make
    /// more of them slower, not faster.
    workers: Arc<Semaphore>,
    /// How registries are reached.
    registries: Arc<Registries>,
    /// Who asks for builds.
    caller: Arc<Caller>,
    builds: Builds,
}

impl LinuxEngine {
    /// An engine over this store; its folders are made when missing.
    pub fn open(store: Store) -> Result<Self> {
        store.prepare()?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = Arc::new(Semaphore::new((cores + 1).min(4)));
        Ok(Self {
            store,
            program: PathBuf::from("/proc/self/exe"),
            workers,
            registries: Arc::default(),
            caller: Arc::default(),
            builds: Builds::default(),
        })
    }

    /// Executes another program than this one as supervisor; it must call [`crate::shim::main`].
    #[must_use]
    pub fn with_shim(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Reaches registries like this; otherwise without credentials, mirrors and proxies.
    #[must_use]
    pub fn with_registries(mut self, registries: Registries) -> Self {
        self.registries = Arc::new(registries);
        self
    }

    /// Builds know this of whoever asks for them; otherwise nothing.
    #[must_use]
    pub fn with_caller(mut self, caller: Caller) -> Self {
        self.caller = Arc::new(caller);
        self
    }

    /// Where it keeps things.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// All containers, or those of one stack, in the order of their ids.
    pub fn list(&self, stack: Option<&str>) -> Result<Vec<ContainerStatus>> {
        container::list::list(&self.store, stack)
    }

    /// The newest container that has this name, or this id.
    pub fn find(&self, name: &str) -> Result<Option<ContainerId>> {
        container::names::find(&self.store, name)
    }

    /// All that is known of a container.
    pub fn inspect(&self, id: &ContainerId) -> Result<container::Inspection> {
        container::inspect::inspect(&self.store, id)
    }

    /// The name that people see of a container, as far as it is known.
    pub fn called(&self, id: &ContainerId) -> String {
        record::called(&self.store, id)
    }

    /// Gives a container another name, whether it runs or not; the one of its place takes the chosen
    /// one away.
    pub fn rename(&self, id: &ContainerId, name: &str) -> Result<()> {
        container::update::change(&self.store, id, |spec| {
            spec.name = (name != id.name()).then(|| name.to_owned());
            Ok(())
        })
    }

    /// All stacks, by name.
    pub fn stacks(&self) -> Result<Vec<StackStatus>> {
        stacks::list(&self.store)
    }

    /// Takes a stack for a project directory; a conflict when another one has it.
    pub fn claim(&self, stack: &str, owner: &Owner) -> Result<()> {
        stacks::claim(&self.store, stack, owner)
    }

    /// Gives a stack back. Idempotent.
    pub fn release(&self, stack: &str) -> Result<()> {
        stacks::release(&self.store, stack)
    }

    /// Whether somebody has the stack.
    pub fn is_claimed(&self, stack: &str) -> bool {
        stacks::is_claimed(&self.store, stack)
    }

    /// Waits until the stack is ours alone, until the lock is dropped.
    pub fn lock_stack(&self, stack: &str) -> Result<Lock> {
        stacks::lock(&self.store, stack)
    }

    /// Gives the lines of these containers to `sink` in the order of time. Blocks; following ends
    /// when all have ended for good or the sink breaks.
    pub fn logs(&self, ids: &[ContainerId], options: &logs::LogOptions, sink: logs::Sink<'_>) -> Result<()> {
        logs::logs(&self.store, ids, options, sink)
    }

    /// The same for the containers that `find` gives, and while following for those that it gives later.
    pub fn logs_of(
        &self,
        find: logs::Find<'_>,
        options: &logs::LogOptions,
        sink: logs::Sink<'_>,
    ) -> Result<()> {
        logs::logs_of(&self.store, find, options, sink)
    }

    /// Runs one more process in a container with this process's standard input, output and
    /// error, or a terminal between; gives its exit code. Blocks; needs a process of one thread.
    pub fn exec(&self, id: &ContainerId, spec: &ExecSpec) -> Result<i32> {
        container::exec::exec(&self.store, id, spec)
    }

    /// This process's standard input, output and error become those of a container's first process,
    /// until it ends or is left alone. Blocks.
    pub fn attach(&self, id: &ContainerId, options: &AttachOptions) -> Result<AttachEnd> {
        container::attach::attach(&self.store, id, options)
    }

    /// Gives what happened, and what happens, to `sink` until the time is over or the sink breaks.
    /// Blocks.
    pub fn events(
        &self,
        options: &JournalOptions,
        sink: &mut dyn FnMut(&Entry) -> ControlFlow<()>,
    ) -> Result<()> {
        journal::read(&self.store, options, sink)
    }

    /// Waits until a container has ended for good; gives its exit code.
    pub async fn ended(&self, id: &ContainerId) -> Result<i32> {
        container::wait::ended(&self.store, id).await
    }

    /// The processes of a container.
    pub fn processes(&self, id: &ContainerId) -> Result<Vec<ProcessStatus>> {
        container::top::processes(&self.store, id)
    }

    /// What a container uses now.
    pub fn usage(&self, id: &ContainerId) -> Result<Usage> {
        container::usage::usage(&self.store, id)
    }

    /// What a container changed in the files of its image, by path.
    pub fn changes(&self, id: &ContainerId) -> Result<Vec<Change>> {
        let record = record::read(&self.store, id)?;
        container::changes::changes(&self.store.upper(id), &record.layers)
    }

    /// Writes the files of a container as a tar stream, without what is mounted into it.
    pub fn export(&self, id: &ContainerId, to: &mut dyn Write) -> Result<()> {
        container::export::export(&self.store, id, to)
    }

    /// Copies a file or folder out of a container to an absolute path.
    pub fn copy_out(&self, from: (&ContainerId, &Path), to: &Path, options: CopyOptions) -> Result<()> {
        container::cp::take(&self.store, from, to, options)
    }

    /// Writes a file or folder of a container as a tar stream.
    pub fn pack(&self, from: (&ContainerId, &Path), to: &mut dyn Write, options: CopyOptions) -> Result<()> {
        container::cp::take_stream(&self.store, from, to, options)
    }

    /// Copies a file or folder at an absolute path into a container.
    pub fn copy_in(&self, from: &Path, to: (&ContainerId, &Path), options: CopyOptions) -> Result<()> {
        container::cp::put(&self.store, from, to, options)
    }

    /// Unpacks a tar stream into a folder of a container.
    pub fn unpack(&self, from: &mut (dyn Read + Send), to: (&ContainerId, &Path)) -> Result<()> {
        container::cp::put_stream(&self.store, from, to)
    }

    /// Makes an image of a container; gives its id. A container that stands still for it must not
    /// be left so: who wants to end early sets `stop`.
    pub fn commit(&self, id: &ContainerId, options: &CommitOptions, stop: &Stop) -> Result<String> {
        container::commit::commit(&self.store, id, options, stop)
    }

    /// The image store.
    pub fn images(&self) -> Images {
        Images::new(&self.store)
    }

    /// Name of a container that uses an image id, if any. One with a damaged record may use any.
    pub fn image_user(&self, image_id: &str) -> Option<String> {
        record::find(&self.store, |record| record.uses_image(image_id))
    }

    /// Does a step to its end, on a thread where blocking is allowed.
    fn perform(&self, step: &Step, tell: &Tell) -> Result<()> {
        let store = &self.store;
        let mut note = |text: String| tell(Progress::Note(text));
        match step {
            Step::PullImage { .. } | Step::BuildImage { .. } | Step::PushImage { .. } => {
                images::perform(self, step, tell)
            }
            Step::CreateNetwork { spec } => net::create(store, spec).map(drop),
            Step::UpdateNetwork { spec } => net::update(store, spec),
            Step::RemoveNetwork { name } => {
                container::vacate::vacate(store, name)?;
                net::remove(store, name).and_then(|()| net::sweep(store))
            }
            Step::CreateVolume { spec } => volume::create(store, spec).map(drop),
            Step::RemoveVolume { name } => {
                observe::ensure_volume_unused(store, name)?;
                volume::remove(store, name)
            }
            Step::CreateContainer { id, spec, image_id } => {
                container::create::create(store, id, spec, image_id)
            }
            Step::StartContainer { id } => {
                container::start::start((store, &self.program), id, false, &mut note)
            }
            Step::StartAside { id } => container::start::start((store, &self.program), id, true, &mut note),
            Step::SwitchPorts { to, from } => container::switch::switch(store, to, from),
            Step::StopContainer { id, grace } => {
                container::stop::stop(store, id, *grace, &mut |how| tell(how))
            }
            Step::KillContainer { id, signal } => container::kill::kill(store, id, signal, &mut note),
            Step::PauseContainer { id } => container::pause::pause(store, id, &mut note),
            Step::UnpauseContainer { id } => container::pause::unpause(store, id, &mut note),
            Step::RemoveContainer { id } => container::remove::remove(store, id),
            Step::UpdateContainer { id, spec } => container::update::update(store, id, spec),
            Step::Await { .. } | Step::Drain { .. } | Step::Proceed { .. } => {
                Err(Error::new(Kind::Unsupported, "a wait is no act"))
            }
        }
    }
}

impl Engine for LinuxEngine {
    fn observe(&self, scope: &Scope) -> Result<Live> {
        observe::observe(&self.store, scope)
    }

    fn interrupt(&self) {
        self.builds.cancel();
        self.registries.stop.set();
    }

    async fn enact(&self, step: &Step, tell: Tell) -> Result<()> {
        match step {
            Step::Await { id, until, timeout } => {
                return container::wait::wait(&self.store, id, *until, *timeout, &tell).await;
            }
            Step::Drain { id, most } => return container::drain::drain(&self.store, id, *most, &tell).await,
            Step::Proceed { delay, .. } => {
                tokio::time::sleep(*delay).await;
                return Ok(());
            }
            _ => {}
        }
        // Stopping is mostly waiting for the process, and images bound their work themselves: they
        // take no worker's place.
        let worker = match step {
            Step::StopContainer { .. } | Step::KillContainer { .. } => None,
            _ if step.image().is_some() => None,
            _ => self.workers.clone().acquire_owned().await.ok(),
        };
        let is_transfer = matches!(step, Step::PullImage { .. } | Step::PushImage { .. });
        let (engine, step) = (self.clone(), step.clone());
        let act = move || {
            let _worker = worker;
            engine.perform(&step, &tell)
        };
        let panicked = || "do a step".to_owned();
        let done = tokio::task::spawn_blocking(act);
        tokio::select! {
            done = done => done.map_err(std::io::Error::other).doing(panicked)?,
            () = images::given_up(is_transfer.then_some(&self.registries.stop)) => Err(images::unheard()),
        }
    }
}
