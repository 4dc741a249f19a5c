//! Who runs containers: sampan and its peers.

use crate::measure::{self, Sample};
use crate::place::{IMAGE, Place};
use crate::{Result, line};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A service that does nothing and ends at once when asked.
pub(crate) const IDLE: &str = "command: sleep 100000\nstop_signal: KILL";

/// Who brings stack files up and down.
pub(crate) struct Composer {
    pub(crate) name: &'static str,
    program: Vec<PathBuf>,
}

/// One call of a [`Composer`].
pub(crate) struct Call(Command);

impl Composer {
    pub(crate) fn sampan(place: &Place) -> Self {
        let program = [&*place.sampan].into_iter().chain(place.roots());
        Self { name: "sampan", program: program.map(Path::to_owned).collect() }
    }

    /// Sampan first, then the peers that can run here.
    pub(crate) fn all(place: &Place, engines: &[Engine]) -> Vec<Self> {
        let mut all = vec![Self::sampan(place)];
        let docker = engines.iter().any(|engine| engine.name == "docker" && engine.runs());
        if docker && succeed(quiet("docker").args(["compose", "version"])).is_ok() {
            all.push(Self { name: "docker compose", program: vec!["docker".into(), "compose".into()] });
        }
        all
    }

    /// A call about a stack file, still without a verb.
    pub(crate) fn stack(&self, file: &Path) -> Call {
        let mut command = quiet(&self.program[0]);
        command.args(&self.program[1..]).arg("-f").arg(file);
        Call(command)
    }

    /// Times of `up -d` and of `down`, from nothing to nothing.
    pub(crate) fn cycles(&self, file: &Path, runs: usize) -> Result<(Sample, Sample)> {
        let (mut ups, mut downs) = (Vec::new(), Vec::new());
        for warm in 0..=runs {
            let up = measure::time(|| self.stack(file).args(["up", "-d"]).done())?;
            let down = measure::time(|| self.stack(file).arg("down").done())?;
            if warm > 0 {
                ups.push(up);
                downs.push(down);
            }
        }
        Ok((Sample::new(ups)?, Sample::new(downs)?))
    }
}

impl Call {
    pub(crate) fn arg(self, arg: &str) -> Self {
        self.args([arg])
    }

    pub(crate) fn args<const N: usize>(mut self, args: [&str; N]) -> Self {
        self.0.args(args);
        self
    }

    pub(crate) fn done(mut self) -> Result<()> {
        succeed(&mut self.0)
    }

    /// What it prints.
    pub(crate) fn text(mut self) -> Result<String> {
        let output = self.0.stdout(Stdio::piped()).output()?;
        Ok(String::from_utf8(output.stdout)?)
    }

    pub(crate) fn command(self) -> Command {
        self.0
    }

    /// The call as one line.
    pub(crate) fn words(&self) -> String {
        words(&self.0)
    }
}

/// An engine with docker's command line. It is given the image, and loses it with this value.
pub(crate) struct Engine {
    pub(crate) name: &'static str,
    why_not: Option<&'static str>,
}

impl Engine {
    pub(crate) fn peers(place: &Place) -> Vec<Self> {
        ["docker", "podman"].map(|name| Self { name, why_not: Self::prepare(name, place) }).into()
    }

    /// How long one container takes from start to exit; otherwise why that is not known.
    pub(crate) fn measure(&self) -> Result<std::result::Result<Sample, &'static str>> {
        self.why_not.map_or_else(|| Ok(Ok(measure::repeat(15, || run_once(self.name))?)), |why| Ok(Err(why)))
    }

    /// Whether it can run containers here.
    pub(crate) fn runs(&self) -> bool {
        self.why_not.is_none()
    }

    fn prepare(name: &'static str, place: &Place) -> Option<&'static str> {
        if succeed(quiet(name).arg("--version")).is_err() {
            return Some("not installed");
        }
        let import = succeed(quiet(name).arg("import").arg(&place.archive).arg(IMAGE));
        if import.and_then(|()| run_once(name)).is_ok() {
            return None;
        }
        remove_image(name);
        Some("installed, but does not run here")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.why_not.is_none() {
            remove_image(self.name);
        }
    }
}

/// What cannot be removed stays; the user knows the image by its name.
fn remove_image(engine: &str) {
    let _ = succeed(quiet(engine).args(["rmi", "--force", IMAGE]));
}

fn run_once(engine: &str) -> Result<()> {
    succeed(quiet(engine).args(["run", "--rm", IMAGE, "true"]))
}

/// A command whose output nobody sees.
pub(crate) fn quiet(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Runs it; an error holds what it said.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}: {}\n{}", words(command), output.status, String::from_utf8_lossy(&output.stderr)).into())
}

fn words(command: &Command) -> String {
    let words =
        [command.get_program()].into_iter().chain(command.get_args()).map(|word| word.to_string_lossy());
    words.collect::<Vec<_>>().join(" ")
}

/// Kilobytes that belong to each supervisor alone.
pub(crate) fn private_memory_of_shims(runtime: &Path) -> Result<Vec<u64>> {
    let mut all = supervisors(runtime)?
        .iter()
        .map(|process| memory(process, "Private_"))
        .collect::<Result<Vec<u64>>>()?;
    if all.is_empty() {
        line("note: no supervisor was found in /proc")?;
        all.push(0);
    }
    Ok(all)
}

/// The folders in /proc of all supervisors with this `--runtime`.
pub(crate) fn supervisors(runtime: &Path) -> Result<Vec<PathBuf>> {
    let runtime = runtime.to_string_lossy();
    let is_ours = |process: &PathBuf| {
        let words = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
        let mut words = words.split('\0').skip(1);
        words.next() == Some("shim") && words.any(|word| word == runtime)
    };
    Ok(fs::read_dir("/proc")?.flatten().map(|entry| entry.path()).filter(is_ours).collect())
}

/// Sum of the lines of smaps_rollup (proc_pid_smaps(5)) that begin like this, in kilobytes.
pub(crate) fn memory(process: &Path, begin: &str) -> Result<u64> {
    let text = fs::read_to_string(process.join("smaps_rollup"))?;
    let lines = text.lines().filter(|line| line.starts_with(begin));
    Ok(lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum())
}
