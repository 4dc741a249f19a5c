//! Reading logs: of several containers, in the order of time, following them while they run.

mod source;

use self::source::Source;
use super::client;
use super::state::StateRecord;
use crate::error::{Context, Result};
use crate::store::Store;
use jiff::Timestamp;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use planner::ContainerId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How often followers look for supervisors that are new, in milliseconds.
const LOOK_MS: u16 = 500;

/// Which lines are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Go on with new lines until every container ended for good.
    pub follow: bool,
    /// Begin with so many of the last lines of each container. A line longer than 16 KiB counts
    /// once for each 16 KiB.
    pub tail: Option<usize>,
    /// Only lines from this time on.
    pub since: Option<Timestamp>,
    /// Only lines up to this time; who follows ends then.
    pub until: Option<Timestamp>,
}

impl LogOptions {
    /// Whether nothing more can come.
    fn is_over(&self) -> bool {
        self.until.is_some_and(|until| until < Timestamp::now())
    }
}

/// Which containers there are, asked again and again while following.
pub type Find<'a> = &'a dyn Fn() -> Result<Vec<ContainerId>>;

/// Which stream a line was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line that a container wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When the supervisor read it.
    pub time: Timestamp,
    /// Where it was written to.
    pub stream: Stream,
    /// The text without its line end; bytes that are no UTF-8 are replaced.
    pub text: String,
}

/// Receives lines; breaks to end.
pub type Sink<'a> = &'a mut dyn FnMut(&ContainerId, &LogLine) -> ControlFlow<()>;

/// Gives the lines of these containers to `sink` in the order of time. Blocks while following.
pub fn logs(store: &Store, ids: &[ContainerId], options: &LogOptions, sink: Sink) -> Result<()> {
    logs_of(store, &|| Ok(ids.to_vec()), options, sink)
}

/// The same for the containers that `find` gives, and those that it gives later.
pub fn logs_of(store: &Store, find: Find, options: &LogOptions, sink: Sink) -> Result<()> {
    let ids = find()?;
    // Watching begins before reading: no line can fall between the two.
    let mut watch = if options.follow { Some(Watch::new(store, &ids)?) } else { None };
    let mut merger = Merger::open(store, &ids, options)?;
    loop {
        // Asked before reading: the last lines are on disk before the end is told.
        let ended = watch.is_none() || merger.ids().all(|id| has_ended(store, id)) || options.is_over();
        if merger.drain(sink)?.is_break() {
            return Ok(());
        }
        let Some(watch) = &mut watch else { return Ok(()) };
        let is_time = ended || watch.has_looked();
        let mut joined = false;
        for id in if is_time { find()? } else { Vec::new() } {
            if merger.ids().all(|known| *known != id) {
                watch.add(&id);
                merger.add(store, &id)?;
                joined = true;
            }
        }
        if ended && !joined {
            return Ok(());
        }
        watch.wait()?;
    }
}

/// The last lines that a container wrote, for people who want to know why it failed.
pub fn last_lines(store: &Store, id: &ContainerId, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let options = LogOptions { tail: Some(count), ..LogOptions::default() };
    let read = logs(store, std::slice::from_ref(id), &options, &mut |_, line| {
        lines.push(line.text.clone());
        ControlFlow::Continue(())
    });
    // Evidence is an extra: a log that cannot be read must not hide the failure itself.
    read.map(|()| lines).unwrap_or_default()
}

fn has_ended(store: &Store, id: &ContainerId) -> bool {
    StateRecord::now(store, id).map_or(true, |state| !state.is_running())
}

/// Wakes when a log or a state record changes. Both are written by supervisors, so these are
/// asked; closing an inotify instance would cost 10 ms.
struct Watch<'a> {
    store: &'a Store,
    supervisors: Vec<(ContainerId, Option<UnixStream>)>,
    looked: Instant,
    fresh: bool,
}

