//! What the command line means: files, stack name, roots, engine, colours. The only place
//! that reads the environment.

mod discover;
mod environment;
mod registries;

pub(crate) use environment::Environment;
#[cfg(test)]
pub(crate) use environment::Terminals;

use crate::args::{Global, Telling};
use crate::error::{Exit, Failure, Message};
use crate::output::Screen;
use discover::Found;
use engine::LinuxEngine;
use engine::container::ProcessKey;
use engine::stacks::StackStatus;
use engine::store::{Store, fnv1a};
use planner::desired::Content;
use planner::load::{LoadOptions, Loaded};
use planner::source::explain::Variables;
use planner::{Diagnostic, Diagnostics, Severity, Source, Stack};
use std::fs::File;
use std::io::{self, Read};
use std::mem::take;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the default root keeps what need not survive a reboot.
const RUNTIME: &str = "/run/sampan";
/// The default of `--root`.
pub(crate) const ROOT: &str = "/var/lib/sampan";

/// Everything a verb needs to know besides its own options.
#[derive(Debug)]
pub(crate) struct Context {
    /// How to speak.
    pub(crate) screen: Screen,
    /// What surrounds the process.
    pub(crate) environment: Environment,
    /// Say also what is left as it is.
    pub(crate) verbose: bool,
    global: Global,
}

/// The stack that a command is about.
#[derive(Debug)]
pub(crate) struct Target {
    /// Its name.
    pub(crate) name: String,
    /// What its files say, when there are files.
    pub(crate) stack: Option<Stack>,
    /// Folder of the stack.
    pub(crate) directory: PathBuf,
    /// Its files.
    pub(crate) files: Vec<String>,
    /// Where its variables have their values from.
    pub(crate) origins: Variables,
    /// The process with which it ends.
    pub(crate) lives_with: Option<ProcessKey>,
}

impl Target {
    /// A stack that is known by its name alone.
    pub(crate) fn named(name: String, directory: PathBuf) -> Self {
        let origins = Variables::default();
        Self { name, stack: None, directory, files: Vec::new(), origins, lives_with: None }
    }
}

/// What the files say, and what is to be told of them.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The stack, and more.
    pub(crate) loaded: Loaded,
    /// The warnings of it and of the search for the files, which nobody has told yet.
    pub(crate) remarks: Diagnostics,
}

impl Context {
    /// A context for these options in these surroundings.
    pub(crate) fn new(global: Global, environment: Environment, screen: Screen) -> Self {
        Self { screen, environment, verbose: global.verbose, global }
    }

    /// The same, but progress is told in plain lines.
    pub(crate) fn without_live_progress(&self) -> Self {
        let lines = self.screen.telling.filter(|how| matches!(how, Telling::Json | Telling::Quiet));
        self.telling(lines.or(Some(Telling::Plain)))
    }

    /// The same, but progress is told in this way.
    pub(crate) fn telling(&self, how: Option<Telling>) -> Self {
        let screen = self.screen.telling(how);
        Self::new(self.global.clone(), self.environment.clone(), screen)
    }

    /// Where everything is kept.
    pub(crate) fn store(&self) -> Store {
        let root = self.environment.directory.join(&self.global.root);
        let runtime = match &self.global.runtime {
            Some(runtime) => self.environment.directory.join(runtime),
            None => runtime_of(&root),
        };
        Store::new(root, runtime)
    }

    /// The engine.
    pub(crate) fn engine(&self) -> Result<LinuxEngine, Failure> {
        Ok(LinuxEngine::open(self.store())?)
    }

    /// The engine, for a verb that starts, stops or enters processes.
    pub(crate) fn engine_as_root(&self, verb: &str) -> Result<LinuxEngine, Failure> {
        if !nix::unistd::geteuid().is_root() {
            let message = Message::new(Exit::NotReached, format!("`{verb}` needs root"));
            return Err(message.hint(format!("run it as `sudo sampan {verb} …`")).into());
        }
        self.engine()
    }

