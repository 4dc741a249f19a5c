//! How much an archive may unpack to. No honest image comes near these bounds; one that was made
//! to fill disks or memory is refused before it does.
//!
//! - a layer has at most 4 million entries, with 1 GiB of paths altogether;
//! - no entry lies more than 512 folders deep;
//! - the files of a layer hold at most 1 TiB, holes included;
//! - what is compressed unpacks to no more than 4 GiB, or 200 times its size.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Folders that an entry may lie in.
const DEPTH_MAX: usize = 512;

/// What is left of what one archive may have.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    entries: u64,
    paths: u64,
    size: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { entries: 4_000_000, paths: 1 << 30, size: 1 << 40 }
    }
}

impl Bounds {
    /// One more entry.
    pub(crate) fn entry(&mut self, path: &[u8]) -> io::Result<()> {
        take(&mut self.entries, 1, "it is one of more than 4 million entries")?;
        take(&mut self.paths, path.len() as u64, "the paths of all entries are longer than 1 GiB")?;
        depth(path)
    }

    /// One more file.
    pub(crate) fn file(&mut self, size: u64) -> io::Result<()> {
        take(&mut self.size, size, "with it the files hold more than 1 TiB")
    }
}

fn take(left: &mut u64, amount: u64, why: &str) -> io::Result<()> {
    *left = left.checked_sub(amount).ok_or_else(|| io::Error::other(why.to_owned()))?;
    Ok(())
}

/// Refuses a path that is too deep; links can make one of short ones.
pub(crate) fn depth(path: &[u8]) -> io::Result<()> {
    match path.iter().filter(|byte| **byte == b'/').count() {
        0..DEPTH_MAX => Ok(()),
        _ => Err(io::Error::other("it lies more than 512 folders deep")),
    }
}

/// How much larger than an archive what it unpacks to may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth {
    /// Bytes that are always allowed.
    pub(crate) free: u64,
    /// Beyond that, so many for one.
    pub(crate) factor: u64,
}

impl Default for Growth {
    fn default() -> Self {
        Self { free: 4 << 30, factor: 200 }
    }
}

/// Counts what is read from an archive.
pub(crate) struct Counted<R> {
    from: R,
    count: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    pub(crate) fn new(from: R) -> Self {
        Self { from, count: Arc::default() }
    }

    pub(crate) fn count(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.count)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// What an archive unpacks to, as long as that stays in proportion.
pub(crate) struct Bounded<R> {
    from: R,
    growth: Growth,
    given: u64,
    /// Bytes of the archive that it was made from.
    taken: Arc<AtomicU64>,
}

impl<R> Bounded<R> {
    pub(crate) fn new(from: R, growth: Growth, taken: Arc<AtomicU64>) -> Self {
        Self { from, growth, given: 0, taken }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.given += count as u64;
        let allowed = self.taken.load(Ordering::Relaxed).saturating_mul(self.growth.factor);
        if self.given > self.growth.free && self.given > allowed {
            let why = format!("it unpacks to more than {} times its size", self.growth.factor);
            return Err(io::Error::other(why));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_the_last_that_is_allowed() {
        let mut bounds = Bounds { entries: 3, paths: 10, size: 10 };
        bounds.entry(b"12345").unwrap();
        bounds.file(10).unwrap();
        bounds.entry(b"12345").unwrap();
        let said = |result: io::Result<()>| result.unwrap_err().to_string();
        assert!(said(bounds.entry(b"1")).contains("paths"));
        assert!(said(bounds.entry(b"")).contains("entries"));
        bounds.file(0).unwrap();
        assert!(said(bounds.file(u64::MAX)).contains("1 TiB"));
        depth(&[b'/'; 511]).unwrap();
        assert!(said(depth(&[b'/'; 512])).contains("deep"));
    }

    #[test]
    fn what_grows_out_of_proportion_is_cut_off() {
        let read = |growth: Growth, archive: u64| {
            let taken = Arc::new(AtomicU64::new(archive));
            let mut text = Vec::new();
            Bounded::new(io::repeat(0).take(100_000), growth, taken).read_to_end(&mut text).map(|_| ())
        };
        read(Growth { free: 100_000, factor: 10 }, 1).unwrap();
        read(Growth { free: 10, factor: 10 }, 10_000).unwrap();
        let error = read(Growth { free: 10, factor: 10 }, 9_999).unwrap_err();
        assert!(error.to_string().contains("10 times"), "{error}");
    }
}
