//! Builds: a Dockerfile becomes an image.
//!
//! - [`dockerfile`] reads the text: stages, instructions, and what is wrong with them.
//! - [`ignore`] says which files of the context a build does not see.
//! - [`graph`] says which stages are needed and what each needs; [`variables`] what `ARG` and
//!   `ENV` mean at a place.
//! - [`schedule`] builds the stages, [`stage`] one of them, [`step`] one step of a stage:
//!   [`metadata`] for what the image says, [`program`] for `RUN`, [`transfer`] for `COPY` and `ADD`,
//!   [`workdir`]; [`remote`] brings what `ADD` takes from elsewhere.
//! - [`snapshot`] is the file system between two instructions; [`run`] and [`copy`] execute one.
//! - [`cache`] finds what was built before by what it was made from, and [`cache::prune`] says how
//!   long that is kept; [`share`] takes from caches of other machines and gives to them;
//!   [`contents`] and [`hashes`] tell whether files are the same.
//! - [`BuildEvent`] is told while it happens.
//!
//! ```text
//! text ─▶ dockerfile ─▶ graph ─▶ stages in parallel ─▶ steps: inputs ─▶ cache? ─▶ snapshot ─▶ layer
//!                                                                                      ─▶ image
//! ```

mod base;
mod builder;
mod cache;
pub mod cancel;
mod contents;
pub mod copy;
pub mod dockerfile;
mod event;
pub(crate) mod files;
mod finish;
pub(crate) mod glob;
mod graph;
mod hashes;
pub mod ignore;
mod keys;
mod metadata;
mod mounts;
mod nearby;
mod program;
mod remote;
mod resolve;
pub mod run;
mod schedule;
mod share;
pub mod snapshot;
mod sources;
mod stage;
mod state;
mod step;
mod times;
mod transfer;
mod variables;
mod workdir;

pub use cache::prune::{Cached, Keep, prune, unused};
pub use cancel::Cancel;
pub use event::{BuildEvent, BuildStep, Missed, StepId};

use crate::error::{Context, Error, Kind, Result};
use crate::image::registry::Registries;
use crate::image::scratch::Scratch;
use crate::image::{Images, Reference};
use crate::store::Store;
use builder::{Builder, Numbers};
use cache::Cache;
use dockerfile::ast::{Instruction, Statement};
use dockerfile::{Expander, Parsed};
use nearby::Fetch;
use planner::Diagnostics;
use planner::desired::{BuildContext, BuildSpec, DockerfileSource};
use planner::diagnostic::SourceFile;
use schedule::Turns;
use share::Takes;
use sources::{Contexts, Folder};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use variables::Globals;

/// What a build needs to know of its caller, beside what it should make.
#[derive(Clone, Debug, Default)]
pub struct BuildInputs {
    /// Content of the secrets that come from the environment, by their id.
    pub secrets: BTreeMap<String, Vec<u8>>,
    /// Socket of the caller's ssh agent.
    pub agent: Option<PathBuf>,
    /// How images are pulled.
    pub registries: Registries,
    /// Steps that run at a time; `None` is one for each core.
    pub jobs: Option<usize>,
}

/// An image that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// `sha256:…`.
    pub image_id: String,
    /// The tags that it was given, as people write them.
    pub references: Vec<String>,
}

/// Receives events, from several threads.
pub type Tell<'a> = &'a (dyn Fn(BuildEvent) + Sync);

