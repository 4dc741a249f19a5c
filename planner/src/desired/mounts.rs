//! What a service says of its mounts to what its containers mount, and to the volumes of it all.

use super::{ContainerSpec, MountKind, MountSpec, Slot, VolumeSpec};
use crate::live::Live;
use crate::model::{Mount, MountType, Service, Stack};
use std::collections::{BTreeMap, BTreeSet};

/// Where the mounts of a service are looked for.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) stack: &'a Stack,
    pub(super) live: &'a Live,
}

impl Scene<'_> {
    /// All mounts of one container, parents before what is in them.
    pub(super) fn mounts(self, slot: &Slot, service: &Service) -> Vec<MountSpec> {
        let mut mounts = self.gathered(slot, service, &mut BTreeSet::new());
        mounts.sort_by_cached_key(|mount| (mount.target.matches('/').count(), mount.target.clone()));
        mounts
    }

    /// The service's own mounts, those that it has from others, the later before the earlier, and
    /// those that its image declares; the first at each target counts.
    fn gathered(self, slot: &Slot, service: &Service, seen: &mut BTreeSet<String>) -> Vec<MountSpec> {
        let mut found = Targets::default();
        found.extend(service.volumes.iter().filter_map(|mount| self.own(slot, mount)));
        found.extend(service.memory_mounts());
        seen.insert(slot.service.clone());
        for entry in service.volumes_from.iter().rev() {
            found.extend(self.inherited(entry, seen));
        }
        seen.remove(&slot.service);
        let image = service.image_name(&self.stack.name, &slot.service);
        found.extend(self.declared(slot, &image).into_iter().map(|target| MountSpec {
            read_only: false,
            kind: MountKind::whole_volume(anonymous_name(&self.stack.name, slot, &target)),
            target,
        }));
        found.mounts
    }

    fn own(self, slot: &Slot, mount: &Mount) -> Option<MountSpec> {
        let options = mount.volume.as_ref();
        let volume = |name: String| MountKind::Volume {
            name,
            nocopy: options.is_some_and(|options| options.nocopy),
            subpath: options.map(|options| options.subpath.clone()).unwrap_or_default(),
            inherited: false,
        };
        let kind = match mount.volume_key() {
            Some(key) => volume(self.stack.volumes.get(key)?.name.clone()),
            None if mount.is_anonymous() => volume(anonymous_name(&self.stack.name, slot, &mount.target)),
            None if mount.kind == MountType::Image => self.image(slot, mount),
            None => mount.host_or_memory()?,
        };
        Some(MountSpec { target: mount.target.clone(), read_only: mount.read_only, kind })
    }

    /// When the image is gone, a container that mounts it tells which one it was.
    fn image(self, slot: &Slot, mount: &Mount) -> MountKind {
        let known = || {
            let specs = self.live.occupants(slot).map(|(_, container)| &container.spec);
            let mut images = specs.flat_map(ContainerSpec::mounted_images);
            images.find(|(reference, _)| *reference == mount.source).map(|(_, id)| id.to_owned())
        };
        let id = self.live.images.get(&mount.source).map(|image| image.id.clone()).or_else(known);
        MountKind::Image {
            reference: mount.source.clone(),
            id: id.unwrap_or_default(),
            subpath: mount.image.as_ref().map(|image| image.subpath.clone()).unwrap_or_default(),
        }
    }

    /// What another service's first container mounts, or a container of that name, but for what
    /// lies in memory.
    fn inherited(self, entry: &str, seen: &mut BTreeSet<String>) -> Vec<MountSpec> {
        let (name, mode) = from_whom(entry);
        let mut mounts = match name {
            Donor::Container(name) => self.live.lent.get(name).cloned().unwrap_or_default(),
            Donor::Service(name) => {
                let other = self.stack.services.get(name).or_else(|| self.stack.disabled.get(name));
                let Some(other) = other.filter(|_| !seen.contains(name)) else { return Vec::new() };
                self.gathered(&Slot { service: name.to_owned(), index: 1 }, other, seen)
            }
        };
        mounts.retain(|mount| !matches!(mount.kind, MountKind::Tmpfs(_)));
        for mount in &mut mounts {
            mount.read_only |= mode == "ro";
            if let MountKind::Volume { inherited, .. } = &mut mount.kind {
                *inherited = true;
            }
        }
        mounts
    }

    /// The `VOLUME` paths of an image. When the image is gone, what a container made from it mounts
    /// tells them, so that the container does not look changed.
    fn declared(self, slot: &Slot, image: &str) -> BTreeSet<String> {
        if let Some(image) = self.live.images.get(image) {
            return image.volumes.iter().cloned().collect();
        }
        let made_from_it = self.live.occupants(slot).filter(|(_, container)| container.spec.image == image);
        let mounts = made_from_it.flat_map(|(_, container)| &container.spec.mounts);
        let is_anonymous = |mount: &&MountSpec| {
            mount.kind.volume() == Some(&anonymous_name(&self.stack.name, slot, &mount.target))
        };
        mounts.filter(is_anonymous).map(|mount| mount.target.clone()).collect()
    }
}

