//! How far a pull or push is.

/// Receives progress. It is called often and from several threads: it should be quick.
pub type Transfer<'a> = dyn Fn(Progress) + Sync + 'a;

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Asking which image it is.
    Resolving,
    /// Layers come; they are unpacked while they do.
    Pulling,
    /// Layers go.
    Pushing,
    /// What came is written to the disk and entered.
    Storing,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Finished.
    pub done: u64,
    /// To be finished; 0 while not known.
    pub total: u64,
}

/// How far it is. What is there already counts neither as done nor in the total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Layers.
    pub layers: Count,
    /// Bytes that go over the wire.
    pub bytes: Count,
}
