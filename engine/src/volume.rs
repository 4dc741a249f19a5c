//! Named volumes: create, remove, copy-up of image content.
//!
//! ```text
//! <root>/volumes/<name>/volume.json   written last when a volume is made
//! <root>/volumes/<name>/data/         what containers see; once it is the user's, never touched
//! <root>/volumes/<name>/copy/         image content on its way into data/
//! <root>/volumes/.new-<name>/         a volume being made
//! <root>/volumes/.removed-<name>/     on its way out
//! ```

pub mod manage;
mod mount;
pub mod snapshot;

pub use mount::{acquire, release};

use crate::error::{Context, Error, Kind, Result};
use crate::journal::Entry;
use crate::store::{self, Lock, LockKind, Store};
use crate::{overlay, tree};
use jiff::Timestamp;
use planner::VolumeSpec;
use rustix::fs::{CWD, Mode, OFlags, RenameFlags, ResolveFlags, openat2, renameat_with};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Longest name, so that files named after it fit into what file systems allow.
const NAME_MAX: usize = 200;

/// What a removed volume is renamed to, with its name behind; no name begins with a dot.
const REMOVED: &str = ".removed-";

/// What a volume is called until it is complete, with its name behind.
const UNBORN: &str = ".new-";

/// One volume that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeRecord {
    /// What was asked for.
    pub spec: VolumeSpec,
    /// When it was made.
    pub created_at: Timestamp,
    /// Where it stands with content from an image.
    pub content: Content,
}

/// Where a volume stands with content from an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// No container has had it: it may be given content from an image.
    Fresh,
    /// A complete copy waits beside the data folder to be moved in.
    Moving,
    /// It is the user's.
    Settled,
}

/// Makes a volume; one that exists already for the same stack is left as it is.
pub fn create(store: &Store, spec: &VolumeSpec) -> Result<()> {
    check_name(&spec.name)?;
    let _lock = lock(store, &spec.name)?;
    if let Some(existing) = store::read_whole::<VolumeRecord>(&store.volume_record(&spec.name))? {
        if existing.spec.stack != spec.stack {
            return Err(taken(&existing.spec));
        }
        return Ok(());
    }
    let record = VolumeRecord { spec: spec.clone(), created_at: Timestamp::now(), content: Content::Fresh };
    if store.volume(&spec.name).exists() {
        // The record was lost or damaged; whatever is in data/ is kept.
        let data = store.volume_data(&spec.name);
        fs::create_dir_all(&data).doing(|| format!("create {}", data.display()))?;
        return store::write_durable(&store.volume_record(&spec.name), &record);
    }
    let folder = unborn(store, &spec.name);
    tree::remove(&folder)?;
    let doing = || format!("create volume {}", spec.name);
    let data = folder.join("data");
    let make = || {
        fs::create_dir_all(&data)?;
        fs::set_permissions(&data, Permissions::from_mode(0o755))
    };
    make().doing(doing)?;
    store::write_durable(&folder.join("volume.json"), &record)?;
    fs::rename(&folder, store.volume(&spec.name)).doing(doing)?;
    Entry::volume(&spec.name, spec.stack.as_ref(), "create").tell(store);
    Ok(())
}

fn unborn(store: &Store, name: &str) -> PathBuf {
    store.volumes().join(format!("{UNBORN}{name}"))
}

/// Removes what interrupted commands left half made or half removed. Who is making or removing a
/// volume right now holds its lock.
pub fn sweep(store: &Store) -> Result<()> {
    for_each_leftover(store, tree::remove)
}

/// What [`sweep`] removes.
pub(crate) fn leftovers(store: &Store) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for_each_leftover(store, |folder| {
        found.push(folder.to_owned());
        Ok(())
    })?;
    Ok(found)
}

