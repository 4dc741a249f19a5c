//! Volumes that are something mounted: a device, a share of the network, memory, a folder of the
//! host. It is there as long as a container runs that has it.
//!
//! ```text
//! <runtime>/mounts/<volume>/<container>   one empty file for each who needs it
//! ```

use super::{Content, VolumeRecord, check_name, existing, lock};
use crate::error::{Context, Error, Kind, Result};
use crate::store::{self, Store};
use planner::VolumeSpec;
use planner::desired::VolumeMount;
use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, unmount};
use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::net::ToSocketAddrs;
use std::path::Path;

/// Mounts a volume that is something mounted, for one who needs it, until [`release`]. Idempotent.
pub fn acquire(store: &Store, name: &str, user: &str) -> Result<()> {
    if existing(store, name)?.spec.driver_opts.is_empty() {
        return Ok(());
    }
    let _lock = lock(store, name)?;
    let mut record = existing(store, name)?;
    let users = store.mount_users(name);
    let note = || {
        fs::create_dir_all(&users)?;
        File::create(users.join(user)).map(drop)
    };
    note().doing(|| format!("note that {user} has volume {name}"))?;
    let data = store.volume_data(name);
    if is_mounted(&data)? {
        return Ok(());
    }
    mount_on(&record, &data).inspect_err(|_| {
        // Likewise.
        let _ = forget(store, name, user);
    })?;
    if record.content != Content::Fresh && is_memory(&record.spec) {
        record.content = Content::Fresh;
        store::write_durable(&store.volume_record(name), &record)?;
    }
    Ok(())
}

/// Whether what it holds is gone when it is unmounted.
fn is_memory(spec: &VolumeSpec) -> bool {
    VolumeMount::parse(&spec.driver_opts).is_ok_and(|mount| ["tmpfs", "ramfs"].contains(&mount.kind.as_str()))
}

/// Gives back all that one needed; what nobody needs any more is unmounted. Idempotent.
pub fn release(store: &Store, user: &str) -> Result<()> {
    let doing = || format!("give back the volumes of {user}");
    let volumes = match fs::read_dir(store.mounts()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        volumes => volumes.doing(doing)?,
    };
    for volume in volumes {
        let name = volume.doing(doing)?.file_name();
        let Some(name) = name.to_str().filter(|name| check_name(name).is_ok()) else { continue };
        if store.mount_users(name).join(user).exists() {
            let _lock = lock(store, name)?;
            forget(store, name, user)?;
        }
    }
    Ok(())
}

/// The lock is held.
fn forget(store: &Store, name: &str, user: &str) -> Result<()> {
    let users = store.mount_users(name);
    let doing = || format!("give back volume {name}");
    absent_is_fine(fs::remove_file(users.join(user))).doing(doing)?;
    if fs::read_dir(&users).doing(doing)?.next().is_none() {
        take_off(store, name)?;
    }
    Ok(())
}

/// Unmounts a volume, whoever has it. The lock is held.
pub(super) fn take_off(store: &Store, name: &str) -> Result<()> {
    let doing = || format!("unmount volume {name}");
    let data = store.volume_data(name);
    while is_mounted(&data)? {
        unmount(&data, UnmountFlags::DETACH).doing(doing)?;
    }
    absent_is_fine(fs::remove_dir_all(store.mount_users(name))).doing(doing)
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Whether something is mounted on a folder.
pub(super) fn is_mounted(folder: &Path) -> Result<bool> {
    match statx(CWD, folder, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty()) {
        Ok(seen) => Ok(seen.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)),
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(error) => Err(error).doing(|| format!("look at {}", folder.display())),
    }
}

fn mount_on(record: &VolumeRecord, data: &Path) -> Result<()> {
    let VolumeSpec { name, driver_opts, .. } = &record.spec;
    let doing = || format!("mount volume {name}");
    let wanted = VolumeMount::parse(driver_opts)
        .map_err(|why| Error::new(Kind::Unsupported, format!("volume {name} cannot be mounted: {why}")))?;
    let failed = |error: io::Error| {
        let what = format!("mount {} as volume {name}", wanted.device);
        Error::new(Kind::System, what).because(error).hint(HINT)
    };
    if wanted.bind {
        if !Path::new(&wanted.device).exists() {
            let what = format!("mount volume {name}: {} does not exist", wanted.device);
            return Err(Error::new(Kind::NotFound, what).hint("make the folder, or change `device`"));
        }
        let bind = if wanted.recursive { mount_bind_recursive } else { mount_bind };
        bind(wanted.device.as_str(), data).map_err(|error| failed(error.into()))?;
        if wanted.flags.is_empty() {
            return Ok(());
        }
        // Flags of a bind mount only count when it is mounted again (mount(2)).
        let flags = flags(&wanted.flags) | MountFlags::BIND;
        return rustix::mount::mount_remount(data, flags, c"")
            .map_err(|error| failed(error.into()))
            .inspect_err(|_| {
                // The failure to mount is what gets told.
                let _ = unmount(data, UnmountFlags::DETACH);
            });
    }
    let options = CString::new(resolved(&wanted.options)).map_err(io::Error::from).doing(doing)?;
    let flags = flags(&wanted.flags);
    mount(wanted.device.as_str(), data, wanted.kind.as_str(), flags, Some(options.as_c_str()))
        .map_err(|error| failed(error.into()))
}

const HINT: &str = "the options are those of mount(8); the kernel's log may say more (`dmesg`)";

fn flags(words: &[String]) -> MountFlags {
    let known = [
        ("ro", MountFlags::RDONLY),
        ("nosuid", MountFlags::NOSUID),
        ("nodev", MountFlags::NODEV),
        ("noexec", MountFlags::NOEXEC),
        ("sync", MountFlags::SYNCHRONOUS),
        ("dirsync", MountFlags::DIRSYNC),
        ("noatime", MountFlags::NOATIME),
        ("nodiratime", MountFlags::NODIRATIME),
        ("relatime", MountFlags::RELATIME),
        ("strictatime", MountFlags::STRICTATIME),
    ];
    let flags = known.iter().filter(|(word, _)| words.iter().any(|one| one == word));
    flags.fold(MountFlags::empty(), |all, (_, flag)| all | *flag)
}

/// The kernel takes `addr=` only as a number.
fn resolved(options: &[String]) -> String {
    let option = |option: &String| {
        let name = option.strip_prefix("addr=").filter(|name| name.parse::<std::net::IpAddr>().is_err());
        let found = name.and_then(|name| (name, 0).to_socket_addrs().ok()?.next());
        found.map_or_else(|| option.clone(), |address| format!("addr={}", address.ip()))
    };
    options.iter().map(option).collect::<Vec<_>>().join(",")
}
