//! `sampan commit`

use super::containers::{known, select};
use super::interrupt::interruptible;
use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use clap::{ArgAction, Args};
use engine::LinuxEngine;
use engine::container::CommitOptions;
use planner::ContainerId;

/// Make an image of a container of a service: of its files, and of how it was started
#[derive(Debug, Args)]
pub(crate) struct CommitArgs {
    /// Number of the container when there are several
    #[arg(long, value_name = "N", default_value_t = 1)]
    index: u32,

    /// The service
    service: String,

    #[command(flatten)]
    image: Image,
}

/// What the image is to be.
#[derive(Debug, Args)]
pub(super) struct Image {
    /// Name of the image
    image: Option<String>,

    /// Who made it
    #[arg(short, long, value_name = "NAME")]
    author: Option<String>,

    /// Why
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,

    /// Set something in the image, such as `CMD ["sh"]` or `ENV A=b`
    #[arg(short, long = "change", value_name = "LINE")]
    changes: Vec<String>,

    /// Whether the container stands still while its files are read
    #[arg(short, long, value_name = "BOOL", action = ArgAction::Set, default_value_t = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pause: bool,
}

pub(crate) fn run(args: &CommitArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.target()?;
    let engine = context.engine_as_root("commit")?;
    let mut containers = select(known(&engine, &target)?, &target, std::slice::from_ref(&args.service))?;
    containers.retain(|one| one.id.slot.index == args.index);
    let newest = containers.pop().ok_or_else(|| {
        let text = format!("service `{}` has no container {}", args.service, args.index);
        Message::new(Exit::NotReached, text).hint("`sampan up -d` creates what is missing")
    })?;
    commit(&engine, &newest.id, &args.image, context)
}

/// Makes the image and tells its id.
pub(super) fn commit(
    engine: &LinuxEngine,
    container: &ContainerId,
    image: &Image,
    context: &Context,
) -> Result<Exit, Failure> {
    let options = CommitOptions {
        reference: image.image.clone(),
        author: image.author.clone(),
        message: image.message.clone(),
        changes: image.changes.clone(),
        pause: image.pause,
    };
    let id = interruptible(|stop| engine.commit(container, &options, stop))?;
    context.screen.print(&format!("{id}\n"))?;
    Ok(Exit::Done)
}
