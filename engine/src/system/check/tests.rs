//! Each kind of damage, made by hand: it is told, and mended without touching what is used.

use super::*;
use crate::container::process::Process;
use crate::container::{ContainerRecord, record};
use crate::image::fixture::{self, Oci, Tar, described};
use crate::image::{ArchiveFormat, Images, Input, digest};
use crate::store;
use crate::tree;
use jiff::Timestamp;
use nix::sched::{CloneFlags, unshare};
use planner::desired::{MountKind, MountSpec};
use planner::{ContainerId, ContainerSpec};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

struct Bed {
    images: Images,
    id: String,
    layer: String,
    container: ContainerId,
}

/// A store with one image of one layer and a manifest, and with a container when it is `used`.
fn bed(used: bool) -> Option<Bed> {
    let images = fixture::images()?;
    // To mend the record of a network is to make it again, which nobody else is to see.
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    let tar = Tar::new().file("file", "text").finish();
    let mut oci = Oci::new();
    let names = json!({ "io.containerd.image.name": "docker.io/library/web:1" });
    let manifest = described(oci.image(std::slice::from_ref(&tar)), "annotations", names);
    let archive = oci.finish(&[manifest]);
    let id = images.load(Input::Stream(&mut archive.as_slice())).unwrap()[0].id.clone();
    let bed = Bed { images, id, layer: digest::of(&tar), container: "s.a.1.1".parse().unwrap() };
    if used {
        bed.make_container();
    }
    assert_eq!(told(&bed, false), [""; 0], "a sound store");
    Some(bed)
}

impl Bed {
    fn store(&self) -> &Store {
        &self.images.store
    }

    fn make_container(&self) {
        let record = ContainerRecord {
            mounted: Default::default(),
            spec: ContainerSpec { image: "web:1".into(), ..ContainerSpec::default() },
            image_id: self.id.clone(),
            layers: vec![self.images.layer(&self.layer)],
            process: Process::unknown(&self.container),
            created_at: Timestamp::UNIX_EPOCH,
        };
        fs::create_dir_all(self.store().upper(&self.container)).unwrap();
        self.write_record(&record);
    }

    fn write_record(&self, record: &ContainerRecord) {
        store::write(&self.store().container_record(&self.container), record).unwrap();
    }

    fn manifest(&self) -> String {
        self.images.index().unwrap().images[&self.id].manifest.clone().unwrap()
    }

    fn change_layer(&self) {
        fs::write(self.images.layer(&self.layer).join("file"), "next").unwrap();
    }
}

/// What is found, a line each, with `+` before what is mended.
fn told(bed: &Bed, repair: bool) -> Vec<String> {
    let findings = check(bed.store(), repair).unwrap();
    let line = |finding: &Finding| match &finding.outcome {
        Outcome::Mended => format!("+ {}", finding.what),
        Outcome::Told(_) => format!("- {} => {}", finding.what, finding.remedy),
        Outcome::Failed(error) => panic!("{}: {error:?}", finding.what),
    };
    findings.iter().map(line).collect()
}

