//! What the spec mounts, ready to be attached: anything that the new process could not find by a
//! path of the host is opened here and handed over as a detached mount.

use crate::container::ContainerRecord;
use crate::error::{Context, Error, Kind, Result};
use crate::sandbox::{DetachedMount, Mount, MountSource};
use crate::store::Store;
use crate::sys::{mountfd, userns};
use crate::{overlay, skeleton};
use planner::ContainerId;
use planner::desired::{MountKind, MountSpec, OwnerRange, Propagation, Submounts};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use rustix::mount::MountAttrFlags;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The files that we make for a container, and where it sees them.
const FILES: [(&str, &str); 3] =
    [("hosts", "/etc/hosts"), ("resolv.conf", "/etc/resolv.conf"), ("hostname", "/etc/hostname")];

/// The mounts of the spec, then our files over them, unless the spec mounts its own there.
pub(crate) fn mounts(store: &Store, id: &ContainerId, record: &ContainerRecord) -> Result<Vec<Mount>> {
    let specs = &record.spec.mounts;
    let mut mounts = specs.iter().map(|spec| mount(store, record, spec)).collect::<Result<Vec<_>>>()?;
    let free = |target: &str| specs.iter().all(|spec| spec.target != target);
    let files = FILES.iter().filter(|(_, target)| free(target));
    mounts.extend(files.map(|(name, target)| Mount {
        target: (*target).to_owned(),
        read_only: false,
        source: MountSource::File(store.file(id, name)),
    }));
    Ok(mounts)
}

fn mount(store: &Store, record: &ContainerRecord, spec: &MountSpec) -> Result<Mount> {
    let mut read_only = spec.read_only;
    let source = match &spec.kind {
        MountKind::Volume { name, subpath, .. } if subpath.is_empty() => {
            MountSource::Folder(store.volume_data(name))
        }
        MountKind::Volume { name, subpath, .. } => part_of_volume(store, name, subpath)?,
        MountKind::Bind {
            source,
            create,
            propagation: Propagation::Private,
            submounts: Submounts::Included,
        } if record.spec.owners.is_empty() => bind(source, *create)?,
        MountKind::Bind { source, create, propagation, submounts } => {
            let bound = bind(source, *create)?;
            let ways = (*propagation, *submounts);
            let detached = bound_with(&bound, ways, read_only, &record.spec.owners)?;
            read_only &= *submounts != Submounts::Writable;
            detached
        }
        MountKind::Tmpfs(memory) => MountSource::Tmpfs(memory.clone()),
        MountKind::Image { reference, id, subpath } => {
            read_only = true;
            image(store, record, (reference, id), subpath)?
        }
    };
    Ok(Mount { target: spec.target.clone(), read_only, source })
}

/// A path of the host; a missing folder is made when that is asked for.
fn bind(source: &Path, create: bool) -> Result<MountSource> {
    let source: PathBuf = source.to_owned();
    match fs::metadata(&source) {
        Ok(metadata) if metadata.is_dir() => Ok(MountSource::Folder(source)),
        Ok(_) => Ok(MountSource::File(source)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && create => {
            fs::create_dir_all(&source).doing(|| format!("create {}", source.display()))?;
            Ok(MountSource::Folder(source))
        }
        Err(error) => {
            Err(Error::new(Kind::NotFound, format!("bind source {} cannot be used", source.display()))
                .because(error))
        }
    }
}

/// A file or folder of a volume. Links in the volume lead nowhere out of it.
fn part_of_volume(store: &Store, name: &str, subpath: &str) -> Result<MountSource> {
    let part = open_part(&store.volume_data(name), subpath).map_err(|error| match error {
        Errno::NOENT | Errno::NOTDIR => {
            Error::new(Kind::NotFound, format!("volume {name} has no `{subpath}`"))
                .hint("make it first, in a container that mounts the whole volume")
        }
        error => Error::new(Kind::System, format!("open `{subpath}` of volume {name}"))
            .because(io::Error::from(error)),
    })?;
    let mount =
        mountfd::copy_of(part.as_fd(), true).doing(|| format!("mount `{subpath}` of volume {name}"))?;
    detached(mount).doing(|| format!("mount `{subpath}` of volume {name}"))
}

/// Opens something below a folder, which links in it do not leave.
pub(crate) fn open_part(folder: &Path, subpath: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(CWD, folder, flags | OFlags::DIRECTORY, Mode::empty())?;
    open_in(folder.as_fd(), subpath)
}

fn open_in(folder: BorrowedFd<'_>, path: &str) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    openat2(folder, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)
}

/// A path of the host with what is not the usual about mounts below it and later ones, and about
/// owners.
fn bound_with(
    source: &MountSource,
    (propagation, submounts): (Propagation, Submounts),
    read_only: bool,
    owners: &[OwnerRange],
) -> Result<MountSource> {
    let (MountSource::Folder(path) | MountSource::File(path)) = source else { return Ok(source.clone()) };
    let doing = || format!("bind {}", path.display());
    let text = CString::new(path.as_os_str().as_bytes()).map_err(io::Error::from).doing(doing)?;
    let recursive = submounts != Submounts::Excluded;
    let mount = mountfd::copy(&text, recursive).doing(doing)?;
    if !owners.is_empty() {
        own(mount.as_fd(), path, recursive, owners)?;
    }
    if read_only && submounts == Submounts::Writable {
        let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY;
        mountfd::set_attributes(mount.as_fd(), attributes, false).doing(doing)?;
    }
    match propagation {
        Propagation::Private => {}
        Propagation::Slave => mountfd::make_slave(mount.as_fd()).doing(doing)?,
        Propagation::Shared if is_shared(path).doing(doing)? => {}
        Propagation::Shared => {
            let message = format!("{} is not on a mount that is shared", path.display());
            let hint = format!("`mount --make-rshared` the one that `findmnt -T {}` shows", path.display());
            return Err(Error::new(Kind::Unsupported, message).hint(hint));
        }
    }
    detached(mount).doing(doing)
}

/// Lets files be those of others in the container.
fn own(mount: BorrowedFd<'_>, path: &Path, recursive: bool, owners: &[OwnerRange]) -> Result<()> {
    let doing = || format!("give the files of {} other owners", path.display());
    let line = |range: &OwnerRange| format!("{} {} {}\n", range.host, range.inside, range.count);
    let who = userns::with_table(&owners.iter().map(line).collect::<String>()).doing(doing)?;
    mountfd::set_owners(mount, who.as_fd(), recursive).map_err(|error| match error {
        Errno::INVAL => {
            let hint = if recursive {
                "a file system there cannot do it; those mounted below it are left out with `bind: {recursive: disabled}`"
            } else {
                "its file system cannot do it"
            };
            Error::new(Kind::Unsupported, doing()).because(io::Error::from(error)).hint(hint)
        }
        error => Error::new(Kind::System, doing()).because(io::Error::from(error)),
    })
}

/// Whether mounts below the one that a path is on are seen elsewhere.
fn is_shared(path: &Path) -> io::Result<bool> {
    let file = rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let about = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd()))?;
    let id = about.lines().find_map(|line| line.strip_prefix("mnt_id:")).unwrap_or_default().trim();
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    let line = table.lines().find(|line| line.split(' ').next() == Some(id));
    Ok(line.is_some_and(|line| line.split(" - ").next().unwrap_or_default().contains(" shared:")))
}

