//! `sampan image push`

use super::pull::untagged;
use crate::commands::converge::do_alone;
use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use clap::Args;
use engine::image::{Images, Platform, Reference};
use planner::Step;

/// Push an image to its registry
#[derive(Debug, Args)]
pub(super) struct PushArgs {
    /// Name, with a tag; otherwise `latest`
    image: String,

    /// All tags that the repository has here
    #[arg(short, long)]
    all_tags: bool,

    /// Only if it is for this platform, such as linux/arm64
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,

    /// Say nothing but the name, and what goes wrong
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &PushArgs, context: &Context, images: &Images) -> Result<Exit, Failure> {
    let reference: Reference = args.image.parse()?;
    let (name, wanted) = match args.all_tags {
        true => (reference.familiar_repository(), all(&args.image, &reference, images)?),
        false => (reference.familiar(), vec![reference]),
    };
    if let Some(platform) = &args.platform {
        wanted.iter().try_for_each(|one| check_platform(images, one, platform))?;
    }
    let step = |one: &Reference| Step::PushImage { reference: one.familiar(), may_fail: false };
    let exit = do_alone(context, &name, wanted.iter().map(step).collect(), args.quiet, |_| {})?;
    if exit == Exit::Done {
        context.screen.print(&wanted.iter().map(|one| format!("{one}\n")).collect::<String>())?;
    }
    Ok(exit)
}

/// Every tag that a repository has here.
fn all(text: &str, repository: &Reference, images: &Images) -> Result<Vec<Reference>, Failure> {
    untagged(text, repository)?;
    let same = |one: &Reference| one.domain == repository.domain && one.path == repository.path;
    let tags: Vec<Reference> =
        images.list()?.into_iter().filter_map(|image| image.reference).filter(same).collect();
    match tags.is_empty() {
        true => Err(Message::new(Exit::NotReached, format!("there is no image of `{text}` here"))
            .hint("`sampan image ls` lists what there is")
            .into()),
        false => Ok(tags),
    }
}

fn check_platform(images: &Images, reference: &Reference, wanted: &Platform) -> Result<(), Failure> {
    // What is not here is told by the push.
    let Some(image) = images.resolve(&reference.to_string())? else { return Ok(()) };
    let is: Platform = image.platform.parse()?;
    match wanted.rank(&is) {
        Some(_) => Ok(()),
        None => Err(Message::new(Exit::NotReached, format!("`{}` is for {is}", reference.familiar()))
            .hint(format!("`sampan image pull --platform {wanted}` gets the other one"))
            .into()),
    }
}
