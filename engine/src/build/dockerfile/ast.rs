//! What a Dockerfile says: directives, global arguments, stages, and the instructions of each.

use super::mount::Mount;
use planner::diagnostic::Span;
use std::time::Duration;

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dockerfile {
    /// What its first comments say to the reader of the file.
    pub directives: Directives,
    /// `ARG` before the first `FROM`, in order. Only `FROM` lines see them.
    pub args: Vec<Statement>,
    /// What each `FROM` begins.
    pub stages: Vec<Stage>,
}

/// Comments such as `# escape=x` above everything else.
#[derive(Clone, Debug, PartialEq)]
pub struct Directives {
    /// The image of a front end, `docker/dockerfile:1`. It is not used: this is the front end.
    pub syntax: Option<String>,
    /// What continues a line and takes the meaning of the next character.
    pub escape: char,
    /// Which warnings are wanted.
    pub check: Check,
}

impl Default for Directives {
    fn default() -> Self {
        Self { syntax: None, escape: '\\', check: Check::default() }
    }
}

/// `# check=skip=NAME,…;experimental=NAME,…;error=true`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Check {
    /// `skip=all`.
    pub skip_all: bool,
    /// The names of checks that are not wanted.
    pub skip: Vec<String>,
    /// `experimental=all`.
    pub experimental_all: bool,
    /// The names of those checks that are wanted only when they are asked for.
    pub experimental: Vec<String>,
    /// Warnings are errors.
    pub error: bool,
}

/// What begins with a `FROM`.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// The name behind `AS`, in lower case.
    pub name: Option<String>,
    /// What it starts from: an image, an earlier stage, or `scratch`. See [`Dockerfile::base`].
    pub base: Word,
    /// `--platform`.
    pub platform: Option<Word>,
    /// Where the `FROM` is.
    pub place: Place,
    /// The `FROM` as it is written, on one line.
    pub text: String,
    /// Everything up to the next `FROM`.
    pub statements: Vec<Statement>,
}

/// What a stage starts from, once its variables have values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// Nothing.
    Scratch,
    /// The earlier stage with this index.
    Stage(usize),
    /// An image of this name.
    Image(String),
}

impl Dockerfile {
    /// What the stage with this index starts from, when its [`Stage::base`] has become `name`.
    /// Only stages above it count.
    #[must_use]
    pub fn base(&self, index: usize, name: &str) -> Base {
        match self.stage_before(index, name) {
            Some(found) => Base::Stage(found),
            None if name == "scratch" => Base::Scratch,
            None => Base::Image(name.to_owned()),
        }
    }

    /// The stage that `COPY --from=name` and `--mount=from=name` mean in the stage with this
    /// index: one above it, by name or, as only `COPY` may, by number. Anything else is an image
    /// or one of the build's additional contexts.
    #[must_use]
    pub fn source_stage(&self, index: usize, name: &str, by_number: bool) -> Option<usize> {
        let number = name.parse().ok().filter(|number| by_number && *number < index);
        number.or_else(|| self.stage_before(index, name))
    }

    /// The stage of this name or number, from all of them, as `--target` wants it.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<usize> {
        let number = || name.parse().ok().filter(|number| *number < self.stages.len());
        self.named(name).or_else(number)
    }

    /// The last stage of this name.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.stage_before(self.stages.len(), name)
    }

    fn stage_before(&self, index: usize, name: &str) -> Option<usize> {
        let above = self.stages.get(..index)?;
        above
            .iter()
            .rposition(|stage| stage.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name)))
    }
}

/// One instruction and where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What is to be done.
    pub instruction: Instruction,
    /// Where it is, with its continuation lines and here-documents.
    pub place: Place,
    /// As it is written, on one line: without comments, line ends and here-documents.
    pub text: String,
}

/// A stretch of whole lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// For diagnostics: from the name of the instruction to its end.
    pub span: Span,
    /// The last line, from 1; the first one is in the span.
    pub last_line: usize,
}

/// Text in which variables, quotes and escapes still stand as written. [`Expander`] gives it its
/// value, in the places that the instruction says.
///
/// [`Expander`]: super::expand::Expander
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(pub String);

impl Word {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// What an instruction says. Texts are final, [`Word`]s are to be expanded first.
#[derive(Clone, Debug, PartialEq)]
pub enum Instruction {
    /// `ARG name[=default] …`.
    Arg(Vec<Argument>),
    /// `ENV key=value …`. All values see the variables from before the line.
    Env(Vec<(Word, Word)>),
    /// `LABEL key=value …`.
    Label(Vec<(Word, Word)>),
    /// `MAINTAINER name`: the author of the image.
    Maintainer(String),
    /// `WORKDIR path`, seen from the one before.
    Workdir(Word),
    /// `USER user[:group]`.
    User(Word),
    /// `SHELL ["program", …]` for the shell forms below it.
    Shell(Vec<String>),
    /// `EXPOSE port[/protocol] …`. A word can become several, see [`Expander::words`].
    ///
    /// [`Expander::words`]: super::expand::Expander::words
    Expose(Vec<Word>),
    /// `VOLUME path …`.
    Volume(Vec<Word>),
    /// `STOPSIGNAL signal`.
    StopSignal(Word),
    /// `CMD`.
    Cmd(Command),
    /// `ENTRYPOINT`.
    Entrypoint(Command),
    /// `HEALTHCHECK`.
    Healthcheck(Healthcheck),
    /// `ONBUILD`.
    OnBuild(OnBuild),
    /// `RUN`.
    Run(Run),
    /// `COPY`.
    Copy(Copy),
    /// `ADD`.
    Add(Add),
}

/// One name of an `ARG`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The name.
    pub name: Word,
    /// What it is when the build gives no value.
    pub default: Option<Word>,
}

