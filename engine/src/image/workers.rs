//! A few threads for many pieces of work.

use crate::error::{Error, Kind, Result};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does the work for every piece, so many at once. Fails with the first error; what has not
/// begun by then does not begin.
pub(crate) fn for_each<T: Sync>(
    pieces: &[T],
    at_once: usize,
    work: impl Fn(&T) -> Result<()> + Sync,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    let has_failed = || failure.lock().unwrap_or_else(PoisonError::into_inner).is_some();
    let run = || {
        while !has_failed() {
            let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
            if let Err(error) = work(piece) {
                let mut kept = failure.lock().unwrap_or_else(PoisonError::into_inner);
                // What was stopped because of another failure says nothing.
                if kept.as_ref().is_none_or(|kept: &Error| kept.kind == Kind::Cancelled) {
                    *kept = Some(error);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..at_once.min(pieces.len()) {
            scope.spawn(run);
        }
    });
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}
