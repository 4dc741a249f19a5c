//! `sampan image import`

use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use engine::image::{Images, Input};
use std::io;
use std::path::PathBuf;

/// Make an image from the tar of a root file system
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The tar; `-` is standard input
    file: PathBuf,

    /// Name of the image
    reference: Option<String>,

    /// Set something in the image, such as `CMD ["sh"]` or `ENV A=b`
    #[arg(short, long = "change", value_name = "LINE")]
    changes: Vec<String>,
}

pub(super) fn run(args: &ImportArgs, context: &Context, images: &Images) -> Result<Exit, Failure> {
    let reference = args.reference.as_deref();
    let id = match args.file.as_os_str() == "-" {
        true => images.import(Input::Stream(&mut io::stdin()), reference, &args.changes)?,
        false => {
            images.import(Input::Path(&super::archive(&args.file, context)?), reference, &args.changes)?
        }
    };
    context.screen.print(&format!("{id}\n"))?;
    Ok(Exit::Done)
}
