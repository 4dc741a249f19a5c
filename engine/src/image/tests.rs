//! The image store as its users see it: archives in, images out.

use super::catalog::Index;
use super::fixture::{Oci, Tar, config, described, docker_archive, gzip, images, zstd};
use super::*;
use crate::error::Kind;
use serde_json::json;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

fn load(images: &Images, mut archive: &[u8]) -> Result<Vec<Loaded>> {
    images.load(Input::Stream(&mut archive))
}

fn layer(name: &str, text: &str) -> Vec<u8> {
    Tar::new().folder("./").file(name, text).finish()
}

fn names(folder: PathBuf) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Nothing is left of what was refused or is done.
fn is_tidy(images: &Images) -> bool {
    let index = images.index().unwrap();
    names(images.root().join("tmp")).is_empty()
        && names(images.root().join("layers")).len() == index.layers.len()
}

fn unused(_: &str) -> Option<String> {
    None
}

#[test]
fn a_docker_archive_loads_however_it_is_compressed_and_read() {
    let Some(images) = images() else { return };
    let plain = docker_archive(&["web:1", "reg:5000/web"], &[layer("a", "1"), layer("b", "22")]);
    let path = images.root().join("archive");
    for bytes in [plain.clone(), gzip(&plain), zstd(&plain)] {
        fs::write(&path, &bytes).unwrap();
        for by_path in [true, false] {
            let loaded = if by_path { images.load(Input::Path(&path)) } else { load(&images, &bytes) };
            let loaded = loaded.unwrap();
            assert_eq!(loaded[0].references, ["web:1", "reg:5000/web:latest"]);
            let image = images.resolve("docker.io/library/web:1").unwrap().unwrap();
            assert_eq!((&image.id, image.size, image.references.len()), (&loaded[0].id, 3, 2));
            assert_eq!(fs::read_to_string(image.layers[0].join("a")).unwrap(), "1");
            assert_eq!(fs::read_to_string(image.layers[1].join("b")).unwrap(), "22");
            assert_eq!(image.config.cmd, ["sh"]);
            assert!(is_tidy(&images));
            images.remove("web:1", &unused).unwrap();
            images.remove("reg:5000/web", &unused).unwrap();
            assert_eq!(names(images.root().join("layers")), [""; 0]);
        }
    }
}

#[test]
fn a_damaged_index_has_lost_names_and_nothing_else() {
    let Some(images) = images() else { return };
    let base = layer("base", "x");
    load(&images, &docker_archive(&["a"], &[base.clone(), layer("a", "1")])).unwrap();
    load(&images, &docker_archive(&["b"], &[base, layer("b", "1")])).unwrap();
    let whole = images.index().unwrap();
    fs::write(images.root().join("index.json"), "{\"vers").unwrap();
    fs::write(images.root().join("blobs/sha256/stray"), "{}").unwrap();
    let (made, _) = (images.index().unwrap(), images.resolve("a").unwrap_err());
    assert_eq!((made.tags.len(), &made.layers), (0, &whole.layers));
    let facts = |index: &Index| -> Vec<_> {
        let held = index.images.iter();
        held.map(|(id, held)| (id.clone(), held.layers.clone(), held.manifest.clone())).collect()
    };
    assert_eq!(facts(&made), facts(&whole));
    let id = whole.tags["docker.io/library/a:latest"].clone();
    images.tag(&id, "a").unwrap();
    assert_eq!(images.resolve("a").unwrap().unwrap().id, id);
    assert_eq!(images.resolve("b").unwrap().map(|image| image.id), None);
    fs::remove_dir_all(images.root().join("layers")).unwrap();
    fs::write(images.root().join("index.json"), "").unwrap();
    assert!(images.index().unwrap().images.is_empty(), "none is whole");
}