/// What is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Text for the shell, which expands its variables itself.
    Shell(String),
    /// A program and its arguments, exactly. It can be empty: `CMD []`, `ENTRYPOINT []`.
    Exec(Vec<String>),
}

/// `HEALTHCHECK`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Healthcheck {
    /// `HEALTHCHECK NONE`: what the base image says does not count.
    None,
    /// `HEALTHCHECK [options] CMD …`.
    Check(HealthCommand),
}

/// How health is found out. What is not said is for the engine to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCommand {
    /// What runs; never empty.
    pub test: Command,
    /// `--interval`.
    pub interval: Option<Duration>,
    /// `--timeout`.
    pub timeout: Option<Duration>,
    /// `--start-period`.
    pub start_period: Option<Duration>,
    /// `--start-interval`.
    pub start_interval: Option<Duration>,
    /// `--retries`.
    pub retries: Option<u32>,
}

/// `ONBUILD instruction`: for builds that start from this image.
#[derive(Clone, Debug, PartialEq)]
pub struct OnBuild {
    /// The instruction as the image keeps it, with its here-documents; [`parse_trigger`] reads it.
    ///
    /// [`parse_trigger`]: super::parse_trigger
    pub text: String,
    /// What it says.
    pub instruction: Box<Instruction>,
}

/// `RUN`.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What runs.
    pub command: RunCommand,
    /// `--mount`, in order.
    pub mounts: Vec<Mount>,
    /// `--network`.
    pub network: Network,
    /// `--security`.
    pub security: Security,
    /// `--device`, in order.
    pub devices: Vec<Device>,
}

/// What a `RUN` runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunCommand {
    /// Text for the shell. Here-documents that belong to a longer command are in it as written,
    /// for the shell to read; of `RUN <<EOF` alone it is the body.
    Shell(String),
    /// A program and its arguments, exactly.
    Exec(Vec<String>),
    /// `RUN <<name` with a body that begins with `#!`: a file that is itself the program.
    Script {
        /// The name of the here-document, which names the file.
        name: String,
        /// The file.
        body: String,
    },
}

/// `RUN --network`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// What the build was given.
    #[default]
    Default,
    /// Only the loopback.
    None,
    /// The host's, if the build may.
    Host,
}

/// `RUN --security`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// As containers are.
    #[default]
    Sandbox,
    /// With all privileges, if the build may.
    Insecure,
}

/// `RUN --device=name[,required]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The name of a kind of device, `vendor.com/class=name`.
    pub name: String,
    /// Without it the build fails.
    pub required: bool,
}

/// A here-document: the lines behind an instruction up to the one that is `name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heredoc {
    /// Its name, which ends it and names the file that it becomes.
    pub name: String,
    /// Its lines; with `<<-` without the tabs they begin with.
    pub body: String,
    /// Whether variables in it are expanded, see [`Expander::text`]: not if the name is quoted.
    ///
    /// [`Expander::text`]: super::expand::Expander::text
    pub expand: bool,
}

/// `COPY`.
#[derive(Clone, Debug, PartialEq)]
pub struct Copy {
    /// `--from`: a stage, an additional context or an image, see [`Dockerfile::source_stage`].
    /// Otherwise the build context.
    pub from: Option<String>,
    /// `--parents`: folders above the sources come along.
    pub parents: bool,
    /// Which files, and where to.
    pub files: Files,
}

/// `ADD`.
#[derive(Clone, Debug, PartialEq)]
pub struct Add {
    /// `--checksum` of a download.
    pub checksum: Option<Word>,
    /// `--keep-git-dir`.
    pub keep_git_dir: Option<bool>,
    /// `--unpack`; if not said: local archives are, downloads are not.
    pub unpack: Option<bool>,
    /// Which files, and where to.
    pub files: Files,
}

/// What `COPY` and `ADD` have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Files {
    /// `--chown=user[:group]`.
    pub chown: Option<Word>,
    /// `--chmod`.
    pub chmod: Option<Word>,
    /// `--link`: independent of what is below.
    pub link: bool,
    /// `--exclude`: patterns as in `.dockerignore`.
    pub exclude: Vec<String>,
    /// Paths with wildcards, seen from where files come from.
    pub sources: Vec<Word>,
    /// Files whose content is in the Dockerfile.
    pub contents: Vec<Heredoc>,
    /// A path in the image, seen from the working directory.
    pub destination: Word,
}
