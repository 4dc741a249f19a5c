//! Where everything of ours lies. Paths are joined only here.
//!
//! ```text
//! <root>/images/                    see `crate::image`
//! <root>/skeleton/                  see `crate::skeleton`
//! <root>/build/                     see `crate::build`
//! <root>/volumes/<name>/            volume.json, data/
//! <root>/networks/<name>.json       spec, bridge, subnet
//! <root>/leases/<network>/           one empty file for each address: `<address>=<id>`
//! <root>/containers/<id>/           record.json, supervisor (lock), upper/, work/, files/, log (+ .1, .2, …)
//! <root>/containers/.<word>-<id>/   half made or half removed; swept by the next command
//! <root>/stacks/<name>.json         owner of the stack
//! <root>/build/cache-mounts/         see `crate::build::run`
//! <runtime>/locks/                  flock(2) files
//! <runtime>/containers/<id>/        state.json, control (socket), out, err (FIFOs), complaints, files/
//! <runtime>/netns/<id>              bind mount that holds the network namespace
//! <runtime>/dns/<network>/<id>      names and address of one endpoint
//! <runtime>/endpoints/<id>          interfaces of one connected container
//! <runtime>/ports/<id>              host ports published for one container
//! ```

mod lock;
mod record;

pub use lock::{Lock, LockKind};
pub use record::{
    Record, is_begun, read, read_optional, read_whole, remove_optional, replace_file, sweep_temporary, write,
    write_durable,
};

use crate::error::{Context, Result};
use planner::ContainerId;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The two roots. Two stores with different roots never see each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    root: PathBuf,
    runtime: PathBuf,
}

