//! What `docker save` writes: `manifest.json` names config, tags and layers of each image
//! (<https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format>).

use super::archive::{Archive, missing, wrong_digest};
use super::catalog::Draft;
use super::config::ConfigFile;
use super::load::{Found, LayerSource, check_os};
use super::{Reference, digest};
use crate::error::{Error, Kind, Result};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// The images of an archive with this `manifest.json`.
pub(crate) fn images(archive: &Archive, manifest: &[u8]) -> Result<Vec<Found>> {
    let items: Vec<Item> = serde_json::from_slice(manifest).map_err(|error| {
        Error::new(Kind::Corrupt, "`manifest.json` in the archive is damaged").because(error)
    })?;
    items.iter().map(|item| image(archive, item)).collect()
}

fn image(archive: &Archive, item: &Item) -> Result<Found> {
    let config = archive.text(&item.config)?.ok_or_else(|| missing(&item.config))?;
    let id = digest::of(&config);
    if promised(&item.config).is_some_and(|hex| hex != digest::hex(&id)) {
        return Err(wrong_digest(&item.config));
    }
    let tags = item.repo_tags.as_deref().unwrap_or_default();
    let whose = tags.first().map_or_else(|| format!("image {id}"), |tag| format!("`{tag}`"));
    let file = ConfigFile::parse(&config, &whose)?;
    check_os(&file, &whose)?;
    let names = item.layers.as_deref().unwrap_or_default();
    let diff_ids = file.rootfs.diff_ids;
    if names.len() != diff_ids.len() {
        let counts = format!("{} layers, its config names {}", names.len(), diff_ids.len());
        return Err(Error::new(Kind::Corrupt, format!("{whose} has {counts}")));
    }
    let source = |(name, diff_id): (&String, &String)| {
        let part = archive.part(name).ok_or_else(|| missing(name))?;
        Ok(LayerSource { name: name.clone(), diff_id: diff_id.clone(), digest: None, part })
    };
    Ok(Found {
        layers: names.iter().zip(&diff_ids).map(source).collect::<Result<_>>()?,
        draft: Draft {
            config,
            layers: diff_ids,
            manifest: None,
            references: tags.iter().map(|tag| tag.parse::<Reference>()).collect::<Result<_>>()?,
        },
    })
}

/// The digest that the name of a config promises: `<hex>.json`, `blobs/sha256/<hex>`.
fn promised(name: &str) -> Option<&str> {
    let last = name.rsplit('/').next().unwrap_or(name);
    let hex = last.strip_suffix(".json").unwrap_or(last);
    digest::is_sha256(&format!("sha256:{hex}")).then_some(hex)
}
