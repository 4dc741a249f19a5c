//! The supervisor itself: what it holds, how it begins, what it does about each event.

use super::birth::{self, Place, Rootfs};
use super::control::{ConnectionId, Control};
use super::first::{End, First};
use super::input::Input;
use super::machine::{Action, Machine, Phase};
use super::monitor::Monitor;
use super::oom::OomNotice;
use super::order::Order;
use super::prepare::Preparation;
use super::pressure::PressureNotice;
use super::pump::Pump;
use super::ready::Made;
use super::wire::Reply;
use crate::cgroup::Group;
use crate::container::guard::Guard;
use crate::container::state::{ProcessKey, StateRecord, Status, UNKNOWN_CODE};
use crate::container::stop::Advice;
use crate::container::{ContainerRecord, record, remove, volatile};
use crate::error::{Context, Error, Kind, Result};
use crate::journal::Entry;
use crate::net::{self, HeldPort, Proxy, dns::Responder};
use crate::sandbox::{Unborn, User};
use crate::store::Store;
use jiff::Timestamp;
use nix::libc;
use planner::ContainerId;
use planner::live::Health;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// Supervises one container. Single-threaded; nothing in it blocks for long.
pub struct Supervisor {
    pub(super) store: Store,
    pub(super) id: ContainerId,
    pub(super) record: ContainerRecord,
    pub(super) state: StateRecord,
    pub(super) clock: Instant,
    pub(super) machine: Machine,
    pub(super) first: Option<First>,
    /// Of the process before it.
    pub(super) remains: Option<File>,
    pub(super) rootfs: Rootfs,
    pub(super) user: User,
    pub(super) group: Group,
    pub(super) pump: Pump,
    pub(super) input: Input,
    pub(super) control: Control,
    /// None in a network that is another's.
    pub(super) names: Option<Responder>,
    /// None without ports that need it.
    pub(super) proxy: Option<Proxy>,
    pub(super) monitor: Option<Monitor>,
    pub(super) oom: OomNotice,
    pub(super) pressure: Option<PressureNotice>,
    pub(super) preparation: Preparation,
    /// Who asked to stop, with what grace.
    pub(super) stoppers: Vec<ConnectionId>,
    pub(super) stop: Option<(Duration, Option<Advice>)>,
    /// Until then what the process prints and how it ends is kept for who is about to attach.
    pub(super) awaits: Option<Duration>,
    /// Since when everything stands still.
    pub(super) paused_at: Option<Duration>,
    pub(super) ports: Vec<HeldPort>,
    _guard: Guard,
}

fn responder(store: &Store, id: &ContainerId, record: &ContainerRecord) -> Result<Option<Responder>> {
    let own = record.spec.network_mode.is_own();
    own.then(|| Responder::open(store, id, &record.spec)).transpose()
}

impl Supervisor {
    /// Takes the container, then starts or adopts its process. What the `command` says of the
    /// network and control groups that it makes is waited for only where they are needed.
    pub fn begin(order: Order, command: BorrowedFd<'_>) -> Result<Self> {
        let Order { store, id, adopt } = order;
        let guard = Guard::inherit(&store, &id)?;
        let me = ProcessKey::of(std::process::id().cast_signed());
        me.as_ref().map_or(Ok(()), |me| guard.sign(me))?;
        let state =
            if adopt { StateRecord::read(&store, &id)?.unwrap_or_default() } else { StateRecord::default() };
        // Who was asked to end it is gone with the request.
        let state = StateRecord { shim: me, requested: false, ..state };
        state.write(&store, &id)?;
        let record = record::read(&store, &id)?;
        let group = volatile::group(&store, &id)?;
        let known = if adopt { state.ports.clone() } else { Vec::new() };
        let ports = net::hold_ports(&store, &id, &record.spec, &known)?;
        let (pump, control) =
            (Pump::open(&store, &id, record.spec.tty, record.spec.logging)?, Control::listen(&store, &id)?);
        let mut input = Input::default();
        let mut rootfs = Rootfs::of(&store, &id, &record)?;
        let mut unborn = None;
        if !adopt {
            rootfs.mount()?;
            Made::Groups.wait(command)?;
            let place = Place { rootfs: &mut rootfs, pump: &pump, input: &mut input, group: &group };
            let (user, child) = birth::conceive(&store, &id, &record, place)?;
            Made::Network.wait(command)?;
            unborn = Some((user, child.enter_network()?));
        }
        let proxy = net::publish_held(&store, &id, &ports)?;
        let mut supervisor = Self {
            machine: Machine::running(record.spec.restart, state.restarts, Duration::ZERO),
            names: responder(&store, &id, &record)?,
            proxy,
            oom: OomNotice::new(&group),
            pressure: None,
            preparation: Preparation::default(),
            clock: Instant::now(),
            first: None,
            remains: None,
            rootfs,
            pump,
            input,
            control,
            user: User::default(),
            monitor: None,
            stoppers: Vec::new(),
            stop: None,
            awaits: None,
            paused_at: None,
            _guard: guard,
            store,
            id,
            record,
            state,
            group,
            ports,
        };
        match unborn {
            Some((user, child)) => {
                supervisor.bear(user, child)?;
                supervisor.await_company();
            }
            None => supervisor.adopt()?,
        }
        Ok(supervisor)
    }