fn put(path: impl AsRef<Path>, text: &str) {
    fs::create_dir_all(path.as_ref().parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

type Case = (fn(&Bed), bool, &'static str);

/// Damage, whether a container uses the image, and what is told; `+` is mended.
const CASES: &[Case] = &[
    (|bed| put(bed.images.root().join("index.json"), "{"), false, "+ the index of images is damaged"),
    (|bed| put(bed.images.root().join("index.json"), ""), true, "+ the index of images is damaged"),
    (
        |bed| bed.images.change(|index| drop(index.tags.insert("a:1".into(), "sha256:0".into()))).unwrap(),
        false,
        "+ a:1 names image sha256:0",
    ),
    (|bed| put(bed.images.blob(&bed.id), "{}"), false, "+ the config of image web:1 is damaged"),
    (|bed| put(bed.images.blob(&bed.id), "{}"), true, "- the config of image web:1 is damaged"),
    (
        |bed| fs::remove_file(bed.images.blob(&bed.id)).unwrap(),
        false,
        "+ the config of image web:1 is missing",
    ),
    (|bed| put(bed.images.blob(&bed.manifest()), ""), true, "+ a manifest of image web:1 is damaged"),
    (
        |bed| fs::remove_file(bed.images.blob(&bed.manifest())).unwrap(),
        true,
        "+ a manifest of image web:1 is missing",
    ),
    (|bed| put(bed.images.blobs().join("0".repeat(64)), "x"), true, "+ a blob belongs to no image"),
    (Bed::change_layer, false, "of image web:1 is damaged"),
    (Bed::change_layer, true, "of image web:1 is damaged => remove container s-a-1"),
    (|bed| tree::remove(&bed.images.layer(&bed.layer)).unwrap(), false, "of image web:1 is missing"),
    (
        |bed| tree::remove(&bed.images.layer(&bed.layer)).unwrap(),
        true,
        "of image web:1 is missing => pull or load",
    ),
    (
        |bed| tree::remove(&bed.images.frame(&bed.layer)).unwrap(),
        true,
        "without what it takes to make its archive",
    ),
    (
        |bed| fs::create_dir(bed.images.frames().join("0".repeat(64))).unwrap(),
        true,
        "which no image has, is missing",
    ),
    (
        |bed| fs::create_dir(bed.images.layers().join("0".repeat(64))).unwrap(),
        true,
        "which no image has, is without",
    ),
    (|bed| put(bed.images.root().join("tmp/7/half"), "x"), true, "+ interrupted work left a folder"),
    (|bed| put(bed.images.root().join("kept/x"), "x"), true, "+ a record of layers to keep is damaged"),
    (
        |bed| put(bed.store().container_record(&bed.container), "{"),
        true,
        "- the record of container s-a-1 is damaged",
    ),
    (
        |bed| fs::remove_file(bed.store().container_record(&bed.container)).unwrap(),
        true,
        "- the record of container s-a-1 is missing",
    ),
    (
        |bed| bed.images.change(|index| *index = Default::default()).unwrap(),
        true,
        "+ the image of container s-a-1 is not in the index",
    ),
    (
        |bed| fs::remove_dir(bed.store().upper(&bed.container)).unwrap(),
        true,
        "- container s-a-1 has lost its files",
    ),
    (
        |bed| {
            let mut record = record::read(bed.store(), &bed.container).unwrap();
            let kind = MountKind::whole_volume("v");
            record.spec.mounts.push(MountSpec { target: "/v".into(), read_only: false, kind });
            bed.write_record(&record);
        },
        true,
        "- volume v of container s-a-1 is missing",
    ),
    (
        |bed| put(bed.store().containers().join(".new-s.b.1.1/x"), ""),
        true,
        "+ an interrupted command left half of container s-b-1",
    ),
    (
        |bed| put(bed.store().runtime().join("containers/s.b.1.1/state.json"), ""),
        true,
        "+ container s-b-1 is gone but not all of it",
    ),
    (|bed| put(bed.store().network("s_default"), "{"), true, "+ the record of network s_default is damaged"),
    (|bed| put(bed.store().network("else"), "{"), true, "- the record of network else is damaged"),
    (|bed| put(bed.store().leases("n").join("10.0.0.2=s.b.1.1"), ""), true, "+ an address is kept"),
    (
        |bed| put(bed.store().volumes().join(".removed-v/data/x"), ""),
        true,
        "+ an interrupted command left half of a volume",
    ),
    (|bed| put(bed.store().volume_record("v"), "{"), true, "- the record of volume v is damaged"),
    (|bed| put(bed.store().volume_data("v").join("x"), ""), true, "- the record of volume v is missing"),
    (|bed| put(bed.store().stack("t"), "{"), true, "+ the record of stack t is damaged"),
    (|bed| put(bed.store().stack("s"), "{"), true, "- the record of stack s is damaged"),
    (
        |bed| put(bed.store().stacks().join("t.json.tmp"), "{"),
        true,
        "+ an interrupted command left half of a record",
    ),
    (
        |bed| put(bed.store().build().join("steps/x.json"), "{"),
        true,
        "+ a record of the build cache is damaged",
    ),
];

#[test]
fn each_kind_of_damage_is_told_and_mended_without_touching_what_is_used() {
    for (number, (damage, used, says)) in CASES.iter().enumerate() {
        let Some(bed) = bed(*used) else { return };
        damage(&bed);
        let before = told(&bed, false);
        let wanted = says.trim_start_matches(['+', '-']);
        assert!(before.len() == 1 && before[0].contains(wanted), "{number} {says}: {before:#?}");
        let has_layer = bed.images.layer(&bed.layer).is_dir();
        let repaired = told(&bed, true);
        assert!(repaired.len() == 1 && repaired[0].contains(says), "{number} {says}: {repaired:#?}");
        let is_mended = repaired[0].starts_with('+');
        let after = told(&bed, false);
        assert_eq!(after, if is_mended { Vec::new() } else { before }, "{number} {says}");
        assert!(
            !used || bed.images.layer(&bed.layer).is_dir() == has_layer,
            "{number} {says}: used, and gone"
        );
    }
}

#[test]
fn what_was_damaged_is_whole_when_it_is_loaded_again() {
    let Some(bed) = bed(true) else { return };
    let archive = fixture::docker_archive(&["web:1"], &[Tar::new().file("file", "text").finish()]);
    let load = || bed.images.load(Input::Stream(&mut archive.as_slice())).unwrap()[0].id.clone();
    assert_eq!(load(), bed.id);
    put(bed.images.blob(&bed.id), "{}");
    tree::remove(&bed.images.frame(&bed.layer)).unwrap();
    assert_eq!(told(&bed, true).len(), 2);
    load();
    tree::remove(&bed.images.layer(&bed.layer)).unwrap();
    load();
    assert_eq!(told(&bed, false), [""; 0]);
}

/// Every file of a folder, with its length.
fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| match path.symlink_metadata().unwrap() {
        metadata if metadata.is_dir() => files(&path),
        metadata => vec![(path, metadata.len())],
    };
    entries.flat_map(below).collect()
}

#[test]
fn a_file_of_the_store_that_was_cut_short_is_told_and_not_passed_off_as_whole() {
    let Some(bed) = bed(false) else { return };
    bed.images.remove("web:1", &|_| None).unwrap();
    let content = "some text that is long enough\n".repeat(9);
    let tar = Tar::new().files(&[("a", "lost to a later one"), ("a", "kept"), ("d/e", &content)]).finish();
    let archive = fixture::docker_archive(&["web:1"], &[tar]);
    let load = || drop(bed.images.load(Input::Stream(&mut archive.as_slice())).unwrap());
    let saved = || {
        let mut to = Vec::new();
        let saved = bed.images.save(&["web:1".to_owned()], ArchiveFormat::Docker, &mut to);
        saved.map(|()| to)
    };
    load();
    let (whole, mut cuts) = (saved().unwrap(), 0);
    let all = files(&bed.images.root());
    let held =
        all.iter().filter(|(path, length)| *length > 0 && !path.starts_with(bed.images.root().join("tmp")));
    let cut: [fn(u64) -> u64; 4] =
        [|_| 0, |length| length.min(2) - 1, |length| length / 2, |length| length - 1];
    for (path, _) in held {
        for cut in cut {
            // Written anew a file may be longer or shorter: there are times in it.
            let length = path.metadata().unwrap().len();
            let left = cut(length);
            fs::File::options().write(true).open(path).unwrap().set_len(left).unwrap();
            let place = format!("{} of {length} bytes of {}", left, path.display());
            assert_ne!(told(&bed, false), [""; 0], "{place}");
            assert!(saved().is_err(), "{place}");
            told(&bed, true);
            load();
            assert_eq!(told(&bed, false), [""; 0], "{place}");
            assert!(saved().unwrap() == whole, "{place}");
            cuts += 1;
        }
    }
    // The index, the config, the frame and what it keeps, two files of the layer.
    assert!(cuts >= 6 * 3, "{cuts} cuts of {all:?}");
}
