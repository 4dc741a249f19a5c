//! Writing a tar stream entry by entry, always the same way: POSIX headers with extended records
//! only where a field does not fit (pax(1)). What [`super::entries`] reads.

use super::pax;
use std::io::{self, Write};
use tar::{EntryType, Header};

const BLOCK: u64 = 512;
/// Largest numbers that fit into the octal digits of a header.
const ID_MAX: u64 = 0o777_7777;
const SIZE_MAX: u64 = 0o777_7777_7777;

/// What there is to say about one entry.
#[derive(Clone, Debug)]
pub(crate) struct Meta {
    /// Below the top; that of a folder ends with a slash.
    pub(crate) path: Vec<u8>,
    /// Where a link leads.
    pub(crate) link: Vec<u8>,
    pub(crate) kind: EntryType,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Seconds since 1970.
    pub(crate) mtime: i64,
    /// Bytes of content behind the header.
    pub(crate) size: u64,
    /// Major and minor number of a device.
    pub(crate) device: (u32, u32),
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Meta {
    /// Of which nothing is known but this.
    pub(crate) fn of(path: Vec<u8>, kind: EntryType) -> Self {
        let (link, xattrs) = (Vec::new(), Vec::new());
        Self { path, link, kind, mode: 0, uid: 0, gid: 0, mtime: 0, size: 0, device: (0, 0), xattrs }
    }
}

/// Writes the header of an entry. Its content comes next, then [`pad`].
pub(crate) fn write(to: &mut impl Write, meta: &Meta) -> io::Result<()> {
    let records = records(meta);
    if !records.is_empty() {
        let name = meta.path.strip_suffix(b"/").unwrap_or(&meta.path);
        let name = name.rsplit(|byte| *byte == b'/').next().unwrap_or(name);
        let mut header = plain(EntryType::XHeader, &[b"PaxHeaders.0/", name].concat())?;
        header.set_size(records.len() as u64);
        header.set_mode(0o644);
        finish(to, header)?;
        to.write_all(&records)?;
        pad(to, records.len() as u64)?;
    }
    let mut header = plain(meta.kind, &meta.path)?;
    fill(&mut header.as_old_mut().linkname, &meta.link);
    header.set_mode(meta.mode & 0o7777);
    header.set_uid(if u64::from(meta.uid) > ID_MAX { 0 } else { meta.uid.into() });
    header.set_gid(if u64::from(meta.gid) > ID_MAX { 0 } else { meta.gid.into() });
    header.set_mtime(u64::try_from(meta.mtime).ok().filter(|time| *time <= SIZE_MAX).unwrap_or(0));
    header.set_size(if meta.size > SIZE_MAX { 0 } else { meta.size });
    if matches!(meta.kind, EntryType::Char | EntryType::Block) {
        header.set_device_major(meta.device.0)?;
        header.set_device_minor(meta.device.1)?;
    }
    finish(to, header)
}

/// Writes the zeros between content of this size and the next header.
pub(crate) fn pad(to: &mut impl Write, size: u64) -> io::Result<()> {
    let missing = size.wrapping_neg() % BLOCK;
    io::copy(&mut io::Read::take(io::repeat(0), missing), to).map(drop)
}

/// Writes the end of the archive.
pub(crate) fn end(to: &mut impl Write) -> io::Result<()> {
    to.write_all(&[0; 2 * BLOCK as usize])
}

fn plain(kind: EntryType, path: &[u8]) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    fill(&mut header.as_old_mut().name, path);
    header.set_entry_type(kind);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_device_major(0)?;
    header.set_device_minor(0)?;
    Ok(header)
}

fn finish(to: &mut impl Write, mut header: Header) -> io::Result<()> {
    header.set_cksum();
    to.write_all(header.as_bytes())
}

/// As much as there is room for; a record has what is longer.
fn fill(field: &mut [u8], text: &[u8]) {
    let length = text.len().min(field.len());
    field[..length].copy_from_slice(&text[..length]);
}

/// What does not fit into the plain header.
fn records(meta: &Meta) -> Vec<u8> {
    let mut records = Vec::new();
    let fits = |text: &[u8]| text.len() <= 100 && text.is_ascii();
    let mut number = |key: &str, value: String, fits: bool| {
        if !fits {
            pax::write(&mut records, key.as_bytes(), value.as_bytes());
        }
    };
    number("uid", meta.uid.to_string(), u64::from(meta.uid) <= ID_MAX);
    number("gid", meta.gid.to_string(), u64::from(meta.gid) <= ID_MAX);
    number("size", meta.size.to_string(), meta.size <= SIZE_MAX);
    let time = u64::try_from(meta.mtime).is_ok_and(|time| time <= SIZE_MAX);
    number("mtime", meta.mtime.to_string(), time);
    for (key, text) in [("path", &meta.path), ("linkpath", &meta.link)] {
        if !fits(text) {
            pax::write(&mut records, key.as_bytes(), text);
        }
    }
    for (name, value) in &meta.xattrs {
        pax::write(&mut records, &[pax::XATTR, name].concat(), value);
    }
    records
}

#[cfg(test)]
mod tests {
    use super::super::entries::Entries;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            path in "[a-zä/]{1,200}[a-z]",
            link in "[a-zä]{0,150}",
            (uid, gid) in (any::<u32>(), any::<u32>()),
            mtime in any::<i64>(),
            content in proptest::collection::vec(any::<u8>(), 0..1200),
            xattr in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let meta = Meta {
                link: link.into_bytes(),
                mode: 0o4755,
                uid,
                gid,
                mtime,
                size: content.len() as u64,
                xattrs: vec![(b"user.a".to_vec(), xattr)],
                ..Meta::of(path.into_bytes(), EntryType::Regular)
            };
            let mut tar = Vec::new();
            write(&mut tar, &meta).unwrap();
            tar.extend(&content);
            pad(&mut tar, meta.size).unwrap();
            end(&mut tar).unwrap();
            prop_assert_eq!(tar.len() % 512, 0);
            let mut entries = Entries::new(tar.as_slice());
            let entry = entries.next().unwrap().unwrap();
            let mut read = Vec::new();
            io::Read::read_to_end(&mut entries, &mut read).unwrap();
            prop_assert_eq!(read, content);
            prop_assert_eq!((entry.path, entry.link, entry.xattrs), (meta.path, meta.link, meta.xattrs));
            prop_assert_eq!((entry.uid, entry.gid, entry.mode), (uid.into(), gid.into(), 0o4755));
            prop_assert_eq!(entry.mtime, (mtime, 0));
            prop_assert!(entries.next().unwrap().is_none());
        }
    }

    #[test]
    fn a_file_of_more_than_eight_gigabytes_has_its_size_in_a_record() {
        let meta = Meta { size: SIZE_MAX + 1, ..Meta::of(b"big".to_vec(), EntryType::Regular) };
        let mut tar = Vec::new();
        write(&mut tar, &meta).unwrap();
        assert_eq!(Entries::new(tar.as_slice()).next().unwrap().unwrap().size, SIZE_MAX + 1);
    }
}
