//! `sampan image save`

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::archive;
use clap::{Args, ValueEnum};
use engine::image::{ArchiveFormat, Images};
use std::path::PathBuf;

/// Write images to an archive that docker, podman, skopeo and `image load` read
#[derive(Debug, Args)]
pub(super) struct SaveArgs {
    /// Names or ids
    #[arg(required = true)]
    images: Vec<String>,

    /// The archive; otherwise standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Form of the archive: with what `docker load` needs, or a plain OCI layout
    #[arg(long, value_enum, default_value_t = Format::Docker)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    #[value(help = None)]
    Docker,
    #[value(help = None)]
    Oci,
}

pub(super) fn run(args: &SaveArgs, context: &Context, images: &Images) -> Result<Exit, Failure> {
    let format = match args.format {
        Format::Docker => ArchiveFormat::Docker,
        Format::Oci => ArchiveFormat::Oci,
    };
    archive::write(args.output.as_deref(), context, |to| images.save(&args.images, format, to))?;
    Ok(Exit::Done)
}
