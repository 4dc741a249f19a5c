//! Things in registries that are no images but look like them: a manifest with a config of its own
//! kind, and layers. The build cache is one.
//!
//! Such a config names no diff ids: each layer in the manifest has its own as an annotation.

use super::endpoint::Endpoint;
use super::http::Http;
use super::known::{self, Known};
use super::meter::Meter;
use super::progress::{Phase, Transfer};
use super::pull::{Fetching, Wanted};
use super::push::Pushing;
use super::resolve;
use super::session::Session;
use super::tokens::Tokens;
use super::upload::Target;
use super::{Pushed, Registries};
use crate::error::{Error, Kind, Result};
use crate::image::manifest::{Descriptor, Manifest, OCI_MANIFEST};
use crate::image::scratch::Scratch;
use crate::image::{Hold, Images, Reference, digest, pack};
use std::collections::{BTreeMap, BTreeSet};

/// The digest of a layer as a plain tar, as other tools write it, too.
const DIFF_ID: &str = "containerd.io/uncompressed";

/// A way to registries, for several questions.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    http: Http<'a>,
    tokens: Tokens,
}

/// What a registry has: the manifest byte for byte, what it says, and the config.
#[derive(Debug)]
pub(crate) struct Artifact {
    pub(crate) json: Vec<u8>,
    pub(crate) manifest: Manifest,
    pub(crate) config: Vec<u8>,
}

/// What is to be pushed.
pub(crate) struct Parcel<'a> {
    /// Media type of the config.
    pub(crate) kind: &'a str,
    pub(crate) config: &'a [u8],
    /// Diff ids.
    pub(crate) layers: &'a [String],
}

/// A layer and where it is.
pub(crate) struct Remote<'a> {
    pub(crate) reference: &'a Reference,
    pub(crate) blob: &'a Descriptor,
    pub(crate) diff_id: &'a str,
}

impl<'a> Line<'a> {
    pub(crate) fn new(registries: &'a Registries) -> Self {
        Self { http: Http::new(registries), tokens: Tokens::default() }
    }

    fn session(&self, reference: &Reference, may: &str) -> Result<Session<'_>> {
        let endpoint = Endpoint::origin(self.http.registries, &reference.domain)?;
        let scopes = vec![format!("repository:{}:{may}", reference.path)];
        Session::open(&self.http, &self.tokens, endpoint, scopes)
    }

    /// What a name leads to, whatever it is. Of an index, what is for this machine.
    pub(crate) fn fetch(&self, reference: &Reference) -> Result<Artifact> {
        read(&self.session(reference, "pull")?, reference)
    }

    /// Brings a layer into the store.
    pub(crate) fn fetch_layer(
        &self,
        images: &Images,
        hold: &Hold,
        layer: &Remote<'_>,
        tell: &Transfer<'_>,
    ) -> Result<()> {
        let session = self.session(layer.reference, "pull")?;
        let scratch = Scratch::new(images)?;
        let repository = &layer.reference.path;
        let fetching = Fetching { images, hold, scratch: &scratch, session: &session, repository };
        fetching.all(&[Wanted { diff_id: layer.diff_id.to_owned(), blob: layer.blob.clone() }], tell)
    }

    /// Pushes layers of the store with a config. What is there already stays as it is.
    pub(crate) fn push(
        &self,
        images: &Images,
        parcel: &Parcel<'_>,
        reference: &Reference,
        tell: &Transfer<'_>,
    ) -> Result<Pushed> {
        // Layers must stay until the registry has them.
        let _hold = images.hold_layers()?;
        let session = self.session(reference, "pull,push")?;
        let before = read(&session, reference).ok();
        let known = known_blobs(images, before.as_ref())?;
        let scratch = Scratch::new(images)?;
        let sizes = parcel.layers.iter().map(|layer| pack::size(images, layer));
        let meter = Meter::new(tell, Phase::Pushing, &sizes.collect::<Result<Vec<_>>>()?);
        let target = Target { session: &session, repository: &reference.path, meter: &meter };
        let pushing = Pushing { images, scratch: &scratch, target, reference, known: &known };
        let json = manifest(parcel, pushing.layers(parcel.layers)?)?;
        let pushed = |digest| Pushed { reference: reference.clone(), digest, size: json.len() as u64 };
        if before.is_some_and(|before| before.json == json) {
            return Ok(pushed(digest::of(&json)));
        }
        pushing.config(&digest::of(parcel.config), parcel.config)?;
        Ok(pushed(pushing.manifest(&json)?))
    }
}

impl Artifact {
    /// The blobs of the layers, by diff id, as far as the manifest says those.
    pub(crate) fn blobs(&self) -> BTreeMap<String, Descriptor> {
        let id = |layer: &Descriptor| layer.annotations.as_ref()?.get(DIFF_ID).cloned();
        self.manifest.layers.iter().filter_map(|layer| Some((id(layer)?, layer.clone()))).collect()
    }
}

fn read(session: &Session<'_>, reference: &Reference) -> Result<Artifact> {
    let (json, manifest) = resolve::any(session, reference)?;
    let config = resolve::config(session, reference, &manifest.config)?;
    Ok(Artifact { json, manifest, config })
}

/// What images say about layers in registries, and what was there before.
fn known_blobs(images: &Images, before: Option<&Artifact>) -> Result<BTreeMap<String, Vec<Known>>> {
    let mut known = known::known(images)?;
    for (diff_id, blob) in before.map(Artifact::blobs).unwrap_or_default() {
        known.entry(diff_id).or_default().insert(0, Known { blob, repositories: BTreeSet::new() });
    }
    Ok(known)
}

/// The same layers and config are always the same manifest.
fn manifest(parcel: &Parcel<'_>, blobs: Vec<Descriptor>) -> Result<Vec<u8>> {
    let annotated = |(diff_id, blob): (&String, Descriptor)| Descriptor {
        annotations: Some([(DIFF_ID.to_owned(), diff_id.clone())].into()),
        ..blob
    };
    write_manifest(parcel, parcel.layers.iter().zip(blobs).map(annotated).collect())
}

/// The manifest of layers that lie somewhere as plain tars.
pub(crate) fn plain_manifest(parcel: &Parcel<'_>, sizes: &[u64]) -> Result<Vec<u8>> {
    let layer = |(diff_id, size): (&String, &u64)| Descriptor {
        media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
        size: *size,
        digest: diff_id.clone(),
        platform: None,
        urls: None,
        annotations: Some([(DIFF_ID.to_owned(), diff_id.clone())].into()),
    };
    write_manifest(parcel, parcel.layers.iter().zip(sizes).map(layer).collect())
}

fn write_manifest(parcel: &Parcel<'_>, layers: Vec<Descriptor>) -> Result<Vec<u8>> {
    let config = Descriptor {
        media_type: parcel.kind.to_owned(),
        size: parcel.config.len() as u64,
        digest: digest::of(parcel.config),
        platform: None,
        urls: None,
        annotations: None,
    };
    let manifest = Manifest { schema_version: 2, media_type: Some(OCI_MANIFEST.to_owned()), config, layers };
    serde_json::to_vec(&manifest)
        .map_err(|error| Error::new(Kind::System, "write the manifest").because(error))
}
