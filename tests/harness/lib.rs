//! A private host for each test: own mount, network and process namespaces, own roots.
//!
//! Nothing of a test is visible to the machine or to other tests. When the test process
//! ends, however it ends, the host's first process sees its standard input close and ends
//! too, and the kernel takes everything else with it.

mod host;
mod leaks;
mod output;
mod proxy;
mod registry;
pub mod schema;
mod stack;
mod terminal;
pub mod traffic;

pub use host::{Host, binary, busybox_archive, skip};
pub use output::Output;
pub use proxy::Proxy;
pub use registry::{Guard, Registry, have, may_have};
pub use stack::Project;
pub use terminal::Terminal;

use std::time::{Duration, Instant};

/// `time`, multiplied by `SAMPAN_TEST_PATIENCE` where machines are slow.
#[must_use]
pub fn patiently(time: Duration) -> Duration {
    let factor = std::env::var("SAMPAN_TEST_PATIENCE").ok().and_then(|text| text.parse().ok());
    time.saturating_mul(factor.unwrap_or(1))
}

/// Repeats a check until it gives a value, for at most ten seconds (more with patience).
///
/// # Panics
/// When the time is over, with `what`.
pub fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(start.elapsed() < patiently(Duration::from_secs(10)), "it never came true that {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
