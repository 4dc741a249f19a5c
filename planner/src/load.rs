//! Files to a Stack: the stages in order.
//!
//! Every document is parsed with the place of each node, its variables are replaced, and it is
//! held against the table of all keys, which also makes short forms long. What it extends and
//! includes joins it, and it joins the documents before it. Then what is left out gets its
//! meaning, paths become whole, names are given, and the tree becomes typed. Profiles choose
//! services; what types cannot say is validated. What the engine cannot do is told apart: only
//! those who want to run the stack need to care.

use crate::desired::with_init_services;
use crate::diagnostic::{Diagnostics, Span};
use crate::model::{Stack, decode};
use crate::source::env_files::EnvFiles;
use crate::source::environment::Environment;
use crate::source::explain::Variables;
use crate::source::loader::{Loader, Scope};
use crate::source::path::Path;
use crate::source::support::Use;
use crate::source::tree::{Entry, Tree};
use crate::source::{Source, contents, name, normalise, profiles, project, resolve, schema, select, support};
use crate::validate;
use std::collections::{BTreeMap, BTreeSet};

/// What to load and how, as the command line said it.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// Stack files in merge order, as the user named them; at least one.
    pub files: Vec<String>,
    /// Stack name that overrides every other source of it.
    pub name: Option<String>,
    /// Base of relative paths: absolute.
    pub directory: String,
    /// The current directory, absolute: files below it are shown relative to it.
    pub current: String,
    /// Dotenv files that must exist; without any, `.env` of `directory` when it is there.
    pub env_files: Vec<String>,
    /// Where the search for the stack began, when that was elsewhere: without `env_files`, the
    /// `.env` there is read too and wins over that of `directory`.
    pub env_directory: Option<String>,
    /// Active profiles; without any, those of `COMPOSE_PROFILES`. `*` is all.
    pub profiles: Vec<String>,
    /// Services to keep, with what they depend on; none keeps all. Their profiles become active.
    pub services: Vec<String>,
    /// Keeps networks, volumes, configs and secrets that no enabled service uses.
    pub all_resources: bool,
    /// Also gathers [`Loaded::uses`] and [`Loaded::origins`], which few want.
    pub details: bool,
    /// The process ends soon: what loading made on the way is left to its end, which is faster than
    /// to give it back piece by piece.
    pub short_lived: bool,
    /// The services to run, none for all: when the stack cannot be used, what of these the engine
    /// cannot do is told with the mistakes, not only once they are mended. Only with it is read
    /// what configs and secrets hold, and are `pre_start` commands services.
    pub to_run: Option<Vec<String>>,
    /// Stages that are left out, as flags of `config` ask for.
    pub skip: Skip,
}

/// Stages that loading leaves out. A stack that was loaded so is only fit to be printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skip {
    /// Variables stay as they are written.
    pub interpolation: bool,
    /// Nothing implied is filled in: default network, names, implied dependencies.
    pub normalization: bool,
    /// Relative paths stay relative.
    pub path_resolution: bool,
    /// References between resources are not checked.
    pub consistency: bool,
    /// `env_file` stays, and null variables stay null.
    pub env_resolution: bool,
}

/// A stack and what its author should know.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The stack.
    pub stack: Stack,
    /// Warnings only.
    pub warnings: Diagnostics,
    /// Where variables of the stack and of its services have their values from, in detail.
    pub origins: Variables,
    /// What the file asks for and the engine cannot do, as errors, and what has no effect, as
    /// warnings. Whoever only looks at the stack may go on.
    pub refusals: Diagnostics,
    /// What becomes of each key that the files spell out, by place.
    pub uses: Vec<Use>,
    /// Variables of dotenv files, and the stack's name as `COMPOSE_PROJECT_NAME`.
    pub variables: BTreeMap<String, String>,
}

impl Loaded {
    /// Everything there is to tell to somebody who wants to run the stack, or some services of
    /// it. Services of inactive profiles only count when they are named, and networks, volumes and
    /// the like when a service uses them.
    pub fn to_run(&self, services: &[String]) -> Diagnostics {
        let idle: Vec<String> =
            self.stack.disabled.keys().filter(|name| !services.contains(name)).map(path).collect();
        let mut all = self.refusals.clone();
        all.items.retain(|item| !idle.iter().any(|path| below(&item.path, path)));
        all.items.retain(|item| self.stack.has(&item.path));
        let told: BTreeSet<_> =
            all.items.iter().map(|item| (item.span.clone(), item.message.clone())).collect();
        let more = self
            .warnings
            .items
            .iter()
            .filter(|item| !told.contains(&(item.span.clone(), item.message.clone())));
        all.items.extend(more.cloned());
        all.sort();
        all
    }
}

fn path(service: &String) -> String {
    format!("services.{service}")
}

/// Whether a path is one or leads to something in it.
fn below(path: &str, top: &str) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Loads a stack. Every error of every file is collected.
pub fn load(options: &LoadOptions, source: &dyn Source) -> Result<Loaded, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let mut refusals = Diagnostics::default();
    let loaded = load_into(options, source, &mut diagnostics, &mut refusals);
    diagnostics.sort();
    refusals.files.clone_from(&diagnostics.files);
    refusals.sort();
    match loaded {
        Some(loaded) => {
            let failed = diagnostics.has_errors();
            let loaded = Loaded { warnings: diagnostics, refusals, ..loaded };
            match &options.to_run {
                Some(services) if failed => Err(loaded.to_run(services)),
                None if failed => Err(loaded.warnings),
                _ => Ok(loaded),
            }
        }
        None => Err(diagnostics),
    }
}

