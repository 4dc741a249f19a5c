//! Letting a container stand still, and go on.

use super::client::Client;
use super::record;
use super::state::StateRecord;
use super::volatile;
use crate::error::{Error, Kind, Result};
use crate::shim::wire::Request;
use crate::store::Store;
use planner::ContainerId;
use planner::live::State;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// Stops every process of it where it is. Afterwards none of them runs. Idempotent.
pub fn pause(store: &Store, id: &ContainerId, tell: &mut dyn FnMut(String)) -> Result<()> {
    let Some(mut supervisor) = Client::connect(store, id)? else {
        return Err(match StateRecord::now(store, id)? {
            State::Unsupervised => Error::new(
                Kind::Container,
                format!("the supervisor of container {} is gone", record::called(store, id)),
            )
            .hint("`sampan start` gives it a new one"),
            _ => {
                Error::new(Kind::Container, format!("container {} is not running", record::called(store, id)))
            }
        });
    };
    supervisor.call(&Request::Pause { paused: true }, PATIENCE, tell)?;
    volatile::group(store, id)?.frozen().or_else(|error| {
        // Half of it standing still helps nobody.
        supervisor.call(&Request::Pause { paused: false }, PATIENCE, tell)?;
        Err(error)
    })
}

/// Lets it go on where it stopped. Idempotent. Without a supervisor the kernel is asked directly.
pub fn unpause(store: &Store, id: &ContainerId, tell: &mut dyn FnMut(String)) -> Result<()> {
    let group = volatile::group(store, id)?;
    if let Some(mut supervisor) = Client::connect(store, id)? {
        supervisor.call(&Request::Pause { paused: false }, PATIENCE, tell)?;
    } else if group.is_frozen() {
        group.thaw()?;
    }
    group.thawed()
}
