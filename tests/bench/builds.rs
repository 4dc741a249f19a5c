//! Builds of Dockerfiles: all from the cache, all anew, and after one file has changed. Sampan
//! beside buildah, in turn.

use crate::measure::{Sample, time};
use crate::place::{IMAGE, Place};
use crate::tools::{quiet, succeed};
use crate::{Result, row, title};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Steps of the build that is cached, beside its FROM.
const STEPS: usize = 20;
/// Files of the program that is built in two stages.
const FILES: usize = 200;

/// What builds, with a store of its own.
struct Builder {
    name: &'static str,
    words: Vec<PathBuf>,
}

impl Builder {
    fn sampan(place: &Place) -> Self {
        let words = [&*place.sampan].into_iter().chain(place.roots()).map(Path::to_owned);
        Self { name: "sampan", words: words.chain(["image".into(), "build".into()]).collect() }
    }

    /// Its programs share the network of the host, which costs it nothing.
    fn buildah(folder: &Path, archive: &Path) -> Result<Self> {
        let [root, run] = ["buildah", "buildah-run"].map(|name| folder.join(name));
        let at = ["buildah".into(), "--root".into(), root, "--runroot".into(), run];
        let import = folder.join("import");
        fs::create_dir_all(&import)?;
        fs::copy(archive, import.join("base.tar"))?;
        fs::write(import.join("Dockerfile"), "FROM scratch\nADD base.tar /\n")?;
        let build = ["build", "--isolation", "chroot", "--layers", "--pull=never"].map(PathBuf::from);
        let builder = Self { name: "buildah", words: at.into_iter().chain(build).collect() };
        builder.build(&import, &["-t", IMAGE])?;
        Ok(builder)
    }

    fn build(&self, context: &Path, flags: &[&str]) -> Result<()> {
        let mut command: Command = quiet(&self.words[0]);
        succeed(command.args(&self.words[1..]).arg("-q").args(flags).arg(context))
    }
}

/// One thing to measure: what it is called, its context, flags, and what comes before each run.
struct Case<'a> {
    what: &'a str,
    context: &'a Path,
    flags: &'a [&'a str],
    runs: usize,
    before: &'a dyn Fn(usize) -> Result<()>,
}

/// Measures sampan and, where it is installed and runs, buildah.
pub(crate) fn compare(place: &Place) -> Result<()> {
    let folder = place.folder("builds")?;
    let mut builders = vec![Builder::sampan(place)];
    builders.extend(Builder::buildah(&folder, &place.archive).ok());
    let (steps, stages) = (many_steps(&folder)?, two_stages(&folder)?);
    let nothing = |_| Ok(());
    let source = stages.join("src/1.c");
    let edit = |run| Ok(fs::write(&source, format!("int changed_{run};\n"))?);
    let cases = [
        Case { what: "20 steps, all cached", context: &steps, flags: &[], runs: 15, before: &nothing },
        Case {
            what: "two stages, all anew",
            context: &stages,
            flags: &["--no-cache"],
            runs: 5,
            before: &nothing,
        },
        Case { what: "two stages, one file changed", context: &stages, flags: &[], runs: 5, before: &edit },
    ];
    for case in cases {
        title(&format!("build: {}", case.what))?;
        let samples = in_turn(&builders, &case)?;
        let ours = &samples[0];
        for (number, (builder, sample)) in builders.iter().zip(&samples).enumerate() {
            row(builder.name, sample, (number > 0).then_some(ours))?;
        }
    }
    Ok(())
}

/// Each builder once, then again: what else the machine does is shared.
fn in_turn(builders: &[Builder], case: &Case<'_>) -> Result<Vec<Sample>> {
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); builders.len()];
    for run in 0..=case.runs {
        (case.before)(run)?;
        for (builder, times) in builders.iter().zip(&mut times) {
            let took = time(|| builder.build(case.context, case.flags))?;
            // The first one fills the caches.
            if run > 0 {
                times.push(took);
            }
        }
    }
    times.into_iter().map(Sample::new).collect()
}

fn many_steps(folder: &Path) -> Result<PathBuf> {
    let context = folder.join("steps");
    fs::create_dir_all(&context)?;
    let mut text = format!("FROM {IMAGE}\n");
    for step in 0..STEPS {
        match step % 2 {
            0 => writeln!(text, "COPY {step} /{step}")?,
            _ => writeln!(text, "RUN echo {step} > /{step}")?,
        }
        fs::write(context.join(step.to_string()), step.to_string())?;
    }
    fs::write(context.join("Dockerfile"), text)?;
    Ok(context)
}

/// Sources that are made into one file, of which an image is made.
fn two_stages(folder: &Path) -> Result<PathBuf> {
    let context = folder.join("stages");
    fs::create_dir_all(context.join("src"))?;
    for number in 0..FILES {
        let line = format!("int f{number}(void) {{ return {number}; }}\n");
        fs::write(context.join(format!("src/{number}.c")), line.repeat(100))?;
    }
    let text = format!(
        "FROM {IMAGE} AS build\nWORKDIR /src\nCOPY src/0.c deps.lock\nRUN mkdir /deps && cp -r /bin /deps\n\
         COPY src .\nRUN cat *.c | gzip > /program\n\
         FROM {IMAGE}\nRUN adduser -D app || true\nCOPY --from=build /program /usr/bin/program\n\
         ENV MODE=production\nENTRYPOINT [\"/usr/bin/program\"]\n"
    );
    fs::write(context.join("Dockerfile"), text)?;
    Ok(context)
}