impl<'a> Watch<'a> {
    fn new(store: &'a Store, ids: &[ContainerId]) -> Result<Self> {
        let supervisors = ids.iter().map(|id| (id.clone(), None)).collect();
        let mut watch = Self { store, supervisors, looked: Instant::now(), fresh: false };
        watch.look()?;
        Ok(watch)
    }

    /// One more, to be listened to from the next look on.
    fn add(&mut self, id: &ContainerId) {
        self.supervisors.push((id.clone(), None));
    }

    /// Whether it is time to look for what is new.
    fn is_due(&self) -> bool {
        self.looked.elapsed() >= Duration::from_millis(LOOK_MS.into())
    }

    /// Whether the last wait ended with a look for what is new.
    fn has_looked(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
    }

    /// Listens to supervisors that are new.
    fn look(&mut self) -> Result<()> {
        for (id, stream) in self.supervisors.iter_mut().filter(|(_, stream)| stream.is_none()) {
            *stream = client::follow(self.store, id)?;
        }
        self.looked = Instant::now();
        self.fresh = true;
        Ok(())
    }

    /// Returns after a change, or after a while: a supervisor that is killed says nothing, and
    /// there may be new ones.
    fn wait(&mut self) -> Result<()> {
        let streams = self.supervisors.iter().filter_map(|(_, stream)| stream.as_ref());
        let mut fds: Vec<_> = streams.map(|stream| PollFd::new(stream.as_fd(), PollFlags::POLLIN)).collect();
        match poll(&mut fds, PollTimeout::from(LOOK_MS)) {
            Ok(_) | Err(Errno::EINTR) => {}
            other => drop(other.doing(|| "wait for the logs".to_owned())?),
        }
        for (_, stream) in &mut self.supervisors {
            if stream.as_mut().is_some_and(has_ended_talking) {
                *stream = None;
            }
        }
        if self.is_due() { self.look() } else { Ok(()) }
    }
}

