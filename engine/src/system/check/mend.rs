//! What is done about a finding, by the ways that every command goes.

use crate::container::{record, volatile};
use crate::error::{Error, Kind, Result};
use crate::image::Images;
use crate::store::{self, Lock, Store};
use crate::{net, stacks, volume};
use planner::ContainerId;
use std::path::PathBuf;

/// One way to mend something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mend {
    /// Writes the index as it was made again from what lies beside it.
    WriteIndex,
    /// Takes an image without a place in the index into it.
    Adopt(String),
    /// Drops a tag that leads nowhere.
    Untag(String),
    /// Removes images that are not whole and that no container has.
    Forget(Vec<String>),
    /// Drops a damaged manifest of an image; the next pull brings it again.
    ForgetManifest { image: String, digest: String },
    /// Removes a damaged layer, and the images that have it.
    Discard { layer: String, images: Vec<String> },
    /// Collects what interrupted work left in the image store.
    Collect,
    /// Sweeps what interrupted commands left of a stack, and mends records of its networks.
    Sweep(String),
    /// Takes down what is left of a container that is gone.
    TakeDown(ContainerId),
    /// Gives back addresses of containers that are gone.
    GiveBack,
    /// Removes half made and half removed volumes.
    SweepVolumes,
    /// Removes a file that says nothing any more.
    Remove(PathBuf),
}

impl Mend {
    /// What it says of itself.
    pub(super) fn promise(&self) -> &'static str {
        match self {
            Self::WriteIndex => {
                "writes it again from what lies beside it; lost names are given by `image tag`"
            }
            Self::Adopt(_) => "takes it in again",
            Self::Untag(_) => "drops the name",
            Self::Forget(_) | Self::Discard { .. } => "removes it, so that it can be pulled or loaded again",
            Self::ForgetManifest { .. } => "drops it; the next pull or push brings it again",
            Self::Collect | Self::Sweep(_) | Self::SweepVolumes | Self::Remove(_) => "clears it away",
            Self::TakeDown(_) => "takes it down",
            Self::GiveBack => "gives it back",
        }
    }

    pub(super) fn apply(&self, store: &Store) -> Result<()> {
        let images = Images::new(store);
        let user = |id: &str| record::find(store, |record| record.uses_image(id));
        match self {
            Self::WriteIndex => images.write_again(),
            Self::Adopt(id) => images.adopt(id),
            Self::Untag(tag) => images.change(|index| drop(index.tags.remove(tag))),
            Self::Forget(ids) => images.forget(ids, &user),
            Self::ForgetManifest { image, digest } => images.forget_manifest(image, digest),
            Self::Discard { layer, images: ids } => {
                images.forget(ids, &user)?;
                images.discard(layer)
            }
            Self::Collect => images.clear_away(),
            Self::Sweep(stack) => stacks::lock(store, stack).map(drop),
            Self::TakeDown(id) => take_down(store, id),
            Self::GiveBack => net::sweep_leases(store),
            Self::SweepVolumes => volume::sweep(store),
            Self::Remove(path) => store::remove_optional(path),
        }
    }
}

fn take_down(store: &Store, id: &ContainerId) -> Result<()> {
    let busy = || {
        Error::new(Kind::Conflict, format!("stack {} is being changed", id.stack))
            .hint("check again afterwards")
    };
    let _lock = Lock::try_take(store, &format!("stack-{}", id.stack))?.ok_or_else(busy)?;
    if store.container(id).exists() || !volatile::group(store, id)?.procs()?.is_empty() {
        return Err(busy());
    }
    volatile::take_down(store, id)?;
    net::forget(store, id)?;
    volatile::clear(store, id)
}
