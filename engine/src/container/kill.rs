//! Sending a signal to a container's first process.

use super::client::Client;
use super::handle::Handle;
use super::record;
use super::signal;
use super::state::StateRecord;
use super::stop;
use crate::Progress;
use crate::error::{Context, Error, Kind, Result};
use crate::shim::wire::Request;
use crate::store::Store;
use planner::ContainerId;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// Sends the signal. `KILL` is a stop without grace: the container ends for good, whatever its
/// restart policy says.
pub fn kill(store: &Store, id: &ContainerId, name: &str, tell: &mut dyn FnMut(String)) -> Result<()> {
    let number = signal::number(name);
    let number = number.ok_or_else(|| Error::new(Kind::Unsupported, format!("`{name}` is not a signal")))?;
    if number == nix::libc::SIGKILL {
        return stop::stop(store, id, Duration::ZERO, &mut |how| {
            if let Progress::Note(note) = how {
                tell(note);
            }
        });
    }
    if let Some(mut supervisor) = Client::connect(store, id)? {
        return supervisor.call(&Request::Signal { name: name.to_owned() }, PATIENCE, tell);
    }
    let state = StateRecord::read(store, id)?;
    let process = state.and_then(|state| state.process).as_ref().and_then(Handle::open);
    let process = process.ok_or_else(|| {
        Error::new(Kind::Container, format!("container {} is not running", record::called(store, id)))
    })?;
    process.signal(number).doing(|| format!("send {} to {}", signal::name(number), record::called(store, id)))
}
