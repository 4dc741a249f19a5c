//! Taking the containers that do not run off a network that is about to go.

use super::guard::Guard;
use super::record;
use super::state::StateRecord;
use super::volatile;
use crate::error::{Error, Kind, Result};
use crate::net;
use crate::store::Store;
use planner::ContainerId;
use planner::live::State;
use std::time::{Duration, Instant};

/// How long a supervisor whose container ended may take to end itself, and who removes a container to
/// do so.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes every container off a network. One that runs or starts, of whatever stack, is a conflict.
pub fn vacate(store: &Store, network: &str) -> Result<()> {
    let on_it = |id: &ContainerId| {
        let record = record::read_or_guess(store, id).ok().flatten();
        record.is_some_and(|record| record.spec.is_on(network))
    };
    for id in record::ids(store).iter().filter(|id| on_it(id)) {
        match rest(store, id)? {
            Rest::Ours(_guard) => net::disconnect(store, id)?,
            Rest::Gone => {}
            Rest::Runs => {
                let doing = format!("network {network} is used by container {}", id.name());
                return Err(Error::new(Kind::Conflict, doing).hint("stop it first"));
            }
        }
    }
    Ok(())
}

/// What a container does while its network goes.
enum Rest {
    /// Nothing, and it cannot start as long as this is held.
    Ours(Guard),
    /// Somebody removed it meanwhile.
    Gone,
    /// It runs, or is about to.
    Runs,
}

/// Keeps a container from starting. Somebody else may be removing it at this very moment.
fn rest(store: &Store, id: &ContainerId) -> Result<Rest> {
    let began = Instant::now();
    loop {
        match StateRecord::now(store, id)? {
            state if state.is_running() => return Ok(Rest::Runs),
            State::Exited { .. } => drop(volatile::wait_for_supervisor(store, id, PATIENCE)?),
            _ => {}
        }
        match Guard::try_take(store, id) {
            Ok(Some(guard)) => return Ok(Rest::Ours(guard)),
            Ok(None) if began.elapsed() > PATIENCE => return Ok(Rest::Runs),
            Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            Err(_) if !store.container(id).exists() => return Ok(Rest::Gone),
            Err(error) => return Err(error),
        }
    }
}
