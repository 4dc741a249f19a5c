//! Reading a tar stream entry by entry: ustar, GNU and PAX headers (pax(1), tar(5)), long
//! names, extended attributes, sparse files. Sizes that an archive claims are never believed
//! further than the limits here.

use super::pax::{self, Pax};
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use tar::{EntryType, GnuExtSparseHeader, Header};

const BLOCK: u64 = 512;
/// Longest extended header or long name that is read into memory.
const EXTENSION_MAX: u64 = 1 << 20;
/// Longest data of an entry: no file system has longer files, and places in a stream can be counted.
const SIZE_MAX: u64 = i64::MAX as u64;
/// Most pieces of one sparse file.
const PIECES_MAX: usize = 1 << 16;

// Where numbers are in a header.
const MODE: Range<usize> = 100..108;
const UID: Range<usize> = 108..116;
const GID: Range<usize> = 116..124;
const SIZE: Range<usize> = 124..136;

/// One entry, with the fields of its extended headers merged in.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) path: Vec<u8>,
    pub(crate) link: Vec<u8>,
    pub(crate) kind: EntryType,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    /// Seconds since 1970 and nanoseconds.
    pub(crate) mtime: (i64, u32),
    /// Bytes of the file once it is unpacked.
    pub(crate) size: u64,
    /// Major and minor number of a device.
    pub(crate) device: (u32, u32),
    /// Names and values of extended attributes.
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where the data in the archive belongs, for a sparse file: offset and length.
    pub(crate) pieces: Option<Vec<(u64, u64)>>,
    /// Where its data begins in the stream.
    pub(crate) offset: u64,
    /// Bytes of its data in the stream, from there on.
    pub(crate) stored: u64,
}

impl Entry {
    /// Writes the data of a sparse file to where its `pieces` say, and leaves holes between.
    pub(crate) fn write_pieces(
        &self,
        pieces: &[(u64, u64)],
        file: &File,
        data: &mut impl Read,
        buffer: &mut [u8],
    ) -> io::Result<()> {
        file.set_len(self.size)?;
        for (mut offset, mut length) in pieces.iter().copied() {
            while length > 0 {
                let want = buffer.len().min(usize::try_from(length).unwrap_or(usize::MAX));
                let count = data.read(&mut buffer[..want])?;
                if count == 0 {
                    return Err(io::Error::other("its sparse map promises more data than it has"));
                }
                file.write_all_at(&buffer[..count], offset)?;
                offset += count as u64;
                length -= count as u64;
            }
        }
        Ok(())
    }
}

/// Reads entries. Reading from it gives the data of the entry read last.
pub(crate) struct Entries<R> {
    inner: R,
    /// Bytes taken from the stream.
    position: u64,
    /// Data of the current entry not yet read.
    left: u64,
    /// Bytes after that data up to the next header.
    padding: u64,
}

/// What extended headers say about the entry after them.
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: Pax,
}

