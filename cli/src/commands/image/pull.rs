//! `sampan image pull`

use crate::commands::converge::do_alone;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use engine::image::registry::tags;
use engine::image::{Platform, Reference};
use planner::Step;

/// Pull an image from its registry
#[derive(Debug, Args)]
pub(super) struct PullArgs {
    /// Name, with a tag or digest; otherwise `latest`
    image: String,

    /// All tags of the repository
    #[arg(short, long)]
    all_tags: bool,

    /// The image for this platform, such as linux/arm64; otherwise for this machine
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,

    /// Say nothing but the name, and what goes wrong
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &PullArgs, context: &Context) -> Result<Exit, Failure> {
    let reference: Reference = args.image.parse()?;
    let (name, wanted) = match args.all_tags {
        true => (reference.familiar_repository(), all(&args.image, &reference, context)?),
        false => (reference.familiar(), vec![reference]),
    };
    let platform = args.platform.as_ref().map(ToString::to_string);
    let step = |reference: &Reference| Step::PullImage {
        reference: reference.familiar(),
        platform: platform.clone(),
        may_fail: false,
    };
    let exit = do_alone(context, &name, wanted.iter().map(step).collect(), args.quiet, |_| {})?;
    if exit == Exit::Done {
        context.screen.print(&wanted.iter().map(|one| format!("{one}\n")).collect::<String>())?;
    }
    Ok(exit)
}

/// Every tag that the registry has of a repository.
fn all(text: &str, repository: &Reference, context: &Context) -> Result<Vec<Reference>, Failure> {
    untagged(text, repository)?;
    let tags = tags(&context.registries()?, repository)?;
    Ok(tags.into_iter().map(|tag| Reference { tag: Some(tag), ..repository.clone() }).collect())
}

/// Refuses a tag where all are meant.
pub(super) fn untagged(text: &str, reference: &Reference) -> Result<(), Failure> {
    let names_one = reference.digest.is_some() || text.ends_with(":latest");
    match names_one || reference.tag.as_deref().is_some_and(|tag| tag != "latest") {
        true => Err(Failure::usage(format!("`{text}` names one image"), "leave the tag out for all of them")),
        false => Ok(()),
    }
}