impl Store {
    /// A store at these absolute paths; nothing is made yet.
    pub fn new(root: impl Into<PathBuf>, runtime: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), runtime: runtime.into() }
    }

    /// Makes the folders that hold everything else. Nobody but root can look into them: images and
    /// volumes may have programs that run as root for whoever finds them.
    pub fn prepare(&self) -> Result<()> {
        let folders = [
            self.root.join("volumes"),
            self.root.join("networks"),
            self.root.join("containers"),
            self.root.join("names"),
            self.root.join("events"),
            self.root.join("stacks"),
            self.images(),
            self.runtime.join("locks"),
            self.runtime.join("containers"),
            self.runtime.join("netns"),
            self.runtime.join("dns"),
            self.runtime.join("endpoints"),
            self.ports(),
        ];
        folders.iter().try_for_each(|folder| {
            fs::create_dir_all(folder)
                .and_then(|()| close(folder))
                .doing(|| format!("create {}", folder.display()))
        })
    }

    /// What survives a reboot.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What need not survive a reboot.
    pub fn runtime(&self) -> &Path {
        &self.runtime
    }

    /// Eight hex digits that tell this store's kernel objects (bridges, cgroups, nft table)
    /// from those of other stores: FNV-1a of the runtime path.
    pub fn tag(&self) -> String {
        format!("{:08x}", fnv1a(self.runtime.as_os_str().as_encoded_bytes()))
    }

    /// Folder of the image store.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// Layer below all images.
    pub fn skeleton(&self) -> PathBuf {
        self.root.join("skeleton")
    }

    /// All containers that have a record, as folder `<id>`.
    pub fn containers(&self) -> PathBuf {
        self.root.join("containers")
    }

    /// Whose a name is that was chosen for a container.
    pub fn name(&self, name: &str) -> PathBuf {
        self.root.join("names").join(name)
    }

    /// What happened lately.
    pub fn journal(&self) -> PathBuf {
        self.root.join("events").join("journal")
    }

    /// What happened before that.
    pub fn old_journal(&self) -> PathBuf {
        self.root.join("events").join("journal.1")
    }

    /// Durable folder of one container.
    pub fn container(&self, id: &ContainerId) -> PathBuf {
        self.containers().join(id.to_string())
    }

    /// What the container was made from.
    pub fn container_record(&self, id: &ContainerId) -> PathBuf {
        self.container(id).join("record.json")
    }

    /// The writable layer.
    pub fn upper(&self, id: &ContainerId) -> PathBuf {
        self.container(id).join("upper")
    }

    /// Folder, in that of a container, with what its configs and secrets hold, by number.
    pub fn contents_in(container: &Path) -> PathBuf {
        container.join("files")
    }

    /// Work folder of overlayfs.
    pub fn work(&self, id: &ContainerId) -> PathBuf {
        self.container(id).join("work")
    }

    /// The newest log file; rotated ones have `.1`, `.2`, … behind.
    pub fn log(&self, id: &ContainerId) -> PathBuf {
        self.container(id).join("log")
    }

    /// Lock that the supervisor holds as long as it lives, signed with who it is.
    pub fn supervisor(&self, id: &ContainerId) -> PathBuf {
        self.container(id).join("supervisor")
    }

    /// Below which control group a container's own is, when that is not the root.
    pub fn cgroup_parent(&self, id: &ContainerId) -> PathBuf {
        self.container(id).join("cgroup_parent")
    }

    /// Durable folder of a container that is being made.
    pub fn unborn(&self, id: &ContainerId) -> PathBuf {
        self.containers().join(format!(".new-{id}"))
    }

    /// Durable folder of a container that is being removed.
    pub fn undead(&self, id: &ContainerId) -> PathBuf {
        self.containers().join(format!(".old-{id}"))
    }

    /// Volatile folder of one container.
    pub fn runtime_container(&self, id: &ContainerId) -> PathBuf {
        self.runtime.join("containers").join(id.to_string())
    }

    /// What the supervisor last said.
    pub fn state(&self, id: &ContainerId) -> PathBuf {
        self.runtime_container(id).join("state.json")
    }

    /// The supervisor's control socket.
    pub fn control(&self, id: &ContainerId) -> PathBuf {
        self.runtime_container(id).join("control")
    }

    /// FIFO that the container's standard output (`out`) or error (`err`) is.
    pub fn fifo(&self, id: &ContainerId, name: &str) -> PathBuf {
        self.runtime_container(id).join(name)
    }

    /// A file made for the container to see: `hosts`, `resolv.conf`, `hostname`.
    pub fn file(&self, id: &ContainerId, name: &str) -> PathBuf {
        self.runtime_container(id).join("files").join(name)
    }

    /// There while what is to run after the container's start has not run to its end.
    pub fn unprepared(&self, id: &ContainerId) -> PathBuf {
        self.runtime_container(id).join("unprepared")
    }

    /// There while nothing leads to the container.
    pub fn aside(&self, id: &ContainerId) -> PathBuf {
        self.runtime_container(id).join("aside")
    }

    /// What the supervisor printed before it died of a fault in it.
    pub fn complaints(&self, id: &ContainerId) -> PathBuf {
        self.runtime_container(id).join("complaints")
    }

    /// Bind mount that holds the container's network namespace.
    pub fn netns(&self, id: &ContainerId) -> PathBuf {
        self.runtime.join("netns").join(id.to_string())
    }

    /// Record of one network.
    pub fn network(&self, name: &str) -> PathBuf {
        self.networks().join(format!("{name}.json"))
    }

    /// Folder of the network records.
    pub fn networks(&self) -> PathBuf {
        self.root.join("networks")
    }

    /// Folder with one empty file for each address that is taken on a network.
    pub fn leases(&self, network: &str) -> PathBuf {
        self.leases_root().join(network)
    }

    /// Folder with one folder of leases for each network.
    pub fn leases_root(&self) -> PathBuf {
        self.root.join("leases")
    }

    /// Folder with one file for each endpoint on a network.
    pub fn dns(&self, network: &str) -> PathBuf {
        self.runtime.join("dns").join(network)
    }

    /// Names and address of one endpoint.
    pub fn dns_entry(&self, network: &str, id: &ContainerId) -> PathBuf {
        self.dns(network).join(id.to_string())
    }

    /// Folder with one folder of endpoints for each network.
    pub fn dns_root(&self) -> PathBuf {
        self.runtime.join("dns")
    }

    /// Interfaces of one connected container.
    pub fn endpoints(&self, id: &ContainerId) -> PathBuf {
        self.runtime.join("endpoints").join(id.to_string())
    }

    /// Folder with one file for each connected container.
    pub fn endpoints_root(&self) -> PathBuf {
        self.runtime.join("endpoints")
    }

    /// Folder with one file for each container that has published ports.
    pub fn ports(&self) -> PathBuf {
        self.runtime.join("ports")
    }

    /// Host ports published for one container.
    pub fn published(&self, id: &ContainerId) -> PathBuf {
        self.ports().join(id.to_string())
    }

    /// Where a `RUN` has its own files mounted.
    pub fn build_workspace(&self) -> PathBuf {
        self.runtime.join("build")
    }

    /// Folder of one cache of `RUN` instructions.
    pub fn cache_mount(&self, name: &str) -> PathBuf {
        self.root.join("build").join("cache-mounts").join(name)
    }

    /// Folder of what builds keep for later ones.
    pub fn build(&self) -> PathBuf {
        self.root.join("build")
    }

    /// Folder of the volumes.
    pub fn volumes(&self) -> PathBuf {
        self.root.join("volumes")
    }

    /// Folder of one volume.
    pub fn volume(&self, name: &str) -> PathBuf {
        self.volumes().join(name)
    }

    /// What the volume was made from.
    pub fn volume_record(&self, name: &str) -> PathBuf {
        self.volume(name).join("volume.json")
    }

    /// What containers see of the volume.
    pub fn volume_data(&self, name: &str) -> PathBuf {
        self.volume(name).join("data")
    }

    /// Folder with one folder of users for each volume that is something mounted.
    pub fn mounts(&self) -> PathBuf {
        self.runtime.join("mounts")
    }

    /// Folder with one file for each who needs a volume to be mounted.
    pub fn mount_users(&self, volume: &str) -> PathBuf {
        self.mounts().join(volume)
    }

    /// Who owns the stack.
    pub fn stack(&self, name: &str) -> PathBuf {
        self.root.join("stacks").join(format!("{name}.json"))
    }

    /// Folder of the stack records.
    pub fn stacks(&self) -> PathBuf {
        self.root.join("stacks")
    }

    /// A lock file.
    pub fn lock(&self, name: &str) -> PathBuf {
        self.runtime.join("locks").join(name)
    }
}

/// FNV-1a, 32 bits: a short, stable name for a longer one
/// (<https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>).
pub fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// Leaves a folder to its owner alone. On a disk that became read-only it stays as it is.
pub(crate) fn close(folder: &Path) -> std::io::Result<()> {
    const OWNER: u32 = 0o700;
    if fs::metadata(folder)?.permissions().mode() & 0o7777 == OWNER {
        return Ok(());
    }
    match fs::set_permissions(folder, Permissions::from_mode(OWNER)) {
        Err(error) if error.kind() == std::io::ErrorKind::ReadOnlyFilesystem => Ok(()),
        result => result,
    }
}