#[test]
fn images_share_the_layers_they_have_in_common() {
    let Some(images) = images() else { return };
    let base = layer("base", "x");
    load(&images, &docker_archive(&["a"], &[base.clone(), layer("a", "1")])).unwrap();
    load(&images, &docker_archive(&["b"], &[base, layer("b", "1")])).unwrap();
    assert_eq!(names(images.root().join("layers")).len(), 3);
    let (a, b) = (images.resolve("a").unwrap().unwrap(), images.resolve("b").unwrap().unwrap());
    assert_eq!(a.layers[0], b.layers[0]);
    assert_eq!(
        images.remove("a", &unused).unwrap(),
        [Removed::Untagged("a:latest".into()), Removed::Deleted(a.id)]
    );
    assert_eq!(names(images.root().join("layers")).len(), 2);
    assert!(b.layers[0].join("base").exists());
}

#[test]
fn an_oci_layout_gives_the_image_for_this_machine() {
    let Some(images) = images() else { return };
    let mut oci = Oci::new();
    let platform =
        |image, os: &str, arch: &str| described(image, "platform", json!({ "os": os, "architecture": arch }));
    let other = platform(oci.image(&[layer("other", "")]), "linux", "s390x");
    let ours = platform(oci.image(&[layer("ours", "1")]), "linux", platform::ARCHITECTURE);
    let attestation = platform(oci.image(&[layer("attestation", "")]), "unknown", "unknown");
    let manifest = ours["digest"].as_str().unwrap().to_owned();
    let index = oci.index(&[other, attestation, ours]);
    let name = json!({ "io.containerd.image.name": "docker.io/library/web:2", "org.opencontainers.image.ref.name": "2" });
    let loaded = load(&images, &oci.finish(&[described(index, "annotations", name)])).unwrap();
    assert_eq!(loaded[0].references, ["web:2"]);
    let image = images.resolve(&format!("web@{manifest}")).unwrap().unwrap();
    assert!(image.layers[0].join("ours").exists());
    assert_eq!(names(images.root().join("layers")).len(), 1);
    let told = images.inspect("web:2").unwrap();
    assert_eq!(told["RepoDigests"], json!([format!("web@{manifest}")]));
    assert_eq!((&told["Author"], &told["Config"]["Env"]), (&json!("me"), &json!(["A=1"])));
    assert!(images.blob(&manifest).exists());
}

