//! `sampan build`

use super::converge::converge_files;
use crate::args::Telling;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::bake;
use clap::Args;
use planner::desired::{BuildSpec, Limits};
use planner::goal::{BuildOptions, Verb};
use planner::live::Live;
use planner::model::parse_bytes;
use planner::{Goal, Step};
use std::collections::BTreeMap;

/// Build the images of services that have a build section
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// Only the images of these services
    services: Vec<String>,

    /// Value of an ARG, over that of the file; without a value, that of the variable of this name
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    build_args: Vec<String>,

    /// Take nothing from the cache
    #[arg(long)]
    no_cache: bool,

    /// Ask for newer images of FROM even when they are here
    #[arg(long)]
    pull: bool,

    /// Push the images when they are built
    #[arg(long)]
    push: bool,

    /// Agent or key for `RUN --mount=type=ssh`: default, or an id and a key file or socket
    #[arg(long, value_name = "ID[=PATH]")]
    ssh: Vec<String>,

    /// Also the images of services that the named ones depend on
    #[arg(long)]
    with_dependencies: bool,

    /// Memory that a RUN may use, such as 512m
    #[arg(short, long, value_name = "SIZE", value_parser = memory)]
    memory: Option<u64>,

    /// Look for mistakes in the Dockerfiles, and build nothing
    #[arg(long)]
    check: bool,

    /// Print what would be built, in the form of `docker buildx bake`, and build nothing
    #[arg(long, conflicts_with = "check")]
    print: bool,

    #[command(flatten)]
    elsewhere: Elsewhere,

    /// How to tell what is done
    #[arg(long, value_name = "HOW")]
    progress: Option<Telling>,

    /// Say nothing but what goes wrong
    #[arg(short, long)]
    quiet: bool,

    /// Show the plan and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// Flags of Docker Compose for what there is no need for here.
#[derive(Clone, Debug, Args)]
pub(crate) struct Elsewhere {
    /// There is one builder: without effect
    #[arg(long, value_name = "NAME")]
    builder: Option<String>,

    /// Images have no attestations: without effect
    #[arg(long, value_name = "ATTESTATION", num_args = 0..=1, default_missing_value = "true")]
    provenance: Option<String>,

    /// Images have no attestations: without effect
    #[arg(long, value_name = "ATTESTATION", num_args = 0..=1, default_missing_value = "true")]
    sbom: Option<String>,
}

impl Elsewhere {
    /// Says which of the flags that were given have no effect, and why.
    pub(crate) fn tell(&self, context: &Context) {
        let asks = |flag: &Option<String>| flag.as_deref().is_some_and(|value| value != "false");
        if self.builder.as_deref().is_some_and(|name| name != "default") {
            context.screen.warn("--builder has no effect: sampan builds itself");
        }
        for (flag, value) in [("provenance", &self.provenance), ("sbom", &self.sbom)] {
            if asks(value) {
                context.screen.warn(&format!("--{flag} has no effect: images have no attestations"));
            }
        }
    }
}

pub(crate) fn run(args: &BuildArgs, context: &Context) -> Result<Exit, Failure> {
    args.elsewhere.tell(context);
    let verb = Verb::Build(BuildOptions {
        args: arguments(&args.build_args, context),
        no_cache: args.no_cache,
        pull: args.pull,
        push: args.push,
        ssh: args.ssh.iter().map(|text| pair(context, text)).collect(),
        include_deps: args.with_dependencies,
        memory: args.memory,
    });
    let services = args.services.iter().cloned().collect();
    let goal = Goal { services, ..Goal::all(verb) };
    if args.check || args.print {
        return look(args, &goal, context);
    }
    let quiet = args.quiet || args.progress == Some(Telling::Quiet);
    converge_files(&context.telling(args.progress), "build", &goal, (args.dry_run, quiet))
}

/// Tells of the builds, or prints them, and builds nothing.
fn look(args: &BuildArgs, goal: &Goal, context: &Context) -> Result<Exit, Failure> {
    let services: Vec<String> = goal.services.iter().cloned().collect();
    let target = context.stack_to_run(&services)?;
    let plan = planner::plan::plan(target.stack.as_ref(), goal, &Live::default())?;
    let builds = plan.nodes.iter().filter_map(|node| match &node.step {
        Step::BuildImage { reference, spec } => Some((reference.as_str(), spec.as_ref())),
        _ => None,
    });
    if args.print {
        return context.screen.json(&bake::definition(builds, args.push)).map(|()| Exit::Done);
    }
    check(builds, context)
}

/// Tells what is wrong with builds, or surprising in them.
pub(crate) fn check<'a>(
    builds: impl Iterator<Item = (&'a str, &'a BuildSpec)>,
    context: &Context,
) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    for (name, spec) in builds {
        let found = engine::build::check(spec)?;
        match found.items.len() {
            0 => context.screen.tell(&format!("{name}: no mistakes found")),
            _ => {
                context.screen.diagnostics(&found);
                exit = Exit::NotReached;
            }
        }
    }
    Ok(exit)
}

/// A number of bytes, with a unit or without.
pub(crate) fn memory(text: &str) -> Result<u64, String> {
    let least = Limits::MEMORY_MIN;
    match parse_bytes(text) {
        Some(bytes) if bytes >= least => Ok(bytes),
        Some(_) => Err(format!("a program needs at least {} MiB", least >> 20)),
        None => Err("write a number of bytes, or one with a unit such as 512m".to_owned()),
    }
}

/// `NAME=value`, or the variable of that name; one that is not set gives nothing. Builds that
/// anybody can repeat have one time for all files: that of `SOURCE_DATE_EPOCH`.
pub(crate) fn arguments(args: &[String], context: &Context) -> BTreeMap<String, String> {
    let of_variable =
        |name: &str| context.environment.var(name).map(|value| (name.to_owned(), value.to_owned()));
    let epoch = of_variable("SOURCE_DATE_EPOCH");
    let given = args.iter().filter_map(|text| match text.split_once('=') {
        Some((name, value)) => Some((name.to_owned(), value.to_owned())),
        None => of_variable(text),
    });
    epoch.into_iter().chain(given).collect()
}

/// An id of keys and where they are; nothing for the agent.
fn pair(context: &Context, text: &str) -> (String, String) {
    match text.split_once('=') {
        Some((id, path)) => (id.to_owned(), context.environment.directory.join(path).display().to_string()),
        None => (text.to_owned(), String::new()),
    }
}
