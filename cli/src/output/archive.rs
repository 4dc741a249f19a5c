//! Archives that go to a file or to standard output.

use super::file::Replacement;
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
    let failed = |error| Failure::io(format!("write {name}"), &error);
    let mut file = Replacement::begin(&path, None).map_err(failed)?;
    filled(&mut file, &name, fill)?;
    file.finish().map_err(failed)
}

fn filled(
    to: impl Write,
    name: &str,
    fill: impl FnOnce(&mut dyn Write) -> engine::Result<()>,
) -> Result<(), Failure> {
    let mut to = BufWriter::with_capacity(BUFFER, to);
    fill(&mut to)?;
    to.flush().map_err(|error| Failure::io(format!("write to {name}"), &error))
}
