//! `ADD` of archives.

use super::rig::{THEN, image, listed, must_copy, of, try_copy};
use crate::bench::Bench;
use engine::Kind;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;

/// An archive with these entries: name, type, mode, content or link.
fn archive(entries: &[(&str, u8, u32, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, kind, mode, text) in entries {
        let mut header = tar::Header::new_gnu();
        let bytes = name.as_bytes();
        header.as_old_mut().name[..bytes.len()].copy_from_slice(bytes);
        header.set_entry_type(tar::EntryType::new(*kind));
        header.set_mode(*mode);
        header.set_uid(11);
        header.set_gid(12);
        header.set_mtime(THEN.as_secs());
        let is_link = matches!(kind, b'1' | b'2');
        if is_link {
            header.as_old_mut().linkname[..text.len()].copy_from_slice(text.as_bytes());
        }
        let data: &[u8] = if is_link { &[] } else { text.as_bytes() };
        header.set_size(data.len() as u64);
        header.set_device_major(0).unwrap();
        header.set_device_minor(0).unwrap();
        header.set_cksum();
        tar.append(&header, data).unwrap();
    }
    tar.into_inner().unwrap()
}

pub(super) fn archives(bench: &Bench) {
    let plain = archive(&[
        ("./", b'5', 0o700, ""),
        ("d/", b'5', 0o750, ""),
        ("d/f", b'0', 0o4711, "F"),
        ("d/l", b'2', 0o777, "f"),
        ("h", b'1', 0o644, "d/f"),
        ("p", b'6', 0o644, ""),
        ("a", b'0', 0o600, "new"),
        (".wh.x", b'0', 0o644, "W"),
    ]);
    let folder = bench.folder("archives");
    fs::write(folder.join("x.tar"), &plain).unwrap();
    fs::write(folder.join("no.tar"), "no archive").unwrap();
    fs::write(folder.join("empty.tar.gz"), "").unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    fs::write(folder.join("x.tar.gz"), gzip.finish().unwrap()).unwrap();
    fs::write(folder.join("x.tar.zst"), zstd::encode_all(&*plain, 1).unwrap()).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&plain).unwrap();
    fs::write(folder.join("x.tar.bz2"), bzip2.finish().unwrap()).unwrap();
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(6)).unwrap();
    xz.write_all(&plain).unwrap();
    fs::write(folder.join("x.tar.xz"), xz.finish().unwrap()).unwrap();
    fs::write(folder.join("x.zip"), "PK\u{3}\u{4}zip").unwrap();
    let expected = |top: &str, owner: &str| {
        let lines = [
            ".wh.x 644 O =W",
            "a 600 O =new",
            "d/ 750 O",
            "d/f 4711 O =F",
            "d/l -> f O",
            "h 4711 O =F",
            "p special",
        ];
        lines.map(|line| format!("{top}{}", line.replace('O', owner)))
    };
    let added = |line: &str| {
        let snapshot = bench.snapshot_over(vec![image(bench)]);
        must_copy(&of(&folder), &snapshot, line);
        snapshot.upper
    };
    for name in ["x.tar", "x.tar.gz", "x.tar.zst", "x.tar.xz", "x.tar.bz2"] {
        let upper = added(&format!("ADD {name} /n"));
        let lines = listed(&upper);
        assert_eq!((&*lines[0], &lines[1..]), ("n/ 755 0:0", &expected("n/", "11:12")[..]), "{name}");
        let stat = |path: &str| upper.join("n").join(path).symlink_metadata().unwrap();
        assert_eq!(
            (stat("d").mtime(), stat("d/f").mtime(), stat("d/l").mtime()),
            (1_000_000_000, 1_000_000_000, 1_000_000_000)
        );
        assert_eq!(stat("h").ino(), stat("d/f").ino());
    }
    let lines = listed(&added("ADD --chown=7 x.tar.gz /todata/n/"));
    assert_eq!(
        (&*lines[0], &*lines[1], &lines[2..]),
        ("data/ 700 7:8", "data/n/ 755 7:7", &expected("data/n/", "7:7")[..])
    );
    // Over a file, through a link of the image, and not at all.
    assert!(listed(&added("ADD x.tar /data")).contains(&"data/a 600 11:12 =new".to_owned()));
    assert_eq!(
        listed(&added("ADD no.tar empty.tar.gz x.zip /n/"))[..3],
        ["n/ 755 0:0", "n/empty.tar.gz 644 0:0 =", "n/no.tar 644 0:0 =no archive"]
    );
    for line in ["COPY x.tar /n", "ADD --unpack=false x.tar /n"] {
        let upper = added(line);
        assert_eq!(fs::read(upper.join("n")).unwrap(), plain, "{line}");
    }
}

pub(super) fn hostile(bench: &Bench) {
    let folder = bench.folder("hostile");
    let outside = bench.folder("outside");
    let out = outside.to_str().unwrap();
    let added = |entries: &[(&str, u8, u32, &str)]| {
        fs::write(folder.join("x.tar"), archive(entries)).unwrap();
        let snapshot = bench.snapshot_over(vec![image(bench)]);
        try_copy(&of(&folder), &snapshot, "ADD x.tar /n").map(|_| listed(&snapshot.upper))
    };
    assert!(added(&[("../../x", b'0', 0o644, "")]).is_err());
    assert!(added(&[("h", b'1', 0o644, "../../etc/passwd")]).is_err());
    assert!(added(&[("null", b'3', 0o644, "")]).is_err(), "device 0:0 deletes");
    let lines = added(&[("l", b'2', 0o777, out), ("l/x", b'0', 0o644, "X")]).unwrap();
    assert!(lines.iter().any(|line| line.ends_with("/outside/x 644 11:12 =X")), "{lines:?}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    let lines = added(&[("/etc/x", b'0', 0o644, "X")]).unwrap();
    assert_eq!(lines, ["n/ 755 0:0", "n/etc/ 755 0:0", "n/etc/x 644 11:12 =X"]);
    let mut cut = archive(&[("f", b'0', 0o644, "text")]);
    cut.truncate(514);
    fs::write(folder.join("x.tar"), cut).unwrap();
    let snapshot = bench.snapshot();
    assert_eq!(try_copy(&of(&folder), &snapshot, "ADD x.tar /n").unwrap_err().kind, Kind::Corrupt);
}
