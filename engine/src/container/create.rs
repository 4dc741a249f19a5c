//! Creating a container: everything durable. It exists completely or not at all.

use super::given;
use super::names;
use super::process::Process;
use super::record::{self, ContainerRecord};
use super::volatile::remove_folder;
use crate::error::{Context, Error, Kind, Result};
use crate::image::{Image, Images};
use crate::journal::Entry;
use crate::sandbox::Confinement;
use crate::store::{self, Store};
use crate::{net, overlay, volume};
use jiff::Timestamp;
use planner::desired::MountKind;
use planner::{ContainerId, ContainerSpec};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Makes the container's record, writable layer and fresh volumes. Done again with the same
/// spec it changes nothing.
pub fn create(store: &Store, id: &ContainerId, spec: &ContainerSpec, image_id: &str) -> Result<()> {
    if let Some(there) = record::read_optional(store, id)? {
        if there.spec == *spec && there.image_id == image_id {
            return net::declare(store, id, spec);
        }
        return Err(Error::new(Kind::Conflict, format!("container {id} exists already")));
    }
    net::ensure_present(store, spec)?;
    // What cannot be kept is better told now than when the old container is gone.
    Confinement::of(spec)?;
    // Until the record names the image nothing else keeps it from being removed.
    let images = Images::new(store);
    let _image_lock = images.lock_to_read()?;
    let image = image(&images, spec, image_id)?;
    let record = ContainerRecord {
        spec: spec.clone(),
        image_id: image.id.clone(),
        process: Process::merge(id, spec, &image.config)?,
        layers: image.layers,
        mounted: mounted(&images, spec)?,
        created_at: Timestamp::now(),
    };
    // Those that are something mounted are needed for a moment already.
    let filled = fill_volumes(store, id, &record);
    volume::release(store, &id.to_string())?;
    filled?;
    net::reserve_fixed(store, id, spec)?;
    name_and_place(store, id, &record)?;
    Entry::container(id, spec, "create").tell(store);
    net::declare(store, id, spec)
}

/// The layers of the images whose files it mounts.
fn mounted(images: &Images, spec: &ContainerSpec) -> Result<BTreeMap<String, Vec<PathBuf>>> {
    let layers = |(reference, id): (&str, &str)| {
        let image = (!id.is_empty()).then(|| images.resolve(id)).transpose()?.flatten();
        let missing = || Error::new(Kind::NotFound, format!("image {reference}, to be mounted, is not here"));
        Ok((id.to_owned(), image.ok_or_else(missing)?.layers))
    };
    spec.mounted_images().map(layers).collect()
}

fn image(images: &Images, spec: &ContainerSpec, image_id: &str) -> Result<Image> {
    let missing = || {
        Error::new(Kind::NotFound, format!("image {} is not here", spec.image))
            .hint(format!("load it: `sampan image load -i FILE` must give {image_id}"))
    };
    if image_id.is_empty() {
        let why = format!("the image {} was not here when the plan was made", spec.image);
        return Err(Error::new(Kind::Conflict, why).hint("plan again now that it is"));
    }
    images.resolve(image_id)?.ok_or_else(missing)
}

/// What the image has at a place where an empty named volume is mounted goes into the volume. Those
/// that are something mounted are mounted from here on.
pub(super) fn fill_volumes(store: &Store, id: &ContainerId, record: &ContainerRecord) -> Result<()> {
    for name in record.spec.volumes() {
        volume::acquire(store, name, &id.to_string())?;
    }
    for mount in &record.spec.mounts {
        match &mount.kind {
            MountKind::Volume { inherited: true, .. } => {}
            MountKind::Volume { name, nocopy, subpath, .. } if *nocopy || !subpath.is_empty() => {
                volume::settle(store, name)?;
            }
            MountKind::Volume { name, .. } => volume::copy_up(store, name, &record.layers, &mount.target)?,
            MountKind::Bind { .. } | MountKind::Tmpfs(_) | MountKind::Image { .. } => {}
        }
    }
    Ok(())
}

/// A name that was chosen is taken until the record says so.
fn name_and_place(store: &Store, id: &ContainerId, record: &ContainerRecord) -> Result<()> {
    let _names = record.spec.name.as_ref().map(|_| names::lock(store)).transpose()?;
    names::take(store, id, &record.spec)?;
    place(store, id, record)
}

/// Makes the folder under another name and renames it. Nothing is forced to the disk: after a
/// power cut a container may be missing, and the next `up` makes it again.
fn place(store: &Store, id: &ContainerId, record: &ContainerRecord) -> Result<()> {
    let folder = store.unborn(id);
    remove_folder(&folder)?;
    make_folder(&folder, 0o700)?;
    overlay::make_upper(&folder.join("upper"), &record.layers)?;
    given::write(&folder, &record.spec)?;
    store::write(&folder.join("record.json"), record)?;
    if let Some(parent) = &record.spec.cgroup_parent {
        let path = folder.join("cgroup_parent");
        fs::write(&path, parent).doing(|| format!("write {}", path.display()))?;
    }
    // Made now: a disk that is full later must not keep from stopping and removing the container.
    let guard = folder.join("supervisor");
    File::create(&guard).doing(|| format!("create {}", guard.display()))?;
    // An empty record is no container: see `record::read_optional`.
    remove_folder(&store.container(id))?;
    fs::rename(&folder, store.container(id)).doing(|| format!("create container {}", id.name()))
}

/// Makes a folder with exactly this mode.
pub(super) fn make_folder(path: &Path, mode: u32) -> Result<()> {
    let make = || {
        DirBuilder::new().mode(mode).create(path)?;
        fs::set_permissions(path, Permissions::from_mode(mode))
    };
    make().doing(|| format!("create {}", path.display()))
}

/// Removes what interrupted commands left half made or half removed of a stack's containers.
/// Called by who has the stack to itself.
pub fn sweep(store: &Store, stack: &str) -> Result<()> {
    let folders = fs::read_dir(store.containers()).into_iter().flatten().flatten();
    for folder in folders {
        if folder.file_name().to_str().is_some_and(|name| is_leftover(name, stack)) {
            remove_folder(&folder.path())?;
        }
    }
    Ok(())
}

fn is_leftover(name: &str, stack: &str) -> bool {
    let id = name.strip_prefix(".new-").or_else(|| name.strip_prefix(".old-"));
    id.and_then(|id| id.parse::<ContainerId>().ok()).is_some_and(|id| id.stack == stack)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_left_overs_of_the_stack_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), folder.path());
        let names = [".new-shop.web.1.1", ".old-shop.web.2.1", ".new-other.web.1.1", "shop.web.3.1", ".keep"];
        names.iter().for_each(|name| fs::create_dir_all(store.containers().join(name)).unwrap());
        sweep(&store, "shop").unwrap();
        let left = names.map(|name| store.containers().join(name).exists());
        assert_eq!(left, [false, false, true, true, true]);
    }
}