    /// How many steps may run at the same time.
    pub(crate) fn parallel(&self) -> Option<usize> {
        let variable = || self.environment.set("COMPOSE_PARALLEL_LIMIT")?.parse().ok();
        self.global.parallel.map(usize::from).or_else(variable).filter(|limit| *limit > 0)
    }

    /// The files, which must be there, for a verb that wants them loaded in its own way.
    pub(crate) fn read(&self, adjust: impl FnOnce(&mut LoadOptions)) -> Result<Reading, Failure> {
        let mut found = self.found()?;
        adjust(&mut found.options);
        let mut loaded = planner::load::load(&found.options, self)?;
        let mut remarks = take(&mut loaded.warnings);
        remarks.items.splice(0..0, found.warnings.into_iter().map(remark));
        Ok(Reading { loaded, remarks })
    }

    /// The stack of the files, which must be there, with the origins of its variables. Warnings
    /// are told.
    pub(crate) fn stack_with_origins(&self) -> Result<Target, Failure> {
        let mut found = self.found()?;
        found.options.details = true;
        let loaded = self.load(&found)?;
        self.screen.diagnostics(&loaded.warnings);
        Ok(self.loaded(&found, loaded))
    }

    /// The stack of the files, which must be there, for a verb that makes containers of some
    /// services, none for all: what the engine cannot do ends it. Warnings are told.
    pub(crate) fn stack_to_run(&self, services: &[String]) -> Result<Target, Failure> {
        let mut found = self.found()?;
        found.options.to_run = Some(services.to_vec());
        let loaded = self.load(&found)?;
        let told = loaded.to_run(services);
        if told.has_errors() {
            return Err(Failure::Invalid(told));
        }
        self.screen.diagnostics(&told);
        Ok(self.loaded(&found, loaded))
    }

    /// A private copy of the stack of the files, all of whose services run, under a name that is made
    /// of the stack's own one. What cannot be private is told.
    pub(crate) fn private_copy(&self, name: impl FnOnce(&str) -> String) -> Result<Target, Failure> {
        let mut found = self.found()?;
        found.options.to_run = Some(Vec::new());
        let original = planner::load::load(&found.options, self)?.stack.name;
        found.options.name = Some(name(&original));
        let loaded = self.load(&found)?;
        let told = loaded.to_run(&[]);
        if told.has_errors() {
            return Err(Failure::Invalid(told));
        }
        self.screen.diagnostics(&told);
        let mut target = self.loaded(&found, loaded);
        let shared = target.stack.as_mut().map(|stack| stack.isolate(&original));
        shared.iter().flatten().for_each(|what| self.screen.warn(what));
        Ok(target)
    }

    /// This program again, with the same folders; in no folder of the user.
    pub(crate) fn again(&self) -> io::Result<Command> {
        let store = self.store();
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--root").arg(store.root()).arg("--runtime").arg(store.runtime()).current_dir("/");
        Ok(command)
    }

    /// The same for one service, with one more file over the others: what the command line says.
    pub(crate) fn stack_to_run_with(&self, service: &str, overlay: String) -> Result<Target, Failure> {
        let mut found = self.found()?;
        found.options.to_run = Some(vec![service.to_owned()]);
        found.options.files.push(OVERLAY.to_owned());
        let source = Overlaid { context: self, overlay };
        let loaded = planner::load::load(&found.options, &source)?;
        found.options.files.pop();
        let told = loaded.to_run(&[service.to_owned()]);
        if told.has_errors() {
            return Err(Failure::Invalid(told));
        }
        self.screen.diagnostics(&told);
        Ok(self.loaded(&found, loaded))
    }

