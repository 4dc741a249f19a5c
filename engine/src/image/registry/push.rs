//! Pushing: give the registry what it lacks, then the manifest that ties it together.
//!
//! Compressed layers are not kept, so one that the registry lacks is packed and compressed
//! again, the same way every time. A layer that a registry was seen to have keeps its blob, and
//! an image of which all are there keeps its manifest and so its digest.

use super::endpoint::Endpoint;
use super::http::Http;
use super::known::{self, Known};
use super::meter::Meter;
use super::progress::{Phase, Transfer};
use super::session::{Ask, Session};
use super::stop::Stoppable;
use super::tokens::Tokens;
use super::upload::Target;
use super::{Pushed, Registries};
use crate::error::{Context, Error, Kind, Result};
use crate::image::catalog::Index;
use crate::image::digest::HashingWriter;
use crate::image::manifest::{
    DOCKER_CONFIG, DOCKER_MANIFEST, Descriptor, Manifest, OCI_CONFIG, OCI_MANIFEST,
};
use crate::image::scratch::Scratch;
use crate::image::workers::for_each;
use crate::image::{Images, Reference, digest, pack};
use flate2::{Compression, GzBuilder};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Cursor, Write};
use std::sync::{Mutex, PoisonError};
use ureq::http::Method;

/// Layers that are pushed at once.
const LAYERS_AT_ONCE: usize = 4;
/// Repositories that a blob may be asked to be taken over from.
const MOUNTS_MAX: usize = 3;
const BUFFER: usize = 256 << 10;

/// An image to push.
struct Subject {
    id: String,
    layers: Vec<String>,
    config: Vec<u8>,
    /// The manifest that it has in the store, byte for byte.
    manifest: Option<(Manifest, Vec<u8>)>,
}

pub(crate) fn push(
    images: &Images,
    reference: &Reference,
    registries: &Registries,
    tell: &Transfer<'_>,
) -> Result<Pushed> {
    if reference.digest.is_some() {
        return Err(Error::new(Kind::Unsupported, "an image cannot be pushed by digest")
            .hint("push it by a tag: it gets the digest that it has"));
    }
    // Layers must stay until the registry has them.
    let hold = images.hold_layers()?;
    let (subject, known) = look_up(images, reference)?;
    let (http, tokens) = (Http::new(registries), Tokens::default());
    let endpoint = Endpoint::origin(registries, &reference.domain)?;
    let session = Session::open(&http, &tokens, endpoint, scopes(reference, &subject, &known))?;
    let scratch = Scratch::new(images)?;
    let meter = Meter::new(tell, Phase::Pushing, &sizes(images, &subject)?);
    let target = Target { session: &session, repository: &reference.path, meter: &meter };
    let pushing = Pushing { images, scratch: &scratch, target, reference, known: &known };

    let blobs = pushing.layers(&subject.layers)?;
    pushing.config(&subject.id, &subject.config)?;
    let json = manifest(&subject, blobs)?;
    let digest = pushing.manifest(&json)?;
    drop(hold);
    images.note_pushed(&subject.id, reference, &json)?;
    Ok(Pushed { reference: reference.clone(), digest, size: json.len() as u64 })
}

fn look_up(images: &Images, reference: &Reference) -> Result<(Subject, BTreeMap<String, Vec<Known>>)> {
    let _lock = images.lock_to_read()?;
    let index: Index = images.index()?;
    let absent = || {
        Error::new(Kind::NotFound, format!("there is no image `{}` here", reference.familiar()))
            .hint("`sampan image tag` gives an image the name of where it is to go")
    };
    let id = index.tags.get(&reference.to_string()).ok_or_else(absent)?;
    let held = index.images.get(id).ok_or_else(absent)?;
    let (config, _) = images.config_file(id)?;
    let manifest = held.manifest.as_ref().and_then(|digest| {
        let json = std::fs::read(images.blob(digest)).ok()?;
        Some((known::stored(images, digest)?, json))
    });
    let subject = Subject { id: id.clone(), layers: held.layers.clone(), config, manifest };
    Ok((subject, known::known(images)?))
}

