//! Reading the journal: what is there, and what comes.

use super::Entry;
use crate::error::{Context, Result};
use crate::store::Store;
use jiff::Timestamp;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// What is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalOptions {
    /// What happened from then on; `None` is only what happens from now on.
    pub since: Option<Timestamp>,
    /// What happens before then; `None` has no end.
    pub until: Option<Timestamp>,
}

impl JournalOptions {
    fn fits(&self, entry: &Entry) -> bool {
        self.since.is_none_or(|since| entry.time >= since)
            && self.until.is_none_or(|until| entry.time < until)
    }
}

/// How long to wait where nobody can be woken: a user has a limited number of inotify instances.
const LOOK: Duration = Duration::from_millis(200);

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Gives entries to `sink` until the time is over or the sink breaks. Blocks.
pub fn read(
    store: &Store,
    options: &JournalOptions,
    sink: &mut dyn FnMut(&Entry) -> ControlFlow<()>,
) -> Result<()> {
    let doing = || format!("read {}", store.journal().display());
    // Before the first look, so that nothing is missed between.
    let watch = Watch::new(store);
    let mut tail = Tail::begin(store, options.since.is_some()).doing(doing)?;
    loop {
        let is_over = options.until.is_some_and(|until| until <= Timestamp::now());
        let entries = tail.entries(store).doing(doing)?;
        for entry in entries.iter().filter(|entry| options.fits(entry)) {
            if sink(entry).is_break() {
                return Ok(());
            }
        }
        if is_over {
            return Ok(());
        }
        watch.wait(options.until);
    }
}

/// The files that are still to be read, oldest first; the last one grows.
struct Tail {
    files: Vec<Open>,
}

struct Open {
    file: File,
    inode: u64,
    /// The beginning of a line.
    begun: Vec<u8>,
}

impl Open {
    fn at(path: &Path) -> io::Result<Option<Self>> {
        match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(file) => Ok(Some(Self { inode: file.metadata()?.ino(), file, begun: Vec::new() })),
        }
    }

    /// What has come since the last time. What is no whole entry is what remained of one.
    fn entries(&mut self, into: &mut Vec<Entry>) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        loop {
            let length = self.file.read(&mut chunk)?;
            if length == 0 {
                return Ok(());
            }
            self.begun.extend_from_slice(&chunk[..length]);
            let Some(end) = self.begun.iter().rposition(|byte| *byte == b'\n') else { continue };
            let lines: Vec<u8> = self.begun.drain(..=end).collect();
            into.extend(
                lines.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()),
            );
        }
    }
}

impl Tail {
    /// Both files from their beginning, or the newest from its end.
    fn begin(store: &Store, whole: bool) -> io::Result<Self> {
        if whole {
            return Ok(Self { files: both(store)? });
        }
        let mut newest = Open::at(&store.journal())?;
        newest.iter_mut().try_for_each(|newest| newest.file.seek(SeekFrom::End(0)).map(drop))?;
        Ok(Self { files: newest.into_iter().collect() })
    }

    fn entries(&mut self, store: &Store) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        loop {
            for open in &mut self.files {
                open.entries(&mut entries)?;
            }
            let last = self.files.last().map(|open| open.inode);
            let now = both(store)?;
            if now.last().map(|open| open.inode) == last {
                return Ok(entries);
            }
            // The one that was read last has got another name since, and has perhaps grown before.
            if let Some(open) = self.files.last_mut() {
                open.entries(&mut entries)?;
            }
            let known = now.iter().position(|open| Some(open.inode) == last);
            self.files = now.into_iter().skip(known.map_or(0, |known| known + 1)).collect();
        }
    }
}

/// The files that there are, opened in a moment in which none is renamed.
fn both(store: &Store) -> io::Result<Vec<Open>> {
    loop {
        let (newest, old) = (Open::at(&store.journal())?, Open::at(&store.old_journal())?);
        let inode = |open: &Option<Open>| open.as_ref().map(|open| open.inode);
        if newest.is_none() || inode(&newest) != inode(&old) {
            return Ok(old.into_iter().chain(newest).collect());
        }
    }
}