    /// Time since the supervisor began.
    pub(super) fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Whether who started it is about to attach.
    pub(super) fn is_awaited(&self) -> bool {
        self.record.spec.one_off.is_some_and(|one_off| one_off.awaited)
    }

    /// Whether what is typed is for the process.
    pub(super) fn has_input(&self) -> bool {
        self.record.spec.stdin_open
    }

    /// Whether there is nothing left to do.
    pub fn is_over(&self) -> bool {
        self.machine.phase() == Phase::Ended
    }

    fn adopt(&mut self) -> Result<()> {
        let first = self.state.process.as_ref().and_then(First::adopted);
        let first = first.ok_or_else(|| {
            Error::new(Kind::Container, format!("container {} ended before it was adopted", self.id.name()))
        })?;
        self.user = User::lookup_in(first.pid(), &self.record.process.user, &self.record.spec.group_add)?;
        self.first = Some(first);
        let (keeper, tty) = (self.state.keeper.as_ref(), self.record.spec.tty);
        let adopted = self.input.adopt((&self.store, &self.id), keeper, tty);
        let taken = adopted.and_then(|terminal| terminal.map_or(Ok(()), |it| self.pump.take_terminal(it)));
        if let Err(error) = taken {
            // Better looked after without it than not at all.
            self.pump.note(&error.chain());
        }
        self.watch_health(self.state.health);
        self.state.paused = self.group.is_frozen();
        self.paused_at = self.state.paused.then(|| self.now());
        self.pump.note("the supervisor was gone; a new one has taken over");
        self.runs()
    }

    /// Starts the process again.
    fn start(&mut self) -> Result<()> {
        let (pump, input, group) = (&self.pump, &mut self.input, &self.group);
        let place = Place { rootfs: &mut self.rootfs, pump, input, group };
        let (user, child) = birth::conceive(&self.store, &self.id, &self.record, place)?;
        self.bear(user, child.enter_network()?)
    }

    /// Lets the process become its program.
    fn bear(&mut self, user: User, child: Unborn) -> Result<()> {
        self.user = user;
        let terminal = child.take_terminal().map(File::from);
        // Written before it runs: should we be killed, whoever comes next finds it and adopts it.
        let first = child.bear(|child| {
            if let Some(terminal) = terminal {
                let copy = terminal.try_clone().doing(|| "copy the terminal".to_owned())?;
                self.pump.take_terminal(copy)?;
                self.input.terminal(terminal);
            }
            self.state.keeper = self.input.keep(child.pidfd.as_fd())?;
            self.state.process = ProcessKey::of(child.pid);
            self.state.started_at = Some(Timestamp::now());
            self.state.health = Health::None;
            self.state.write(&self.store, &self.id)
        })?;
        self.first = Some(First::born(first));
        self.watch_health(Health::None);
        self.runs()?;
        self.happened("start").tell(&self.store);
        Ok(())
    }

    pub(super) fn runs(&mut self) -> Result<()> {
        self.watch_pressure();
        self.state.status = Status::Running;
        self.state.restarts = self.machine.restarts();
        self.state.ports = self.ports.iter().map(|port| port.published.clone()).collect();
        let written = self.state.write(&self.store, &self.id);
        self.control.changed();
        // A process that nobody knows of must not stay.
        written.inspect_err(|_| self.signal(libc::SIGKILL))
    }

    /// Writes the state and tells those who watch. It fails when the runtime folder was wiped;
    /// the container goes on without.
    pub(super) fn save(&mut self) {
        let _ = self.state.write(&self.store, &self.id);
        self.control.changed();
    }

    pub(super) fn signal(&self, number: i32) {
        if let Some(first) = &self.first {
            first.signal(number);
        }
    }

    /// Something happened that the journal tells of.
    pub(super) fn happened(&self, action: &str) -> Entry {
        Entry::container(&self.id, &self.record.spec, action)
    }

    /// Sends a signal that somebody asked for.
    pub(super) fn send(&self, number: i32) {
        self.happened("kill").with("signal", number.to_string()).tell(&self.store);
        self.signal(number);
    }

    /// Does what the machine says.
    pub(super) fn perform(&mut self, action: Option<Action>) {
        match action {
            Some(Action::Start) => self.start_again(),
            Some(Action::Signal) => self.send(self.record.process.stop_signal),
            Some(Action::Kill) => self.send(libc::SIGKILL),
            Some(Action::Finish) | None => {}
        }
    }

    fn start_again(&mut self) {
        self.reread();
        // Before Linux 6.15 the root file system is mounted again, which is not to be mounted twice.
        self.remains = None;
        if let Err(error) = self.start() {
            let code = if error.kind == Kind::NotFound { 127 } else { 126 };
            let text = error.chain();
            self.pump.note(&format!("cannot be started again: {text}"));
            self.state.reason = Some(text);
            self.first = None;
            self.over(code);
        } else {
            self.preparation = Preparation::of(&self.record.spec.post_start);
            self.prepare();
        }
    }

