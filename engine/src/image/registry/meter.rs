//! Counts what several threads transfer.

use super::{Count, Phase, Progress, Transfer};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far a transfer is; tells it with every change.
pub(crate) struct Meter<'a> {
    tell: &'a Transfer<'a>,
    phase: Phase,
    layers: Count,
    bytes_total: u64,
    layers_done: AtomicU64,
    bytes_done: AtomicU64,
    /// One of the threads failed: the others need not go on.
    stopped: AtomicBool,
}

impl<'a> Meter<'a> {
    /// A transfer of blobs of these sizes.
    pub(crate) fn new(tell: &'a Transfer<'a>, phase: Phase, sizes: &[u64]) -> Self {
        let meter = Self {
            tell,
            phase,
            layers: Count { done: 0, total: sizes.len() as u64 },
            bytes_total: sizes.iter().fold(0, |sum: u64, size| sum.saturating_add(*size)),
            layers_done: AtomicU64::new(0),
            bytes_done: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        };
        meter.tell();
        meter
    }

    pub(crate) fn bytes(&self, count: u64) {
        self.bytes_done.fetch_add(count, Ordering::Relaxed);
        self.tell();
    }

    pub(crate) fn layer(&self) {
        self.layers_done.fetch_add(1, Ordering::Relaxed);
        self.tell();
    }

    /// All is here.
    pub(crate) fn storing(&self) {
        (self.tell)(Progress { phase: Phase::Storing, ..self.progress() });
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn tell(&self) {
        (self.tell)(self.progress());
    }

    fn progress(&self) -> Progress {
        let layers = Count { done: self.layers_done.load(Ordering::Relaxed), ..self.layers };
        let bytes = Count { done: self.bytes_done.load(Ordering::Relaxed), total: self.bytes_total };
        Progress { phase: self.phase, layers, bytes }
    }
}