    /// The stack that this text says, without any file: of one service that is to be made.
    pub(crate) fn stack_alone(&self, service: &str, text: String) -> Result<Stack, Failure> {
        let options = LoadOptions {
            files: vec![OVERLAY.to_owned()],
            name: Some("alone".to_owned()),
            directory: "/".to_owned(),
            current: "/".to_owned(),
            to_run: Some(vec![service.to_owned()]),
            ..LoadOptions::default()
        };
        let loaded = planner::load::load(&options, &Overlaid { context: self, overlay: text })?;
        let told = loaded.to_run(&[service.to_owned()]);
        if told.has_errors() {
            return Err(Failure::Invalid(told));
        }
        self.screen.diagnostics(&told);
        Ok(loaded.stack)
    }

    /// The files, which must be there.
    fn found(&self) -> Result<Found, Failure> {
        let found = discover::find(&self.global, &self.environment)?;
        match found.options.files.is_empty() {
            true => Err(no_file(Path::new(&found.options.directory))),
            false => Ok(found),
        }
    }

    /// The stack by name: from `--project-name`, from the files when there are any, from the
    /// folder. For verbs that work on what exists, also when the files are gone.
    pub(crate) fn target(&self) -> Result<Target, Failure> {
        let found = discover::find(&self.global, &self.environment)?;
        let named = self.global.project_name.is_some() && self.global.files.is_empty();
        let directory = PathBuf::from(&found.options.directory);
        if !named && !found.options.files.is_empty() {
            return match self.load(&found) {
                Err(Failure::Invalid(diagnostics)) => self.remembered(directory, diagnostics),
                // What is odd in the file does not matter to what exists.
                loaded => loaded.map(|loaded| self.loaded(&found, loaded)),
            };
        }
        let name = match found.options.name {
            Some(name) => checked(name)?,
            None => discover::stack_name(&directory),
        };
        if name.is_empty() {
            return Err(no_file(&directory));
        }
        Ok(Target::named(name, directory))
    }

    /// The stack that was last brought up from this folder: a file that has become wrong must
    /// not keep anybody from stopping what runs.
    fn remembered(&self, directory: PathBuf, diagnostics: Diagnostics) -> Result<Target, Failure> {
        let ours =
            |stack: &StackStatus| stack.owner.as_ref().is_some_and(|owner| owner.directory == directory);
        let stacks = self.engine().ok().and_then(|engine| engine.stacks().ok()).unwrap_or_default();
        let mut stacks: Vec<String> = stacks.into_iter().filter(ours).map(|stack| stack.name).collect();
        let Some(name) = stacks.pop().filter(|_| stacks.is_empty()) else {
            return Err(Failure::Invalid(diagnostics));
        };
        self.screen.diagnostics(&diagnostics);
        self.screen.warn(&format!("going by what is known of stack {name}, without its files"));
        Ok(Target::named(name, directory))
    }

    fn load(&self, found: &Found) -> Result<Loaded, Failure> {
        found.warnings.iter().for_each(|warning| self.screen.warn(warning));
        Ok(planner::load::load(&found.options, self)?)
    }

    fn loaded(&self, found: &Found, loaded: Loaded) -> Target {
        let Loaded { stack, origins, .. } = loaded;
        let absolute = |file: &String| self.environment.directory.join(file).display().to_string();
        let files = found.options.files.iter().map(absolute).collect();
        let directory = PathBuf::from(&found.options.directory);
        Target { name: stack.name.clone(), stack: Some(stack), directory, files, origins, lives_with: None }
    }
}

/// A warning about the choice of files.
fn remark(message: String) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, span: None, path: String::new(), message, hint: None }
}

fn no_file(folder: &Path) -> Failure {
    Message::new(Exit::FileNotFound, format!("no stack file in {} or above", folder.display()))
        .hint("write a compose.yaml, or name a file: `sampan -f FILE …`")
        .into()
}

/// Refuses a stack name that cannot be one.
fn checked(name: String) -> Result<String, Failure> {
    match discover::stack_name(Path::new(&name)) == name && !name.is_empty() {
        true => Ok(name),
        false => Err(Failure::usage(
            format!("`{name}` cannot be the name of a stack"),
            "use lower-case letters, digits, `-` and `_`, and begin with a letter or digit",
        )),
    }
}

