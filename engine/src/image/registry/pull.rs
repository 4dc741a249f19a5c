//! Pulling: find the image, fetch the layers that are not there yet, commit.
//!
//! Layers are fetched side by side, checked and unpacked while they come, and each enters the
//! store as soon as it is whole: a pull that was interrupted goes on where it was. Two digests
//! are checked. That of the blob binds what comes to the manifest; that of the tar, the diff id,
//! binds what is unpacked to the name under which all images share it. The second cannot be
//! left out: a config may name any diff id, and would plant its layer in other images.

use super::blob::Download;
use super::endpoint::Endpoint;
use super::http::Http;
use super::meter::Meter;
use super::progress::{Count, Phase, Progress, Transfer};
use super::resolve::{self, Resolved};
use super::session::Session;
use super::tokens::Tokens;
use super::{PullRequest, Pulled, Registries};
use crate::error::{Error, Kind, Result};
use crate::image::catalog::Draft;
use crate::image::config::ConfigFile;
use crate::image::layer::Place;
use crate::image::load::check_os;
use crate::image::manifest::Descriptor;
use crate::image::scratch::Scratch;
use crate::image::workers::for_each;
use crate::image::{Hold, Images, Platform, Reference, stages};

/// Layers that are fetched at once. More would not come faster over one line, and a registry
/// may take offence.
const LAYERS_AT_ONCE: usize = 4;

/// A layer to fetch.
pub(super) struct Wanted {
    pub(super) diff_id: String,
    pub(super) blob: Descriptor,
}

pub(crate) fn pull(
    images: &Images,
    request: &PullRequest,
    registries: &Registries,
    tell: &Transfer<'_>,
) -> Result<Pulled> {
    let nothing = Count::default();
    tell(Progress { phase: Phase::Resolving, layers: nothing, bytes: nothing });
    let (http, tokens) = (Http::new(registries), Tokens::default());
    let mut mirrors = Vec::new();
    for endpoint in Endpoint::all(registries, &request.reference)? {
        let (registry, is_mirror) = (endpoint.registry.clone(), endpoint.is_mirror);
        let scopes = vec![format!("repository:{}:pull", request.reference.path)];
        let pulled = Session::open(&http, &tokens, endpoint, scopes)
            .and_then(|session| from(images, request, &session, tell));
        match pulled {
            Err(error) if is_mirror && !error.is_full() && error.kind != Kind::Cancelled => {
                mirrors.push(format!("the mirror {registry} failed, too: {}", error.chain()));
            }
            Err(mut error) => {
                error.evidence.extend(mirrors);
                return Err(error);
            }
            done => return done,
        }
    }
    Err(Error::new(Kind::NotFound, format!("`{}` has no registry", request.reference.familiar())))
}

/// Pulls from one endpoint.
fn from(
    images: &Images,
    request: &PullRequest,
    session: &Session<'_>,
    tell: &Transfer<'_>,
) -> Result<Pulled> {
    let reference = &request.reference;
    let platform = request.platform.clone().unwrap_or_else(Platform::host);
    let resolved = resolve::resolve(session, reference, &platform)?;
    let id = resolved.manifest.config.digest.clone();
    let pulled = |is_new| Pulled {
        id: id.clone(),
        reference: reference.clone(),
        digest: resolved.digest.clone(),
        is_new,
    };
    // Layers that are there must stay while others come.
    let hold = images.hold_layers()?;
    if is_here(images, reference, &resolved)? {
        return Ok(pulled(false));
    }
    let config = match images.config_file(&id) {
        Ok((json, _)) => json,
        Err(_) => resolve::config(session, reference, &resolved.manifest.config)?,
    };
    let file = ConfigFile::parse(&config, &format!("`{}`", reference.familiar()))?;
    check_platform(&file, request, resolved.is_chosen)?;
    let wanted = wanted(&file, &resolved, reference)?;
    let scratch = Scratch::new(images)?;
    let fetching = Fetching { images, hold: &hold, scratch: &scratch, session, repository: &reference.path };
    fetching.all(&wanted, tell)?;
    let draft = Draft {
        config,
        layers: file.rootfs.diff_ids,
        manifest: Some(resolved.json),
        references: names(reference, &resolved.digest),
    };
    images.commit(&[draft], hold, &scratch)?;
    Ok(pulled(true))
}