impl<R: Read> Entries<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self::at(inner, 0)
    }

    /// Begins in the middle of a stream, where an entry begins.
    pub(crate) fn at(inner: R, position: u64) -> Self {
        Self { inner, position, left: 0, padding: 0 }
    }

    /// The next entry; `None` at the end of the archive.
    pub(crate) fn next(&mut self) -> io::Result<Option<Entry>> {
        let mut extensions = Extensions::default();
        loop {
            self.skip(self.left + self.padding)?;
            let Some(header) = self.header()? else { return Ok(None) };
            let kind = header.entry_type();
            let size =
                extensions.pax.size.map_or_else(|| or_blank(&header, SIZE, header.entry_size()), Ok)?;
            match kind {
                EntryType::GNULongName => extensions.path = Some(self.long_name(size)?),
                EntryType::GNULongLink => extensions.link = Some(self.long_name(size)?),
                EntryType::XHeader => extensions.pax = pax::parse(&self.extension(size)?)?,
                EntryType::XGlobalHeader => self.begin(size)?,
                _ => return self.entry(&header, extensions, size).map(Some),
            }
        }
    }

    /// What is left of the stream behind the archive's end.
    pub(crate) fn into_inner(self) -> R {
        self.inner
    }

    fn entry(&mut self, header: &Header, extensions: Extensions, stored: u64) -> io::Result<Entry> {
        let Extensions { path, link, pax } = extensions;
        let mut kind = header.entry_type();
        let path = pax.sparse_name.or(path).or(pax.path).unwrap_or_else(|| header.path_bytes().into_owned());
        // Archives from before POSIX mark a folder only by the slash at its end.
        if kind == EntryType::Regular && path.ends_with(b"/") {
            kind = EntryType::Directory;
        }
        let has_data = matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse);
        self.begin(if has_data { stored } else { 0 })?;
        let mut size = if has_data { stored } else { 0 };
        let mut pieces = None;
        if kind == EntryType::GNUSparse {
            (size, pieces) = self.gnu_pieces(header).map(|(size, pieces)| (size, Some(pieces)))?;
        } else if let Some(real_size) = pax.sparse_size {
            (size, pieces) = (real_size, Some(self.pax_pieces()?));
        }
        check_pieces(pieces.as_deref().unwrap_or(&[]), size)?;
        let header_link = || header.link_name_bytes().map(|link| link.into_owned()).unwrap_or_default();
        Ok(Entry {
            path,
            link: link.or(pax.link).unwrap_or_else(header_link),
            kind,
            mode: or_blank(header, MODE, header.mode())? & 0o7777,
            uid: pax.uid.map_or_else(|| or_blank(header, UID, header.uid()), Ok)?,
            gid: pax.gid.map_or_else(|| or_blank(header, GID, header.gid()), Ok)?,
            mtime: pax.mtime.unwrap_or_else(|| (header.mtime().map_or(0, u64::cast_signed), 0)),
            size,
            device: device(header, kind)?,
            xattrs: pax.xattrs,
            pieces,
            offset: self.position,
            stored: self.left,
        })
    }

    fn begin(&mut self, size: u64) -> io::Result<()> {
        if size > SIZE_MAX {
            return Err(damaged("an entry is longer than any file can be"));
        }
        self.left = size;
        self.padding = size.wrapping_neg() % BLOCK;
        Ok(())
    }

    /// A header whose checksum is right; `None` for the zeros at the end.
    fn header(&mut self) -> io::Result<Option<Header>> {
        let mut header = Header::new_old();
        let bytes = header.as_mut_bytes();
        let mut filled = 0;
        while filled < bytes.len() {
            match self.inner.read(&mut bytes[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) if self.position == 0 => return Err(damaged("it is not an archive")),
                Ok(0) => return Err(truncated()),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.position += BLOCK;
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let own = 148..156;
        let bytes = header.as_bytes().iter().enumerate();
        let sum: u32 = bytes.map(|(at, byte)| if own.contains(&at) { 32 } else { u32::from(*byte) }).sum();
        if header.cksum().ok() != Some(sum) {
            let first = self.position == BLOCK;
            return Err(damaged(if first { "it is not an archive" } else { "a header's checksum is wrong" }));
        }
        Ok(Some(header))
    }

    fn long_name(&mut self, size: u64) -> io::Result<Vec<u8>> {
        let mut name = self.extension(size)?;
        name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
        Ok(name)
    }

    fn extension(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > EXTENSION_MAX {
            return Err(damaged("an extended header is longer than 1 MiB"));
        }
        self.begin(size)?;
        let mut text = Vec::new();
        self.read_to_end(&mut text)?;
        Ok(text)
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        let copied = io::copy(&mut (&mut self.inner).take(count), &mut io::sink())?;
        self.position += copied;
        (self.left, self.padding) = (0, 0);
        if copied == count { Ok(()) } else { Err(truncated()) }
    }

    /// The map of GNU's old sparse format: in the header, then in blocks of its own.
    fn gnu_pieces(&mut self, header: &Header) -> io::Result<(u64, Vec<(u64, u64)>)> {
        let gnu = header.as_gnu().ok_or_else(|| damaged("a sparse file without a GNU header"))?;
        let mut pieces = Vec::new();
        for piece in gnu.sparse.iter().filter(|piece| !piece.is_empty()) {
            pieces.push((piece.offset()?, piece.length()?));
        }
        let mut more = gnu.is_extended();
        while more && pieces.len() < PIECES_MAX {
            let mut block = GnuExtSparseHeader::new();
            self.inner.read_exact(block.as_mut_bytes()).map_err(eof_is_truncation)?;
            self.position += BLOCK;
            for piece in block.sparse.iter().filter(|piece| !piece.is_empty()) {
                pieces.push((piece.offset()?, piece.length()?));
            }
            more = block.is_extended();
        }
        if more { Err(too_many_pieces()) } else { Ok((gnu.real_size()?, pieces)) }
    }

    /// The map of GNU's sparse format 1.0: decimal lines before the data, in whole blocks.
    fn pax_pieces(&mut self) -> io::Result<Vec<(u64, u64)>> {
        let mut block = [0; BLOCK as usize];
        let mut numbers: Vec<u64> = Vec::new();
        let mut number = None;
        while numbers.first().is_none_or(|count| (numbers.len() as u64) <= count.saturating_mul(2)) {
            self.read_exact(&mut block).map_err(eof_is_truncation)?;
            for byte in block {
                match byte {
                    b'0'..=b'9' => {
                        let digits: u64 = number.unwrap_or(0);
                        let next = digits.checked_mul(10).and_then(|n| n.checked_add(u64::from(byte - b'0')));
                        number = Some(next.ok_or_else(|| damaged("a sparse map is damaged"))?);
                    }
                    b'\n' => numbers.push(number.take().ok_or_else(|| damaged("a sparse map is damaged"))?),
                    _ => break,
                }
            }
            if numbers.len() > 2 * PIECES_MAX {
                return Err(too_many_pieces());
            }
        }
        Ok(numbers[1..].chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
    }
}

impl<R: Read> Read for Entries<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if want == 0 {
            return Ok(0);
        }
        let count = self.inner.read(&mut buffer[..want])?;
        if count == 0 {
            return Err(truncated());
        }
        self.left -= count as u64;
        self.position += count as u64;
        Ok(count)
    }
}

