//! Which stacks there are, and whose they are.

use crate::container::guard::Guard;
use crate::container::record;
use crate::container::state::Status;
use crate::container::{ProcessKey, StateRecord, create};
use crate::error::{Context, Error, Kind, Result};
use crate::store::{self, Lock, LockKind, Store};
use crate::{net, volume};
use planner::ContainerId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Whose a stack is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The project directory, absolute.
    pub directory: PathBuf,
    /// The stack files, absolute.
    pub files: Vec<PathBuf>,
    /// The process for whose life the stack is there, when it is not there to stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lives_with: Option<ProcessKey>,
}

impl Owner {
    /// Whether the stack should be gone: the process that it was there for has ended.
    pub fn has_ended(&self) -> bool {
        self.lives_with.as_ref().is_some_and(|process| !process.is_alive())
    }
}

/// What there is to say about one stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackStatus {
    /// Its name.
    pub name: String,
    /// Whose it is, if that is known.
    pub owner: Option<Owner>,
    /// Containers whose process exists.
    pub running: usize,
    /// All its containers.
    pub total: usize,
}

/// Takes a stack for a project directory. It is refused while containers of another project
/// directory, which still exists, have the name.
pub fn claim(store: &Store, stack: &str, owner: &Owner) -> Result<()> {
    let path = store.stack(stack);
    let there: Option<Owner> = store::read_whole(&path)?;
    match there {
        Some(there) if there == *owner => return Ok(()),
        Some(there) if there.directory != owner.directory && is_inhabited(store, stack, &there) => {
            let text = format!("stack {stack} belongs to {}", there.directory.display());
            return Err(Error::new(Kind::Conflict, text)
                .hint("choose another name with `-p NAME`, or take that stack down first"));
        }
        _ => {}
    }
    // Not forced to the disk: what a power cut loses or damages the next `up` writes again.
    store::write(&path, owner)
}

fn is_inhabited(store: &Store, stack: &str, owner: &Owner) -> bool {
    owner.directory.exists() && !record::ids_of(store, stack).is_empty()
}

/// Locks stay for ever: containers without a stack file, which come and go, share a few.
fn lock_name(stack: &str) -> String {
    let name: String =
        stack.chars().take(if ContainerId::is_alone(stack) { 3 } else { usize::MAX }).collect();
    format!("stack-{name}")
}

/// Gives a stack back. Idempotent.
pub fn release(store: &Store, stack: &str) -> Result<()> {
    store::remove_optional(&store.stack(stack))
}

/// Whether somebody has the stack, or was about to take it when interrupted.
pub fn is_claimed(store: &Store, stack: &str) -> bool {
    store::is_begun(&store.stack(stack))
}

/// All stacks that are claimed or have a container, by name.
pub fn list(store: &Store) -> Result<Vec<StackStatus>> {
    let mut stacks: BTreeMap<String, StackStatus> = BTreeMap::new();
    let claimed = fs::read_dir(store.stacks()).doing(|| "list stacks".to_owned())?.flatten();
    for entry in claimed {
        if let Some(name) = entry.file_name().to_str().and_then(|name| name.strip_suffix(".json")) {
            stacks.insert(name.to_owned(), StackStatus::named(name, store::read_whole(&entry.path())?));
        }
    }
    for id in record::ids(store) {
        let status = stacks.entry(id.stack.clone()).or_insert_with(|| StackStatus::named(&id.stack, None));
        status.total += 1;
        status.running += usize::from(StateRecord::now(store, &id)?.is_running());
    }
    Ok(stacks.into_values().collect())
}

impl StackStatus {
    fn named(name: &str, owner: Option<Owner>) -> Self {
        Self { name: name.to_owned(), owner, running: 0, total: 0 }
    }
}

/// How long a supervisor that was left by a killed command may take to say that it is there. When
/// its runtime folder was wiped it never will.
const NAMELESS: Duration = Duration::from_millis(500);

/// How long it may then take to start its container.
const STARTING: Duration = Duration::from_secs(10);

/// Waits until each supervisor that a killed command has just started says what became of it:
/// only then can be told which containers run.
fn settle(store: &Store, stack: &str) -> Result<()> {
    let began = Instant::now();
    for id in record::ids_of(store, stack) {
        while patience(store, &id)?.is_some_and(|patience| began.elapsed() < patience) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(())
}

/// How long the supervisor of this container is worth waiting for; `None` when there is none or
/// it has said what it does.
fn patience(store: &Store, id: &ContainerId) -> Result<Option<Duration>> {
    let patience = match StateRecord::read(store, id)?.map(|state| state.status) {
        None => NAMELESS,
        Some(Status::Starting) => STARTING,
        Some(_) => return Ok(None),
    };
    Ok(Guard::is_held(store, id)?.then_some(patience))
}

/// Waits until the stack is ours alone, then sweeps what interrupted commands left half made.
pub fn lock(store: &Store, stack: &str) -> Result<Lock> {
    let lock = Lock::take(store, &lock_name(stack), LockKind::Exclusive)?;
    settle(store, stack)?;
    create::sweep(store, stack)?;
    volume::sweep(store)?;
    net::sweep_records(store)?;
    repair_networks(store, stack)?;
    Ok(lock)
}

/// Makes damaged records of the stack's networks anew: of those that its containers are on, and of
/// those that nobody is on and that have its name.
fn repair_networks(store: &Store, stack: &str) -> Result<()> {
    for network in net::damaged(store)? {
        let is_user = |id: &ContainerId| {
            let record = record::read_optional(store, id).ok().flatten();
            record.is_some_and(|record| record.spec.is_on(&network))
        };
        let users: Vec<ContainerId> = record::ids(store).into_iter().filter(is_user).collect();
        let has_name = || network.strip_prefix(stack).is_some_and(|rest| rest.starts_with('_'));
        if users.iter().any(|id| id.stack == stack) || users.is_empty() && has_name() {
            net::repair(store, &network, stack)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_with_containers_is_not_given_to_another_directory() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("root"), folder.path().join("run"));
        store.prepare().unwrap();
        let owner = |name: &str| {
            let directory = folder.path().join(name);
            fs::create_dir_all(&directory).unwrap();
            Owner { files: vec![directory.join("compose.yaml")], directory, lives_with: None }
        };
        let (ours, theirs) = (owner("ours"), owner("theirs"));
        claim(&store, "shop", &ours).unwrap();
        claim(&store, "shop", &theirs).unwrap();
        fs::create_dir_all(store.container(&"shop.web.1.1".parse().unwrap())).unwrap();
        let error = claim(&store, "shop", &ours).unwrap_err();
        assert_eq!(error.kind, Kind::Conflict);
        assert!(error.doing.contains("theirs"), "{error}");
        let stacks = list(&store).unwrap();
        assert_eq!((stacks.len(), stacks[0].total, stacks[0].running), (1, 1, 0));
        assert_eq!(stacks[0].owner.as_ref(), Some(&theirs));
        fs::remove_dir(&theirs.directory).unwrap();
        claim(&store, "shop", &ours).unwrap();
        release(&store, "shop").unwrap();
        release(&store, "shop").unwrap();
        assert_eq!(list(&store).unwrap()[0].owner, None);
    }
}
