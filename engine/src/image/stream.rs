//! Streams of archives: told apart by their first bytes, decompressed while they are read.

use super::bounds::{Bounded, Counted, Growth};
use super::layer::unreadable;
use crate::error::{Context, Error, Kind, Result};
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

const BUFFER: usize = 256 << 10;
const BLOCK: usize = 512;
/// Memory that decompressing xz may take, in KiB; its highest level takes an eighth of that.
const XZ_MEMORY: u32 = 512 << 10;

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

/// First bytes that we know, and what they stand for; an `Err` cannot be read.
const MAGIC: &[(&[u8], std::result::Result<Compression, &str>)] = &[
    (&[0x1f, 0x8b], Ok(Compression::Gzip)),
    (&[0x28, 0xb5, 0x2f, 0xfd], Ok(Compression::Zstd)),
    (b"\xfd7zXZ\0", Ok(Compression::Xz)),
    (b"BZh", Ok(Compression::Bzip2)),
    (b"PK\x03\x04", Err("zip")),
];

fn sniff(head: &[u8]) -> Result<Compression> {
    match MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        None => Ok(Compression::None),
        Some((_, Ok(compression))) => Ok(*compression),
        Some((_, Err(name))) => {
            Err(Error::new(Kind::Unsupported, format!("the archive is compressed with {name}"))
                .hint("decompress it first, or use gzip, zstd, xz or bzip2"))
        }
    }
}

/// A stream decompressed, and how it was compressed. It fails when it grows out of proportion, see
/// [`super::bounds`].
pub(crate) fn decompress<'a>(
    from: impl Read + Send + 'a,
) -> Result<(Box<dyn Read + Send + 'a>, Compression)> {
    decompress_bounded(from, Growth::default())
}

fn decompress_bounded<'a>(
    from: impl Read + Send + 'a,
    growth: Growth,
) -> Result<(Box<dyn Read + Send + 'a>, Compression)> {
    let mut from = Counted::new(from);
    let taken = from.count();
    let mut head = Vec::with_capacity(BLOCK);
    (&mut from).take(BLOCK as u64).read_to_end(&mut head).map_err(unreadable)?;
    if head.is_empty() {
        return Err(Error::new(Kind::Corrupt, "the archive is empty"));
    }
    let compression = sniff(&head)?;
    let whole = BufReader::with_capacity(BUFFER, Cursor::new(head).chain(from));
    let stream: Box<dyn Read + Send> = match compression {
        Compression::None => Box::new(whole),
        Compression::Gzip => {
            Box::new(Bounded::new(flate2::bufread::MultiGzDecoder::new(whole), growth, taken))
        }
        Compression::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(whole).map_err(unreadable)?;
            Box::new(Bounded::new(decoder, growth, taken))
        }
        Compression::Xz => {
            let decoder = lzma_rust2::XzReader::new_mem_limit(whole, true, XZ_MEMORY);
            Box::new(Bounded::new(decoder, growth, taken))
        }
        Compression::Bzip2 => {
            Box::new(Bounded::new(bzip2::bufread::MultiBzDecoder::new(whole), growth, taken))
        }
    };
    Ok((stream, compression))
}

/// Opens an archive file.
pub(crate) fn open(path: &Path) -> Result<File> {
    let file = File::open(path).doing(|| format!("open {}", path.display()))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => {
            Err(Error::new(Kind::Unsupported, format!("{} is a folder, not an archive", path.display())))
        }
        _ => Ok(file),
    }
}

/// Part of a file, read without moving its position: several can be read at once.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) file: Arc<File>,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = buffer.len().min(usize::try_from(self.length).unwrap_or(usize::MAX));
        let count = self.file.read_at(&mut buffer[..want], self.offset)?;
        if count == 0 && want > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends too early"));
        }
        self.offset += count as u64;
        self.length -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A text by every means that there is.
    fn compressed(text: &[u8]) -> [(Vec<u8>, Compression); 4] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(text).unwrap();
        let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).unwrap();
        xz.write_all(text).unwrap();
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(text).unwrap();
        [
            (gzip.finish().unwrap(), Compression::Gzip),
            (zstd::encode_all(text, 1).unwrap(), Compression::Zstd),
            (xz.finish().unwrap(), Compression::Xz),
            (bzip2.finish().unwrap(), Compression::Bzip2),
        ]
    }

    #[test]
    fn a_stream_that_grows_out_of_proportion_is_refused_however_it_is_compressed() {
        for (bomb, _) in compressed(&vec![0; 4 << 20]) {
            let read = |free| {
                let growth = Growth { free, factor: 200 };
                let (stream, _) = decompress_bounded(bomb.as_slice(), growth).unwrap();
                io::copy(&mut { stream }, &mut io::sink())
            };
            assert_eq!(read(4 << 20).unwrap(), 4 << 20);
            assert!(read(1 << 20).unwrap_err().to_string().contains("200 times"));
        }
    }

    #[test]
    fn streams_are_told_apart_by_their_first_bytes() {
        let plain = (b"text".to_vec(), Compression::None);
        for (bytes, expected) in compressed(b"text").into_iter().chain([plain]) {
            let (mut stream, compression) = decompress(bytes.as_slice()).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            assert_eq!((text.as_str(), compression), ("text", expected));
        }
        for (bytes, named) in [(&b"PK\x03\x04"[..], "zip"), (b"", "empty")] {
            let error = decompress(bytes).err().unwrap();
            assert!(error.doing.contains(named), "{}", error.doing);
        }
        for (bytes, _) in compressed(b"text") {
            let (mut stream, _) = decompress(&bytes[..bytes.len() - 2]).unwrap();
            assert!(stream.read_to_end(&mut Vec::new()).is_err(), "what is cut off is told");
        }
    }
}
