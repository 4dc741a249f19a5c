//! The peer that is nearest to the kernel: crun, on an unpacked bundle, without image, layers
//! and network.
//!
//! It refuses machines with both versions of cgroups, so it is measured in a mount namespace
//! without the second one, by this program started once more.

use crate::Result;
use crate::measure::{Sample, repeat};
use crate::place::Place;
use crate::tools::{quiet, succeed};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Goes to a mount namespace where crun agrees to run, then on as this program.
const AGREE: &str = "umount -l /sys/fs/cgroup/unified 2>/dev/null; exec \"$0\" --crun \"$1\"";

/// How long crun takes from start to exit; otherwise why that is not known.
pub(crate) fn measure(place: &Place) -> Result<std::result::Result<Sample, &'static str>> {
    if succeed(quiet("crun").arg("--version")).is_err() {
        return Ok(Err("not installed"));
    }
    let mut child = Command::new("unshare");
    child.args(["--mount", "sh", "-c", AGREE]).arg(std::env::current_exe()?).arg(place.bundle()?);
    let output = child.stderr(Stdio::null()).output()?;
    if !output.status.success() {
        return Ok(Err("installed, but does not run here"));
    }
    let text = String::from_utf8(output.stdout)?;
    let runs: std::result::Result<Vec<u64>, _> = text.lines().map(str::parse).collect();
    Ok(Ok(Sample::new(runs?.into_iter().map(Duration::from_nanos).collect())?))
}

/// What `bench --crun BUNDLE` does: prints nanoseconds, one run a line.
pub(crate) fn alone(bundle: &Path) -> Result<()> {
    let sample = repeat(15, || succeed(quiet("crun").args(["run", "sampan-bench"]).current_dir(bundle)))?;
    for run in sample.runs() {
        writeln!(io::stdout(), "{}", run.as_nanos())?;
    }
    Ok(())
}
