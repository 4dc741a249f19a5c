//! `sampan image tag`

use crate::error::{Exit, Failure};
use clap::Args;
use engine::image::Images;

/// Give an image one more name
#[derive(Debug, Args)]
pub(super) struct TagArgs {
    /// Name or id
    image: String,

    /// The new name
    name: String,
}

pub(super) fn run(args: &TagArgs, images: &Images) -> Result<Exit, Failure> {
    images.tag(&args.image, &args.name)?;
    Ok(Exit::Done)
}
