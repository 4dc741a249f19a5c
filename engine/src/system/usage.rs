//! What the store takes on the disk, by kind; the sum is what `du` says of its folder.

use super::disk::{Folder, Meter};
use crate::container::list;
use crate::error::Result;
use crate::image::Images;
use crate::image::catalog::{Held, Index, familiar};
use crate::store::Store;
use planner::desired::MountKind;
use std::collections::{BTreeMap, BTreeSet};

/// A kind of things that take place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// What images say: configs, manifests, names.
    Images,
    /// Their files, each layer once, also those that only the build cache has.
    Layers,
    /// What containers wrote, and their logs.
    Containers,
    /// Named and anonymous volumes.
    Volumes,
    /// What builds keep, but for the layers.
    BuildCache,
    /// Records of networks and stacks, and what is half made.
    Other,
}

/// What one kind takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Which.
    pub kind: Kind,
    /// How many there are.
    pub count: usize,
    /// How many of them are in use.
    pub active: usize,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Those of them that nothing uses.
    pub reclaimable: u64,
    /// One by one, by name.
    pub items: Vec<Item>,
}

/// One thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is called.
    pub name: String,
    /// Bytes on the disk; of an image with its layers, which others may share.
    pub bytes: u64,
    /// Of an image: the bytes of layers that no other one has.
    pub unique: Option<u64>,
    /// How many use it: containers, and of a layer images.
    pub users: usize,
}

/// What each kind takes.
pub fn usage(store: &Store) -> Result<Vec<Usage>> {
    let images = Images::new(store);
    let _lock = images.lock_to_read()?;
    let index = images.index()?;
    let used = Used::find(store)?;
    let mut meter = Meter::default();
    let layers = layers(&images, &index, &used, &mut meter)?;
    Ok(vec![
        texts(&images, &index, &used, &layers, &mut meter)?,
        layers,
        containers(store, &used, &mut meter)?,
        volumes(store, &used, &mut meter)?,
        build_cache(store, &mut meter)?,
        other(store, &images, &mut meter)?,
    ])
}

/// Who uses what.
#[derive(Default)]
struct Used {
    /// How many containers are made from each image.
    images: BTreeMap<String, usize>,
    /// How many mount each volume.
    volumes: BTreeMap<String, usize>,
    /// Those that run, by their folder.
    running: BTreeSet<String>,
}

impl Used {
    fn find(store: &Store) -> Result<Self> {
        let mut used = Self::default();
        for container in list::list(store, None)? {
            if container.state.is_running() {
                used.running.insert(container.id.to_string());
            }
            for (_, id) in container.spec.mounted_images() {
                *used.images.entry(id.to_owned()).or_default() += 1;
            }
            *used.images.entry(container.image_id).or_default() += 1;
            for mount in container.spec.mounts {
                if let MountKind::Volume { name, .. } = mount.kind {
                    *used.volumes.entry(name).or_default() += 1;
                }
            }
        }
        Ok(used)
    }

    /// The images that containers are made from.
    fn images<'a>(&'a self, index: &'a Index) -> impl Iterator<Item = (&'a String, &'a Held)> {
        index.images.iter().filter(|(id, _)| self.images.contains_key(*id))
    }
}

fn layers(images: &Images, index: &Index, used: &Used, meter: &mut Meter) -> Result<Usage> {
    let mut bytes: BTreeMap<String, u64> = BTreeMap::new();
    let mut own = 0;
    for place in [images.layers(), images.frames(), images.fresh()] {
        let folder = meter.folder(&place)?;
        own += folder.own;
        for (hex, taken) in folder.entries {
            *bytes.entry(format!("sha256:{hex}")).or_default() += taken;
        }
    }
    let in_use: BTreeSet<&String> = used.images(index).flat_map(|(_, held)| &held.layers).collect();
    let kept = images.kept_layers()?;
    let users = |layer| index.images.values().filter(|held| held.layers.contains(layer)).count();
    let free = bytes.iter().filter(|(layer, _)| !in_use.contains(layer) && !kept.contains(*layer));
    Ok(Usage {
        kind: Kind::Layers,
        count: bytes.len(),
        active: bytes.keys().filter(|layer| in_use.contains(layer)).count(),
        bytes: own + bytes.values().sum::<u64>(),
        reclaimable: free.map(|(_, bytes)| bytes).sum(),
        items: bytes.iter().map(|(layer, bytes)| Item::new(layer, *bytes, users(layer))).collect(),
    })
}

