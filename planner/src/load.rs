//! Files to a Stack: the stages in order.
//!
//! Each document is parsed, interpolated and checked by itself, so that a mistake is told in the
//! file that has it; checking also makes short forms long. Only then are documents merged, which
//! therefore knows no short forms and cannot fail. Names, defaults and paths are filled in, the
//! tree becomes typed, profiles are applied, and what types cannot say is validated.

use crate::diagnostic::Diagnostics;
use crate::model::{Stack, decode};
use crate::source::check::{Context, check};
use crate::source::env_files::EnvFiles;
use crate::source::environment::{Environment, unreadable};
use crate::source::interpolate::Interpolation;
use crate::source::path::Path;
use crate::source::tree::{Tree, Value};
use crate::source::{Source, defaults, merge, name, profiles, resolve, schema, yaml};
use crate::validate;

/// What to load and how, as the command line said it.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// Stack files in merge order, as the user named them; at least one.
    pub files: Vec<String>,
    /// Stack name that overrides every other source of it.
    pub name: Option<String>,
    /// Base of relative paths: absolute.
    pub directory: String,
    /// Dotenv files that must exist; without any, `.env` of `directory` when it is there.
    pub env_files: Vec<String>,
    /// Active profiles; without any, those of `COMPOSE_PROFILES`. `*` is all.
    pub profiles: Vec<String>,
    /// Keeps networks, volumes, configs and secrets that no enabled service uses.
    pub all_resources: bool,
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
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The stack.
    pub stack: Stack,
    /// Warnings only.
    pub warnings: Diagnostics,
    /// What the file asks for and the engine cannot do: errors. Whoever only looks at the stack
    /// may go on.
    pub refusals: Diagnostics,
}

/// How many ports the ranges of one stack may mean.
const MOST_PORTS: usize = 1 << 17;

/// Loads a stack. Every error of every file is collected.
pub fn load(options: &LoadOptions, source: &dyn Source) -> Result<Loaded, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let stack = load_into(options, source, &mut diagnostics);
    diagnostics.sort();
    match stack {
        Some(stack) if !diagnostics.has_errors() => {
            Ok(Loaded { stack, warnings: diagnostics, refusals: Diagnostics::default() })
        }
        _ => Err(diagnostics),
    }
}

/// The stages. `None` when a file cannot even be read: what follows would only confuse then.
fn load_into(options: &LoadOptions, source: &dyn Source, diagnostics: &mut Diagnostics) -> Option<Stack> {
    let documents = read(options, source, diagnostics);
    let mut environment = Environment::read(options, source, diagnostics);
    let mut documents = documents.filter(|_| !diagnostics.missing_file)?;
    if documents.is_empty() {
        diagnostics
            .error_anywhere(format!("{} is empty", options.files.join(", ")))
            .hint("a stack has `services:`");
        return None;
    }
    let name = name::choose(options, &documents, &environment, diagnostics);
    environment.name_stack(&name);

    let mut interpolation = Interpolation::new(&environment);
    let mut context = Context { diagnostics, ports_left: MOST_PORTS };
    for document in &mut documents {
        interpolation.walk(document, &Path::TOP, context.diagnostics);
        check(document, &Path::TOP, &schema::TOP, &mut context);
    }
    let mut tree = merge::merge(documents);
    defaults::fill(&mut tree);
    let directory = options.directory.as_str();
    EnvFiles { source, environment: &environment, directory, diagnostics }.settle(&mut tree);
    resolve::names(&mut tree, &name, diagnostics);
    resolve::paths(&mut tree, directory, &environment, diagnostics);

    let (mut stack, misfits) = decode::stack(&tree, &name);
    // Variables that stay as they are written fit no type but text.
    for misfit in misfits.into_iter().filter(|_| !options.skip.interpolation) {
        diagnostics.error(&misfit.span.unwrap_or_default(), "", misfit.message);
    }
    profiles::apply(&mut stack, &active_profiles(options, &environment));
    validate::validate(&mut stack, &tree, diagnostics);
    stack.keep_used();
    Some(stack)
}

/// The documents of all files; `None` when one of them cannot be read or parsed.
fn read(options: &LoadOptions, source: &dyn Source, diagnostics: &mut Diagnostics) -> Option<Vec<Tree>> {
    let mut documents = Some(Vec::new());
    if options.files.is_empty() {
        diagnostics.error_anywhere("no stack file is given".to_owned());
        return None;
    }
    for name in &options.files {
        let read = match source.read(name) {
            Ok(text) if text.len() > yaml::LARGEST_FILE => {
                diagnostics.error_anywhere(format!("{name} is larger than {} MiB", yaml::LARGEST_FILE >> 20));
                None
            }
            Ok(text) => {
                let file = diagnostics.add_file(name, &text);
                yaml::parse(file, &text, diagnostics)
            }
            Err(error) => {
                unreadable(name, &error, diagnostics);
                None
            }
        };
        match (&mut documents, read) {
            // An empty document says nothing.
            (Some(all), Some(more)) => all.extend(more.into_iter().filter(|tree| tree.value != Value::Null)),
            (documents, _) => *documents = None,
        }
    }
    documents
}

fn active_profiles(options: &LoadOptions, environment: &Environment<'_>) -> Vec<String> {
    if !options.profiles.is_empty() {
        return options.profiles.clone();
    }
    let listed = environment.get("COMPOSE_PROFILES").unwrap_or_default();
    listed.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
