//! Images between a registry, archives and the store: sampan beside podman and skopeo.

use crate::measure::{Sample, time};
use crate::place::{IMAGE, Place};
use crate::tools::{quiet, succeed};
use crate::{Result, line, title};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Layers of the image, and bytes of each. One half of them does not compress.
const LAYERS: usize = 10;
const LAYER: usize = 40 << 20;
/// Runs of each, after which the median is known well enough.
const RUNS: usize = 3;

/// Measures push, pull, save and load; says so when there is no registry to do it with.
pub(crate) fn compare(place: &Place) -> Result<()> {
    title(&format!("images: {LAYERS} layers, {} MB", (LAYERS * LAYER) / 1_000_000))?;
    let folder = place.folder("images")?;
    let registry = match Registry::start(&folder) {
        Ok(registry) => registry,
        Err(error) => return line(&format!("  not measured: {error}")),
    };
    let (ours, podman) = (Tool::sampan(place, &folder), Tool::podman(&folder));
    make(&ours, &folder, &registry.name(IMAGE))?;
    let has_podman = succeed(podman.command().arg("version")).is_ok();
    let tools: Vec<Tool> = [ours].into_iter().chain(Some(podman).filter(|_| has_podman)).collect();
    for (what, measure) in [("push", push as Measure), ("pull", pull), ("save", save), ("load", load)] {
        let mut first = None;
        for tool in &tools {
            told(what, tool.name, measure(tool, &registry, &folder)?, &mut first)?;
        }
        if what == "pull" && succeed(quiet("skopeo").arg("--version")).is_ok() {
            told(what, "skopeo, not unpacked", copied(&registry, &folder)?, &mut first)?;
        }
    }
    Ok(())
}

type Measure = fn(&Tool, &Registry, &Path) -> Result<Sample>;

/// One line: the median, and how many times that of sampan it is.
fn told(what: &str, who: &str, sample: Sample, first: &mut Option<f64>) -> Result<()> {
    let seconds = sample.median().as_secs_f64();
    let ratio = match first {
        None => String::new(),
        Some(first) => format!("  {:.1}×", seconds / *first),
    };
    first.get_or_insert(seconds);
    line(&format!("  {:<32}{sample}{ratio}", format!("{what}, {who}")))
}

/// Who has images, with docker's words for it, in a store of its own.
struct Tool {
    name: &'static str,
    words: Vec<PathBuf>,
    /// For the verbs that talk to a registry.
    plain: &'static [&'static str],
}

impl Tool {
    fn sampan(place: &Place, folder: &Path) -> Self {
        let at = |name: &str| folder.join(name);
        let words = [place.sampan.clone(), "--root".into(), at("sampan"), "--runtime".into(), at("run")];
        Self { name: "sampan", words: words.into(), plain: &[] }
    }

    fn podman(folder: &Path) -> Self {
        let at = |name: &str| folder.join(name);
        let words = ["podman".into(), "--root".into(), at("podman"), "--runroot".into(), at("podman-run")];
        Self { name: "podman", words: words.into(), plain: &["--tls-verify=false"] }
    }

    fn command(&self) -> Command {
        let mut command = quiet(&self.words[0]);
        command.args(&self.words[1..]);
        command
    }

    fn verb(&self, verb: &str) -> Command {
        let mut command = self.command();
        command.args(["image", verb]);
        command
    }

    /// Forgets every image, and the layers that its builds keep.
    fn forget(&self) -> Result<()> {
        succeed(self.command().args(["system", "prune", "--all", "--force"]))
    }

    fn fetch(&self, name: &str) -> Result<()> {
        succeed(self.verb("pull").arg("-q").args(self.plain).arg(name))
    }
}

fn runs(mut run: impl FnMut(usize) -> Result<Duration>) -> Result<Sample> {
    Sample::new((0..RUNS).map(&mut run).collect::<Result<_>>()?)
}