/// Takes what was said: what changed is found by reading the files.
fn has_ended_talking(stream: &mut UnixStream) -> bool {
    loop {
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

/// Several logs as one.
struct Merger {
    sources: Vec<(ContainerId, Source)>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Merger {
    fn open(store: &Store, ids: &[ContainerId], options: &LogOptions) -> Result<Self> {
        let open = |id: &ContainerId| {
            let source = Source::open(&store.log(id), options.tail);
            Ok((id.clone(), source.doing(|| format!("read the log of {}", id.name()))?))
        };
        let LogOptions { since, until, .. } = *options;
        Ok(Self { sources: ids.iter().map(open).collect::<Result<_>>()?, since, until })
    }

    fn ids(&self) -> impl Iterator<Item = &ContainerId> {
        self.sources.iter().map(|(id, _)| id)
    }

    /// One that came later, from its begin.
    fn add(&mut self, store: &Store, id: &ContainerId) -> Result<()> {
        let source = Source::open(&store.log(id), None);
        self.sources.push((id.clone(), source.doing(|| format!("read the log of {}", id.name()))?));
        Ok(())
    }

    /// Gives all lines that are there now. Only the next line of each log is held.
    fn drain(&mut self, sink: Sink) -> Result<ControlFlow<()>> {
        let mut heads: Vec<Option<LogLine>> = Vec::with_capacity(self.sources.len());
        let mut order = BinaryHeap::new();
        for index in 0..self.sources.len() {
            let head = self.next(index)?;
            order.extend(head.as_ref().map(|line| Reverse((line.time, index))));
            heads.push(head);
        }
        while let Some(Reverse((_, index))) = order.pop() {
            let next = self.next(index)?;
            order.extend(next.as_ref().map(|line| Reverse((line.time, index))));
            if let Some(line) = std::mem::replace(&mut heads[index], next)
                && sink(&self.sources[index].0, &line).is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn next(&mut self, index: usize) -> Result<Option<LogLine>> {
        let (id, source) = &mut self.sources[index];
        loop {
            let line = source.next_line().doing(|| format!("read the log of {}", id.name()))?;
            match line {
                Some(line) if self.since.is_some_and(|since| line.time < since) => {}
                Some(line) if self.until.is_some_and(|until| line.time > until) => {}
                line => return Ok(line),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn store_with(logs: &[(&str, &str)]) -> (tempfile::TempDir, Store, Vec<ContainerId>) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("root"), folder.path().join("run"));
        let mut ids = Vec::new();
        for (id, text) in logs {
            let id: ContainerId = id.parse().unwrap();
            fs::create_dir_all(store.container(&id)).unwrap();
            fs::write(store.log(&id), text).unwrap();
            ids.push(id);
        }
        (folder, store, ids)
    }

    fn at(second: u32, rest: &str) -> String {
        format!("2026-01-01T00:00:{second:02}.000000000Z {rest}\n")
    }

    fn collect(store: &Store, ids: &[ContainerId], options: &LogOptions) -> Vec<String> {
        let mut lines = Vec::new();
        logs(store, ids, options, &mut |id, line| {
            lines.push(format!("{} {}", id.slot, line.text));
            ControlFlow::Continue(())
        })
        .unwrap();
        lines
    }

    #[test]
    fn lines_of_several_containers_come_in_the_order_of_time() {
        let a = at(1, "stdout F one") + &at(4, "stdout F four");
        let b = at(2, "stderr F two") + &at(3, "stdout F three");
        let (_folder, store, ids) = store_with(&[("s.a.1.1", &a), ("s.b.1.1", &b)]);
        let all = ["a/1 one", "b/1 two", "b/1 three", "a/1 four"];
        assert_eq!(collect(&store, &ids, &LogOptions::default()), all);
        let since = LogOptions { since: Some("2026-01-01T00:00:03Z".parse().unwrap()), ..Default::default() };
        assert_eq!(collect(&store, &ids, &since), &all[2..]);
        let until = LogOptions { until: Some("2026-01-01T00:00:03Z".parse().unwrap()), ..Default::default() };
        assert_eq!(collect(&store, &ids, &until), &all[..3]);
        assert_eq!(collect(&store, &ids, &LogOptions { follow: true, ..until }), &all[..3]);
        let tail = LogOptions { tail: Some(1), ..Default::default() };
        assert_eq!(collect(&store, &ids, &tail), ["b/1 three", "a/1 four"]);
    }

    #[test]
    fn following_a_container_that_does_not_run_ends() {
        let (_folder, store, ids) = store_with(&[("s.a.1.1", &at(1, "stdout F one"))]);
        let follow = LogOptions { follow: true, ..Default::default() };
        assert_eq!(collect(&store, &ids, &follow), ["a/1 one"]);
        assert_eq!(last_lines(&store, &ids[0], 5), ["one"]);
    }

    #[test]
    fn who_follows_is_given_containers_that_came_later() {
        let (_folder, store, ids) =
            store_with(&[("s.a.1.1", &at(1, "stdout F one")), ("s.a.2.1", &at(2, "stdout F two"))]);
        let asked = std::cell::Cell::new(0);
        let find = || {
            asked.set(asked.get() + 1);
            Ok(ids[..ids.len().min(asked.get())].to_vec())
        };
        let mut lines = Vec::new();
        let follow = LogOptions { follow: true, ..Default::default() };
        logs_of(&store, &find, &follow, &mut |_, line| {
            lines.push(line.text.clone());
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(lines, ["one", "two"]);
    }

    #[test]
    fn a_reader_that_breaks_gets_no_more() {
        let text = at(1, "stdout F one") + &at(2, "stdout F two");
        let (_folder, store, ids) = store_with(&[("s.a.1.1", &text)]);
        let mut count = 0;
        logs(&store, &ids, &LogOptions::default(), &mut |_, _| {
            count += 1;
            ControlFlow::Break(())
        })
        .unwrap();
        assert_eq!(count, 1);
    }
}
