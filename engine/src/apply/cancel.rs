//! A wish to stop, shared by who wishes and who obeys.

use std::sync::Arc;
use tokio::sync::watch;

/// Cancels a walk. Clones are one and the same; once cancelled it stays so.
#[derive(Clone, Debug)]
pub struct Cancel(Arc<watch::Sender<bool>>);

impl Default for Cancel {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Cancel {
    /// Not cancelled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels. May be called from any thread, and more than once.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// Whether somebody cancelled.
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when somebody cancels.
    pub async fn cancelled(&self) {
        // The sender lives in `self`, so waiting can only end by the value.
        let _ = self.0.subscribe().wait_for(|cancelled| *cancelled).await;
    }
}
