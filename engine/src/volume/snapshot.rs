//! Copies of volumes: clones, snapshots and the way back. Where the file system can, a copy shares its
//! blocks with the original until one of them is written to.

use super::{Content, VolumeRecord, check_name, existing, lock, unborn};
use crate::container::{StateRecord, record};
use crate::error::{Context, Error, Kind, Result};
use crate::store::{self, Lock, Store};
use crate::{stacks, tree};
use jiff::Timestamp;
use planner::VolumeSpec;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

/// Label of a snapshot: the volume that it is of.
pub const OF: &str = "sampan.snapshot.of";

/// Makes a new volume with what another one holds. With `live` also while containers write to it: then
/// its files are of different moments.
pub fn clone(store: &Store, from: &str, to: &VolumeSpec, live: bool) -> Result<()> {
    check_name(&to.name)?;
    let _stacks = stack_locks(store, &[from])?;
    copyable(store, from, live)?;
    let _lock = lock(store, &to.name)?;
    if store.volume(&to.name).exists() {
        let what = format!("volume {} exists already", to.name);
        return Err(Error::new(Kind::Conflict, what).hint("give the copy another name"));
    }
    let folder = unborn(store, &to.name);
    tree::remove(&folder)?;
    let made = copy(&store.volume_data(from), &folder.join("data")).and_then(|()| {
        let record =
            VolumeRecord { spec: to.clone(), created_at: Timestamp::now(), content: Content::Settled };
        store::write_durable(&folder.join("volume.json"), &record)?;
        fs::rename(&folder, store.volume(&to.name)).doing(|| format!("create volume {}", to.name))
    });
    made.inspect_err(|_| {
        // What stays is swept by the next `up`.
        let _ = tree::remove(&folder);
    })
}

/// Gives a volume what another one holds, and nothing of what it held before. It has the one or the
/// other, whatever interrupts it.
pub fn restore(store: &Store, from: &str, to: &str) -> Result<()> {
    let _stacks = stack_locks(store, &[from, to])?;
    copyable(store, from, false)?;
    copyable(store, to, false)?;
    let _lock = lock(store, to)?;
    let (data, new) = (store.volume_data(to), store.volume(to).join("restored"));
    tree::remove(&new)?;
    copy(&store.volume_data(from), &new)?;
    let record = VolumeRecord { content: Content::Settled, ..existing(store, to)? };
    store::write_durable(&store.volume_record(to), &record)?;
    renameat_with(CWD, &new, CWD, &data, RenameFlags::EXCHANGE)
        .doing(|| format!("give volume {to} what {from} holds"))?;
    tree::remove(&new)
}

/// So that nothing is about to start that has one of them.
fn stack_locks(store: &Store, volumes: &[&str]) -> Result<Vec<Lock>> {
    let mut names = BTreeSet::new();
    for volume in volumes {
        names.extend(existing(store, volume)?.spec.stack);
    }
    names.iter().map(|stack| stacks::lock(store, stack)).collect()
}

/// Whether a volume is a folder that nobody writes to.
fn copyable(store: &Store, name: &str, live: bool) -> Result<()> {
    if !existing(store, name)?.spec.driver_opts.is_empty() {
        let what = format!("volume {name} is something mounted, not a folder that could be copied");
        return Err(Error::new(Kind::Unsupported, what));
    }
    for id in record::ids(store).into_iter().filter(|_| !live) {
        let uses = record::read_or_guess(store, &id)?.is_some_and(|record| record.spec.mounts_volume(name));
        if uses && StateRecord::now(store, &id)?.is_running() {
            let what = format!("volume {name} is used by container {}, which runs", id.name());
            return Err(Error::new(Kind::Conflict, what).hint(BUSY));
        }
    }
    Ok(())
}

const BUSY: &str = "stop it first; `--live` copies all the same, file by file";

fn copy(from: &Path, to: &Path) -> Result<()> {
    let open = |path: &Path| tree::open_path(path).map_err(io::Error::from);
    let source = open(from).doing(|| format!("open {}", from.display()))?;
    let make = || {
        fs::create_dir_all(to)?;
        open(to)
    };
    let target = make().doing(|| format!("create {}", to.display()))?;
    tree::copy(source.as_fd(), target.as_fd())?;
    rustix::fs::syncfs(&target).doing(|| format!("write {} to the disk", to.display()))
}