/// Sockets have short paths (108 bytes, unix(7)) and must be gone after a reboot, so another
/// root's runtime folder is not below that root but has its own name in /run.
fn runtime_of(root: &Path) -> PathBuf {
    match root == Path::new(ROOT) {
        true => PathBuf::from(RUNTIME),
        false => PathBuf::from(format!("{RUNTIME}-{:08x}", fnv1a(root.as_os_str().as_encoded_bytes()))),
    }
}

/// The planner reads files and variables through the context.
impl Source for Context {
    fn read(&self, path: &str) -> io::Result<String> {
        if path == "-" {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text)?;
            return Ok(text);
        }
        std::fs::read_to_string(self.environment.directory.join(path))
    }

    fn bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        let file = File::open(self.environment.directory.join(path))?;
        let mut bytes = Vec::new();
        file.take(Content::MAX as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn is_folder(&self, path: &str) -> bool {
        self.environment.directory.join(path).is_dir()
    }

    fn real_path(&self, path: &str) -> String {
        let real = std::fs::canonicalize(path).ok().and_then(|path| path.into_os_string().into_string().ok());
        real.unwrap_or_else(|| path.to_owned())
    }

    fn var(&self, name: &str) -> Option<String> {
        self.environment.var(name).map(str::to_owned)
    }
}

/// What the command line says about a service is called so where it is wrong.
const OVERLAY: &str = "command line";

/// The context with one more file.
struct Overlaid<'a> {
    context: &'a Context,
    overlay: String,
}

impl Source for Overlaid<'_> {
    fn read(&self, path: &str) -> io::Result<String> {
        if path == OVERLAY { Ok(self.overlay.clone()) } else { Source::read(self.context, path) }
    }

    fn bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        self.context.bytes(path)
    }

    fn is_folder(&self, path: &str) -> bool {
        self.context.is_folder(path)
    }

    fn real_path(&self, path: &str) -> String {
        self.context.real_path(path)
    }

    fn var(&self, name: &str) -> Option<String> {
        self.context.var(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(global: Global) -> Context {
        let environment = Environment { directory: "/nowhere/My Shop".into(), ..Default::default() };
        Context::new(global, environment, Screen::default())
    }

    #[test]
    fn a_root_of_its_own_has_a_runtime_folder_of_its_own() {
        assert_eq!(runtime_of(Path::new(ROOT)), Path::new("/run/sampan"));
        let one = runtime_of(Path::new("/tmp/a"));
        assert!(one.display().to_string().starts_with("/run/sampan-"));
        assert_ne!(one, runtime_of(Path::new("/tmp/b")));
        let global = Global { root: "/tmp/a".into(), runtime: Some("r".into()), ..Default::default() };
        assert_eq!(context(global).store().runtime(), Path::new("/nowhere/My Shop/r"));
    }

    #[test]
    fn without_files_the_folder_names_the_stack() {
        let target = context(Global::default()).target().unwrap();
        assert_eq!(target.name, "myshop");
        assert!(target.stack.is_none());
        let error = context(Global::default()).stack_to_run(&[]).unwrap_err();
        assert_eq!(error.exit(), Exit::FileNotFound);
    }

    #[test]
    fn links_in_a_path_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        std::os::unix::fs::symlink(&real, real.join("link")).unwrap();
        let path = |name: &str| real.join(name).display().to_string();
        let context = context(Global::default());
        assert_eq!(context.real_path(&path("link")), path("").trim_end_matches('/'));
        assert_eq!(context.real_path("/not/there"), "/not/there");
    }

    #[test]
    fn a_name_that_cannot_be_one_is_refused_not_bent() {
        let global = Global { project_name: Some("Bad.Name".into()), ..Default::default() };
        assert_eq!(context(global).target().unwrap_err().exit(), Exit::Usage);
    }
}
