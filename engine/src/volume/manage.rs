//! Volumes that are made and removed by themselves, without a stack.

use super::{VolumeRecord, create, get, list, remove};
use crate::container::record;
use crate::error::{Context, Error, Kind, Result};
use crate::observe::ensure_volume_unused;
use crate::store::Store;
use crate::system::Filter;
use crate::{stacks, tree};
use planner::VolumeSpec;
use planner::desired::VolumeMount;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;

/// Makes a volume that belongs to no stack; one that exists and is the same is no error. Without a
/// name it gets one. Gives the name.
pub fn make(store: &Store, mut spec: VolumeSpec) -> Result<String> {
    if !spec.driver_opts.is_empty() {
        let wrong = |why| Error::new(Kind::Unsupported, format!("the volume cannot be mounted: {why}"));
        VolumeMount::parse(&spec.driver_opts).map_err(wrong)?;
    }
    if spec.name.is_empty() {
        spec.name = random_name()?;
        spec.anonymous = true;
    }
    if let Some(there) = get(store, &spec.name)?
        && there.spec.driver_opts != spec.driver_opts
    {
        let what = format!("volume {} exists with other options", spec.name);
        return Err(Error::new(Kind::Conflict, what).hint("give it another name, or remove the one there is"));
    }
    create(store, &spec)?;
    Ok(spec.name)
}

fn random_name() -> Result<String> {
    let mut bytes = [0; 16];
    let random = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    random.doing(|| "choose a name".to_owned())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Removes a volume that no container has, under the lock of its stack, so that no command is about
/// to give it to one.
pub fn remove_unused(store: &Store, name: &str) -> Result<()> {
    let missing = || {
        Error::new(Kind::NotFound, format!("no volume `{name}`"))
            .hint("`sampan volume ls` lists what is there")
    };
    let volume = get(store, name)?.ok_or_else(missing)?;
    let _lock = volume.spec.stack.as_ref().map(|stack| stacks::lock(store, stack)).transpose()?;
    ensure_volume_unused(store, name)?;
    remove(store, name)
}

/// The volumes that no container has: the anonymous ones, or `all`.
pub fn unused(store: &Store, all: bool, filter: &Filter) -> Result<Vec<VolumeRecord>> {
    let mut used = BTreeSet::new();
    for id in record::ids(store) {
        let record = record::read_or_guess(store, &id)?;
        used.extend(record.iter().flat_map(|record| record.spec.volumes()).map(str::to_owned));
    }
    let mut volumes = list(store)?;
    volumes.retain(|volume| {
        let spec = &volume.spec;
        let fits = filter.fits(Some(volume.created_at), &spec.labels);
        (all || spec.anonymous) && fits && !used.contains(&spec.name)
    });
    Ok(volumes)
}

/// Bytes that a volume takes on this machine's disk; what is mounted there is not ours to count.
pub fn size(store: &Store, name: &str) -> Result<u64> {
    match super::mount::is_mounted(&store.volume_data(name))? {
        true => Ok(0),
        false => tree::size(&store.volume_data(name)),
    }
}
