//! What one container costs, and one command, while few or many others run: both should be flat.

use crate::measure::{self, Sample};
use crate::place::Place;
use crate::tools::{self, Composer, IDLE};
use crate::{Result, line, load, row, title};
use std::fs;
use std::path::Path;

/// How many containers run at once.
const SIZES: [usize; 3] = [1, 50, 500];
/// Of commands; medians are reported.
const RUNS: usize = 9;

/// Measures a sampan with more and more containers of one stack.
pub(crate) fn measure(place: &Place) -> Result<()> {
    let one = place.stack("another", 1, IDLE)?;
    let composer = Composer::sampan(place);
    let mut first: Option<Costs> = None;
    for size in SIZES {
        title(&format!("{size} containers at once"))?;
        let file = place.stack("scale", size, IDLE)?;
        let before = processes()?;
        let up = Sample::new(vec![measure::time(|| composer.stack(&file).args(["up", "-d"]).done())?])?;
        row("sampan up -d", &up, None)?;
        each(&supervisors(place)?, processes()? - before, size)?;
        let costs = Costs::of(&composer, &file, &one)?;
        costs.tell(first.as_ref())?;
        first.get_or_insert(costs);
        row(
            "sampan down",
            &Sample::new(vec![measure::time(|| composer.stack(&file).arg("down").done())?])?,
            None,
        )?;
    }
    Ok(())
}

/// What commands take while others run: two that only look, and one that starts a container.
struct Costs {
    ps: Sample,
    unchanged: Sample,
    another: Sample,
}

impl Costs {
    fn of(composer: &Composer, file: &Path, one: &Path) -> Result<Self> {
        let ps = load::processor_time(RUNS, || composer.stack(file).arg("ps").command())?;
        let unchanged = load::processor_time(RUNS, || composer.stack(file).args(["up", "-d"]).command())?;
        let start = || composer.stack(one).args(["up", "-d"]).done();
        let another = measure::between(RUNS, start, || composer.stack(one).arg("down").done())?;
        Ok(Self { ps, unchanged, another })
    }

    fn tell(&self, first: Option<&Self>) -> Result<()> {
        row("sampan ps, processor's time", &self.ps, None)?;
        row("the same of up -d, unchanged", &self.unchanged, None)?;
        row("sampan up -d of one more", &self.another, None)?;
        let Some(first) = first else { return Ok(()) };
        let ratio = self.another.median().as_secs_f64() / first.another.median().as_secs_f64();
        line(&format!("  {:<32}{ratio:>9.1} ×", "one more, against the first"))
    }
}

/// Memory, descriptors and processes for each container.
fn each(supervisors: &[Supervisor], processes: usize, containers: usize) -> Result<()> {
    let mean = |value: fn(&Supervisor) -> u64| {
        supervisors.iter().map(value).sum::<u64>() as f64 / supervisors.len().max(1) as f64
    };
    let processes = processes as f64 / containers as f64;
    for (name, value, unit) in [
        ("memory of a supervisor (PSS)", mean(|one| one.kilobytes), "KB"),
        ("descriptors of a supervisor", mean(|one| one.descriptors), ""),
        ("processes for a container", processes, ""),
    ] {
        line(&format!("  {name:<32}{value:>9.1} {unit}"))?;
    }
    Ok(())
}

struct Supervisor {
    kilobytes: u64,
    descriptors: u64,
}

fn supervisors(place: &Place) -> Result<Vec<Supervisor>> {
    let all = tools::supervisors(&place.runtime)?;
    all.iter()
        .map(|process| {
            let kilobytes = tools::memory(process, "Pss:")?;
            let descriptors = fs::read_dir(process.join("fd"))?.count().try_into()?;
            Ok(Supervisor { kilobytes, descriptors })
        })
        .collect()
}

/// How many processes there are on this private host.
fn processes() -> Result<usize> {
    let numbers = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().parse::<u32>().is_ok();
    Ok(fs::read_dir("/proc")?.flatten().filter(numbers).count())
}
