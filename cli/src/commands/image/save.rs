//! `sampan image save`

use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use crate::output::archive;
use clap::{Args, ValueEnum};
use engine::image::{ArchiveFormat, Images, Platform};
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

    /// Fail unless the images are for this platform, such as `linux/arm64`
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<Platform>,

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
    args.platform.iter().try_for_each(|wanted| ensure_for(wanted, &args.images, images))?;
    archive::write(args.output.as_deref(), context, |to| images.save(&args.images, format, to))?;
    Ok(Exit::Done)
}

/// An image is here for one platform only.
fn ensure_for(wanted: &Platform, names: &[String], images: &Images) -> Result<(), Failure> {
    for name in names {
        // Saving tells of those that are not here.
        let Some(image) = images.resolve(name)? else { continue };
        if wanted.rank(&image.platform.parse()?).is_none() {
            let text = format!("image `{name}` is for {}, not for {wanted}", image.platform);
            return Err(Message::new(Exit::NotReached, text).hint("pull it for that platform").into());
        }
    }
    Ok(())
}
