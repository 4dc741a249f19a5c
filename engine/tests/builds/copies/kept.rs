//! What of a file comes along: times, holes, links, attributes and owners.

use super::rig::{THEN, image, listed, must_copy, of, try_copy};
use crate::bench::Bench;
use engine::Kind;
use engine::build::snapshot::Files;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;
use std::time::SystemTime;

pub(super) fn kept(bench: &Bench) {
    let folder = bench.folder("kept");
    fs::create_dir(folder.join("d")).unwrap();
    fs::write(folder.join("d/one"), "1").unwrap();
    fs::hard_link(folder.join("d/one"), folder.join("d/two")).unwrap();
    fs::hard_link(folder.join("d/one"), folder.join("three")).unwrap();
    let sparse = File::create(folder.join("sparse")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"middle", 1 << 39).unwrap();
    rustix::fs::setxattr(folder.join("d/one"), c"user.note", b"kept", rustix::fs::XattrFlags::empty())
        .unwrap();
    for path in ["d/one", "sparse", "d"] {
        File::open(folder.join(path)).unwrap().set_modified(SystemTime::UNIX_EPOCH + THEN).unwrap();
    }
    for link in ["", "--link "] {
        let snapshot = bench.snapshot();
        must_copy(&of(&folder), &snapshot, &format!("COPY {link}. /n"));
        let stat = |path: &str| snapshot.upper.join("n").join(path).symlink_metadata().unwrap();
        assert_eq!(
            (stat("d/one").mtime(), stat("sparse").mtime(), stat("d").mtime()),
            (1_000_000_000, 1_000_000_000, 1_000_000_000)
        );
        assert_eq!((stat("d/one").ino(), stat("d/one").nlink()), (stat("d/two").ino(), 3));
        assert_eq!(stat("three").ino(), stat("d/one").ino());
        assert_eq!(stat("sparse").len(), 1 << 40);
        assert!(stat("sparse").blocks() < 100, "holes stay holes");
        let mut note = [0; 8];
        let length = rustix::fs::getxattr(snapshot.upper.join("n/d/two"), c"user.note", &mut note).unwrap();
        assert_eq!(&note[..length], b"kept");
        let mut middle = [0; 6];
        let copy = File::open(snapshot.upper.join("n/sparse")).unwrap();
        std::os::unix::fs::FileExt::read_exact_at(&copy, &mut middle, 1 << 39).unwrap();
        assert_eq!(&middle, b"middle");
    }
    let snapshot = bench.snapshot();
    must_copy(&of(&folder), &snapshot, "COPY --epoch=5 . <<f /n/m/");
    for path in ["n", "n/m", "n/m/d", "n/m/d/one", "n/m/sparse", "n/m/f"] {
        assert_eq!(snapshot.upper.join(path).metadata().unwrap().mtime(), 5, "{path}");
    }
}

pub(super) fn from_image(bench: &Bench) {
    let image = image(bench);
    let higher = bench.folder("higher");
    fs::create_dir(higher.join("data")).unwrap();
    fs::set_permissions(higher.join("data"), Permissions::from_mode(0o751)).unwrap();
    fs::write(higher.join("data/new"), "N").unwrap();
    chown(higher.join("data/new"), Some(5), Some(6)).unwrap();
    let deleted = |path: PathBuf| {
        let kind = rustix::fs::FileType::CharacterDevice;
        rustix::fs::mknodat(rustix::fs::CWD, path, kind, rustix::fs::Mode::empty(), 0).unwrap();
    };
    deleted(higher.join("data/a"));
    let both = Files::Layers(vec![image.clone(), higher.clone()]);
    let snapshot = bench.snapshot_over(Vec::new());
    must_copy(&both, &snapshot, "COPY data /n");
    assert_eq!(listed(&snapshot.upper), ["n/ 755 0:0", "n/new 644 5:6 =N", "n/old/ 755 0:0"]);
    // A single layer deletes by itself.
    let snapshot = bench.snapshot_over(Vec::new());
    must_copy(&Files::Layers(vec![higher.clone()]), &snapshot, "COPY data todata* /n/");
    assert_eq!(listed(&snapshot.upper), ["n/ 755 0:0", "n/new 644 5:6 =N"]);
    let error = try_copy(&Files::Layers(vec![higher]), &snapshot, "COPY data/a /x").unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    let snapshot = bench.snapshot_over(Vec::new());
    must_copy(&both, &snapshot, "COPY --chown=9 todata/new lib/. /n/");
    assert_eq!(listed(&snapshot.upper), ["n/ 755 9:9", "n/new 644 9:9 =N"]);
    let error = try_copy(&Files::Layers(Vec::new()), &snapshot, "COPY a /x").unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    // Its own device that deletes never comes along.
    let snapshot = bench.snapshot_over(Vec::new());
    let marked = bench.folder("marked");
    deleted(marked.join("gone"));
    must_copy(&of(&marked), &snapshot, "COPY . /");
    assert!(listed(&snapshot.upper).is_empty());
}