    /// The record may have been changed in place.
    pub(super) fn reread(&mut self) {
        if let Ok(record) = record::read(&self.store, &self.id) {
            self.machine.set_policy(record.spec.restart, record.spec.restart_pace);
            self.record = record;
        }
    }

    /// The grace of a stop that nobody asked for: the host goes down.
    pub(super) fn own_grace(&self) -> Duration {
        self.record.spec.stop_grace_period
    }

    /// The first process may have ended.
    pub(super) fn look(&mut self) {
        let now = self.now();
        let Some(end) = self.first.as_mut().and_then(|first| first.end(now)) else { return };
        self.drain();
        self.check_oom();
        self.remains = self.first.take().and_then(First::remains);
        self.monitor = None;
        self.preparation = Preparation::default();
        self.end_all();
        self.pressure = None;
        self.state.reason = self.reason(end);
        self.over(end.code);
    }

    /// In a pid namespace of its own the kernel has ended all others with the first process.
    fn end_all(&self) {
        if !self.record.spec.namespaces.pid.is_own() {
            // What cannot be killed now is killed when the container is taken down.
            let _ = self.group.kill();
        }
    }

    fn reason(&self, end: End) -> Option<String> {
        if end.unknown {
            return Some("its exit code is unknown: it ended while its supervisor was gone".to_owned());
        }
        let (grace, advice) = self.stop.as_ref()?;
        let killed = self.machine.had_to_kill() && !grace.is_zero();
        advice.as_ref().filter(|_| killed).map(|advice| advice.killed(*grace))
    }

    /// The process is no more: once again, or for good.
    fn over(&mut self, code: i32) {
        self.state.finished_at = Some(Timestamp::now());
        self.state.exit_code = Some(code);
        self.state.process = None;
        self.tell_death(code);
        // A process that was killed while it stood still leaves a place in which none could start.
        let _ = self.unpause();
        self.reread();
        let now = self.now();
        let action = self.machine.ended(now, code);
        self.perform(action);
        if !self.is_over() {
            self.state.status = Status::Restarting;
            self.state.restarts = self.machine.restarts();
            self.save();
        }
    }

    fn tell_death(&self, code: i32) {
        let mut entry = self.happened("die").with("exitCode", code.to_string());
        if let (Some(began), Some(ended)) = (self.state.started_at, self.state.finished_at) {
            entry = entry.with("execDuration", ended.duration_since(began).as_secs().to_string());
        }
        if let Some(reason) = &self.state.reason {
            entry = entry.with("reason", reason);
        }
        entry.tell(&self.store);
    }

    /// When [`Supervisor::tick`] has something to do.
    pub(super) fn due(&self) -> Option<Duration> {
        let monitor = self.monitor.as_ref().filter(|_| self.checks_health());
        let first = self.first.as_ref();
        let pressure = self.pressure.as_ref().filter(|_| self.paused_at.is_none());
        [
            self.awaits,
            self.machine.due(),
            monitor.and_then(Monitor::due),
            first.and_then(First::due),
            self.oom.due(),
            pressure.and_then(PressureNotice::due),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Time has passed.
    pub(super) fn tick(&mut self) {
        let now = self.now();
        self.await_no_longer_than(now);
        let action = self.machine.tick(now);
        self.perform(action);
        if self.first.as_ref().and_then(First::due).is_some_and(|due| due <= now) {
            self.look();
        }
        if self.oom.due().is_some_and(|due| due <= now) {
            self.check_oom();
        }
        if self.pressure.as_ref().and_then(PressureNotice::due).is_some_and(|due| due <= now) {
            self.look_at_memory();
            self.pressure_progress();
        }
        self.tick_monitor(now);
    }

    /// The container ended for good: says so, then takes down what is volatile. Who waits for the
    /// end is told first; who wants to start again waits for our end.
    pub fn finish(mut self) {
        self.state.status = Status::Exited;
        self.state.requested = self.machine.is_stopping();
        self.state.health = Health::None;
        self.state.process = None;
        if let Some(reason) = self.state.reason.clone().filter(|_| self.machine.had_to_kill()) {
            self.stoppers.iter().for_each(|to| self.control.reply(*to, &Reply::Note(reason.clone())));
        }
        self.save();
        if self.state.requested {
            self.happened("stop").tell(&self.store);
        }
        self.remains = None;
        // What cannot be taken down now is taken down by the next start, stop or removal.
        let _ = volatile::take_down(&self.store, &self.id);
        self.stoppers.iter().for_each(|to| self.control.reply(*to, &Reply::Done));
        if self.record.spec.one_off.is_some_and(|one_off| one_off.remove) {
            // What cannot be removed now is removed by `down`.
            let _ = remove::discard(&self.store, &self.id, &self.record);
            let groups = volatile::supervisors(&self.store);
            let _ = groups.map(|groups| {
                groups.leave();
                groups.remove();
            });
        }
        self.control.farewell(self.state.exit_code.unwrap_or(UNKNOWN_CODE));
    }
}
