//! `sampan container …`: containers one by one, and those of no stack file.

mod change;
mod diff;
mod export;
mod look;
pub(crate) mod rename;
mod run;
mod spec;
mod update;

use crate::commands::{commit, cp};
use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use clap::{Args, Subcommand};
use engine::LinuxEngine;
use planner::ContainerId;

/// Containers one by one, and those without a stack file
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct ContainerArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Run(Box<run::RunArgs>),
    Create(Box<run::CreateArgs>),
    #[command(alias = "list", alias = "ps")]
    Ls(look::LsArgs),
    Start(change::StartArgs),
    Stop(change::StopArgs),
    Restart(change::StopArgs),
    Kill(change::KillArgs),
    /// Let everything in containers stand still
    Pause(change::StartArgs),
    /// Let what stands still go on
    Unpause(change::StartArgs),
    #[command(alias = "remove")]
    Rm(change::RmArgs),
    Update(update::UpdateArgs),
    Exec(look::ExecArgs),
    Logs(look::LogsArgs),
    Attach(look::AttachArgs),
    Wait(look::WaitArgs),
    Inspect(look::InspectArgs),
    Rename(rename::RenameArgs),
    Commit(CommitArgs),
    Cp(CpArgs),
    Diff(diff::DiffArgs),
    Export(export::ExportArgs),
}

pub(crate) fn run(args: ContainerArgs, context: &Context) -> Result<Exit, Failure> {
    match args.verb {
        Verb::Run(args) => run::run(&args, context),
        Verb::Create(args) => run::create(&args, context),
        Verb::Ls(args) => look::ls(&args, context),
        Verb::Start(args) => change::start(&args, context),
        Verb::Stop(args) => change::stop(&args, context),
        Verb::Restart(args) => change::restart(&args, context),
        Verb::Kill(args) => change::kill(&args, context),
        Verb::Pause(args) => change::pause(&args, context),
        Verb::Unpause(args) => change::unpause(&args, context),
        Verb::Rm(args) => change::rm(&args, context),
        Verb::Update(args) => update::run(&args, context),
        Verb::Exec(args) => look::exec(args, context),
        Verb::Logs(args) => look::logs(&args, context),
        Verb::Attach(args) => look::attach(&args, context),
        Verb::Wait(args) => look::wait(&args, context),
        Verb::Inspect(args) => look::inspect(&args, context),
        Verb::Rename(args) => rename::run(&args, context),
        Verb::Commit(args) => commit(&args, context),
        Verb::Cp(args) => cp(&args, context),
        Verb::Diff(args) => diff::run(&args, context),
        Verb::Export(args) => export::run(&args, context),
    }
}

/// Make an image of a container's files and of how it was started
#[derive(Debug, Args)]
struct CommitArgs {
    /// Name, such as shop-web-1
    container: String,

    #[command(flatten)]
    image: commit::Image,
}

fn commit(args: &CommitArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("container commit")?;
    commit::commit(&engine, &named(&engine, &args.container)?, &args.image, context)
}

/// Copy files between a container and this machine, whether it runs or not
///
/// One of the two is CONTAINER:PATH, the other a path here or `-` for a tar stream. A folder goes
/// into one that is there; with `/.` behind it what is in it does.
#[derive(Debug, Args)]
struct CpArgs {
    #[command(flatten)]
    what: cp::What,
}

fn cp(args: &CpArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("container cp")?;
    args.what.copy(context, &engine, |name, _| Ok(vec![named(&engine, name)?]))
}

/// The container that a name (`shop-web-1`) or a full id means; of several generations the newest.
fn named(engine: &LinuxEngine, name: &str) -> Result<ContainerId, Failure> {
    engine.find(name)?.ok_or_else(|| {
        Message::new(Exit::NotReached, format!("no container `{name}`"))
            .hint("`sampan container ls -a` lists all")
            .into()
    })
}
