//! From a name to the manifest of one image.

use super::answer::header;
use super::session::{Ask, Session};
use crate::error::{Error, Kind, Result};
use crate::image::manifest::{
    self, DOCKER_INDEX, DOCKER_MANIFEST, Descriptor, Manifest, OCI_INDEX, OCI_MANIFEST,
};
use crate::image::{Platform, Reference, digest};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::Method;

/// Longest manifest that is read.
pub(crate) const MANIFEST_MAX: u64 = 4 << 20;
/// Longest config that is read.
const CONFIG_MAX: u64 = 8 << 20;
/// Indexes inside indexes that are followed.
const DEPTH_MAX: usize = 4;

/// One image as the registry has it.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// Digest of what the name led to: the manifest, or the index that it was chosen from.
    pub(crate) digest: String,
    /// The manifest, byte for byte.
    pub(crate) json: Vec<u8>,
    pub(crate) manifest: Manifest,
    /// It was chosen from others for its platform.
    pub(crate) is_chosen: bool,
}

/// What tells manifests and indexes apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(default)]
    schema_version: u32,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    layers: Option<serde::de::IgnoredAny>,
}

/// The manifest that a reference means on this machine, byte for byte and read, whatever it is of.
pub(crate) fn any(session: &Session<'_>, reference: &Reference) -> Result<(Vec<u8>, Manifest)> {
    let found = lead(session, reference, &Platform::host())?;
    let manifest = parse(&found.json, &reference.familiar())?;
    Ok((found.json, manifest))
}

/// Finds the image that a reference means on a platform.
pub(crate) fn resolve(session: &Session<'_>, reference: &Reference, platform: &Platform) -> Result<Resolved> {
    let Led { top, json } = lead(session, reference, platform)?;
    let manifest = image(&json, &reference.familiar())?;
    Ok(Resolved { is_chosen: digest::of(&json) != top, digest: top, manifest, json })
}

/// Where a reference leads.
struct Led {
    /// Digest of what the name itself means.
    top: String,
    /// The manifest at the end.
    json: Vec<u8>,
}

/// Follows a reference through indexes to a manifest.
fn lead(session: &Session<'_>, reference: &Reference, platform: &Platform) -> Result<Led> {
    let name = reference.familiar();
    let asked = reference.digest.as_deref().or(reference.tag.as_deref()).unwrap_or("latest");
    let mut json = manifest(session, reference, asked, reference.digest.as_deref())?;
    let top = digest::of(&json);
    for _ in 0..DEPTH_MAX {
        let head: Head = parse(&json, &name)?;
        let Some(manifests) = head.manifests else { return Ok(Led { top, json }) };
        if head.layers.is_some() {
            return Err(Error::new(Kind::Corrupt, format!("the manifest of `{name}` is also an index")));
        }
        let chosen = manifest::choose(&manifests, platform, &format!("`{name}`"))
            .map_err(|error| strange(&manifests, &name).unwrap_or(error))?;
        check_digest(&chosen.digest)?;
        json = manifest(session, reference, &chosen.digest, Some(&chosen.digest))?;
        if chosen.size != json.len() as u64 {
            let sizes = format!("its index says {} bytes, it has {}", chosen.size, json.len());
            let error =
                Error::new(Kind::Corrupt, format!("the manifest of `{name}` is not what it should be"));
            return Err(error.evidence(vec![sizes]));
        }
    }
    Err(Error::new(Kind::Unsupported, format!("`{name}` has indexes nested too deeply")))
}

/// What to say of an index that leads to other things than images.
fn strange(manifests: &[Descriptor], name: &str) -> Option<Error> {
    let known = |kind: &str| ["", OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST].contains(&kind);
    let kind = manifests.iter().map(|one| one.media_type.as_str()).rfind(|kind| !known(kind))?;
    Some(Error::new(Kind::Unsupported, format!("`{name}` is not a container image but `{kind}`")))
}

/// The config of an image, checked.
pub(crate) fn config(session: &Session<'_>, reference: &Reference, config: &Descriptor) -> Result<Vec<u8>> {
    let what = format!("read the config of `{}`", reference.familiar());
    check_digest(&config.digest)?;
    if config.size > CONFIG_MAX {
        return Err(Error::new(Kind::Corrupt, format!("{what}: it is {} bytes long", config.size)));
    }
    let url = session.url(&format!("{}/blobs/{}", reference.path, config.digest))?;
    let ask = Ask::new(&what, Method::GET, url);
    let (_, json) = session.ask_whole(&ask, config.size)?;
    if json.len() as u64 != config.size || digest::of(&json) != config.digest {
        return Err(lied(&what, &config.digest, &json));
    }
    Ok(json)
}