/// The files of an image, or a part of them.
fn image(
    store: &Store,
    record: &ContainerRecord,
    (reference, id): (&str, &str),
    subpath: &str,
) -> Result<MountSource> {
    let doing = || format!("mount the files of image {reference}");
    let layers = record.mounted.get(id).ok_or_else(|| {
        Error::new(Kind::Corrupt, doing()).hint("`up --force-recreate` makes the container anew")
    })?;
    // The empty folder below makes an overlay of a single layer too: its whiteouts are not shown.
    let empty = skeleton::ensure(store)?.join("proc");
    let layers: Vec<PathBuf> = std::iter::once(empty).chain(layers.iter().cloned()).collect();
    let view = overlay::view(&layers)?;
    if subpath.is_empty() {
        return detached(view).doing(doing);
    }
    let part = open_in(view.as_fd(), subpath).map_err(|error| match error {
        Errno::NOENT | Errno::NOTDIR => {
            Error::new(Kind::NotFound, format!("image {reference} has no `{subpath}`"))
        }
        error => Error::new(Kind::System, doing()).because(io::Error::from(error)),
    })?;
    let is_folder = is_folder(part.as_fd()).doing(doing)?;
    Ok(MountSource::Part { mount: DetachedMount::new(view), path: subpath.to_owned(), is_folder })
}

fn detached(mount: OwnedFd) -> io::Result<MountSource> {
    let is_folder = is_folder(mount.as_fd())?;
    Ok(MountSource::Detached { mount: DetachedMount::new(mount), is_folder })
}

fn is_folder(file: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(file)?.st_mode) == FileType::Directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::Process;
    use jiff::Timestamp;
    use planner::ContainerSpec;
    use std::collections::BTreeMap;

    #[test]
    fn our_files_come_last_and_give_way_to_those_of_the_user() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new("/r", "/t");
        let id: ContainerId = "s.a.1.1".parse().unwrap();
        let bind = |target: &str, source: &Path, create| MountSpec {
            target: target.into(),
            read_only: true,
            kind: MountKind::Bind {
                source: source.to_owned(),
                create,
                propagation: Propagation::Private,
                submounts: Submounts::Included,
            },
        };
        let file = folder.path().join("hosts");
        fs::write(&file, "").unwrap();
        let made = folder.path().join("made/here");
        let specs = vec![bind("/etc/hosts", &file, false), bind("/data", &made, true)];
        let record = ContainerRecord {
            spec: ContainerSpec { mounts: specs, ..ContainerSpec::default() },
            image_id: String::new(),
            layers: Vec::new(),
            mounted: BTreeMap::new(),
            process: Process::unknown(&id),
            created_at: Timestamp::UNIX_EPOCH,
        };
        let mounts = mounts(&store, &id, &record).unwrap();
        let targets: Vec<&str> = mounts.iter().map(|mount| mount.target.as_str()).collect();
        assert_eq!(targets, ["/etc/hosts", "/data", "/etc/resolv.conf", "/etc/hostname"]);
        assert_eq!(mounts[0].source, MountSource::File(file));
        assert_eq!(mounts[1].source, MountSource::Folder(made.clone()));
        assert!(made.is_dir());
    }

    #[test]
    fn a_bind_source_that_is_missing_is_named() {
        let error = bind(Path::new("/nowhere/at/all"), false).unwrap_err();
        assert_eq!(error.kind, Kind::NotFound);
        assert!(error.doing.contains("/nowhere/at/all"), "{error}");
    }
}
