//! `sampan container export`

use super::named;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::archive;
use clap::Args;
use std::path::PathBuf;

/// Write all files of a container, without volumes, as a tar archive
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Where to; otherwise standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Name, such as shop-web-1
    container: String,
}

pub(super) fn run(args: &ExportArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("container export")?;
    let id = named(&engine, &args.container)?;
    archive::write(args.output.as_deref(), context, |to| engine.export(&id, to))?;
    Ok(Exit::Done)
}