/// The tag that was asked for, and the digest that it led to. A digest that was asked for
/// gives no tag: the tag beside it is only for people.
fn names(reference: &Reference, digest: &str) -> Vec<Reference> {
    let by_digest = Reference { tag: None, digest: Some(digest.to_owned()), ..reference.clone() };
    let tag = Some(reference.clone()).filter(|reference| reference.digest.is_none());
    tag.into_iter().chain([by_digest]).collect()
}

/// Whether the store has exactly this already, under this name.
fn is_here(images: &Images, reference: &Reference, resolved: &Resolved) -> Result<bool> {
    let _lock = images.lock_to_read()?;
    let index = images.index()?;
    let id = &resolved.manifest.config.digest;
    let Some(held) = index.images.get(id) else { return Ok(false) };
    let named = names(reference, &resolved.digest).iter().all(|name| match &name.digest {
        Some(_) => held.digests.contains(&name.to_string()),
        None => index.tags.get(&name.to_string()) == Some(id),
    });
    Ok(named && held.layers.iter().all(|layer| images.has_layer(layer)))
}

/// An image without an index must still be for the platform that somebody asked for.
fn check_platform(file: &ConfigFile, request: &PullRequest, is_chosen: bool) -> Result<()> {
    let name = format!("`{}`", request.reference.familiar());
    check_os(file, &name)?;
    let is = Platform {
        os: file.os.clone(),
        architecture: file.architecture.clone(),
        variant: file.variant.clone(),
    };
    match &request.platform {
        Some(wanted) if !is_chosen && !file.os.is_empty() && wanted.rank(&is).is_none() => {
            Err(Error::new(Kind::NotFound, format!("{name} has no image for {wanted}"))
                .hint(format!("it is for {is} only")))
        }
        _ => Ok(()),
    }
}

/// The layers of an image, largest first: what takes longest begins first.
fn wanted(file: &ConfigFile, resolved: &Resolved, reference: &Reference) -> Result<Vec<Wanted>> {
    let (blobs, diff_ids) = (&resolved.manifest.layers, &file.rootfs.diff_ids);
    if blobs.len() != diff_ids.len() {
        let counts = format!("{} layers, its config names {}", blobs.len(), diff_ids.len());
        return Err(Error::new(Kind::Corrupt, format!("`{}` has {counts}", reference.familiar())));
    }
    let mut wanted: Vec<Wanted> = Vec::new();
    for (blob, diff_id) in blobs.iter().zip(diff_ids) {
        if !wanted.iter().any(|one| one.diff_id == *diff_id) {
            wanted.push(Wanted { diff_id: diff_id.clone(), blob: blob.clone() });
        }
    }
    wanted.sort_by_key(|one| std::cmp::Reverse(one.blob.size));
    Ok(wanted)
}

/// Where layers come from and go to.
pub(super) struct Fetching<'a> {
    pub(super) images: &'a Images,
    pub(super) hold: &'a Hold,
    pub(super) scratch: &'a Scratch,
    pub(super) session: &'a Session<'a>,
    pub(super) repository: &'a str,
}

impl Fetching<'_> {
    pub(super) fn all(&self, wanted: &[Wanted], tell: &Transfer<'_>) -> Result<()> {
        let missing: Vec<&Wanted> =
            wanted.iter().filter(|one| !self.images.has_layer(&one.diff_id)).collect();
        let sizes: Vec<u64> = missing.iter().map(|one| one.blob.size).collect();
        let meter = Meter::new(tell, Phase::Pulling, &sizes);
        for_each(&missing, LAYERS_AT_ONCE, |wanted| self.one(wanted, &meter))?;
        meter.storing();
        Ok(())
    }

    fn one(&self, wanted: &Wanted, meter: &Meter<'_>) -> Result<()> {
        let fill = |place: &Place| {
            unpack(Download::new(self.session, meter, self.repository, &wanted.blob), wanted, place)
        };
        let done = self.images.layer_or(self.hold, self.scratch, &wanted.diff_id, fill);
        match done {
            Ok(_) => meter.layer(),
            Err(_) => meter.stop(),
        }
        done.map(drop)
    }
}

fn unpack(download: Download<'_>, wanted: &Wanted, place: &Place) -> Result<u64> {
    let (diff_id, size) = stages::unpack(download, place)?;
    if diff_id == wanted.diff_id {
        return Ok(size);
    }
    let what =
        format!("layer {}: its content does not have the digest that the config says", wanted.blob.digest);
    Err(Error::new(Kind::Corrupt, what)
        .hint("whoever made the image made it wrong, or somebody tampers with it")
        .evidence(vec![format!("expected {}", wanted.diff_id), format!("found    {diff_id}")]))
}
