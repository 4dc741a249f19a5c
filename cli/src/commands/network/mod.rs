//! `sampan network create | ls | inspect | rm | prune | connect | disconnect`

mod connect;
mod create;
pub(crate) mod inspect;
mod ls;
mod prune;
mod rm;

use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::{Args, Subcommand};
use planner::NetworkSpec;

/// Make, list, inspect and remove networks, and put containers on them
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct NetworkArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Create(create::CreateArgs),
    #[command(alias = "list")]
    Ls(ls::LsArgs),
    Inspect(inspect::InspectArgs),
    #[command(alias = "remove")]
    Rm(rm::RmArgs),
    Prune(prune::PruneArgs),
    Connect(connect::ConnectArgs),
    Disconnect(connect::DisconnectArgs),
}

/// The driver of a network, in the words of a stack file.
fn driver(spec: &NetworkSpec) -> String {
    spec.direct.as_ref().map_or_else(|| "bridge".to_owned(), |direct| direct.kind.to_string())
}

pub(crate) fn run(args: &NetworkArgs, context: &Context) -> Result<Exit, Failure> {
    match &args.verb {
        Verb::Create(args) => create::run(args, context),
        Verb::Ls(args) => ls::run(args, context),
        Verb::Inspect(args) => inspect::run(args, context),
        Verb::Rm(args) => rm::run(args, context),
        Verb::Prune(args) => prune::run(args, context),
        Verb::Connect(args) => connect::connect(args, context),
        Verb::Disconnect(args) => connect::disconnect(args, context),
    }
}
