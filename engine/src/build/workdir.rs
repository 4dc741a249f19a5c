//! `WORKDIR`: the folder is made when the image does not have it. It belongs to the `USER`.

use super::copy::owner::{self, Owner};
use super::snapshot::Snapshot;
use super::state::State;
use super::step::{Job, Task};
use crate::error::{Error, Kind, Result};
use crate::image::paths;
use crate::overlay::{self, Layers};
use rustix::fs::{self, AtFlags, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd};

/// Makes the folder of a stage.
pub(super) fn make(task: &Task<'_>, state: &mut State) -> Result<()> {
    let path = state.config.working_dir.clone().unwrap_or_default();
    let created_by = format!("WORKDIR {path}");
    let user = state.config.user.clone().unwrap_or_default();
    let mut inputs = task.inputs(state, created_by.clone());
    if !user.is_empty() {
        inputs.variables.insert("the user".to_owned(), user.clone());
    }
    let snapshot = task.snapshot(state);
    task.take(state, Job { inputs, created_by, snapshot: &snapshot }, || make_in(&snapshot, &path, &user))
}

fn make_in(snapshot: &Snapshot, path: &str, user: &str) -> Result<()> {
    let Snapshot { lower, upper, work } = snapshot.clone();
    let root = overlay::mount(&Layers { lower, upper, work, volatile: true })?;
    let owner = if user.is_empty() { (0, 0) } else { owner::find(root.as_fd(), user)? };
    make_folders(root.as_fd(), path, owner).map_err(|error| match error {
        Errno::NOTDIR | Errno::LOOP => Error::new(
            Kind::Unsupported,
            format!("`{path}` cannot be a folder: something else is in its place"),
        ),
        error => Error::new(Kind::System, format!("create `{path}` in the image"))
            .because(std::io::Error::from(error)),
    })
}

/// Links of the image are followed inside of it.
fn make_folders(root: BorrowedFd<'_>, path: &str, owner: Owner) -> rustix::io::Result<()> {
    let mut made = String::new();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let parent = paths::resolve(root, made.as_bytes(), OFlags::PATH | OFlags::DIRECTORY)?;
        match fs::mkdirat(&parent, name, Mode::RWXU) {
            // Independent of the umask.
            Ok(()) => {
                fs::chmodat(&parent, name, Mode::from_raw_mode(0o755), AtFlags::empty())?;
                let (user, group) = (Uid::from_raw(owner.0), Gid::from_raw(owner.1));
                fs::chownat(&parent, name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        made = format!("{made}/{name}");
    }
    paths::resolve(root, made.trim_start_matches('/').as_bytes(), OFlags::PATH | OFlags::DIRECTORY).map(drop)
}
