//! Checks of networks, volumes, stacks and what builds keep.

use super::Finding;
use super::containers::is_idle;
use super::mend::Mend;
use crate::container::record;
use crate::error::{Kind, Result};
use crate::image::layers::names;
use crate::store::{self, Store};
use crate::{net, stacks, volume};
use serde_json::Value;
use std::path::Path;

pub(super) fn examine(store: &Store) -> Result<Vec<Finding>> {
    let mut found = networks(store)?;
    found.extend(volumes(store)?);
    found.extend(stacks(store)?);
    for part in ["steps", "contents", "looks", "trails"] {
        found.extend(build(&store.build().join(part))?);
    }
    Ok(found)
}

fn networks(store: &Store) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    let stacks = stacks::list(store)?;
    for network in net::damaged(store)? {
        let what = format!("the record of network {network} is damaged");
        let named = |stack: &&str| network.strip_prefix(stack).is_some_and(|rest| rest.starts_with('_'));
        let owner = stacks.iter().map(|stack| stack.name.as_str()).find(named);
        let place = store.network(&network);
        found.push(match owner {
            Some(stack) => Finding::mendable(what, place, Mend::Sweep(stack.to_owned())),
            None => Finding::told(what, place, "`up` of its stack makes it anew"),
        });
    }
    for lease in net::void_leases(store)? {
        let what = "an address is kept for a container or network that is gone";
        found.push(Finding::mendable(what, lease, Mend::GiveBack));
    }
    Ok(found)
}

fn volumes(store: &Store) -> Result<Vec<Finding>> {
    let mut found: Vec<Finding> = volume::leftovers(store)?
        .into_iter()
        .map(|folder| {
            Finding::mendable("an interrupted command left half of a volume", folder, Mend::SweepVolumes)
        })
        .collect();
    for name in names(&store.volumes())?.into_iter().filter(|name| !name.starts_with('.')) {
        let word = match store::read_optional::<Value>(&store.volume_record(&name)) {
            Ok(Some(_)) => continue,
            Ok(None) => "missing",
            Err(error) if error.kind == Kind::Corrupt => "damaged",
            Err(error) => return Err(error),
        };
        let what = format!("the record of volume {name} is {word}");
        let remedy = "its data is safe: `up` of its stack takes it over";
        found.push(Finding::told(what, store.volume_record(&name), remedy));
    }
    Ok(found)
}

fn stacks(store: &Store) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for file in names(&store.stacks())? {
        let path = store.stacks().join(&file);
        let Some(stack) = file.strip_suffix(".json") else {
            let name = file.split('.').next().unwrap_or_default();
            if is_idle(store, name)? {
                found.push(Finding::mendable(
                    "an interrupted command left half of a record",
                    &path,
                    Mend::Remove(path.clone()),
                ));
            }
            continue;
        };
        if !is_damaged(&path) {
            continue;
        }
        let what = format!("the record of stack {stack} is damaged");
        found.push(match record::ids_of(store, stack).is_empty() {
            true => Finding::mendable(what, &path, Mend::Remove(path.clone())),
            false => Finding::told(what, &path, "`up` of the stack writes it again"),
        });
    }
    Ok(found)
}

fn build(folder: &Path) -> Result<Vec<Finding>> {
    let paths = names(folder)?.into_iter().map(|name| folder.join(name));
    let damaged =
        paths.filter(|path| path.extension().is_some_and(|kind| kind == "json") && is_damaged(path));
    let finding = |path: std::path::PathBuf| {
        Finding::mendable("a record of the build cache is damaged", &path, Mend::Remove(path.clone()))
    };
    Ok(damaged.map(finding).collect())
}

fn is_damaged(path: &Path) -> bool {
    store::read_optional::<Value>(path).is_err_and(|error| error.kind == Kind::Corrupt)
}
