//! Running health probes: one at a time, with a time limit, the output kept.

use super::beside::Beside;
use crate::container::{HealthCheck, Probe};
use crate::error::Result;
use crate::sandbox::Child;
use jiff::Timestamp;
use planner::live::Health;
use planner::policy::{HealthMachine, HealthRules};
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// The health of one run of the container. Times are those of the supervisor.
#[derive(Debug)]
pub struct Monitor {
    argv: Vec<String>,
    machine: HealthMachine,
    began: Duration,
    probe: Option<Running>,
}

#[derive(Debug)]
struct Running {
    program: Beside,
    at: Timestamp,
    timed_out: bool,
}

impl Monitor {
    /// The process began at `now`. `known` is the verdict of a supervisor that was before us.
    pub fn new(check: &HealthCheck, now: Duration, known: Health) -> Self {
        let mut machine = HealthMachine::new(HealthRules::from(&check.spec));
        if known == Health::Healthy {
            machine.probed(Duration::ZERO, true);
        }
        Self { argv: check.argv.clone(), machine, began: now, probe: None }
    }

    /// What the probes say.
    pub fn health(&self) -> Health {
        self.machine.health()
    }

    /// When [`Monitor::tick`] has something to do.
    pub fn due(&self) -> Option<Duration> {
        match &self.probe {
            None => Some(self.began + self.machine.next_probe_at()),
            Some(probe) if probe.timed_out => None,
            Some(probe) => Some(probe.program.since + self.machine.rules().timeout),
        }
    }

    /// The container stood still for so long: no time has passed for it.
    pub fn stood_still(&mut self, time: Duration) {
        self.began += time;
        if let Some(probe) = &mut self.probe {
            probe.program.since += time;
        }
    }

    /// To poll for reading while a probe runs: its end, its output.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.probe.iter().flat_map(|probe| probe.program.fds())
    }

    /// Time has passed: starts a probe with `spawn`, or ends one that takes too long. Gives a
    /// probe that is over because it could not be started.
    pub fn tick(
        &mut self,
        now: Duration,
        spawn: impl FnOnce(&[String], BorrowedFd<'_>) -> Result<Child>,
    ) -> Option<Probe> {
        if self.due().is_none_or(|due| due > now) {
            return None;
        }
        if let Some(probe) = &mut self.probe {
            probe.timed_out = true;
            probe.program.kill();
            return None;
        }
        let at = Timestamp::now();
        match Beside::start(&self.argv, now, spawn) {
            Ok(program) => {
                self.probe = Some(Running { program, at, timed_out: false });
                None
            }
            Err(error) => {
                self.machine.probed(now.saturating_sub(self.began), false);
                Some(Probe { at, exit_code: None, output: error.chain() })
            }
        }
    }

    /// Something is to be read. Gives the probe when it is over.
    pub fn progress(&mut self, now: Duration) -> Option<Probe> {
        let probe = self.probe.as_mut()?;
        let code = probe.program.progress()?;
        let probe = self.probe.take()?;
        let ok = code == 0 && !probe.timed_out;
        self.machine.probed(now.saturating_sub(self.began), ok);
        Some(probe.finish(code, self.machine.rules().timeout))
    }
}

impl Running {
    fn finish(self, code: i32, timeout: Duration) -> Probe {
        let mut output = self.program.text();
        if !self.timed_out {
            return Probe { at: self.at, exit_code: Some(code), output };
        }
        output.push_str(&format!("\n(killed: it took longer than {} s)", timeout.as_secs_f64()));
        Probe { at: self.at, exit_code: None, output }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shim::beside::OUTPUT;
    use crate::sys::pidfd;
    use planner::desired::HealthSpec;
    use std::process::{Command, Stdio};

    fn monitor(timeout: Duration) -> Monitor {
        let spec = HealthSpec {
            interval: Some(Duration::from_secs(1)),
            timeout: Some(timeout),
            retries: Some(1),
            ..HealthSpec::default()
        };
        Monitor::new(&HealthCheck { argv: vec!["x".into()], spec }, Duration::ZERO, Health::None)
    }

    fn shell(line: &str) -> impl FnOnce(&[String], BorrowedFd<'_>) -> Result<Child> {
        let line = line.to_owned();
        move |_, output| {
            let output = output.try_clone_to_owned().unwrap();
            #[expect(clippy::zombie_processes, reason = "the monitor waits for it")]
            let child =
                Command::new("/bin/sh").args(["-c", &line]).stdout(Stdio::from(output)).spawn().unwrap();
            let pid = child.id() as i32;
            Ok(Child { pid, pidfd: pidfd::open(pid).unwrap() })
        }
    }

    fn finish(monitor: &mut Monitor, now: Duration) -> Probe {
        for _ in 0..10_000 {
            if let Some(probe) = monitor.progress(now) {
                return probe;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("the probe does not end");
    }

    #[test]
    fn a_probe_gives_its_code_and_the_beginning_of_its_output() {
        let mut monitor = monitor(Duration::from_secs(60));
        let now = monitor.due().unwrap();
        assert_eq!(monitor.tick(now - Duration::from_millis(1), shell("true")), None);
        assert_eq!(monitor.fds().count(), 0);
        assert_eq!(monitor.tick(now, shell("yes | head -c 100000; exit 3")), None);
        assert_eq!(monitor.fds().count(), 2);
        let probe = finish(&mut monitor, now);
        assert_eq!((probe.exit_code, probe.output.len()), (Some(3), OUTPUT));
        assert_eq!(monitor.health(), Health::Unhealthy);
        let now = monitor.due().unwrap();
        monitor.tick(now, shell("true"));
        assert_eq!(finish(&mut monitor, now).exit_code, Some(0));
        assert_eq!(monitor.health(), Health::Healthy);
    }

    #[test]
    fn a_probe_that_takes_too_long_is_killed_and_counts_as_failed() {
        let mut monitor = monitor(Duration::from_millis(500));
        let now = monitor.due().unwrap();
        monitor.tick(now, shell("echo before; exec sleep 60"));
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(monitor.progress(now), None);
        let late = monitor.due().unwrap();
        assert_eq!(monitor.tick(late, shell("true")), None);
        let probe = finish(&mut monitor, late);
        assert_eq!(probe.exit_code, None);
        assert_eq!(probe.output, "before\n\n(killed: it took longer than 0.5 s)");
        assert_eq!(monitor.health(), Health::Unhealthy);
    }

    #[test]
    fn a_probe_that_cannot_start_counts_as_failed_and_says_why() {
        let mut monitor = monitor(Duration::from_secs(1));
        let now = monitor.due().unwrap();
        let fails = |_: &[String], _: BorrowedFd<'_>| {
            Err(crate::Error::new(crate::Kind::NotFound, "no curl").because(std::io::Error::other("absent")))
        };
        let probe = monitor.tick(now, fails).unwrap();
        assert_eq!((probe.exit_code, probe.output.as_str()), (None, "no curl: absent"));
        assert_eq!(monitor.health(), Health::Unhealthy);
    }
}