/// Mounts, one at each target.
#[derive(Default)]
struct Targets {
    taken: BTreeSet<String>,
    mounts: Vec<MountSpec>,
}

impl Targets {
    fn extend(&mut self, more: impl IntoIterator<Item = MountSpec>) {
        for mount in more {
            if self.taken.insert(mount.target.clone()) {
                self.mounts.push(mount);
            }
        }
    }
}

/// Whose mounts a service gets too.
enum Donor<'a> {
    /// Those of a service of the stack.
    Service(&'a str),
    /// Those of a container of this machine, by name.
    Container(&'a str),
}

/// Reads an entry of `volumes_from`: whose, and how.
fn from_whom(entry: &str) -> (Donor<'_>, &str) {
    let (rest, is_container) = match entry.strip_prefix("container:") {
        Some(rest) => (rest, true),
        None => (entry, false),
    };
    let (name, mode) = rest.split_once(':').unwrap_or((rest, ""));
    (if is_container { Donor::Container(name) } else { Donor::Service(name) }, mode)
}

impl Stack {
    /// The names of the containers whose mounts services get too.
    pub fn lenders(&self) -> impl Iterator<Item = &str> {
        self.services.values().chain(self.disabled.values()).flat_map(Service::lenders)
    }
}

impl Service {
    /// The names of the containers whose mounts it gets too.
    pub(crate) fn lenders(&self) -> impl Iterator<Item = &str> {
        self.volumes_from.iter().filter_map(|entry| match from_whom(entry).0 {
            Donor::Container(name) => Some(name),
            Donor::Service(_) => None,
        })
    }
}

/// The name of an anonymous volume: the same for every generation of the slot, so that data
/// survive a replacement.
fn anonymous_name(stack: &str, slot: &Slot, target: &str) -> String {
    // FNV-1a over 32 bits: stable for ever, unlike the hasher of the standard library.
    let hash =
        target.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{stack}_{}-{}_{hash:08x}", slot.service, slot.index)
}

/// The volumes that containers mount: the declared ones by their real name, the others anonymous.
pub(super) fn volumes(
    stack: &Stack,
    containers: &BTreeMap<Slot, ContainerSpec>,
    live: &Live,
) -> BTreeMap<String, VolumeSpec> {
    let declared: BTreeMap<&str, _> = stack.volumes.values().map(|v| (v.name.as_str(), v)).collect();
    let mut labels = anonymous_labels(stack, containers.keys());
    let mut spec = |name: &str| match declared.get(name) {
        Some(volume) => VolumeSpec {
            name: name.to_owned(),
            stack: (!volume.external).then(|| stack.name.clone()),
            external: volume.external,
            anonymous: false,
            driver_opts: volume.driver_opts.clone(),
            labels: volume.labels.clone(),
        },
        None if live.volumes.get(name).is_some_and(|there| there.external) => {
            VolumeSpec { name: name.to_owned(), external: true, ..VolumeSpec::default() }
        }
        None => VolumeSpec {
            name: name.to_owned(),
            stack: Some(stack.name.clone()),
            anonymous: true,
            labels: labels.remove(name).unwrap_or_default(),
            ..VolumeSpec::default()
        },
    };
    let names: BTreeSet<&str> = containers.values().flat_map(ContainerSpec::volumes).collect();
    names.into_iter().map(|name| (name.to_owned(), spec(name))).collect()
}

/// The labels that mounts give to volumes without a name.
fn anonymous_labels<'a>(
    stack: &Stack,
    slots: impl Iterator<Item = &'a Slot>,
) -> BTreeMap<String, BTreeMap<String, String>> {
    let service = |name: &str| stack.services.get(name).or_else(|| stack.disabled.get(name));
    let labelled = |slot: &'a Slot| {
        let mounts = service(&slot.service).into_iter().flat_map(|service| &service.volumes);
        mounts.filter(|mount| mount.is_anonymous()).filter_map(move |mount| {
            let labels = mount.volume.as_ref()?.labels.clone();
            Some((anonymous_name(&stack.name, slot, &mount.target), labels))
        })
    };
    slots.flat_map(labelled).collect()
}
