//! Leading names and ports from one container of a slot to another.

use super::client::Client;
use super::record;
use super::state::StateRecord;
use crate::error::{Error, Kind, Result};
use crate::net;
use crate::shim::wire::Request;
use crate::store::Store;
use planner::ContainerId;
use planner::live::State;
use std::time::Duration;

/// How long a supervisor may take to open or close its doors.
const PATIENCE: Duration = Duration::from_secs(10);

/// Leads names and ports to `to`, if it runs, and no longer to `from`. Connections go on. Idempotent.
pub fn switch(store: &Store, to: &ContainerId, from: &[ContainerId]) -> Result<()> {
    let record = record::read(store, to)?;
    let (state, live) = StateRecord::look(store, to)?;
    match live {
        State::Created => {
            let doing = format!("lead names and ports to {}: it does not run", to.name());
            return Err(Error::new(Kind::Container, doing).hint("run the command again"));
        }
        State::Exited { .. } => net::withdraw(store, to, from)?,
        _ => net::switch(store, (to, &record.spec), from, &state.ports)?,
    }
    // The new one opens its doors before the old ones close theirs.
    [to].into_iter().chain(from).try_for_each(|id| tell(store, id))
}

fn tell(store: &Store, id: &ContainerId) -> Result<()> {
    match Client::connect(store, id)? {
        Some(mut supervisor) => supervisor.call(&Request::Moved, PATIENCE, &mut drop),
        None => Ok(()),
    }
}
