//! Looking at what a container is doing each time that it changes: woken by its supervisor, never
//! polling.

use super::client;
use super::state::StateRecord;
use crate::error::{Context, Result};
use crate::store::Store;
use planner::ContainerId;
use planner::live::State;
use std::io;
use std::time::Duration;
use tokio::net::UnixStream;

/// Between two looks at a container without a supervisor: its state is final or about to be.
const PAUSE: Duration = Duration::from_millis(5);

/// Shows the state to `judge` until it has an answer. Dropping the future ends the wait.
pub(super) async fn until<T>(
    store: &Store,
    id: &ContainerId,
    mut judge: impl FnMut(StateRecord, State) -> Result<Option<T>>,
) -> Result<T> {
    let doing = || format!("watch the supervisor of {}", id.name());
    loop {
        // Connected before the state is read: a change cannot fall between the two.
        let watch = client::watch(store, id)?.map(UnixStream::from_std).transpose().doing(doing)?;
        loop {
            let (state, live) = StateRecord::look(store, id)?;
            if let Some(answer) = judge(state, live)? {
                return Ok(answer);
            }
            // Without a supervisor one more look tells.
            let Some(watch) = &watch else { break };
            if !changed(watch).await.doing(doing)? {
                break;
            }
        }
        if watch.is_none() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Waits for word from the supervisor; `false` when it ended.
async fn changed(watch: &UnixStream) -> io::Result<bool> {
    loop {
        watch.readable().await?;
        match watch.try_read(&mut [0; 1024]) {
            Ok(length) => return Ok(length > 0),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}
