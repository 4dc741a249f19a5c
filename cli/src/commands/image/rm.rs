//! `sampan image rm`

use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use engine::image::{Images, Removed};

/// Remove images
#[derive(Debug, Args)]
pub(super) struct RmArgs {
    /// Names or ids
    #[arg(required = true)]
    images: Vec<String>,
}

pub(super) fn run(
    args: &RmArgs,
    context: &Context,
    images: &Images,
    in_use: &dyn Fn(&str) -> Option<String>,
) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    for reference in &args.images {
        match images.remove(reference, in_use) {
            Ok(removed) => removed.iter().try_for_each(|removed| match removed {
                Removed::Untagged(tag) => context.screen.print(&format!("untagged {tag}\n")),
                Removed::Deleted(id) => context.screen.print(&format!("deleted {id}\n")),
            })?,
            Err(error) => {
                context.screen.failure(&error.into());
                exit = Exit::NotReached;
            }
        }
    }
    Ok(exit)
}