fn for_each_leftover(store: &Store, mut act: impl FnMut(&Path) -> Result<()>) -> Result<()> {
    let doing = || "list the volumes".to_owned();
    for entry in fs::read_dir(store.volumes()).doing(doing)? {
        let entry = entry.doing(doing)?;
        let left = entry.file_name();
        let left = left.to_str().unwrap_or_default();
        let name = left.strip_prefix(UNBORN).or_else(|| left.strip_prefix(REMOVED));
        let Some(name) = name.filter(|name| check_name(name).is_ok()) else { continue };
        if let Some(_lock) = Lock::try_take(store, &lock_name(name))? {
            act(&entry.path())?;
        }
    }
    Ok(())
}

fn taken(spec: &VolumeSpec) -> Error {
    let owner = match &spec.stack {
        Some(stack) => format!("stack {stack} has a volume of this name"),
        None => "a volume of this name exists that belongs to no stack".to_owned(),
    };
    Error::new(Kind::Conflict, format!("create volume {}: {owner}", spec.name))
        .hint("give one of them another name, or declare it as external to share it")
}

/// Removes a volume and its content; one that does not exist is no error.
/// It is renamed away first: an interrupted removal never leaves half of its content in use.
pub fn remove(store: &Store, name: &str) -> Result<()> {
    check_name(name)?;
    let _lock = lock(store, name)?;
    mount::take_off(store, name)?;
    let away = store.volumes().join(format!("{REMOVED}{name}"));
    tree::remove(&away)?;
    let stack = get(store, name).ok().flatten().and_then(|record| record.spec.stack);
    match fs::rename(store.volume(name), &away) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).doing(|| format!("remove volume {name}")),
        Ok(()) => {
            Entry::volume(name, stack.as_ref(), "destroy").tell(store);
            tree::remove(&away)
        }
    }
}

/// All volumes, by name.
pub fn list(store: &Store) -> Result<Vec<VolumeRecord>> {
    let doing = || "list the volumes".to_owned();
    let mut records = Vec::new();
    for entry in fs::read_dir(store.volumes()).doing(doing)? {
        let name = entry.doing(doing)?.file_name();
        let name = name.to_str().filter(|name| check_name(name).is_ok());
        if let Some(record) = name.map(|name| get(store, name)).transpose()? {
            records.extend(record);
        }
    }
    records.sort_by(|a, b| a.spec.name.cmp(&b.spec.name));
    Ok(records)
}

/// The volume of this name. One with a damaged record belongs to no stack until its stack
/// creates it again; its data is the user's.
pub fn get(store: &Store, name: &str) -> Result<Option<VolumeRecord>> {
    check_name(name)?;
    match store::read_optional(&store.volume_record(name)) {
        Err(error) if error.kind == Kind::Corrupt => Ok(Some(VolumeRecord {
            spec: VolumeSpec { name: name.to_owned(), ..VolumeSpec::default() },
            created_at: Timestamp::UNIX_EPOCH,
            content: Content::Settled,
        })),
        other => other,
    }
}

/// Gives a fresh volume what the image has at `target`, then counts it as the user's.
/// Does nothing to a volume that is not fresh or has content.
/// `layers` are those of the image, lowest first.
pub fn copy_up(store: &Store, name: &str, layers: &[PathBuf], target: &str) -> Result<()> {
    if existing(store, name)?.content == Content::Settled {
        return Ok(());
    }
    let _lock = lock(store, name)?;
    let mut record = existing(store, name)?;
    let doing = || format!("give volume {name} what the image has at {target}");
    let (data, copy) = (store.volume_data(name), store.volume(name).join("copy"));
    // What is mounted there is on another file system: nothing can be moved in.
    if !record.spec.driver_opts.is_empty() {
        if record.content == Content::Fresh && is_empty(&data).doing(doing)? {
            copy_straight(layers, target, &data)?;
        }
        record.content = Content::Settled;
        return store::write_durable(&store.volume_record(name), &record);
    }
    if record.content == Content::Fresh && is_empty(&data).doing(doing)? {
        tree::remove(&copy)?;
        if copy_aside(layers, target, &copy)? {
            record.content = Content::Moving;
            store::write_durable(&store.volume_record(name), &record)?;
        }
    }
    if record.content == Content::Moving {
        move_in(&copy, &data).doing(doing)?;
        tree::remove(&copy)?;
    }
    record.content = Content::Settled;
    store::write_durable(&store.volume_record(name), &record)
}

