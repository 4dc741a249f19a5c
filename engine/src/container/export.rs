//! All files of a container as a tar stream.

use super::files;
use crate::error::{Error, Kind, Result};
use crate::image::write::{self, Plain};
use crate::store::Store;
use planner::ContainerId;
use std::io::Write;
use std::os::fd::AsFd;

/// Writes its files as they are now; what is mounted into it, such as volumes, is left out.
pub fn export(store: &Store, id: &ContainerId, to: &mut dyn Write) -> Result<()> {
    let root = files::look(store, id)?;
    let written = write::write(root.as_fd(), &mut Plain(to)).map(drop);
    written.map_err(|error| {
        Error::new(Kind::System, format!("export the files of {}", id.name()))
            .remedy(error.kind())
            .because(error)
    })
}
