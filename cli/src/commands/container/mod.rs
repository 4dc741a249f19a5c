//! `sampan container commit | cp | diff | export | rename`

mod diff;
mod export;
pub(crate) mod rename;

use crate::commands::{commit, cp};
use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use clap::{Args, Subcommand};
use engine::LinuxEngine;
use planner::ContainerId;

/// Look into single containers, put things in and take things out
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct ContainerArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Commit(CommitArgs),
    Cp(CpArgs),
    Diff(diff::DiffArgs),
    Export(export::ExportArgs),
    Rename(rename::RenameArgs),
}

pub(crate) fn run(args: &ContainerArgs, context: &Context) -> Result<Exit, Failure> {
    match &args.verb {
        Verb::Commit(args) => commit(args, context),
        Verb::Cp(args) => cp(args, context),
        Verb::Diff(args) => diff::run(args, context),
        Verb::Export(args) => export::run(args, context),
        Verb::Rename(args) => rename::run(args, context),
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
            .hint("`sampan ps -a` lists those of a stack, by name")
            .into()
    })
}