/// Builds an image. `cancel` ends it early, and is this build's alone: a step that fails cancels
/// the others. What a failed build has finished is in the cache.
pub fn build(
    store: &Store,
    spec: &BuildSpec,
    inputs: &BuildInputs,
    cancel: &Cancel,
    tell: Tell<'_>,
) -> Result<Built> {
    let images = Images::new(store);
    let hold = images.hold_layers()?;
    let scratch = Scratch::new(&images)?;
    let fetch = Fetch { images: &images, inputs, cancel, tell, folder: scratch.path() };
    let spec = &nearby::nearby(spec, &fetch)?;
    spec.platforms.iter().try_for_each(|platform| graph::ensure_native(platform))?;
    let references = references(&spec.tags)?;
    let Understood { dockerfile, globals, graph, file, diagnostics } = understand(spec)?;
    if !diagnostics.items.is_empty() {
        tell(BuildEvent::Warnings(diagnostics));
    }
    let (numbers, planned) = Numbers::of(&dockerfile, &graph);
    tell(BuildEvent::Planned(planned));

    let cache = Cache::open(store, &known_as(spec))?;
    let contexts = contexts(spec, &cache)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let builder = Builder {
        store,
        scratch,
        images,
        spec,
        inputs,
        tell,
        dockerfile: &dockerfile,
        file,
        globals,
        graph,
        numbers,
        cache,
        elsewhere: Takes::new(&spec.cache_from, &inputs.registries, tell),
        contexts,
        hold,
        cancel: cancel.clone(),
        turns: Turns::new(inputs.jobs.unwrap_or(cores)),
    };
    let state = schedule::stages(&builder)?;
    finish::finish(builder, &state, references)
}

/// What is wrong with a build's Dockerfile, or surprising in it. Nothing is built, and only what is
/// here can be looked at.
pub fn check(spec: &BuildSpec) -> Result<Diagnostics> {
    spec.platforms.iter().try_for_each(|platform| graph::ensure_native(platform))?;
    references(&spec.tags)?;
    match understand(spec) {
        Ok(understood) => Ok(understood.diagnostics),
        Err(error) => {
            let told = error.source.as_ref().and_then(|source| source.downcast_ref::<Diagnostics>());
            told.cloned().ok_or(error)
        }
    }
}

/// A Dockerfile and what it means with the arguments of the build.
struct Understood {
    dockerfile: dockerfile::Dockerfile,
    globals: Globals,
    graph: graph::Graph,
    /// The text, for excerpts.
    file: SourceFile,
    /// What is surprising.
    diagnostics: Diagnostics,
}

fn understand(spec: &BuildSpec) -> Result<Understood> {
    let (text, name) = dockerfile_of(spec)?;
    let ignored = sources::ignored(&patterns(spec)?)?;
    let Parsed { dockerfile, mut diagnostics } = dockerfile::parse_in(&text, &name, &ignored);
    ensure_sound(&name, &diagnostics)?;
    let mut globals = Globals::new(spec);
    declare(&mut globals, &dockerfile.args, dockerfile.directives.escape)?;
    let graph = graph::graph(&dockerfile, &globals, spec, &mut diagnostics)?;
    ensure_sound(&name, &diagnostics)?;
    remark_undeclared(&globals, &dockerfile, &mut diagnostics);
    let file = diagnostics.files.first().cloned().unwrap_or(SourceFile { name, text: text.into() });
    Ok(Understood { dockerfile, globals, graph, file, diagnostics })
}

fn references(tags: &[String]) -> Result<Vec<Reference>> {
    let references: Vec<Reference> = tags.iter().map(|tag| tag.parse()).collect::<Result<_>>()?;
    match references.iter().find(|reference| reference.digest.is_some()) {
        Some(reference) => Err(Error::new(
            Kind::Unsupported,
            format!("`{}` has a digest: it cannot be given", reference.familiar()),
        )),
        None => Ok(references),
    }
}

/// What builds of the same thing are known by, wherever its files lie.
fn known_as(spec: &BuildSpec) -> String {
    match (spec.tags.first(), &spec.context) {
        (Some(tag), _) => tag.clone(),
        (None, context) => format!("{context:?} {:?}", spec.dockerfile),
    }
}

