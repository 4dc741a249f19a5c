//! Measures sampan, beside its peers where they are installed. `make bench` runs it.
//!
//! Prints medians, with the fastest and slowest run beside them. Nothing here is a test:
//! a slow machine is no failure.

mod builds;
mod crun;
mod images;
mod load;
mod logs;
mod measure;
mod network;
mod place;
mod planning;
mod scale;
mod tools;

use crun::Crun;
use measure::{Sample, repeat};
use place::Place;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tools::{Composer, Engine};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Sizes of the stacks, each with the number of runs that are measured.
const STACKS: [(usize, usize); 4] = [(1, 15), (10, 9), (50, 5), (100, 3)];

/// After this the kernel has taken apart what is gone.
const SETTLED: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // When even this cannot be written, the exit code says it.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<()> {
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let sampan = match &args[..] {
        [option, bundle] if option.as_os_str() == "--crun" => return crun::alone(bundle),
        [option, sampan] if option.as_os_str() == "--load" => return load_alone(&sampan.canonicalize()?),
        [option, sampan] if option.as_os_str() == "--images" => return images_alone(&sampan.canonicalize()?),
        [option, sampan] if option.as_os_str() == "--builds" => return builds_alone(&sampan.canonicalize()?),
        [option] if option.as_os_str() == "--serve" => return network::serve(),
        [option, to] if option.as_os_str() == "--pour" => return network::pour(&to.to_string_lossy()),
        [option, sampan] if option.as_os_str() == "--network" => {
            return network_alone(&sampan.canonicalize()?);
        }
        [option, sampan] if option.as_os_str() == "--logs" => {
            return logs::measure(&Place::new(sampan.canonicalize()?)?);
        }
        [option, sampan] if option.as_os_str() == "--scale" => return scale_alone(&sampan.canonicalize()?),
        [sampan] => sampan.canonicalize()?,
        _ => {
            return Err(
                "usage: bench [--load | --images | --builds | --scale | --network | --logs] SAMPAN".into()
            );
        }
    };
    headline(&sampan)?;
    let place = Place::new(sampan)?;
    start_up(&place)?;
    load::compare(&place.sampan)?;
    planning::measure()?;
    let engines = Engine::peers(&place);
    one_container(&place, &engines)?;
    stacks(&place, &engines)?;
    unchanged(&place, &engines)?;
    scale::measure(&place)?;
    network::compare(&place, &engines)?;
    logs::measure(&place)?;
    images::compare(&place)?;
    builds::compare(&place)
}

/// Only many containers at once.
fn scale_alone(sampan: &Path) -> Result<()> {
    headline(sampan)?;
    scale::measure(&Place::new(sampan.to_owned())?)
}

/// Only the network.
fn network_alone(sampan: &Path) -> Result<()> {
    headline(sampan)?;
    let place = Place::new(sampan.to_owned())?;
    network::compare(&place, &Engine::peers(&place))
}

/// Only builds of Dockerfiles.
fn builds_alone(sampan: &Path) -> Result<()> {
    headline(sampan)?;
    builds::compare(&Place::new(sampan.to_owned())?)
}

/// Only images between a registry, archives and the store.
fn images_alone(sampan: &Path) -> Result<()> {
    headline(sampan)?;
    images::compare(&Place::new(sampan.to_owned())?)
}

/// Only what needs neither root nor an image.
fn load_alone(sampan: &Path) -> Result<()> {
    headline(sampan)?;
    load::compare(sampan)?;
    planning::measure()
}

fn headline(sampan: &Path) -> Result<()> {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let cores = std::thread::available_parallelism()?;
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    line(&format!(
        "Linux {}, {cores} cores, load {load}; median (fastest – slowest) of n runs",
        kernel.trim()
    ))?;
    let bytes = std::fs::metadata(sampan)?.len();
    title("release binary")?;
    line(&format!("  {:<32}{:>9.2} MB", "sampan", bytes as f64 / 1e6))
}