/// Counts a volume as the user's without giving it content: for mounts with `nocopy`.
pub fn settle(store: &Store, name: &str) -> Result<()> {
    if existing(store, name)?.content != Content::Fresh {
        return Ok(());
    }
    let _lock = lock(store, name)?;
    match existing(store, name)? {
        record if record.content == Content::Fresh => {
            let record = VolumeRecord { content: Content::Settled, ..record };
            store::write_durable(&store.volume_record(name), &record)
        }
        _ => Ok(()),
    }
}

fn existing(store: &Store, name: &str) -> Result<VolumeRecord> {
    get(store, name)?.ok_or_else(|| Error::new(Kind::NotFound, format!("there is no volume {name}")))
}

fn lock(store: &Store, name: &str) -> Result<Lock> {
    Lock::take(store, &lock_name(name), LockKind::Exclusive)
}

fn lock_name(name: &str) -> String {
    format!("volume-{name}")
}

/// Copies the image's folder, on the disk when it returns; false when the image has none.
fn copy_aside(layers: &[PathBuf], target: &str, copy: &Path) -> Result<bool> {
    if layers.is_empty() {
        return Ok(false);
    }
    let doing = || format!("look at {target} in the image");
    let view = overlay::view(layers)?;
    let Some(source) = folder_in(&view, target).doing(doing)? else { return Ok(false) };
    let make = || {
        fs::create_dir(copy)?;
        tree::open_path(copy).map_err(io::Error::from)
    };
    let to = make().doing(|| format!("create {}", copy.display()))?;
    tree::copy(source.as_fd(), to.as_fd())?;
    rustix::fs::syncfs(&to).doing(|| format!("write {} to the disk", copy.display()))?;
    Ok(true)
}

/// Copies the image's folder, if it has one, right to where it belongs.
fn copy_straight(layers: &[PathBuf], target: &str, data: &Path) -> Result<()> {
    if layers.is_empty() {
        return Ok(());
    }
    let doing = || format!("look at {target} in the image");
    let view = overlay::view(layers)?;
    let Some(source) = folder_in(&view, target).doing(doing)? else { return Ok(()) };
    let to = tree::open_path(data).doing(|| format!("open {}", data.display()))?;
    tree::copy(source.as_fd(), to.as_fd())
}