/// What must be allowed: writing here, and reading where layers can be taken over from.
fn scopes(reference: &Reference, subject: &Subject, known: &BTreeMap<String, Vec<Known>>) -> Vec<String> {
    let blobs = subject.layers.iter().filter_map(|layer| known.get(layer)).flatten();
    let from: BTreeSet<&str> = blobs.flat_map(|blob| others(blob, reference)).collect();
    let read = from.into_iter().take(MOUNTS_MAX).map(|path| format!("repository:{path}:pull"));
    [format!("repository:{}:pull,push", reference.path)].into_iter().chain(read).collect()
}

/// Other repositories of the same registry that should have a blob.
fn others<'a>(known: &'a Known, reference: &'a Reference) -> impl Iterator<Item = &'a str> {
    let same = known.repositories.iter().filter(|(domain, _)| *domain == reference.domain);
    same.map(|(_, path)| path.as_str()).filter(|path| *path != reference.path)
}

/// What layers are at most: their tars. What is left out or compressed is less.
fn sizes(images: &Images, subject: &Subject) -> Result<Vec<u64>> {
    subject.layers.iter().map(|layer| pack::size(images, layer)).collect()
}

/// The manifest of an image with these blobs: the one it has if they are the same.
fn manifest(subject: &Subject, layers: Vec<Descriptor>) -> Result<Vec<u8>> {
    let digests =
        |layers: &[Descriptor]| -> Vec<String> { layers.iter().map(|one| one.digest.clone()).collect() };
    if let Some((manifest, json)) = &subject.manifest
        && digests(&manifest.layers) == digests(&layers)
    {
        return Ok(json.clone());
    }
    let is_docker = subject.manifest.as_ref().is_some_and(|(manifest, _)| {
        manifest.media_type.as_deref() == Some(DOCKER_MANIFEST)
            && !layers.iter().any(|layer| layer.media_type.ends_with("zstd"))
    });
    let (kind, config) =
        if is_docker { (DOCKER_MANIFEST, DOCKER_CONFIG) } else { (OCI_MANIFEST, OCI_CONFIG) };
    let descriptor = |media_type: &str, bytes: &Descriptor| Descriptor {
        media_type: media_type.to_owned(),
        size: bytes.size,
        digest: bytes.digest.clone(),
        platform: None,
        urls: None,
        annotations: None,
    };
    let config_blob =
        Descriptor { size: subject.config.len() as u64, digest: subject.id.clone(), ..gzipped("", 0) };
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(kind.to_owned()),
        config: descriptor(config, &config_blob),
        layers: layers
            .iter()
            .map(|layer| descriptor(&layer_kind(&layer.media_type, is_docker), layer))
            .collect(),
    };
    serde_json::to_vec(&manifest)
        .map_err(|error| Error::new(Kind::System, "write the manifest").because(error))
}

/// The type of a layer in manifests of one family, given that in any.
fn layer_kind(kind: &str, is_docker: bool) -> String {
    let compression = ["gzip", "zstd"].into_iter().find(|name| kind.ends_with(name));
    match (compression, is_docker) {
        (Some(name), true) => format!("application/vnd.docker.image.rootfs.diff.tar.{name}"),
        (None, true) => "application/vnd.docker.image.rootfs.diff.tar".to_owned(),
        (Some(name), false) => format!("application/vnd.oci.image.layer.v1.tar+{name}"),
        (None, false) => "application/vnd.oci.image.layer.v1.tar".to_owned(),
    }
}

fn gzipped(digest: &str, size: u64) -> Descriptor {
    Descriptor {
        media_type: layer_kind("gzip", false),
        size,
        digest: digest.to_owned(),
        platform: None,
        urls: None,
        annotations: None,
    }
}