fn start_up(place: &Place) -> Result<()> {
    title("start-up")?;
    let ours = repeat(100, || tools::succeed(tools::quiet(&place.sampan).arg("version")))?;
    row("sampan version", &ours, None)
}

fn one_container(place: &Place, engines: &[Engine]) -> Result<()> {
    title("one container, from start to exit")?;
    let file = place.stack("one", 1, "command: 'true'")?;
    let ours = Composer::sampan(place);
    let mut crun = Crun::new(place)?;
    let (mut up, mut run) = (Vec::new(), Vec::new());
    // In turn and after a rest, so that neither pays for what the other leaves to the kernel.
    for warm in 0..=30 {
        std::thread::sleep(SETTLED);
        let took = measure::time(|| ours.stack(&file).arg("up").done())?;
        ours.stack(&file).arg("down").done()?;
        std::thread::sleep(SETTLED);
        let theirs = crun.as_mut().ok().map(Crun::run).transpose()?;
        if warm > 0 {
            up.push(took);
            run.extend(theirs);
        }
    }
    let sample = Sample::new(up)?;
    row("sampan up, own network", &sample, None)?;
    let crun = match crun {
        Ok(_) => Ok(Sample::new(run)?),
        Err(why) => Err(why),
    };
    let mut peers = vec![("crun run, no network".to_owned(), crun)];
    for engine in engines {
        peers.push((format!("{} run", engine.name), engine.measure()?));
    }
    for (name, measured) in peers {
        match measured {
            Ok(theirs) => row(&name, &theirs, Some(&sample))?,
            Err(why) => line(&format!("  {name:<32}{why}"))?,
        }
    }
    Ok(())
}

fn stacks(place: &Place, engines: &[Engine]) -> Result<()> {
    for (size, runs) in STACKS {
        title(&format!("a stack of {size}, one container each"))?;
        let file = place.stack("many", size, tools::IDLE)?;
        let mut first = None;
        for composer in Composer::all(place, engines) {
            let (ups, downs) = composer.cycles(&file, if first.is_none() { runs } else { runs.min(3) })?;
            let (up, down) = first.get_or_insert_with(|| (ups.clone(), downs.clone()));
            let is_peer = composer.name != "sampan";
            row(&format!("{} up -d", composer.name), &ups, is_peer.then_some(&*up))?;
            row(&format!("{} down", composer.name), &downs, is_peer.then_some(&*down))?;
        }
    }
    Ok(())
}

/// What an unchanged stack costs: to be brought up again, and while it idles.
fn unchanged(place: &Place, engines: &[Engine]) -> Result<()> {
    const SIZE: usize = 50;
    let file = place.stack("still", SIZE, tools::IDLE)?;
    let mut first = None;
    for composer in Composer::all(place, engines) {
        composer.stack(&file).args(["up", "-d"]).done()?;
        let sample = repeat(15, || composer.stack(&file).args(["up", "-d"]).done())?;
        title(&format!("up -d of {SIZE} that run already"))?;
        row(composer.name, &sample, first.as_ref())?;
        if first.is_none() {
            let kilobytes = tools::private_memory_of_shims(&place.runtime)?;
            title(&format!("private memory of the supervisors of {SIZE} idle containers, each"))?;
            line(&format!("  {:<32}{:>9} KB", "sampan shim", measure::median(&kilobytes)))?;
        }
        composer.stack(&file).args(["down", "-v"]).done()?;
        first.get_or_insert(sample);
    }
    Ok(())
}

fn title(text: &str) -> Result<()> {
    line(&format!("\n{text}"))
}

/// One measured line; `beside` is the sample of sampan that it is compared with.
fn row(name: &str, sample: &Sample, beside: Option<&Sample>) -> Result<()> {
    let ratio =
        beside.map(|ours| format!("   {:.1}×", sample.median().as_secs_f64() / ours.median().as_secs_f64()));
    line(&format!("  {name:<32}{sample}{}", ratio.unwrap_or_default()))
}

fn line(text: &str) -> Result<()> {
    Ok(writeln!(io::stdout(), "{text}")?)
}
