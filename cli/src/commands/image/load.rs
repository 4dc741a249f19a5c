//! `sampan image load`

use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use engine::image::{Images, Input};
use std::io;
use std::path::PathBuf;

/// Add images from an archive of `docker save` or an OCI layout (.tar, .tar.gz, .tar.zst)
///
/// Refused are layers of more than 4 million entries, deeper than 512 folders or with more than
/// 1 TiB in their files, and what unpacks to more than 4 GiB and 200 times its size.
#[derive(Debug, Args)]
pub(super) struct LoadArgs {
    /// The archive; otherwise standard input
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,

    /// Say nothing but what was loaded
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &LoadArgs, context: &Context, images: &Images) -> Result<Exit, Failure> {
    let file = args.input.as_ref().map(|file| super::archive(file, context)).transpose()?;
    if file.is_none() && context.environment.terminals.input {
        let hint = "give a file with `-i FILE`, or pipe an archive in";
        return Err(Failure::usage("standard input is a terminal", hint));
    }
    let loaded = match &file {
        Some(file) => images.load(Input::Path(file))?,
        None => images.load(Input::Stream(&mut io::stdin()))?,
    };
    for image in loaded {
        let names = if image.references.is_empty() { vec![image.id] } else { image.references };
        for name in names {
            let text = if args.quiet { format!("{name}\n") } else { format!("loaded {name}\n") };
            context.screen.print(&text)?;
        }
    }
    Ok(Exit::Done)
}
