//! Runs and their statistics.

use crate::Result;
use std::fmt;
use std::time::{Duration, Instant};

/// How long the runs of one thing took; never empty.
#[derive(Clone, Debug)]
pub(crate) struct Sample(Vec<Duration>);

impl Sample {
    /// Of at least one run.
    pub(crate) fn new(mut runs: Vec<Duration>) -> Result<Self> {
        runs.sort();
        if runs.is_empty() { Err("nothing was measured".into()) } else { Ok(Self(runs)) }
    }

    pub(crate) fn median(&self) -> Duration {
        median(&self.0)
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fastest, slowest) = (self.0[0], self.0[self.0.len() - 1]);
        let range = format!("({} – {})", text(fastest), text(slowest));
        write!(f, "{:>12} {range:>24}  n={}", text(self.median()), self.0.len())
    }
}

/// The middle one of some values, the higher of two.
pub(crate) fn median<T: Ord + Copy>(values: &[T]) -> T {
    let mut sorted = values.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}

/// Three digits that matter.
fn text(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    match milliseconds {
        ..10.0 => format!("{milliseconds:.2} ms"),
        ..100.0 => format!("{milliseconds:.1} ms"),
        ..1000.0 => format!("{milliseconds:.0} ms"),
        _ => format!("{:.2} s", time.as_secs_f64()),
    }
}

/// The time that one call takes.
pub(crate) fn time(run: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let began = Instant::now();
    run()?;
    Ok(began.elapsed())
}

/// Measures `run` so many times, after one that warms the caches.
pub(crate) fn repeat(times: usize, run: impl FnMut() -> Result<()>) -> Result<Sample> {
    between(times, run, || Ok(()))
}

/// Like [`repeat`], with work after each run that is not measured.
pub(crate) fn between(
    times: usize,
    mut run: impl FnMut() -> Result<()>,
    mut after: impl FnMut() -> Result<()>,
) -> Result<Sample> {
    let mut runs = Vec::with_capacity(times);
    for warm in 0..=times {
        let took = time(&mut run)?;
        after()?;
        if warm > 0 {
            runs.push(took);
        }
    }
    Sample::new(runs)
}
