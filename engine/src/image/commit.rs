//! One more layer on an image, from a writable folder that stays as it is.

use super::catalog::Draft;
use super::config::{History, RawConfig};
use super::import::unpack_digesting;
use super::layer::Place;
use super::registry::{Stop, Stoppable};
use super::scratch::Scratch;
use super::write::{self, Plain};
use super::{ImageConfig, Images, Reference, changes};
use crate::error::{Context, Error, Kind, Result};
use jiff::Timestamp;
use std::io::{self, BufWriter, Write};
use std::os::fd::BorrowedFd;
use std::thread;

const BUFFER: usize = 256 << 10;

/// What the image is made of.
pub(crate) struct Commit<'a> {
    /// Id of the image below.
    pub(crate) base: &'a str,
    /// The writable folder of an overlay over it.
    pub(crate) upper: BorrowedFd<'a>,
    pub(crate) reference: Option<&'a str>,
    pub(crate) author: Option<&'a str>,
    pub(crate) message: Option<&'a str>,
    /// Lines such as `CMD ["sh"]`.
    pub(crate) changes: &'a [String],
    pub(crate) stop: &'a Stop,
}

/// Makes the image; `adjust` changes its config before the lines do. What `still` gives is kept
/// while the folder is read. Gives the image's id.
pub(crate) fn commit<S>(
    images: &Images,
    commit: &Commit<'_>,
    adjust: impl FnOnce(&mut ImageConfig),
    still: impl FnOnce() -> Result<S>,
) -> Result<String> {
    let references: Vec<Reference> = commit.reference.map(str::parse).transpose()?.into_iter().collect();
    if references.iter().any(|reference| reference.digest.is_some()) {
        return Err(Error::new(Kind::Unsupported, "an image cannot be made under a digest"));
    }
    let hold = images.hold_layers()?;
    let (_, mut file) = {
        let _lock = images.lock_to_read()?;
        images.config_file(commit.base)?
    };
    let mut config = ImageConfig::from(&file.config);
    adjust(&mut config);
    commit.changes.iter().try_for_each(|line| changes::apply(&mut config, line))?;

    let scratch = Scratch::new(images)?;
    let place = scratch.place("committed")?;
    let still = still()?;
    let copied = copy(commit, &place);
    drop(still);
    let (diff_id, size) = copied?;
    images.add_layer(&hold, &diff_id, &place, size)?;

    let now = Timestamp::now().to_string();
    file.created = Some(now.clone());
    file.author = commit.author.map(str::to_owned).or(file.author);
    file.config = RawConfig::from(&config);
    file.rootfs.diff_ids.push(diff_id);
    let comment = commit.message.map(str::to_owned);
    file.history.push(History { created: Some(now), comment, ..History::default() });
    let json = serde_json::to_vec(&file).map_err(io::Error::from).doing(|| "write the config".to_owned())?;
    let draft = Draft { config: json, layers: file.rootfs.diff_ids, manifest: None, references };
    Ok(images.commit(&[draft], hold, &scratch)?.into_iter().map(|loaded| loaded.id).collect())
}

/// Makes a layer of the folder; gives its diff id and the bytes in its files.
fn copy(commit: &Commit<'_>, place: &Place) -> Result<(String, u64)> {
    let (reader, writer) = io::pipe().doing(|| "make a pipe".to_owned())?;
    let (written, unpacked) = thread::scope(|scope| {
        let writing = scope.spawn(move || {
            let to = Stoppable { to: writer, stop: commit.stop, what: "read its files" };
            let mut to = BufWriter::with_capacity(BUFFER, to);
            write::write(commit.upper, &mut Plain(&mut to))?;
            to.flush()
        });
        let unpacked = unpack_digesting(reader, place);
        (writing.join().unwrap_or_else(|_| Err(io::Error::other("the writer panicked"))), unpacked)
    });
    commit.stop.check("read its files")?;
    // When unpacking fails, writing does because of that.
    match (written, unpacked) {
        (Err(error), unpacked) if unpacked.is_ok() || error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).doing(|| "read its files".to_owned())
        }
        (_, unpacked) => unpacked,
    }
}
