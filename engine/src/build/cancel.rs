//! A wish to stop that threads can wait for beside pipes and processes.

use crate::error::{Context, Error, Kind, Result};
use crate::sys::event;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// Cancels a build. Clones are one and the same; once cancelled it stays so.
#[derive(Clone, Debug)]
pub struct Cancel(Arc<OwnedFd>);

impl Cancel {
    /// Not cancelled yet.
    pub fn new() -> Result<Self> {
        let counter = event::counter().doing(|| "make an event counter".to_owned())?;
        Ok(Self(Arc::new(counter)))
    }

    /// Cancels. May be called from any thread, and more than once.
    pub fn cancel(&self) {
        // A counter that is full already says so, too.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }

    /// Whether somebody cancelled.
    pub fn is_cancelled(&self) -> bool {
        let mut look = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut look, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
    }

    /// Fails when somebody cancelled.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            Err(Error::new(Kind::Cancelled, "the build was interrupted"))
        } else {
            Ok(())
        }
    }
}

/// Readable once it is cancelled.
impl AsFd for Cancel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_cancelled_for_all_clones() {
        let cancel = Cancel::new().unwrap();
        let other = cancel.clone();
        assert!(!other.is_cancelled() && other.check().is_ok());
        cancel.cancel();
        cancel.cancel();
        assert!(other.is_cancelled() && other.is_cancelled());
        assert_eq!(other.check().unwrap_err().kind, Kind::Cancelled);
    }
}
