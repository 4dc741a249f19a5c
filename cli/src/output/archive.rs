//! Archives that go to a file or to standard output.

use super::file;
use crate::context::Context;
use crate::error::Failure;
use std::io::{self, BufWriter, Write};
use std::path::Path;

const BUFFER: usize = 256 << 10;

/// Lets `fill` write an archive to a file, which has all of it or stays as it was, or to standard
/// output unless that is a terminal.
pub(crate) fn write(
    to: Option<&Path>,
    context: &Context,
    fill: impl FnOnce(&mut dyn Write) -> engine::Result<()>,
) -> Result<(), Failure> {
    let Some(to) = to else {
        if context.environment.terminals.out {
            let hint = "give a file with `-o FILE`, or pipe the archive on";
            return Err(Failure::usage("standard output is a terminal", hint));
        }
        return filled(io::stdout().lock(), "standard output", fill);
    };
    let path = context.environment.directory.join(to);
    let name = path.display().to_string();
    file::stream(&path, |file| filled(file, &name, fill).map_err(Written::Told)).map_err(
        |error| match error {
            Written::Told(failure) => failure,
            Written::Io(error) => Failure::io(&format!("write {name}"), &error),
        },
    )
}

/// Why an archive was not written.
enum Written {
    Told(Failure),
    Io(io::Error),
}

impl From<io::Error> for Written {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn filled(
    to: impl Write,
    name: &str,
    fill: impl FnOnce(&mut dyn Write) -> engine::Result<()>,
) -> Result<(), Failure> {
    let mut to = BufWriter::with_capacity(BUFFER, to);
    fill(&mut to)?;
    to.flush().map_err(|error| Failure::io(&format!("write to {name}"), &error))
}
