//! `sampan build`

use super::converge::converge_files;
use crate::args::Telling;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use planner::Goal;
use planner::goal::{BuildOptions, Verb};
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

pub(crate) fn run(args: &BuildArgs, context: &Context) -> Result<Exit, Failure> {
    let verb = Verb::Build(BuildOptions {
        args: arguments(&args.build_args, context),
        no_cache: args.no_cache,
        pull: args.pull,
        push: args.push,
        ssh: args.ssh.iter().map(|text| pair(context, text)).collect(),
        include_deps: args.with_dependencies,
    });
    let services = args.services.iter().cloned().collect();
    let goal = Goal { services, ..Goal::all(verb) };
    let quiet = args.quiet || args.progress == Some(Telling::Quiet);
    converge_files(&context.telling(args.progress), "build", &goal, (args.dry_run, quiet))
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
