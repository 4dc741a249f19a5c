//! Any bytes as the tar of a layer: unpacking neither panics nor writes beside its folder, and
//! what was unpacked is packed to the same bytes again.
//!
//! Checksums of headers are set right before, or mutations would seldom get past them. Without
//! root, device nodes and owners fail, and less is reached.
#![no_main]

use engine::image::bare;
use std::fs;
use std::path::{Path, PathBuf};

const BLOCK: usize = 512;
/// Where a header has its checksum and its size.
const CHECKSUM: std::ops::Range<usize> = 148..156;
const SIZE: std::ops::Range<usize> = 124..136;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let bed = Bed::new();
    let mut tar = data.to_vec();
    checksums(&mut tar);
    let (folder, frame) = (bed.folder("layer"), bed.folder("frame"));
    let beside = bed.names();
    if bare::unpack(tar.as_slice(), &folder, &frame).is_ok() {
        let mut again = Vec::new();
        bare::pack(&folder, &frame, &mut again).expect("what was unpacked is packed again");
        assert!(again == tar, "it was packed to other bytes");
    }
    assert_eq!(bed.names(), beside);
    assert_eq!(fs::read(bed.root.join("canary")).expect("read the canary"), b"alive");
});

/// A folder of this process, empty for each archive.
struct Bed {
    root: PathBuf,
}

impl Bed {
    fn new() -> Self {
        let root = std::env::temp_dir().join(format!("layer-{}", std::process::id()));
        remove(&root);
        fs::create_dir(&root).expect("make a folder");
        fs::write(root.join("canary"), "alive").expect("write a file");
        Self { root }
    }

    fn folder(&self, name: &str) -> PathBuf {
        let path = self.root.join(name);
        fs::create_dir(&path).expect("make a folder");
        path
    }

    fn names(&self) -> usize {
        fs::read_dir(&self.root).expect("look into the folder").count()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        remove(&self.root);
    }
}

fn remove(path: &Path) {
    engine::tree::remove(path).expect("remove a folder");
}

/// Gives each header its checksum, as far as headers can be told from content.
fn checksums(tar: &mut [u8]) {
    let mut at = 0;
    while let Some(header) = tar.get_mut(at..at + BLOCK).filter(|header| header.iter().any(|byte| *byte != 0))
    {
        header[CHECKSUM].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let digits = header[SIZE].iter().take_while(|byte| (b'0'..b'8').contains(*byte));
        let size = digits.fold(0_usize, |size, digit| size.wrapping_mul(8) + usize::from(digit - b'0'));
        at = at.saturating_add(BLOCK).saturating_add(size.saturating_add(BLOCK - 1) / BLOCK * BLOCK);
        at = at.min(tar.len());
    }
}