/// A number of the header; writers leave out those that mean nothing for an entry.
fn or_blank<T: Default>(header: &Header, at: Range<usize>, parsed: io::Result<T>) -> io::Result<T> {
    let blank = header.as_bytes()[at].iter().all(|byte| matches!(byte, 0 | b' '));
    if blank { Ok(T::default()) } else { parsed }
}

fn device(header: &Header, kind: EntryType) -> io::Result<(u32, u32)> {
    if !matches!(kind, EntryType::Char | EntryType::Block) {
        return Ok((0, 0));
    }
    Ok((header.device_major()?.unwrap_or(0), header.device_minor()?.unwrap_or(0)))
}

/// Pieces come in order, do not overlap and end within the file.
fn check_pieces(pieces: &[(u64, u64)], size: u64) -> io::Result<()> {
    let mut end = 0;
    for (offset, length) in pieces {
        let next = offset.checked_add(*length).filter(|next| *offset >= end && *next <= size);
        end = next.ok_or_else(|| damaged("a sparse map is damaged"))?;
    }
    Ok(())
}

fn truncated() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it ends too early")
}

fn eof_is_truncation(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { truncated() } else { error }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn too_many_pieces() -> io::Error {
    damaged("a sparse file has more than 65536 pieces")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(tar: &[u8]) -> io::Result<Vec<(Entry, Vec<u8>)>> {
        let mut entries = Entries::new(tar);
        let mut list = Vec::new();
        while let Some(entry) = entries.next()? {
            let mut data = Vec::new();
            entries.read_to_end(&mut data)?;
            list.push((entry, data));
        }
        Ok(list)
    }

    fn header(path: &str, size: u64) -> Header {
        let mut header = Header::new_ustar();
        header.set_path(path).unwrap();
        header.set_size(size);
        header.set_mode(0o644);
        header.set_uid(1);
        header.set_gid(2);
        header.set_mtime(3);
        header.set_cksum();
        header
    }

    #[test]
    fn extended_headers_override_the_plain_one_even_with_binary_values() {
        let mut tar = tar::Builder::new(Vec::new());
        let value: &[u8] = b"a\nb=1\n\0\xff";
        let long = "d/".repeat(100) + "name";
        let fields = [
            ("SCHILY.xattr.user.x", value),
            ("path", long.as_bytes()),
            ("uid", b"4294967294"),
            ("mtime", b"-1.25"),
        ];
        tar.append_pax_extensions(fields).unwrap();
        tar.append(&header("short", 4), &b"data"[..]).unwrap();
        tar.append(&header("next", 0), io::empty()).unwrap();
        let list = all(&tar.into_inner().unwrap()).unwrap();
        let (entry, data) = &list[0];
        assert_eq!((entry.path.as_slice(), data.as_slice()), (long.as_bytes(), &b"data"[..]));
        assert_eq!((entry.uid, entry.gid, entry.mtime), (4_294_967_294, 2, (-2, 750_000_000)));
        assert_eq!(entry.xattrs, [(b"user.x".to_vec(), value.to_vec())]);
        assert_eq!((list[1].0.path.as_slice(), list[1].0.uid), (&b"next"[..], 1));
    }

    #[test]
    fn long_gnu_names_and_links_are_read() {
        let mut tar = tar::Builder::new(Vec::new());
        let (name, target) = ("n".repeat(300), "t".repeat(300));
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        tar.append_link(&mut header, &name, &target).unwrap();
        let list = all(&tar.into_inner().unwrap()).unwrap();
        assert_eq!(
            (list[0].0.path.as_slice(), list[0].0.link.as_slice()),
            (name.as_bytes(), target.as_bytes())
        );
    }

    #[test]
    fn a_sparse_map_before_the_data_is_read() {
        let mut tar = tar::Builder::new(Vec::new());
        let fields: [(&str, &[u8]); 4] = [
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.name", b"real"),
            ("GNU.sparse.realsize", b"10000"),
        ];
        tar.append_pax_extensions(fields).unwrap();
        let mut data = b"2\n5000\n3\n10000\n0\n".to_vec();
        data.resize(512, 0);
        data.extend(b"abc");
        tar.append(&header("GNUSparseFile.0/real", data.len() as u64), data.as_slice()).unwrap();
        let list = all(&tar.into_inner().unwrap()).unwrap();
        let (entry, data) = &list[0];
        assert_eq!((entry.path.as_slice(), entry.size, data.as_slice()), (&b"real"[..], 10000, &b"abc"[..]));
        assert_eq!(entry.pieces, Some(vec![(5000, 3), (10000, 0)]));
    }

    #[test]
    fn an_archive_cut_anywhere_is_truncated_or_ends_at_an_entry() {
        let mut tar = tar::Builder::new(Vec::new());
        tar.append(&header("a", 600), &[1; 600][..]).unwrap();
        let tar = tar.into_inner().unwrap();
        assert_eq!(all(&tar[..512]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        for cut in (519..1536).step_by(7) {
            assert_eq!(all(&tar[..cut]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{cut}");
        }
        assert_eq!(all(&tar[..1536]).unwrap().len(), 1);
    }

    #[test]
    fn an_extension_of_many_gigabytes_is_not_read_into_memory() {
        let mut header = header("x", 1 << 33);
        header.set_entry_type(EntryType::XHeader);
        header.set_cksum();
        let endless = Entries::new(io::Read::chain(&header.as_bytes()[..], io::repeat(b' '))).next();
        assert_eq!(endless.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn an_entry_that_claims_more_than_any_file_can_have_is_refused() {
        for kind in [EntryType::Regular, EntryType::XGlobalHeader, EntryType::XHeader] {
            let mut header = header("x", u64::MAX);
            header.set_entry_type(kind);
            header.set_cksum();
            let error = all(header.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{kind:?}");
        }
    }

    proptest! {
        #[test]
        fn any_damage_is_an_error_or_another_archive(flips in proptest::collection::vec((0..2560_usize, any::<u8>()), 1..8)) {
            let mut tar = tar::Builder::new(Vec::new());
            tar.append_pax_extensions([("path", &b"p"[..]), ("size", b"5")]).unwrap();
            tar.append(&header("a", 5), &b"12345"[..]).unwrap();
            let mut tar = tar.into_inner().unwrap();
            for (at, byte) in flips {
                tar[at] = byte;
            }
            let _ = all(&tar);
        }
    }
}
