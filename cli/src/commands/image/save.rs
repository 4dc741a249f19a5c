//! `sampan image save`

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::file::Replacement;
use clap::{Args, ValueEnum};
use engine::image::{ArchiveFormat, Images};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

const BUFFER: usize = 256 << 10;

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
    let Some(output) = &args.output else {
        if context.environment.terminals.out {
            let hint = "give a file with `-o FILE`, or pipe it somewhere";
            return Err(Failure::usage("standard output is a terminal", hint));
        }
        let out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
        return write(args, images, format, out, "standard output").map(|_| Exit::Done);
    };
    let path = context.environment.directory.join(output);
    let unwritten = |error| Failure::io(format!("write {}", path.display()), &error);
    let file = Replacement::begin(&path, None).map_err(unwritten)?;
    let file = BufWriter::with_capacity(BUFFER, file);
    let file = write(args, images, format, file, &path.display().to_string())?;
    file.into_inner().map_err(|error| unwritten(error.into_error()))?.finish().map_err(unwritten)?;
    Ok(Exit::Done)
}

fn write<W: Write>(
    args: &SaveArgs,
    images: &Images,
    format: ArchiveFormat,
    mut to: BufWriter<W>,
    name: &str,
) -> Result<BufWriter<W>, Failure> {
    images.save(&args.images, format, &mut to)?;
    to.flush().map_err(|error| Failure::io(format!("write {name}"), &error))?;
    Ok(to)
}
