//! How long it takes that a container writes very many lines, and that they are read again.

use crate::measure::{self, Sample};
use crate::place::Place;
use crate::tools::Composer;
use crate::{Result, line, row, title};

/// So many lines of 100 bytes, the last one included.
const LINES: usize = 1_000_000;
const RUNS: usize = 3;

/// Measures a sampan.
pub(crate) fn measure(place: &Place) -> Result<()> {
    title(&format!("{LINES} lines of 100 bytes"))?;
    let text = "x".repeat(99);
    let body = format!(
        "command: [sh, -c, 'yes {text} | head -n {LINES}']\nlogging: {{driver: local, options: {{max-size: 1g}}}}\n"
    );
    let file = place.stack("lines", 1, &body)?;
    let composer = Composer::sampan(place);
    let (mut written, mut read, mut lost) = (Vec::new(), Vec::new(), 0);
    for _ in 0..RUNS {
        written.push(measure::time(|| {
            composer.stack(&file).args(["up", "-d"]).done()?;
            composer.stack(&file).args(["wait", "s1"]).done()
        })?);
        let mut count = 0;
        read.push(measure::time(|| {
            count = composer.stack(&file).args(["logs", "--no-log-prefix"]).text()?.lines().count();
            Ok(())
        })?);
        lost += LINES.abs_diff(count);
        composer.stack(&file).arg("down").done()?;
    }
    row("written", &Sample::new(written)?, None)?;
    row("read with sampan logs", &Sample::new(read)?, None)?;
    line(&format!("  {:<32}{lost:>9}", "lost"))
}