/// The stages. `None` when a file cannot even be read: what follows would only confuse then.
fn load_into(
    options: &LoadOptions,
    source: &dyn Source,
    diagnostics: &mut Diagnostics,
    refusals: &mut Diagnostics,
) -> Option<Loaded> {
    diagnostics.relative_to(&options.current);
    let mut environment = Environment::read(options, source, diagnostics);
    let mut loader = Loader::new(source, diagnostics, options.skip);
    let documents = read(options, &mut loader)?;
    let name = name::choose(options, &documents, &environment, loader.context.diagnostics);
    environment.name_stack(&name);
    name::refuse_long(&name, refusals);

    let scope = Scope { directory: &options.directory, environment: &environment };
    let mut tree = project::merged(documents, scope, &mut loader);
    if !options.skip.path_resolution {
        resolve::paths(&mut tree, &options.directory, &environment);
    }
    if !options.skip.normalization {
        let known = (!options.skip.interpolation).then_some(&environment);
        normalise::normalise(&mut tree, &name, known);
    }
    let mut profiles = active_profiles(options, &environment);
    select::activate(&tree, &options.services, &mut profiles);
    let mut uses = loader.used;
    uses.extend(files_of_services(&tree));
    let mut env_files = BTreeSet::new();
    if !options.skip.env_resolution {
        env_files =
            EnvFiles { source, environment: &environment, directory: &options.directory, diagnostics }
                .settle(&mut tree, &profiles);
    }
    let mut origins = Variables::default();
    if options.details {
        origins = Variables::gather(&tree, &env_files, &environment, diagnostics);
    }
    let (mut stack, misfits) = decode::stack(&tree, &name);
    if options.skip.interpolation {
        // Variables that stay as they are written fit no type but text.
        stack.untyped = Some(decode::untyped(&tree, (!options.skip.normalization).then_some(&name)));
    } else {
        for misfit in misfits {
            diagnostics.error(&misfit.span.unwrap_or_default(), "", misfit.message);
        }
    }
    profiles::apply(&mut stack, &profiles);
    if !options.skip.interpolation {
        uses.extend(judge(&mut stack, &tree, options, (diagnostics, refusals)));
    }
    if let Some(services) = &options.to_run {
        contents::gather(&mut stack, services, &tree, (source, &environment, &options.directory), refusals);
    }
    uses.sort_by(|a, b| (&a.span, &a.path).cmp(&(&b.span, &b.path)));
    uses.dedup();
    select::apply(&mut stack, &options.services);
    if !options.all_resources {
        stack.keep_used();
    }
    if let Some(services) = &options.to_run {
        with_init_services(&mut stack, services);
    }
    if options.short_lived {
        std::mem::forget(tree);
    }
    Some(Loaded { stack, uses, origins, variables: environment.of_files(), ..Loaded::default() })
}

/// Keys of services that are gone once the files they name are read.
fn files_of_services(tree: &Tree) -> Vec<Use> {
    let services = Path::TOP.key("services");
    let used = |service: &Entry| {
        let path = services.key(&service.key);
        support::used_up(&service.value, &path, &schema::SERVICE, &["env_file", "label_file"])
    };
    tree.get("services").map_or(&[][..], Tree::entries).iter().flat_map(used).collect()
}

/// What types cannot say: contradictions, unless these are to be left out, and what the engine
/// cannot do.
fn judge(
    stack: &mut Stack,
    tree: &Tree,
    options: &LoadOptions,
    (diagnostics, refusals): (&mut Diagnostics, &mut Diagnostics),
) -> Vec<Use> {
    if !options.skip.consistency {
        validate::consistency(stack, tree, diagnostics);
        stack.share_scale();
    }
    validate::remarks(stack, tree, diagnostics);
    validate::engine(stack, tree, refusals);
    support::judge(tree, &schema::TOP, options.details, (diagnostics, refusals))
}

/// The documents of all files; `None` when one of them cannot be read or parsed.
fn read(options: &LoadOptions, loader: &mut Loader<'_>) -> Option<Vec<Tree>> {
    if options.files.is_empty() {
        loader
            .context
            .diagnostics
            .error_anywhere("no stack file is given".to_owned())
            .hint("name one with -f");
        return None;
    }
    let mut documents = Some(Vec::new());
    for name in &options.files {
        let more = loader.documents(name, None);
        loader.trail.push(resolve::join(&options.current, name));
        documents = documents.zip(more).map(|(mut all, more): (Vec<Tree>, Vec<Tree>)| {
            all.extend(more);
            all
        });
    }
    let documents = documents.filter(|_| !loader.context.diagnostics.missing_file)?;
    if documents.is_empty() {
        let message = format!("{} is empty", options.files.join(", "));
        let place = Span::new(0, 0..0, 1, 1);
        loader.context.diagnostics.error(&place, "", message).hint("a stack has `services:`");
        return None;
    }
    Some(documents)
}

fn active_profiles(options: &LoadOptions, environment: &Environment<'_>) -> Vec<String> {
    if !options.profiles.is_empty() {
        return options.profiles.clone();
    }
    // Where none is active, the one without a name is.
    let listed = environment.get("COMPOSE_PROFILES").unwrap_or_default();
    listed.split(',').map(|name| name.trim().to_owned()).collect()
}
