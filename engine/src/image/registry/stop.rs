//! A wish to end transfers early.

use crate::error::{Error, Kind, Result};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How soon somebody who sleeps notices.
const LOOK: Duration = Duration::from_millis(50);

/// Ends transfers. Clones are one and the same; once set it stays so.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Wish>);

#[derive(Debug, Default)]
struct Wish {
    is_set: AtomicBool,
    told: Notify,
}

impl Stop {
    /// Asks for the end. May be called from any thread, and more than once.
    pub fn set(&self) {
        self.0.is_set.store(true, Ordering::Release);
        self.0.told.notify_waiters();
    }

    /// Whether somebody asked for it.
    pub fn is_set(&self) -> bool {
        self.0.is_set.load(Ordering::Acquire)
    }

    /// Fails when somebody asked for it; `what` says what was being done.
    pub(crate) fn check(&self, what: &str) -> Result<()> {
        match self.is_set() {
            true => Err(Error::new(Kind::Cancelled, format!("{what}: interrupted"))),
            false => Ok(()),
        }
    }

    /// Ends when somebody asks for it.
    pub(crate) async fn asked(&self) {
        let told = self.0.told.notified();
        if !self.is_set() {
            told.await;
        }
    }

    /// Sleeps for so long, or until somebody asks for the end.
    pub(crate) fn sleep(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.is_set() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(LOOK));
        }
    }
}

/// What is written to as long as nobody wants the end.
pub(crate) struct Stoppable<'a, W> {
    pub(crate) to: W,
    pub(crate) stop: &'a Stop,
    /// What is being done.
    pub(crate) what: &'static str,
}

impl<W: Write> Write for Stoppable<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stop.check(self.what).map_err(io::Error::other)?;
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
