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
use std::time::Duration;

/// How long a supervisor whose container ended may take to end itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes every container off a network. One that runs or starts, of whatever stack, is a conflict.
pub fn vacate(store: &Store, network: &str) -> Result<()> {
    let on_it = |id: &ContainerId| {
        let record = record::read_or_guess(store, id).ok().flatten();
        record.is_some_and(|record| record.spec.is_on(network))
    };
    for id in record::ids(store).iter().filter(|id| on_it(id)) {
        let Some(_guard) = rest(store, id)? else {
            let doing = format!("network {network} is used by container {}", id.name());
            return Err(Error::new(Kind::Conflict, doing).hint("stop it first"));
        };
        net::disconnect(store, id)?;
    }
    Ok(())
}

/// Keeps a container from starting; `None` when it runs or is about to.
fn rest(store: &Store, id: &ContainerId) -> Result<Option<Guard>> {
    match StateRecord::now(store, id)? {
        state if state.is_running() => return Ok(None),
        State::Exited { .. } => drop(volatile::wait_for_supervisor(store, id, PATIENCE)?),
        _ => {}
    }
    Guard::try_take(store, id)
}
