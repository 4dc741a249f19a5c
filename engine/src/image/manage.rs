//! Listing, tagging, inspecting and removing images.

use super::catalog::{Index, familiar};
use super::scratch::Scratch;
use super::sweep::Reach;
use super::{ImageConfig, Images, Listed, Pruned, Reference, Removed, Unused};
use crate::error::{Error, Kind, Result};
use crate::system::Filter;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) fn list(images: &Images) -> Result<Vec<Listed>> {
    let _lock = images.lock_to_read()?;
    let index = images.index()?;
    let mut lines = Vec::new();
    for (id, held) in &index.images {
        let created = images.config_file(id)?.1.created_at();
        let size = index.size(held);
        let line = |reference| Listed { reference, id: id.clone(), created, size };
        let before = lines.len();
        lines.extend(index.tags_of(id).filter_map(|tag| tag.parse().ok()).map(|tag| line(Some(tag))));
        if lines.len() == before {
            lines.push(line(None));
        }
    }
    // Images without a name come last, newest first.
    lines.sort_by_key(|line| {
        let name = line.reference.as_ref().map(Reference::familiar);
        (name.is_none(), name, std::cmp::Reverse(line.created))
    });
    Ok(lines)
}

pub(crate) fn tag(images: &Images, source: &str, target: &str) -> Result<()> {
    let target: Reference = target.parse()?;
    if target.digest.is_some() {
        return Err(Error::new(
            Kind::Unsupported,
            format!("`{}` has a digest: it cannot be given", target.familiar()),
        ));
    }
    let _lock = images.lock()?;
    let mut index = images.index()?;
    let id = existing(&index, source)?;
    if let Some(held) = index.images.get_mut(&id) {
        held.tagged_at = Timestamp::now();
    }
    index.tags.insert(target.to_string(), id);
    images.write_index(&index)
}