/// What images say. Their files are counted as layers, and told with each.
fn texts(images: &Images, index: &Index, used: &Used, layers: &Usage, meter: &mut Meter) -> Result<Usage> {
    let layer = |layer: &String| layers.items.iter().find(|item| item.name == *layer);
    let mut items = Vec::new();
    for (id, held) in &index.images {
        let name = index.tags_of(id).next().map_or_else(|| id.clone(), familiar);
        let own: Vec<&Item> = held.layers.iter().filter_map(layer).collect();
        let unique = own.iter().filter(|layer| layer.users == 1).map(|layer| layer.bytes).sum();
        let bytes = own.iter().map(|layer| layer.bytes).sum();
        let users = used.images.get(id).copied().unwrap_or(0);
        items.push(Item { unique: Some(unique), ..Item::new(&name, bytes, users) });
    }
    let needed: BTreeSet<String> = used.images(index).flat_map(|(id, held)| held.blobs(id)).collect();
    let blobs = meter.folder(&images.blobs())?;
    let others = meter.rest(&images.root(), &["blobs", "layers", "frames", "fresh", "tmp"])?;
    let around = meter.rest(&images.root().join("blobs"), &["sha256"])?;
    let free = blobs.entries.iter().filter(|(hex, _)| !needed.contains(&format!("sha256:{hex}")));
    Ok(Usage {
        kind: Kind::Images,
        count: items.len(),
        active: items.iter().filter(|item| item.users > 0).count(),
        bytes: blobs.bytes() + others + around,
        reclaimable: free.map(|(_, bytes)| bytes).sum(),
        items,
    })
}

fn containers(store: &Store, used: &Used, meter: &mut Meter) -> Result<Usage> {
    let folder = meter.folder(&store.containers())?;
    Ok(Usage::of(Kind::Containers, &folder, |id| usize::from(used.running.contains(id))))
}

fn volumes(store: &Store, used: &Used, meter: &mut Meter) -> Result<Usage> {
    let folder = meter.folder(&store.volumes())?;
    Ok(Usage::of(Kind::Volumes, &folder, |name| used.volumes.get(name).copied().unwrap_or(0)))
}

fn build_cache(store: &Store, meter: &mut Meter) -> Result<Usage> {
    Ok(Usage::of(Kind::BuildCache, &meter.folder(&store.build())?, |_| 0))
}

fn other(store: &Store, images: &Images, meter: &mut Meter) -> Result<Usage> {
    let rest = meter.rest(store.root(), &["images", "containers", "volumes", "build"])?;
    let half_made = meter.rest(&images.root().join("tmp"), &[])?;
    let folder = Folder { own: rest + half_made, ..Folder::default() };
    Ok(Usage::of(Kind::Other, &folder, |_| 0))
}

impl Usage {
    fn of(kind: Kind, folder: &Folder, users: impl Fn(&str) -> usize) -> Self {
        let items: Vec<Item> =
            folder.entries.iter().map(|(name, bytes)| Item::new(name, *bytes, users(name))).collect();
        let unused = items.iter().filter(|item| item.users == 0);
        Self {
            kind,
            count: items.len(),
            active: items.iter().filter(|item| item.users > 0).count(),
            bytes: folder.bytes(),
            reclaimable: unused.map(|item| item.bytes).sum(),
            items,
        }
    }
}

impl Item {
    fn new(name: &str, bytes: u64, users: usize) -> Self {
        Self { name: name.to_owned(), bytes, unique: None, users }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::fixture;
    use crate::volume;
    use planner::VolumeSpec;
    use std::fs;
    use std::process::Command;

    #[test]
    fn the_sum_of_all_kinds_is_what_du_says() {
        let Some(images) = fixture::images() else { return };
        let store = &images.store;
        let id = fixture::loaded(&images, "web", &"x".repeat(20_000));
        fixture::loaded(&images, "other", "y");
        volume::create(store, &VolumeSpec { name: "v".into(), ..VolumeSpec::default() }).unwrap();
        fs::write(store.volume_data("v").join("file"), vec![1; 50_000]).unwrap();
        fs::hard_link(store.volume_data("v").join("file"), store.volume_data("v").join("again")).unwrap();
        fs::File::create(store.volume_data("v").join("hole")).unwrap().set_len(1 << 30).unwrap();
        fs::create_dir_all(store.build().join("steps")).unwrap();
        let usages = usage(store).unwrap();
        let du = Command::new("du").args(["-s", "-B1"]).arg(store.root()).output().unwrap();
        let said: u64 = String::from_utf8(du.stdout).unwrap().split('\t').next().unwrap().parse().unwrap();
        assert_eq!(usages.iter().map(|usage| usage.bytes).sum::<u64>(), said, "{usages:#?}");
        let counts: Vec<_> = usages.iter().map(|usage| (usage.kind, usage.count, usage.active)).collect();
        assert_eq!(counts[..2], [(Kind::Images, 2, 0), (Kind::Layers, 2, 0)]);
        assert_eq!(counts[3], (Kind::Volumes, 1, 0));
        let web = usages[0].items.iter().find(|item| item.name == "web:latest").unwrap();
        assert!(web.bytes >= 20_000 && web.unique == Some(web.bytes), "{web:?} of {id}");
        assert!(usages[3].reclaimable >= 50_000 && usages[3].reclaimable < 1 << 20);
    }
}