/// A manifest or index by tag or digest, checked against the digest if one is known.
fn manifest(
    session: &Session<'_>,
    reference: &Reference,
    which: &str,
    expected: Option<&str>,
) -> Result<Vec<u8>> {
    let what = format!("read the manifest of `{}`", reference.familiar());
    let url = session.url(&format!("{}/manifests/{which}", reference.path))?;
    let accept = [OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST].join(", ");
    let ask = Ask::new(&what, Method::GET, url).header("accept", accept);
    let (head, json) = session.ask_whole(&ask, MANIFEST_MAX)?;
    let kind = header(&head, "content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if kind.starts_with("application/vnd.docker.distribution.manifest.v1+") {
        return Err(too_old(&reference.familiar()));
    }
    let said = header(&head, "docker-content-digest").filter(|said| digest::is_sha256(said));
    let found = digest::of(&json);
    if let Some(expected) = [expected, said].into_iter().flatten().find(|expected| *expected != found) {
        return Err(lied(&what, expected, &json));
    }
    check_kind(&json, kind, &what)?;
    Ok(json)
}

/// One document must not be one thing to us and another to somebody else.
fn check_kind(json: &[u8], kind: &str, what: &str) -> Result<()> {
    let head: Head = parse(json, what)
        .map_err(|error| error.evidence(vec![format!("the registry calls its answer `{kind}`")]))?;
    let inside = head.media_type.unwrap_or_default();
    let known = [OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST];
    if head.schema_version == 1 {
        return Err(too_old(what));
    }
    if known.contains(&kind) && !inside.is_empty() && inside != kind {
        return Err(Error::new(Kind::Corrupt, format!("{what}: it is two things at once"))
            .evidence(vec![format!("the registry says `{kind}`"), format!("it says of itself `{inside}`")]));
    }
    Ok(())
}

fn image(json: &[u8], name: &str) -> Result<Manifest> {
    let manifest: Manifest = parse(json, name)?;
    let kind = &manifest.config.media_type;
    if !manifest::is_image_config(kind) {
        return Err(Error::new(Kind::Unsupported, format!("`{name}` is not a container image but `{kind}`")));
    }
    for layer in &manifest.layers {
        check_digest(&layer.digest)?;
        let kind = &layer.media_type;
        if layer.is_foreign() {
            return Err(foreign(name, layer));
        }
        if !manifest::is_layer(kind) {
            return Err(Error::new(Kind::Unsupported, format!("`{name}` has a layer of type `{kind}`")));
        }
    }
    Ok(manifest)
}

fn foreign(name: &str, layer: &Descriptor) -> Error {
    let mut from = layer.urls.clone().unwrap_or_default();
    if from.is_empty() {
        from.push("nowhere that it says".to_owned());
    }
    Error::new(Kind::Unsupported, format!("`{name}` has a layer that registries do not distribute"))
        .evidence(from.iter().map(|url| format!("it would come from {url}")).collect())
        .hint("its vendor wants to be asked for it: load the image from an archive")
}

fn too_old(name: &str) -> Error {
    Error::new(Kind::Unsupported, format!("{name}: its manifest is of the schema 1, given up in 2017"))
        .hint("pull and push it with docker before version 26, or ask who made it for a new one")
}

fn check_digest(text: &str) -> Result<()> {
    if digest::is_sha256(text) {
        return Ok(());
    }
    Err(Error::new(Kind::Unsupported, format!("the digest `{}` is not one of SHA-256", text.escape_debug())))
}

/// What came is not what was named.
pub(crate) fn lied(what: &str, expected: &str, bytes: &[u8]) -> Error {
    Error::new(Kind::Corrupt, format!("{what}: it does not have the digest that it should"))
        .hint("the registry, a mirror or a proxy on the way is broken, or somebody tampers with it")
        .evidence(vec![
            format!("expected {expected}"),
            format!("found    {} of {} bytes", digest::of(bytes), bytes.len()),
        ])
}

pub(crate) fn parse<T: DeserializeOwned>(json: &[u8], name: &str) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| {
        Error::new(Kind::Corrupt, format!("{name}: what came is no manifest")).because(error)
    })
}
