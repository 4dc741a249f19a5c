//! A cache in a folder in the OCI layout. Its layers are plain tars, named by their diff ids, so
//! one that is there need not be made again.

use crate::error::{Context, Error, Kind, Result};
use crate::image::layer::Place;
use crate::image::layout;
use crate::image::manifest::{Descriptor, Index, Manifest, OCI_INDEX, OCI_MANIFEST};
use crate::image::registry::artifact::{Artifact, Parcel, plain_manifest};
use crate::image::scratch::Scratch;
use crate::image::{Hold, Images, digest, stages};
use crate::store;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const TAG: &str = "org.opencontainers.image.ref.name";
/// Longest text that is read from it.
const TEXT_MAX: u64 = 64 << 20;

fn blob(folder: &Path, digest: &str) -> PathBuf {
    folder.join("blobs/sha256").join(digest::hex(digest))
}

fn index(folder: &Path) -> PathBuf {
    folder.join("index.json")
}

/// What is in a folder under a tag or digest.
pub(super) fn read(folder: &Path, which: Option<&str>) -> Result<Artifact> {
    let text = text(&index(folder))?;
    let found: Index = parse(&text, "`index.json`")?;
    let chosen = layout::choose(found.manifests, which)?;
    let chosen = chosen.first().map(|one| one.digest.clone()).unwrap_or_default();
    let json = checked(folder, &chosen)?;
    let head: Value = parse(&json, "its manifest")?;
    if head.get("config").is_none() {
        let kind = head.get("mediaType").and_then(Value::as_str).unwrap_or("unknown").to_owned();
        let error = Error::new(Kind::Unsupported, format!("it is not a cache of ours but `{kind}`"));
        return Err(error.hint("what another builder keeps of its steps means nothing here"));
    }
    let manifest: Manifest = parse(&json, "its manifest")?;
    let config = checked(folder, &manifest.config.digest)?;
    Ok(Artifact { json, manifest, config })
}

/// Brings a layer into the store.
pub(super) fn take_layer(
    folder: &Path,
    (images, hold): (&Images, &Hold),
    layer: &Descriptor,
    diff_id: &str,
) -> Result<()> {
    ensure_digest(&layer.digest)?;
    let path = blob(folder, &layer.digest);
    let scratch = Scratch::new(images)?;
    let fill = |place: &Place| {
        let file = File::open(&path).doing(|| format!("open {}", path.display()))?;
        let (found, size) = stages::unpack(file, place)?;
        match found == diff_id {
            true => Ok(size),
            false => Err(Error::new(Kind::Corrupt, format!("{} is not what its name says", path.display()))
                .evidence(vec![format!("expected {diff_id}"), format!("found    {found}")])),
        }
    };
    images.layer_or(hold, &scratch, diff_id, fill).map(drop)
}

/// Writes layers of the store with a config, under a tag. What no tag leads to any more goes.
pub(super) fn write(folder: &Path, tag: &str, images: &Images, parcel: &Parcel<'_>) -> Result<()> {
    let doing = || format!("write {}", folder.display());
    fs::create_dir_all(folder.join("blobs/sha256")).doing(doing)?;
    // Other builds may write here, too.
    let lock = File::open(folder).doing(doing)?;
    lock.lock().doing(doing)?;
    let sizes =
        parcel.layers.iter().map(|layer| put_layer(folder, images, layer)).collect::<Result<Vec<_>>>()?;
    put(folder, parcel.config)?;
    let manifest = plain_manifest(parcel, &sizes)?;
    put(folder, &manifest)?;
    store::replace_file(&folder.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#, false)
        .doing(doing)?;
    let mut manifests = others(folder, tag);
    manifests.push(json!({
        "mediaType": OCI_MANIFEST,
        "digest": digest::of(&manifest),
        "size": manifest.len(),
        "annotations": { TAG: tag },
    }));
    let text = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests }).to_string();
    store::replace_file(&index(folder), text.as_bytes(), true).doing(doing)?;
    sweep(folder, &manifests).doing(doing)
}

/// A layer as a plain tar; gives its length.
fn put_layer(folder: &Path, images: &Images, diff_id: &str) -> Result<u64> {
    let path = blob(folder, diff_id);
    let size = images.packed_size(diff_id)?;
    if path.metadata().is_ok_and(|found| found.len() == size) {
        return Ok(size);
    }
    let doing = || format!("write {}", path.display());
    let half = path.with_extension("new");
    let mut file = BufWriter::with_capacity(256 << 10, File::create(&half).doing(doing)?);
    images.pack_layer(diff_id, &mut file)?;
    file.flush().doing(doing)?;
    fs::rename(&half, &path).doing(doing)?;
    Ok(size)
}

fn put(folder: &Path, content: &[u8]) -> Result<()> {
    let path = blob(folder, &digest::of(content));
    store::replace_file(&path, content, false).doing(|| format!("write {}", path.display()))
}

/// What the index names under other tags. One that cannot be read names nothing.
fn others(folder: &Path, tag: &str) -> Vec<Value> {
    let index: Option<Value> =
        fs::read(index(folder)).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let all = index.and_then(|index| index.get("manifests")?.as_array().cloned()).unwrap_or_default();
    let tag_of = |one: &Value| one.get("annotations")?.get(TAG)?.as_str().map(str::to_owned);
    all.into_iter().filter(|one| tag_of(one).as_deref() != Some(tag)).collect()
}

/// Takes away blobs that nothing leads to; none when something is not understood.
fn sweep(folder: &Path, manifests: &[Value]) -> std::io::Result<()> {
    let mut needed = BTreeSet::new();
    for one in manifests {
        let digest = one.get("digest").and_then(Value::as_str).unwrap_or_default();
        let json = fs::read(blob(folder, digest)).unwrap_or_default();
        let Ok(manifest) = serde_json::from_slice::<Manifest>(&json) else { return Ok(()) };
        let blobs = manifest.layers.iter().chain([&manifest.config]);
        needed.extend(blobs.map(|blob| digest::hex(&blob.digest).to_owned()));
        needed.insert(digest::hex(digest).to_owned());
    }
    for entry in fs::read_dir(folder.join("blobs/sha256"))? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(|name| needed.contains(name)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A blob that is what its name says.
fn checked(folder: &Path, digest: &str) -> Result<Vec<u8>> {
    ensure_digest(digest)?;
    let path = blob(folder, digest);
    let content = text(&path)?;
    if digest::of(&content) == digest {
        return Ok(content);
    }
    Err(Error::new(Kind::Corrupt, format!("{} is not what its name says", path.display())))
}

fn ensure_digest(digest: &str) -> Result<()> {
    match digest::is_sha256(digest) {
        true => Ok(()),
        false => Err(Error::new(Kind::Corrupt, format!("`{}` is not a digest", digest.escape_debug()))),
    }
}

fn text(path: &Path) -> Result<Vec<u8>> {
    let doing = || format!("read {}", path.display());
    let size = path.metadata().doing(doing)?.len();
    if size > TEXT_MAX {
        return Err(Error::new(Kind::Corrupt, format!("{} is {size} bytes long", path.display())));
    }
    fs::read(path).doing(doing)
}

fn parse<T: serde::de::DeserializeOwned>(json: &[u8], what: &str) -> Result<T> {
    serde_json::from_slice(json)
        .map_err(|error| Error::new(Kind::Corrupt, format!("{what} is damaged")).because(error))
}
