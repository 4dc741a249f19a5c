//! Removing what nobody needs: first it is found, then it can be shown, then it goes.
//!
//! Containers go that do not run and whose stack is nobody's: no project directory has claimed it,
//! or the one that did is gone. Then networks without a container, anonymous volumes without one,
//! images, and what builds keep. Each goes the way that it goes by its own command.

use super::Filter;
use crate::build::{self, Keep};
use crate::container::{self, ContainerStatus, record};
use crate::error::Result;
use crate::image::{Images, Pruned, Unused};
use crate::observe::ensure_volume_unused;
use crate::store::Store;
use crate::{net, stacks, volume};
use planner::ContainerId;
use planner::desired::MountKind;
use std::collections::{BTreeMap, BTreeSet};

/// What is to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Also images with a name, and all of the build cache.
    pub all: bool,
    /// Also anonymous volumes.
    pub volumes: bool,
    /// Only what fits.
    pub filter: Filter,
}

/// What nobody needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Containers that do not run, of stacks that are nobody's.
    pub containers: Vec<ContainerId>,
    /// Networks that no other container is on.
    pub networks: Vec<String>,
    /// Anonymous volumes that no other container has.
    pub volumes: Vec<String>,
    /// Images that no other container is made from: ids, and names that people know.
    pub images: BTreeMap<String, Vec<String>>,
    /// How many steps of builds.
    pub steps: usize,
}

impl Leftovers {
    /// Whether there is nothing to remove.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// As it was found, without what was taken into use meanwhile.
    pub found: Leftovers,
    /// Images, with their names.
    pub images: Pruned,
    /// Bytes that layers of the build cache had.
    pub cache: u64,
}

/// Looks for what nobody needs.
pub fn find(store: &Store, choice: &Choice) -> Result<Leftovers> {
    let containers = Containers::find(store, &choice.filter)?;
    let unused = Unused { all: choice.all, filter: choice.filter.clone() };
    Ok(Leftovers {
        networks: containers.networks(store, &choice.filter)?,
        volumes: if choice.volumes { containers.volumes(store, &choice.filter)? } else { Vec::new() },
        images: Images::new(store).unused(&unused, &|image| containers.user(image))?,
        steps: match keep(choice) {
            Some(keep) => build::unused(store, &keep)?.steps,
            None => 0,
        },
        containers: containers.go.into_iter().map(|one| one.id).collect(),
    })
}

/// What of builds stays; `None` is all of it, as nothing is known of it that a filter could ask for.
fn keep(choice: &Choice) -> Option<Keep> {
    let keep = if choice.all { Keep::NOTHING } else { Keep::default() };
    (choice.filter == Filter::default()).then_some(keep)
}

/// All containers.
struct Containers {
    go: Vec<ContainerStatus>,
    stay: Vec<ContainerStatus>,
}

impl Containers {
    fn find(store: &Store, filter: &Filter) -> Result<Self> {
        let claimed = claimed(store)?;
        let goes = |one: &ContainerStatus| {
            let fits = filter.fits(Some(one.created_at), &one.spec.labels);
            !one.state.is_running() && !claimed.contains(&one.id.stack) && fits
        };
        let (go, stay) = container::list::list(store, None)?.into_iter().partition(goes);
        Ok(Self { go, stay })
    }

    /// Networks that none is on which stays.
    fn networks(&self, store: &Store, filter: &Filter) -> Result<Vec<String>> {
        let specs = net::list(store)?.into_iter().map(|network| network.spec);
        let unused = specs.filter(|spec| !self.stay.iter().any(|one| one.spec.is_on(&spec.name)));
        // Their age is not known.
        Ok(unused.filter(|spec| filter.fits(None, &spec.labels)).map(|spec| spec.name).collect())
    }

    /// Anonymous volumes that none has which stays.
    fn volumes(&self, store: &Store, filter: &Filter) -> Result<Vec<String>> {
        let mounts = self.stay.iter().flat_map(|one| &one.spec.mounts);
        let used: BTreeSet<&String> = mounts
            .filter_map(|mount| match &mount.kind {
                MountKind::Volume { name, .. } => Some(name),
                _ => None,
            })
            .collect();
        let unused = volume::list(store)?.into_iter().filter(|volume| {
            let fits = filter.fits(Some(volume.created_at), &volume.spec.labels);
            volume.spec.anonymous && !used.contains(&volume.spec.name) && fits
        });
        Ok(unused.map(|volume| volume.spec.name).collect())
    }

    /// One of those that stay which an image is needed for.
    fn user(&self, image: &str) -> Option<String> {
        let mounts = |one: &ContainerStatus| one.spec.mounted_images().any(|(_, id)| id == image);
        let uses = |one: &&ContainerStatus| one.image_id == image || one.image_id.is_empty() || mounts(one);
        self.stay.iter().find(uses).map(|one| one.id.name())
    }
}

/// The stacks of a project directory that is still there.
fn claimed(store: &Store) -> Result<BTreeSet<String>> {
    let has_owner =
        |stack: &stacks::StackStatus| stack.owner.as_ref().is_some_and(|owner| owner.directory.exists());
    Ok(stacks::list(store)?.into_iter().filter(has_owner).map(|stack| stack.name).collect())
}

/// Removes what was found, but for what was taken into use since.
pub fn prune(store: &Store, choice: &Choice, found: &Leftovers) -> Result<Gone> {
    let mut gone = Gone::default();
    for id in &found.containers {
        let _lock = stacks::lock(store, &id.stack)?;
        if Containers::find(store, &choice.filter)?.go.iter().any(|one| one.id == *id) {
            container::remove::remove(store, id)?;
            gone.found.containers.push(id.clone());
        }
        if record::ids_of(store, &id.stack).is_empty() {
            stacks::release(store, &id.stack)?;
        }
    }
    for name in &found.networks {
        let spec = net::list(store)?.into_iter().map(|network| network.spec).find(|spec| spec.name == *name);
        let Some(spec) = spec else { continue };
        let _lock = spec.stack.as_ref().map(|stack| stacks::lock(store, stack)).transpose()?;
        let unused = Containers::find(store, &choice.filter)?.networks(store, &choice.filter)?;
        if unused.contains(name) {
            net::remove(store, name)?;
            net::sweep(store)?;
            gone.found.networks.push(name.clone());
        }
    }
    for name in &found.volumes {
        let Some(volume) = volume::get(store, name)? else { continue };
        let _lock = volume.spec.stack.as_ref().map(|stack| stacks::lock(store, stack)).transpose()?;
        if ensure_volume_unused(store, name).is_ok() {
            volume::remove(store, name)?;
            gone.found.volumes.push(name.clone());
        }
    }
    if let Some(keep) = keep(choice) {
        let cached = build::prune(store, &keep)?;
        (gone.found.steps, gone.cache) = (cached.steps, cached.bytes);
    }
    let user = |image: &str| record::find(store, |record| record.uses_image(image));
    let unused = Unused { all: choice.all, filter: choice.filter.clone() };
    gone.images = Images::new(store).prune(&unused, &user)?;
    Ok(gone)
}