#[test]
fn what_is_wrong_with_an_archive_is_said_and_nothing_is_left() {
    let Some(images) = images() else { return };
    let good = docker_archive(&["web"], &[layer("a", "1")]);
    let mut other_platform = Oci::new();
    let image = other_platform.image(&[layer("a", "")]);
    let image = described(image, "platform", json!({ "os": "linux", "architecture": "s390x" }));
    let index = other_platform.index(&[image]);
    let mut wrong_blob = Oci::new();
    wrong_blob.named(&super::digest::of(b"real"), b"fake");
    let fake = json!({ "digest": super::digest::of(b"real") });
    let mut traversal = Oci::new();
    let escaping = json!({ "digest": "sha256:../../etc/passwd" });
    traversal.named("", b"");
    let mut chart = Oci::new();
    let helm = chart.blob("application/vnd.cncf.helm.config.v1+json", b"{}");
    let helm = json!({ "config": helm, "layers": [] });
    let helm = chart.blob("", &serde_json::to_vec(&helm).unwrap());
    let cases: Vec<(Vec<u8>, Kind, &str)> = vec![
        (Vec::new(), Kind::Corrupt, "empty"),
        (b"<html>".repeat(200), Kind::Corrupt, "damaged"),
        (b"hello".to_vec(), Kind::Corrupt, "damaged"),
        (good[..good.len() / 2 - 100].to_vec(), Kind::Corrupt, "truncated"),
        (gzip(&good)[..200].to_vec(), Kind::Corrupt, "truncated"),
        (zstd(&good)[..200].to_vec(), Kind::Corrupt, "truncated"),
        (b"PK\x03\x04".to_vec(), Kind::Unsupported, "zip"),
        (layer("etc/passwd", ""), Kind::Unsupported, "neither"),
        (Tar::new().file("manifest.json", "[]").finish(), Kind::NotFound, "no images"),
        (Tar::new().file("manifest.json", "{").finish(), Kind::Corrupt, "manifest.json"),
        (Tar::new().file("manifest.json", r#"[{"Config":"c"}]"#).finish(), Kind::Corrupt, "lacks `c`"),
        (Tar::new().file("manifest.json", r#"[{"Config":"../c"}]"#).finish(), Kind::Corrupt, "lacks `../c`"),
        (other_platform.finish(&[index]), Kind::NotFound, "no image for linux/"),
        (wrong_blob.finish(&[fake]), Kind::Corrupt, "digest"),
        (traversal.finish(&[escaping]), Kind::Unsupported, "SHA-256"),
        (chart.finish(&[helm]), Kind::Unsupported, "helm"),
    ];
    for (archive, kind, said) in cases {
        let error = load(&images, &archive).unwrap_err();
        assert_eq!(error.kind, kind, "{said}: {error:?}");
        assert!(error.doing.contains(said), "{said}: {error:?}");
        assert!(is_tidy(&images), "{said}");
    }
    assert_eq!(images.list().unwrap(), []);
}

#[test]
fn a_layer_that_is_not_what_the_config_says_is_refused() {
    let Some(images) = images() else { return };
    let (real, fake) = (layer("a", "real"), layer("a", "fake"));
    let config = config(std::slice::from_ref(&real));
    let manifest = r#"[{"Config":"c.json","RepoTags":["web"],"Layers":["l.tar"]}]"#;
    let archive =
        Tar::new().data("c.json", &config).data("l.tar", &gzip(&fake)).file("manifest.json", manifest);
    let error = load(&images, &archive.finish()).unwrap_err();
    assert_eq!(error.kind, Kind::Corrupt);
    assert!(error.doing.contains("l.tar") && error.evidence.len() == 2, "{error:?}");
    assert!(is_tidy(&images) && images.resolve("web").unwrap().is_none());

    let malicious = docker_archive(&["web"], &[Tar::new().file("../x", "").finish()]);
    let error = load(&images, &malicious).unwrap_err();
    assert!(error.doing.contains("`../x`"), "{error:?}");
    assert!(is_tidy(&images));
}

#[test]
fn what_an_interrupted_load_left_is_removed_by_the_next_one() {
    let Some(images) = images() else { return };
    for (number, with_lock) in [(0, true), (1, false)] {
        let left = images.root().join(format!("tmp/{number}"));
        fs::create_dir_all(left.join("layer-abc/sub")).unwrap();
        if with_lock {
            fs::write(left.join("lock"), "").unwrap();
        }
    }
    let working = images.root().join("tmp/7");
    fs::create_dir(&working).unwrap();
    let lock = fs::File::create(working.join("lock")).unwrap();
    lock.lock().unwrap();
    // A layer that was moved into its place, but the index was not written any more.
    let archive = docker_archive(&["web"], &[layer("a", "1")]);
    load(&images, &archive).unwrap();
    fs::remove_file(images.root().join("index.json")).unwrap();
    load(&images, &archive).unwrap();
    assert_eq!(names(images.root().join("tmp")), ["7"]);
    assert_eq!(images.resolve("web").unwrap().unwrap().size, 1);
}

#[test]
fn several_loads_of_one_image_at_once_all_succeed() {
    let Some(images) = images() else { return };
    let layers: Vec<_> = (0..6).map(|number| layer("file", &number.to_string())).collect();
    let archive = docker_archive(&["web"], &layers);
    std::thread::scope(|scope| {
        let loads: Vec<_> = (0..6).map(|_| scope.spawn(|| load(&images, &archive))).collect();
        for load in loads {
            assert_eq!(load.join().unwrap().unwrap()[0].references, ["web:latest"]);
        }
    });
    assert!(is_tidy(&images));
    assert_eq!(images.resolve("web").unwrap().unwrap().layers.len(), 6);
}

#[test]
fn loads_and_removals_at_once_leave_whole_images() {
    let Some(images) = images() else { return };
    let archive = docker_archive(&["web"], &[layer("a", "1"), layer("b", "2")]);
    std::thread::scope(|scope| {
        scope.spawn(|| (0..30).for_each(|_| drop(load(&images, &archive).unwrap())));
        scope.spawn(|| (0..30).for_each(|_| drop(images.remove("web", &unused))));
    });
    load(&images, &archive).unwrap();
    let image = images.resolve("web").unwrap().unwrap();
    assert_eq!(fs::read_to_string(image.layers[1].join("b")).unwrap(), "2");
    assert!(is_tidy(&images));
}

/// Whether somebody waits for the lock of images.
fn is_waited_for(images: &Images) -> bool {
    let file = fs::metadata(images.store.lock("image")).unwrap();
    let (major, minor) = (rustix::fs::major(file.dev()), rustix::fs::minor(file.dev()));
    let name = format!(" {major:02x}:{minor:02x}:{} ", file.ino());
    let locks = fs::read_to_string("/proc/locks").unwrap();
    locks.lines().any(|line| line.contains("->") && line.contains(&name))
}

#[test]
fn an_image_is_seen_whole_or_not_at_all_while_it_is_removed() {
    let Some(images) = images() else { return };
    let readers: [fn(&Images) -> bool; 3] = [
        |images| images.resolve("web").unwrap().is_none(),
        |images| images.list().unwrap().is_empty(),
        |images| images.inspect("web").unwrap_err().kind == Kind::NotFound,
    ];
    for misses in readers {
        let archive = docker_archive(&["web"], &[layer("a", "1")]);
        let id = load(&images, &archive).unwrap()[0].id.clone();
        let lock = images.lock().unwrap();
        // Half removed: the index still names it.
        fs::remove_file(images.blob(&id)).unwrap();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| misses(&images));
            while !reader.is_finished() && !is_waited_for(&images) {
                std::thread::yield_now();
            }
            images.write_index(&Index::default()).unwrap();
            drop(lock);
            assert!(reader.join().unwrap());
        });
    }
}

#[test]
fn a_root_file_system_becomes_an_image_of_one_layer() {
    let Some(images) = images() else { return };
    let tar = Tar::new()
        .folder("./")
        .folder("bin")
        .file("bin/sh", "#!")
        .node("null", tar::EntryType::Char, (1, 3))
        .finish();
    let changes = ["CMD [\"/bin/sh\"]".to_owned(), "ENV A=b".to_owned()];
    let packed = gzip(&tar);
    let id = images.import(Input::Stream(&mut packed.as_slice()), Some("base:1"), &changes).unwrap();
    let image = images.resolve("base:1").unwrap().unwrap();
    assert_eq!((&image.id, image.layers.len(), image.size), (&id, 1, 2));
    assert_eq!((image.config.cmd, image.config.env), (vec!["/bin/sh".to_owned()], vec!["A=b".to_owned()]));
    assert!(image.created.is_some());
    assert!(fs::symlink_metadata(image.layers[0].join("null")).unwrap().file_type().is_char_device());
    assert_eq!(images.inspect("base:1").unwrap()["Os"], "linux");

    let mut cut = &tar[..700];
    let error = images.import(Input::Stream(&mut cut), None, &[]).unwrap_err();
    assert_eq!(error.kind, Kind::Corrupt);
    let wrong = ["RUN make".to_owned()];
    assert_eq!(
        images.import(Input::Stream(&mut tar.as_slice()), None, &wrong).unwrap_err().kind,
        Kind::Unsupported
    );
    assert!(is_tidy(&images));
}

#[test]
fn images_are_found_by_tag_id_and_the_beginning_of_an_id() {
    let Some(images) = images() else { return };
    let loaded = load(&images, &docker_archive(&["web"], &[layer("a", "1")])).unwrap();
    let id = &loaded[0].id;
    for text in ["web", "web:latest", "docker.io/web", id, &id[7..], &id[7..19], &id[..16]] {
        assert_eq!(&images.resolve(text).unwrap().expect(text).id, id);
    }
    for text in
        ["web:2", "other", "docker.io/other/web", &id[7..12], &format!("web@sha256:{}", "0".repeat(64))]
    {
        assert!(images.resolve(text).unwrap().is_none(), "{text}");
    }
    assert_eq!(images.resolve("Web").unwrap_err().kind, Kind::Unsupported);
}

#[test]
fn removal_takes_tags_then_the_image_but_not_one_in_use() {
    let Some(images) = images() else { return };
    let id = load(&images, &docker_archive(&["web:1", "web:2"], &[layer("a", "1")])).unwrap()[0].id.clone();
    let used = |_: &str| Some("shop-web-1".to_owned());
    assert_eq!(images.remove(&id, &unused).unwrap_err().kind, Kind::Conflict);
    assert_eq!(images.remove("web:1", &used).unwrap(), [Removed::Untagged("web:1".into())]);
    for text in ["web:2", &id] {
        let error = images.remove(text, &used).unwrap_err();
        assert!(error.kind == Kind::Conflict && error.doing.contains("shop-web-1"), "{error:?}");
    }
    images.remove(&id, &unused).unwrap();
    assert_eq!(images.remove("web:2", &unused).unwrap_err().kind, Kind::NotFound);
    assert_eq!(names(images.root().join("blobs/sha256")), [""; 0]);
}

#[test]
fn a_tag_that_moves_leaves_an_image_that_pruning_removes() {
    let Some(images) = images() else { return };
    let old = load(&images, &docker_archive(&["web"], &[layer("a", "old")])).unwrap()[0].id.clone();
    let new = load(&images, &docker_archive(&["web"], &[layer("a", "newer")])).unwrap()[0].id.clone();
    let listed = images.list().unwrap();
    assert_eq!(listed.iter().map(|line| &line.id).collect::<Vec<_>>(), [&new, &old]);
    assert_eq!(listed[1].reference, None);
    let used = |id: &str| (*id == *old).then(|| "shop-web-1".to_owned());
    assert_eq!(images.prune(&Unused::default(), &used).unwrap().deleted, [""; 0]);
    assert!(images.resolve(&old).unwrap().is_some());
    assert_eq!(
        images.prune(&Unused::default(), &unused).unwrap(),
        Pruned { deleted: vec![old], bytes: 3, ..Pruned::default() }
    );
    assert!(is_tidy(&images));
    images.tag("web", "copy:1").unwrap();
    assert_eq!(images.resolve("copy:1").unwrap().unwrap().id, new);
}

#[test]
fn pruning_all_takes_named_images_but_none_in_use_or_too_young() {
    let Some(images) = images() else { return };
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(load(&images, &docker_archive(&[name], &[layer(name, name)])).unwrap()[0].id.clone());
    }
    let used = |id: &str| (*id == *ids[0]).then(|| "shop-web-1".to_owned());
    // All were built in May 2024.
    let until = |text: &str| Filter { until: Some(text.parse().unwrap()), labels: Vec::new() };
    let unused = |filter| Unused { all: true, filter };
    assert_eq!(images.prune(&unused(until("2024-04-01T00:00:00Z")), &used).unwrap(), Pruned::default());
    let pruned = images.prune(&unused(until("2024-06-01T00:00:00Z")), &used).unwrap();
    assert_eq!(pruned.untagged.len() + pruned.deleted.len(), 4);
    assert_eq!(images.list().unwrap().iter().map(|line| &line.id).collect::<Vec<_>>(), [&ids[0]]);
    assert!(is_tidy(&images));
}

#[test]
fn with_the_last_tag_of_a_repository_its_digests_go() {
    let Some(images) = images() else { return };
    let id = super::fixture::loaded(&images, "web:1", "x");
    images.tag("web:1", "web:2").unwrap();
    images.tag("web:1", "other:1").unwrap();
    let digest = format!("sha256:{}", "0".repeat(64));
    let held = |index: &mut Index| {
        let digests = &mut index.images.get_mut(&id).unwrap().digests;
        digests.extend(["web", "other"].map(|name| format!("docker.io/library/{name}@{digest}")));
    };
    images.change(held).unwrap();
    let digests = || images.inspect("other:1").unwrap()["RepoDigests"].as_array().unwrap().len();
    for (tag, left) in [("web:1", 2), ("web:2", 1)] {
        images.remove(tag, &|_| None).unwrap();
        assert_eq!(digests(), left, "{tag}");
    }
}
