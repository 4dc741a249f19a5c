//! What configs and secrets hold, beside the container's record: so that it starts again after a
//! reboot, and without its stack file. Nobody but root can read it there.

use super::create::make_folder;
use super::volatile::remove_folder;
use crate::error::{Context, Error, Kind, Result};
use crate::sandbox::GivenFile;
use crate::store::Store;
use planner::desired::FileSpec;
use planner::{ContainerId, ContainerSpec};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// All of them, configs first.
fn all(spec: &ContainerSpec) -> impl Iterator<Item = &FileSpec> {
    spec.configs.iter().chain(&spec.secrets)
}

/// Writes what they hold below a container's folder that is in the making, and to the disk: an
/// empty secret after a power cut would be worse than none.
pub(super) fn write(folder: &Path, spec: &ContainerSpec) -> Result<()> {
    if all(spec).next().is_none() {
        return Ok(());
    }
    let folder = Store::contents_in(folder);
    make_folder(&folder, 0o700)?;
    for (number, file) in all(spec).enumerate() {
        let bytes = file.content.bytes().ok_or_else(|| unknown(file))?;
        let write = || {
            let path = folder.join(number.to_string());
            let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            to.write_all(bytes)?;
            to.sync_all()
        };
        write().doing(|| format!("keep what {} holds", file.source))?;
    }
    Ok(())
}

/// Writes what they hold now in place of what they held before; the container does not run. An
/// interruption is seen as not done, because the record comes later.
pub(super) fn rewrite(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<()> {
    let folder = store.container(id);
    let next = folder.join("next");
    remove_folder(&next)?;
    make_folder(&next, 0o700)?;
    write(&next, spec)?;
    remove_folder(&Store::contents_in(&folder))?;
    let renamed = fs::rename(Store::contents_in(&next), Store::contents_in(&folder));
    renamed.doing(|| format!("keep what the files of {} hold", id.name()))?;
    remove_folder(&next)
}

fn unknown(file: &FileSpec) -> Error {
    Error::new(Kind::Conflict, format!("what {} holds is not known", file.source))
        .hint("a plan that was saved does not have it: use `up` with the stack file")
}

/// They as a container gets them.
pub(crate) fn given(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Vec<GivenFile> {
    let folder = Store::contents_in(&store.container(id));
    let given = |(number, file): (usize, &FileSpec)| GivenFile {
        source: folder.join(number.to_string()),
        target: file.target.clone(),
        owner: (file.uid, file.gid),
        mode: file.mode,
    };
    all(spec).enumerate().map(given).collect()
}
