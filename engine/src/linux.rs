//! The real engine: each step is one call.

use crate::store::Store;

/// Observes and changes this machine, below one pair of roots.
#[derive(Clone, Debug)]
pub struct LinuxEngine {
    store: Store,
}

impl LinuxEngine {
    /// An engine over this store; its folders are made when missing.
    pub fn open(store: Store) -> crate::Result<Self> {
        store.prepare()?;
        Ok(Self { store })
    }

    /// Where it keeps things.
    pub fn store(&self) -> &Store {
        &self.store
    }
}
