//! The peer that is nearest to the kernel: crun, on an unpacked bundle, without image, layers
//! and network.
//!
//! It refuses machines with both versions of cgroups, so it runs in a mount namespace without the
//! second one, by this program started once more. Each line that this one reads is a run, so that
//! crun can take turns with others.

use crate::Result;
use crate::measure::time;
use crate::place::Place;
use crate::tools::{quiet, succeed};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Goes to a mount namespace where crun agrees to run, then on as this program.
const AGREE: &str = "umount -l /sys/fs/cgroup/unified 2>/dev/null; exec \"$0\" --crun \"$1\"";

/// crun, ready to run.
pub(crate) struct Crun {
    child: Child,
    orders: Option<ChildStdin>,
    times: BufReader<ChildStdout>,
}

impl Crun {
    /// Gets crun ready; otherwise why it cannot be measured.
    pub(crate) fn new(place: &Place) -> Result<std::result::Result<Self, &'static str>> {
        if succeed(quiet("crun").arg("--version")).is_err() {
            return Ok(Err("not installed"));
        }
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", AGREE]).arg(std::env::current_exe()?).arg(place.bundle()?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let orders = child.stdin.take();
        let times = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut crun = Self { child, orders, times };
        Ok(crun.run().map(|_| crun).map_err(|_| "installed, but does not run here"))
    }

    /// One run, from start to exit.
    pub(crate) fn run(&mut self) -> Result<Duration> {
        writeln!(self.orders.as_mut().ok_or("no input")?)?;
        let mut line = String::new();
        self.times.read_line(&mut line)?;
        Ok(Duration::from_nanos(line.trim().parse()?))
    }
}

impl Drop for Crun {
    fn drop(&mut self) {
        // Without input it ends.
        self.orders = None;
        let _ = self.child.wait();
    }
}

/// What `bench --crun BUNDLE` does: for each line that it reads one run, told in nanoseconds.
pub(crate) fn alone(bundle: &Path) -> Result<()> {
    for line in io::stdin().lines() {
        line?;
        let took = time(|| succeed(quiet("crun").args(["run", "sampan-bench"]).current_dir(bundle)))?;
        writeln!(io::stdout(), "{}", took.as_nanos())?;
    }
    Ok(())
}