/// Wakes when something is written.
struct Watch(Option<Inotify>);

impl Watch {
    fn new(store: &Store) -> Self {
        let watch = || {
            let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok()?;
            let flags = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
            inotify.add_watch(store.journal().parent()?, flags).ok()?;
            Some(inotify)
        };
        Self(watch())
    }

    /// Until something is written, perhaps, or the time is over.
    fn wait(&self, until: Option<Timestamp>) {
        let left = until.map(|until| Duration::try_from(until.duration_since(Timestamp::now())));
        let left = left.map(std::result::Result::unwrap_or_default);
        let Some(inotify) = &self.0 else {
            return std::thread::sleep(left.map_or(LOOK, |left| left.min(LOOK)));
        };
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        // Woken for nothing we only look once more.
        let _ = poll(&mut [PollFd::new(inotify, PollFlags::IN)], timeout.as_ref());
        while inotify.read_events().is_ok_and(|events| !events.is_empty()) {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::write::tests::{place, tell};
    use super::*;
    use std::fs;
    use std::io::Write;

    fn replay(store: &Store) -> Vec<String> {
        let options = JournalOptions { since: Some(Timestamp::UNIX_EPOCH), until: Some(Timestamp::now()) };
        let mut names = Vec::new();
        read(store, &options, &mut |entry| {
            names.push(entry.id.clone());
            ControlFlow::Continue(())
        })
        .unwrap();
        names
    }

    #[test]
    fn all_that_is_kept_is_read_in_order() {
        let (_folder, store) = place();
        assert!(replay(&store).is_empty());
        tell(&store, &["a", "b", "c"], 150);
        assert_eq!(replay(&store), ["a", "b", "c"]);
    }

    #[test]
    fn half_a_line_costs_no_other_one() {
        let (_folder, store) = place();
        tell(&store, &["a"], u64::MAX);
        let mut file = File::options().append(true).open(store.journal()).unwrap();
        file.write_all(b"\n{\"time\":\"2026-0").unwrap();
        tell(&store, &["b"], u64::MAX);
        assert_eq!(replay(&store), ["a", "b"]);
    }

    #[test]
    fn what_comes_is_followed_through_every_new_file() {
        let (_folder, store) = place();
        tell(&store, &["before"], u64::MAX);
        let mut tail = Tail::begin(&store, false).unwrap();
        let mut next = |names: &[&str], most| {
            tell(&store, names, most);
            tail.entries(&store).unwrap().into_iter().map(|entry| entry.id).collect::<Vec<_>>()
        };
        assert_eq!(next(&["a"], u64::MAX), ["a"]);
        assert_eq!(next(&["b"], 1), ["b"]);
        assert_eq!(next(&["c"], 1), ["c"]);
        assert_eq!(next(&["d", "e"], u64::MAX), ["d", "e"]);
        assert_eq!(next(&["f"], 1), ["f"]);
        fs::remove_dir_all(store.journal().parent().unwrap()).unwrap();
        assert!(tail.entries(&store).unwrap().is_empty(), "it is gone");
    }

    #[test]
    fn who_follows_is_woken_and_the_time_ends() {
        let (_folder, store) = place();
        let until = Timestamp::now() + Duration::from_secs(60);
        let options = JournalOptions { since: None, until: Some(until) };
        let mut seen = Vec::new();
        std::thread::scope(|scope| {
            let told = &store;
            scope.spawn(move || {
                // Until it is seen: nobody tells when the other one has begun to listen.
                while !told.journal().with_extension("seen").exists() {
                    tell(told, &["a"], u64::MAX);
                }
            });
            read(&store, &options, &mut |entry| {
                seen.push(entry.id.clone());
                fs::write(store.journal().with_extension("seen"), "").unwrap();
                ControlFlow::Break(())
            })
            .unwrap();
        });
        assert_eq!(seen, ["a"]);
        let over = JournalOptions { since: Some(Timestamp::now()), until: Some(Timestamp::now()) };
        read(&store, &over, &mut |_| panic!("nothing happened between")).unwrap();
    }
}