pub(crate) fn remove(
    images: &Images,
    text: &str,
    in_use: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Removed>> {
    let trash = Scratch::unless_full(images)?;
    let _lock = images.lock()?;
    let mut index = images.index()?;
    let id = existing(&index, text)?;
    let tags: Vec<String> = index.tags_of(&id).map(str::to_owned).collect();
    let named = text
        .parse::<Reference>()
        .ok()
        .map(|reference| reference.to_string())
        .filter(|tag| tags.contains(tag));
    let going = match named {
        Some(tag) => vec![tag],
        None if tags.len() > 1 => return Err(several_tags(text, &tags)),
        None => tags.clone(),
    };
    let last = going.len() == tags.len();
    if let Some(user) = in_use(&id).filter(|_| last) {
        return Err(Error::new(Kind::Conflict, format!("image `{text}` is used by container {user}"))
            .hint("remove the container first"));
    }
    index.tags.retain(|tag, _| !going.contains(tag));
    forget_digests(&mut index, &id, &going);
    let mut removed: Vec<Removed> = going.iter().map(|tag| Removed::Untagged(familiar(tag))).collect();
    if last {
        index.images.remove(&id);
        removed.push(Removed::Deleted(id));
    }
    images.shrink(&mut index, &Reach::Old, trash.as_ref())?;
    Ok(removed)
}

/// With the last tag of a repository go the names with a digest that it has for the image.
fn forget_digests(index: &mut Index, id: &str, untagged: &[String]) {
    let repository = |name: &str| name.parse::<Reference>().ok().map(|name| name.familiar_repository());
    let left: Vec<String> = index.tags_of(id).filter_map(repository).collect();
    let gone: Vec<String> = untagged.iter().filter_map(|tag| repository(tag)).collect();
    let Some(held) = index.images.get_mut(id) else { return };
    held.digests.retain(|name| {
        repository(name).is_none_or(|repository| left.contains(&repository) || !gone.contains(&repository))
    });
}

pub(crate) fn prune(
    images: &Images,
    unused: &Unused,
    in_use: &dyn Fn(&str) -> Option<String>,
) -> Result<Pruned> {
    let trash = Scratch::unless_full(images)?;
    let _lock = images.lock()?;
    let mut index = images.index()?;
    let mut pruned = Pruned::default();
    for (id, tags) in going(images, &index, unused, in_use)? {
        pruned.untagged.extend(tags);
        pruned.deleted.push(id);
    }
    index.images.retain(|id, _| !pruned.deleted.contains(id));
    index.tags.retain(|_, id| !pruned.deleted.contains(id));
    pruned.bytes = images.shrink(&mut index, &Reach::All, trash.as_ref())?;
    Ok(pruned)
}

/// What [`prune`] would remove, with the names.
pub(crate) fn unused(
    images: &Images,
    unused: &Unused,
    in_use: &dyn Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, Vec<String>>> {
    let _lock = images.lock_to_read()?;
    going(images, &images.index()?, unused, in_use)
}

fn going(
    images: &Images,
    index: &Index,
    unused: &Unused,
    in_use: &dyn Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, Vec<String>>> {
    let mut going = BTreeMap::new();
    for id in index.images.keys() {
        let tags: Vec<String> = index.tags_of(id).map(familiar).collect();
        if (tags.is_empty() || unused.all) && in_use(id).is_none() && fits(images, id, unused)? {
            going.insert(id.clone(), tags);
        }
    }
    Ok(going)
}

fn fits(images: &Images, id: &str, unused: &Unused) -> Result<bool> {
    if unused.filter == Filter::default() {
        return Ok(true);
    }
    let (_, file) = images.config_file(id)?;
    Ok(unused.filter.fits(file.created_at(), &ImageConfig::from(&file.config).labels))
}

pub(crate) fn inspect(images: &Images, text: &str) -> Result<Value> {
    let _lock = images.lock_to_read()?;
    let index = images.index()?;
    let id = existing(&index, text)?;
    let held = index.images.get(&id).ok_or_else(|| absent(text))?;
    let (json, file) = images.config_file(&id)?;
    // As it stands in the blob, with all that we do not read ourselves.
    let whole: Value = serde_json::from_slice(&json).map_err(|error| {
        Error::new(Kind::Corrupt, format!("the config of image {id} is damaged")).because(error)
    })?;
    let tags: Vec<String> = index.tags_of(&id).map(familiar).collect();
    let repositories = index.tags_of(&id).filter_map(|tag| tag.parse::<Reference>().ok());
    let digests: Vec<String> = match &held.manifest {
        Some(digest) if held.digests.is_empty() => {
            repositories.map(|tag| format!("{}@{digest}", tag.familiar_repository())).collect()
        }
        _ => held.digests.iter().map(|name| familiar(name)).collect(),
    };
    Ok(json!({
        "Id": id,
        "RepoTags": tags,
        "RepoDigests": digests,
        "Comment": whole.pointer("/history/0/comment").cloned().unwrap_or_else(|| json!("")),
        "Created": file.created,
        "Author": whole.get("author").cloned().unwrap_or_else(|| json!("")),
        "Architecture": file.architecture,
        "Variant": file.variant,
        "Os": file.os,
        "Size": index.size(held),
        "Config": whole.get("config").cloned().unwrap_or(Value::Null),
        "RootFS": { "Type": "layers", "Layers": file.rootfs.diff_ids },
        "Metadata": { "LastTagTime": held.tagged_at },
    }))
}

pub(crate) fn existing(index: &Index, text: &str) -> Result<String> {
    index.find(text)?.ok_or_else(|| absent(text))
}

fn absent(text: &str) -> Error {
    Error::new(Kind::NotFound, format!("there is no image `{text}`"))
        .hint("`image ls` lists those present; `image load` and `image import` add some")
}

fn several_tags(text: &str, tags: &[String]) -> Error {
    let tags: Vec<String> = tags.iter().map(|tag| familiar(tag)).collect();
    Error::new(Kind::Conflict, format!("image `{text}` has several tags: {}", tags.join(", ")))
        .hint("remove it by its tags")
}
