//! `sampan container rename`, `sampan rename`

use super::named;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;

/// Give a container another name, whether it runs or not
///
/// It answers to the new name in DNS at once. For a container of a stack file `plan` shows it as a
/// change of `container_name`, which the next `up` takes back.
#[derive(Debug, Args)]
pub(crate) struct RenameArgs {
    /// Name, such as shop-web-1
    container: String,

    /// The name that it gets
    name: String,
}

pub(crate) fn run(args: &RenameArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("rename")?;
    engine.rename(&named(&engine, &args.container)?, &args.name)?;
    Ok(Exit::Done)
}