/// Text and name of the Dockerfile.
fn dockerfile_of(spec: &BuildSpec) -> Result<(String, String)> {
    let read = |path: &Path, name: &str| -> Result<(String, String)> {
        let doing = || format!("read the Dockerfile {}", path.display());
        let bytes = std::fs::read(path).doing(doing)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Error::new(Kind::Unsupported, format!("{} is not UTF-8 text", path.display())))?;
        Ok((text, name.to_owned()))
    };
    match (&spec.dockerfile, &spec.context) {
        (DockerfileSource::Inline(text), _) => Ok((text.clone(), "Dockerfile".to_owned())),
        (DockerfileSource::File(path), _) => read(path, &path.display().to_string()),
        (DockerfileSource::InContext(name), BuildContext::Folder(folder)) => {
            let (wanted, other) = (folder.join(name), folder.join("Containerfile"));
            match name.as_str() {
                "Dockerfile" if !wanted.exists() && other.exists() => read(&other, "Containerfile"),
                _ => read(&wanted, name),
            }
        }
        (DockerfileSource::InContext(name), context) => {
            sources::folder_of(context)?;
            Err(Error::new(Kind::NotFound, format!("the build context has no `{name}`")))
        }
    }
}

fn ensure_sound(name: &str, diagnostics: &Diagnostics) -> Result<()> {
    if diagnostics.has_errors() {
        let error = Error::new(Kind::Unsupported, format!("{name} cannot be built"));
        return Err(error.because(diagnostics.clone()));
    }
    Ok(())
}

/// `ARG` above the first `FROM`.
fn declare(globals: &mut Globals, statements: &[Statement], escape: char) -> Result<()> {
    for statement in statements {
        let Instruction::Arg(arguments) = &statement.instruction else { continue };
        for argument in arguments {
            let so_far = globals.clone();
            let lookup = |name: &str| so_far.get(name);
            let expander = Expander::new(escape, &lookup);
            let default = argument.default.as_ref();
            let default = default.map(|default| metadata::word(&expander, default)).transpose()?;
            globals.declare(&metadata::word(&expander, &argument.name)?, default);
        }
    }
    Ok(())
}

/// Arguments that were given and that nothing declares are mistakes, most of the time.
fn remark_undeclared(globals: &Globals, dockerfile: &dockerfile::Dockerfile, diagnostics: &mut Diagnostics) {
    let statements = dockerfile.stages.iter().flat_map(|stage| &stage.statements);
    let arguments = statements.filter_map(|statement| match &statement.instruction {
        Instruction::Arg(arguments) => Some(arguments),
        _ => None,
    });
    let declared: Vec<&str> = arguments.flatten().map(|argument| argument.name.as_str()).collect();
    for name in globals.undeclared(|name| declared.contains(&name)) {
        let message = format!("the build argument `{name}` is given, but no ARG declares it");
        diagnostics.items.push(planner::Diagnostic {
            severity: planner::Severity::Warning,
            message,
            ..planner::Diagnostic::default()
        });
    }
}

/// Where the patterns of what the build does not see may be.
fn patterns(spec: &BuildSpec) -> Result<Vec<PathBuf>> {
    let Some(folder) = sources::folder_of(&spec.context)? else { return Ok(Vec::new()) };
    let dockerfile = match &spec.dockerfile {
        DockerfileSource::File(path) => path.clone(),
        DockerfileSource::InContext(name) => folder.join(name),
        DockerfileSource::Inline(_) => folder.join("Dockerfile"),
    };
    Ok(ignore::candidates(&dockerfile, &folder).to_vec())
}

fn contexts(spec: &BuildSpec, cache: &Cache) -> Result<Contexts> {
    let mut contexts = Contexts::default();
    if let Some(folder) = sources::folder_of(&spec.context)? {
        contexts.main = Some(Folder::open(folder, &patterns(spec)?, cache)?);
    }
    for (name, context) in &spec.additional_contexts {
        if let Some(folder) = sources::folder_of(context)? {
            let candidates = [folder.join(".dockerignore")];
            contexts.named.insert(name.clone(), Folder::open(folder, &candidates, cache)?);
        }
    }
    Ok(contexts)
}