/// Each time to a repository that has nothing of it, and cannot take it over from another.
fn push(tool: &Tool, registry: &Registry, _: &Path) -> Result<Sample> {
    tool.fetch(&registry.name(IMAGE))?;
    runs(|_| {
        registry.forget()?;
        time(|| succeed(tool.verb("push").arg("-q").args(tool.plain).arg(registry.name(IMAGE))))
    })
}

fn pull(tool: &Tool, registry: &Registry, _: &Path) -> Result<Sample> {
    runs(|_| {
        tool.forget()?;
        time(|| tool.fetch(&registry.name(IMAGE)))
    })
}

fn copied(registry: &Registry, folder: &Path) -> Result<Sample> {
    let to = folder.join("copied");
    runs(|_| {
        let took = time(|| {
            let from = format!("docker://{}", registry.name(IMAGE));
            let copy = ["copy", "-q", "--src-tls-verify=false", &from, &format!("dir:{}", to.display())];
            succeed(quiet("skopeo").args(copy))
        })?;
        fs::remove_dir_all(&to)?;
        Ok(took)
    })
}

fn save(tool: &Tool, registry: &Registry, folder: &Path) -> Result<Sample> {
    let archive = folder.join("saved.tar");
    runs(|_| {
        let _ = fs::remove_file(&archive);
        time(|| succeed(tool.verb("save").arg("-o").arg(&archive).arg(registry.name(IMAGE))))
    })
}

/// Each loads what it saved.
fn load(tool: &Tool, registry: &Registry, folder: &Path) -> Result<Sample> {
    let archive = folder.join("saved.tar");
    let _ = fs::remove_file(&archive);
    succeed(tool.verb("save").arg("-o").arg(&archive).arg(registry.name(IMAGE)))?;
    runs(|_| {
        tool.forget()?;
        time(|| succeed(tool.verb("load").arg("-i").arg(&archive)))
    })
}

/// Builds the image, and gives it to the registry.
fn make(ours: &Tool, folder: &Path, name: &str) -> Result<()> {
    let context = folder.join("context");
    fs::create_dir_all(&context)?;
    let mut dockerfile = File::create(context.join("Dockerfile"))?;
    writeln!(dockerfile, "FROM scratch")?;
    let mut state = 1_u64;
    for layer in 0..LAYERS {
        let mut bytes = Vec::with_capacity(LAYER);
        while bytes.len() < LAYER {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            bytes.extend((state >> 32).to_be_bytes());
        }
        fs::write(context.join(layer.to_string()), bytes)?;
        writeln!(dockerfile, "COPY {layer} /{layer}")?;
    }
    succeed(ours.verb("build").args(["-q", "-t", name]).arg(&context))?;
    succeed(ours.verb("push").args(["-q", name]))
}

/// A registry on a free port of this machine, until it is dropped.
struct Registry {
    process: Child,
    data: PathBuf,
    address: String,
}

impl Registry {
    fn start(folder: &Path) -> Result<Self> {
        let data = folder.join("registry");
        let config = folder.join("registry.yml");
        let storage = format!("storage: {{filesystem: {{rootdirectory: {}}}}}", data.display());
        fs::write(&config, format!("version: 0.1\n{storage}\nhttp: {{addr: '127.0.0.1:0'}}\n"))?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().map_err(|error| format!("docker-registry: {error}"))?;
        let stderr = process.stderr.take().ok_or("docker-registry says nothing")?;
        let mut lines = BufReader::new(stderr).lines().map_while(std::result::Result::ok);
        let port = lines.find_map(|line| {
            let (_, rest) = line.split_once("listening on 127.0.0.1:")?;
            rest.split(['"', ',']).next()?.parse::<u16>().ok()
        });
        // It must never wait for somebody to read.
        std::thread::spawn(move || lines.for_each(drop));
        let address = format!("127.0.0.1:{}", port.unwrap_or_default());
        let registry = Self { process, data, address };
        if port.is_some() { Ok(registry) } else { Err("docker-registry does not start here".into()) }
    }

    fn name(&self, image: &str) -> String {
        format!("{}/{image}:1", self.address)
    }

    fn forget(&self) -> Result<()> {
        Ok(fs::remove_dir_all(&self.data)?)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
