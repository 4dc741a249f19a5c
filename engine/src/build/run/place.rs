//! Which of the `RUN`s that go on at the same time this one is: a number that nobody else has, for
//! its control group and its address.

use crate::build::run::network;
use crate::cgroup::{Group, Hierarchy};
use crate::error::{Context, Error, Kind, Result};
use crate::net;
use crate::store::{Lock, Store};
use planner::ContainerId;
use planner::desired::{Limits, Slot};
use std::fs;

/// No stack has a name like it.
const STACK: &str = "_build";
/// What the locks are called, with the number behind.
const LOCK: &str = "build-run-";
/// More at the same time are refused.
const PLACES_MAX: u32 = 1000;

/// One place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    store: Store,
    pub(super) id: ContainerId,
    _lock: Lock,
}

impl Place {
    /// Takes the first that is free, and clears away what a `RUN` that was killed left there.
    pub(super) fn take(store: &Store) -> Result<Self> {
        for number in 1..=PLACES_MAX {
            if let Some(place) = Self::try_take(store, number)? {
                place.clear()?;
                return Ok(place);
            }
        }
        Err(Error::new(Kind::Conflict, format!("{PLACES_MAX} RUN instructions are executed already")))
    }

    fn try_take(store: &Store, number: u32) -> Result<Option<Self>> {
        let lock = Lock::try_take(store, &format!("{LOCK}{number}"))?;
        Ok(lock.map(|lock| Self { store: store.clone(), id: id(number), _lock: lock }))
    }

    /// Its control group, made with these limits.
    pub(super) fn group(&self, limits: &Limits) -> Result<Group> {
        let group = self.bare_group()?;
        group.create(limits)?;
        Ok(group)
    }

    fn bare_group(&self) -> Result<Group> {
        Ok(Group::new(&Hierarchy::detect()?, &self.store.tag(), &self.id))
    }

    fn clear(&self) -> Result<()> {
        let group = self.bare_group()?;
        group.kill()?;
        group.remove()?;
        net::forget(&self.store, &self.id)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot be cleared away now is tried again by who takes the place next.
        let _ = self.clear();
    }
}

fn id(number: u32) -> ContainerId {
    ContainerId {
        stack: STACK.to_owned(),
        slot: Slot { service: "run".to_owned(), index: number },
        generation: 1,
    }
}

/// Clears away what `RUN`s that were killed left: control groups, addresses, the network.
pub fn sweep(store: &Store) -> Result<()> {
    let locks = store.lock("");
    let doing = || format!("list {}", locks.display());
    for entry in fs::read_dir(&locks).doing(doing)? {
        let name = entry.doing(doing)?.file_name();
        let number =
            name.to_str().and_then(|name| name.strip_prefix(LOCK)).and_then(|text| text.parse().ok());
        if let Some(number) = number {
            drop(Place::try_take(store, number)?);
        }
    }
    network::sweep(store)
}
