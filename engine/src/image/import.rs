//! Making an image of one layer from the tar of a root file system.

use super::catalog::Draft;
use super::config::{ConfigFile, History, RawConfig, RootFs};
use super::digest::Hashing;
use super::layer::Place;
use super::scratch::Scratch;
use super::{ImageConfig, Images, Input, Reference, changes, layer, platform, stream};
use crate::error::{Error, Kind, Result};
use jiff::Timestamp;
use std::io::{BufReader, Read};

/// Large enough that digesting and unpacking seldom take turns.
const BUFFER: usize = 256 << 10;

pub(crate) fn import(
    images: &Images,
    from: Input<'_>,
    reference: Option<&str>,
    lines: &[String],
) -> Result<String> {
    let references: Vec<Reference> = reference.map(str::parse).transpose()?.into_iter().collect();
    if references.iter().any(|reference| reference.digest.is_some()) {
        return Err(Error::new(Kind::Unsupported, "an image cannot be imported under a digest"));
    }
    let mut config = ImageConfig::default();
    lines.iter().try_for_each(|line| changes::apply(&mut config, line))?;

    let hold = images.hold_layers()?;
    let scratch = Scratch::new(images)?;
    let place = scratch.place("imported")?;
    let (diff_id, size) = match from {
        Input::Path(path) => unpack(stream::open(path)?, &place)?,
        Input::Stream(stream) => unpack(stream, &place)?,
    };
    let draft = Draft {
        config: config_json(&config, &diff_id)?,
        layers: vec![diff_id.clone()],
        manifest: None,
        references,
    };
    images.add_layer(&hold, &diff_id, &place, size)?;
    Ok(images.commit(&[draft], hold, &scratch)?.into_iter().map(|loaded| loaded.id).collect())
}

fn unpack(from: impl Read + Send, place: &Place) -> Result<(String, u64)> {
    let (tar, _) = stream::decompress(from)?;
    unpack_digesting(tar, place)
}

/// Unpacks a tar stream; gives its digest, all of it to the last byte, and its size.
pub(crate) fn unpack_digesting(tar: impl Read, place: &Place) -> Result<(String, u64)> {
    let hashing = BufReader::with_capacity(BUFFER, Hashing::new(tar));
    let (size, rest) = layer::unpack(hashing, place)?;
    let digest = rest.into_inner().finish().map_err(layer::unreadable)?;
    Ok((digest, size))
}

/// Unpacks a tar stream that must have this digest. A layer is shared with every image that names
/// the same diff id, so this is always checked. Gives the bytes in its files.
pub(crate) fn unpack_as(tar: impl Read, diff_id: &str, place: &Place) -> Result<u64> {
    let (found, size) = unpack_digesting(tar, place)?;
    if found == diff_id {
        return Ok(size);
    }
    Err(Error::new(Kind::Corrupt, "its content does not have the digest that the config says")
        .hint("the archive was damaged or tampered with")
        .evidence(vec![format!("expected {diff_id}"), format!("found    {found}")]))
}

fn config_json(config: &ImageConfig, diff_id: &str) -> Result<Vec<u8>> {
    let now = Timestamp::now().to_string();
    let file = ConfigFile {
        architecture: platform::ARCHITECTURE.to_owned(),
        os: platform::OS.to_owned(),
        created: Some(now.clone()),
        config: RawConfig::from(config),
        rootfs: RootFs { kind: "layers".to_owned(), diff_ids: vec![diff_id.to_owned()] },
        history: vec![History {
            created: Some(now),
            comment: Some("imported".to_owned()),
            ..History::default()
        }],
        ..ConfigFile::default()
    };
    serde_json::to_vec(&file).map_err(|error| Error::new(Kind::System, "write the config").because(error))
}
