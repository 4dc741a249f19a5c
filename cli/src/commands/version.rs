//! `sampan version`

use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use serde_json::json;

/// Print the version
#[derive(Debug, Args)]
pub(crate) struct VersionArgs {
    /// Only the number
    #[arg(long, conflicts_with = "json")]
    short: bool,

    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &VersionArgs, context: &Context) -> Result<Exit, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    match args {
        VersionArgs { short: true, .. } => context.screen.print(&format!("{version}\n"))?,
        VersionArgs { json: true, .. } => context.screen.json(&json!({ "version": version }))?,
        _ => context.screen.print(&format!("sampan {version}\n"))?,
    }
    Ok(Exit::Done)
}