/// The folder at a path in an image, whose symbolic links may not lead out of it.
fn folder_in(view: &OwnedFd, target: &str) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    match openat2(view, target, flags, Mode::empty(), resolve) {
        Ok(folder) => Ok(Some(folder)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Moves each entry that data/ does not have; data/ itself stays the same folder, because a
/// container may have it mounted.
fn move_in(copy: &Path, data: &Path) -> io::Result<()> {
    if !copy.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(copy)? {
        let entry = entry?;
        match renameat_with(CWD, entry.path(), CWD, data.join(entry.file_name()), RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) | Ok(()) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let (from, to) = (copy.metadata()?, File::open(data)?);
    std::os::unix::fs::fchown(&to, Some(from.uid()), Some(from.gid()))?;
    to.set_permissions(from.permissions())?;
    to.set_modified(from.modified()?)
}

fn is_empty(folder: &Path) -> io::Result<bool> {
    Ok(fs::read_dir(folder)?.next().is_none())
}

/// Fails when nothing can be called so.
pub fn check_name(name: &str) -> Result<()> {
    let fits = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= NAME_MAX
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if fits {
        return Ok(());
    }
    let error = Error::new(Kind::Unsupported, format!("`{name}` is not a volume name"));
    Err(error.hint("a name is letters, digits, `_`, `.` and `-`, and begins with a letter or digit"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::private_mounts;

    fn store(root: &Path) -> Store {
        let store = Store::new(root.join("root"), root.join("run"));
        store.prepare().unwrap();
        store
    }

    fn spec(name: &str) -> VolumeSpec {
        VolumeSpec { name: name.to_owned(), stack: Some("shop".to_owned()), ..VolumeSpec::default() }
    }

    fn content(store: &Store) -> Content {
        get(store, "v").unwrap().unwrap().content
    }

    /// Two layers with a folder `srv` that belongs to user 7 and a link `linked` to it.
    fn image(root: &Path) -> Vec<PathBuf> {
        let layers = vec![root.join("l1"), root.join("l2")];
        for layer in &layers {
            fs::create_dir_all(layer.join("srv")).unwrap();
            fs::set_permissions(layer.join("srv"), Permissions::from_mode(0o2750)).unwrap();
            std::os::unix::fs::chown(layer.join("srv"), Some(7), Some(8)).unwrap();
        }
        fs::write(layers[0].join("srv/low"), "low").unwrap();
        fs::write(layers[1].join("srv/high"), "high").unwrap();
        std::os::unix::fs::symlink("/srv", layers[0].join("linked")).unwrap();
        std::os::unix::fs::symlink("../../../../../../etc", layers[0].join("escape")).unwrap();
        layers
    }

    #[test]
    fn a_volume_is_made_once_listed_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        for name in ["v", "a.b-c_d"] {
            create(&store, &spec(name)).unwrap();
        }
        fs::write(store.volume_data("v").join("kept"), "x").unwrap();
        create(&store, &spec("v")).unwrap();
        assert!(store.volume_data("v").join("kept").exists());
        let names: Vec<_> = list(&store).unwrap().into_iter().map(|record| record.spec.name).collect();
        assert_eq!(names, ["a.b-c_d", "v"]);
        for _ in 0..2 {
            remove(&store, "v").unwrap();
        }
        assert_eq!(fs::read_dir(store.volumes()).unwrap().count(), 1);
    }

    #[test]
    fn what_interrupted_commands_left_is_swept_and_a_volume_without_record_keeps_its_data() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        for left in [".new-v/data", ".removed-w/data", "v/data"] {
            fs::create_dir_all(store.volumes().join(left)).unwrap();
        }
        fs::write(store.volume_data("v").join("kept"), "x").unwrap();
        sweep(&store).unwrap();
        assert_eq!(fs::read_dir(store.volumes()).unwrap().count(), 1);
        assert!(list(&store).unwrap().is_empty());
        create(&store, &spec("v")).unwrap();
        assert!(store.volume_data("v").join("kept").exists());
        assert_eq!(list(&store).unwrap().len(), 1);
    }

    #[test]
    fn a_volume_of_another_stack_is_not_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        create(&store, &spec("v")).unwrap();
        let error = create(&store, &VolumeSpec { stack: None, ..spec("v") }).unwrap_err();
        assert_eq!(error.kind, Kind::Conflict);
        assert!(error.doing.contains("shop"), "{}", error.doing);
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        for name in ["", ".", "..", "a/b", ".removed-0", "-v", "a b", &"x".repeat(201)] {
            assert_eq!(create(&store, &spec(name)).unwrap_err().kind, Kind::Unsupported, "{name}");
            assert_eq!(remove(&store, name).unwrap_err().kind, Kind::Unsupported, "{name}");
        }
    }

    #[test]
    fn a_creation_that_was_interrupted_is_completed() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        fs::create_dir_all(store.volume_data("v")).unwrap();
        assert_eq!(list(&store).unwrap(), []);
        create(&store, &spec("v")).unwrap();
        assert_eq!(content(&store), Content::Fresh);
    }

    #[test]
    fn a_fresh_volume_gets_what_the_image_has_with_its_owner_and_mode() {
        let Some(root) = private_mounts() else { return };
        let (store, layers) = (store(&root), image(&root));
        for target in ["/srv", "/linked"] {
            create(&store, &spec("v")).unwrap();
            copy_up(&store, "v", &layers, target).unwrap();
            let data = store.volume_data("v");
            assert_eq!(fs::read_to_string(data.join("low")).unwrap(), "low");
            assert_eq!(fs::read_to_string(data.join("high")).unwrap(), "high");
            let stat = data.metadata().unwrap();
            assert_eq!((stat.uid(), stat.gid(), stat.mode() & 0o7777), (7, 8, 0o2750));
            assert_eq!(content(&store), Content::Settled);
            assert!(!store.volume("v").join("copy").exists());
            remove(&store, "v").unwrap();
        }
    }

    #[test]
    fn a_target_that_the_image_lacks_or_that_leads_out_gives_nothing() {
        let Some(root) = private_mounts() else { return };
        let (store, layers) = (store(&root), image(&root));
        for target in ["/none", "/srv/low", "/escape", "/../../etc"] {
            create(&store, &spec("v")).unwrap();
            copy_up(&store, "v", &layers, target).unwrap();
            assert!(is_empty(&store.volume_data("v")).unwrap(), "{target}");
            assert_eq!(content(&store), Content::Settled);
            remove(&store, "v").unwrap();
        }
    }

    #[test]
    fn what_the_user_has_in_a_volume_is_never_touched() {
        let Some(root) = private_mounts() else { return };
        let (store, layers) = (store(&root), image(&root));
        create(&store, &spec("v")).unwrap();
        fs::write(store.volume_data("v").join("mine"), "x").unwrap();
        copy_up(&store, "v", &layers, "/srv").unwrap();
        assert_eq!(fs::read_dir(store.volume_data("v")).unwrap().count(), 1);

        remove(&store, "v").unwrap();
        create(&store, &spec("v")).unwrap();
        settle(&store, "v").unwrap();
        copy_up(&store, "v", &layers, "/srv").unwrap();
        assert!(is_empty(&store.volume_data("v")).unwrap());

        remove(&store, "v").unwrap();
        create(&store, &spec("v")).unwrap();
        copy_up(&store, "v", &layers, "/srv").unwrap();
        fs::remove_file(store.volume_data("v").join("low")).unwrap();
        copy_up(&store, "v", &layers, "/srv").unwrap();
        assert!(!store.volume_data("v").join("low").exists());
    }

    #[test]
    fn a_copy_that_was_interrupted_is_begun_again_or_moved_in() {
        let Some(root) = private_mounts() else { return };
        let (store, layers) = (store(&root), image(&root));
        create(&store, &spec("v")).unwrap();
        let copy = store.volume("v").join("copy");
        fs::create_dir(&copy).unwrap();
        fs::write(copy.join("half"), "").unwrap();
        copy_up(&store, "v", &layers, "/srv").unwrap();
        assert!(
            !store.volume_data("v").join("half").exists() && store.volume_data("v").join("high").exists()
        );

        remove(&store, "v").unwrap();
        create(&store, &spec("v")).unwrap();
        copy_aside(&layers, "/srv", &copy).unwrap();
        let record = VolumeRecord { content: Content::Moving, ..get(&store, "v").unwrap().unwrap() };
        store::write_durable(&store.volume_record("v"), &record).unwrap();
        fs::rename(copy.join("low"), store.volume_data("v").join("low")).unwrap();
        copy_up(&store, "v", &layers, "/srv").unwrap();
        assert_eq!(fs::read_dir(store.volume_data("v")).unwrap().count(), 2);
        assert_eq!(content(&store), Content::Settled);
    }
}