/// One push.
pub(super) struct Pushing<'a> {
    pub(super) images: &'a Images,
    pub(super) scratch: &'a Scratch,
    pub(super) target: Target<'a>,
    pub(super) reference: &'a Reference,
    pub(super) known: &'a BTreeMap<String, Vec<Known>>,
}

impl Pushing<'_> {
    /// Brings all layers there; gives their blobs in order.
    pub(super) fn layers(&self, layers: &[String]) -> Result<Vec<Descriptor>> {
        let done: Mutex<BTreeMap<&String, Descriptor>> = Mutex::default();
        let distinct: Vec<&String> = layers.iter().collect::<BTreeSet<_>>().into_iter().collect();
        for_each(&distinct, LAYERS_AT_ONCE, |layer| {
            let blob = self.layer(layer).inspect_err(|_| self.target.meter.stop())?;
            self.target.meter.layer();
            done.lock().unwrap_or_else(PoisonError::into_inner).insert(layer, blob);
            Ok(())
        })?;
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(layers.iter().filter_map(|layer| done.get(layer).cloned()).collect())
    }

    fn layer(&self, diff_id: &str) -> Result<Descriptor> {
        let known = self.known.get(diff_id).map(Vec::as_slice).unwrap_or_default();
        for one in known {
            if self.target.has(&one.blob.digest)? {
                return Ok(one.blob.clone());
            }
        }
        for one in known {
            for from in others(one, self.reference).take(MOUNTS_MAX) {
                if self.target.mount(&one.blob.digest, from)? {
                    return Ok(one.blob.clone());
                }
            }
        }
        let (blob, mut file) = self.compress(diff_id)?;
        if !self.target.has(&blob.digest)? {
            self.target.upload(&blob.digest, blob.size, &mut file)?;
        }
        Ok(blob)
    }

    /// Packs a layer into a working file, gzipped: without a name and a time in it, so that the
    /// same layer gives the same blob.
    fn compress(&self, diff_id: &str) -> Result<(Descriptor, File)> {
        let path = self.scratch.path().join(format!("{}.gz", digest::hex(diff_id)));
        let doing = || format!("write {}", path.display());
        let create = || File::options().create_new(true).read(true).write(true).open(&path);
        let file = create().doing(doing)?;
        let stop = &self.target.session.http.registries.stop;
        let file_to_stop = Stoppable { to: &file, stop, what: "pack a layer" };
        let hashing = HashingWriter::new(BufWriter::with_capacity(BUFFER, file_to_stop));
        let mut gzip = GzBuilder::new().mtime(0).write(hashing, Compression::default());
        pack::pack(self.images, diff_id, &mut gzip)?;
        let mut hashing = gzip.finish().doing(doing)?;
        hashing.flush().doing(doing)?;
        let (digest, size) = hashing.finish();
        Ok((gzipped(&digest, size), file))
    }

    pub(super) fn config(&self, digest: &str, json: &[u8]) -> Result<()> {
        if self.target.has(digest)? {
            return Ok(());
        }
        self.target.upload(digest, json.len() as u64, &mut Cursor::new(json))
    }

    /// Ties it together under the tag; gives the digest.
    pub(super) fn manifest(&self, json: &[u8]) -> Result<String> {
        let tag = self.reference.tag.as_deref().unwrap_or("latest");
        let what = format!("write the manifest of `{}`", self.reference.familiar());
        let manifest: Manifest = super::resolve::parse(json, &what)?;
        let kind = manifest.media_type.unwrap_or_else(|| OCI_MANIFEST.to_owned());
        let url = self.target.session.url(&format!("{}/manifests/{tag}", self.reference.path))?;
        let mut ask = Ask::new(&what, Method::PUT, url).header("content-type", kind);
        ask.body = json;
        self.target.session.ask(&ask)?;
        Ok(digest::of(json))
    }
}
