//! Caches that machines share: what one has built another need not.

use crate::Test;
use crate::bench::Bench;
use crate::site::{Ended, Site};
use crate::suite::Machine;
use engine::build::{BuildInputs, Keep, prune};
use engine::image::{ArchiveFormat, Input};
use planner::desired::CachePlace;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

pub(crate) const TESTS: &[Test] = &[
    ("what_one_machine_built_another_takes_from_a_folder", folder),
    ("a_cache_of_the_image_alone_has_no_steps_of_other_stages", least),
    ("a_folder_keeps_what_its_tags_lead_to_and_nothing_else", tags),
    ("a_cache_that_is_missing_damaged_or_of_others_is_told_and_passed_over", troubles),
];

/// Whatever runs again gives another image.
const DOCKERFILE: &str = "FROM base AS made\nCOPY src /src\nRUN cat /proc/sys/kernel/random/uuid > /made\n\
    FROM base\nWORKDIR /work\nRUN true\nCOPY --from=made /made /copied\n\
    RUN cat /proc/sys/kernel/random/uuid > /again\n";

const FILES: &[(&str, &str)] = &[("src/a", "a"), ("src/b", "b")];

fn place(kind: &str, attributes: &[(&str, &str)]) -> CachePlace {
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    CachePlace { kind: kind.into(), attributes: attributes.collect() }
}

fn give(site: &Site<'_>, to: &Path, more: &[(&str, &str)]) -> Ended {
    let dest = to.to_str().unwrap();
    site.build_with(DOCKERFILE, |spec| {
        spec.cache_to = vec![place("local", &[&[("dest", dest)], more].concat())];
    })
}

fn take(site: &Site<'_>, from: &Path) -> Ended {
    let src = from.to_str().unwrap();
    site.build_with(DOCKERFILE, |spec| spec.cache_from = vec![place("local", &[("src", src)])])
}

/// A site on another machine with the same base.
fn like<'a>(machine: &'a Bench, first: &Site<'_>, files: &[(&str, &str)]) -> Site<'a> {
    let (site, mut archive) = (Site::new(machine, files), Vec::new());
    first.images().save(&["base".into()], ArchiveFormat::Oci, &mut archive).unwrap();
    site.images().load(Input::Stream(&mut archive.as_slice())).unwrap();
    site
}

/// The steps, without images, that were done.
fn done(ended: &Ended) -> Vec<&str> {
    let steps = ended.steps.iter().filter(|step| !step.starts_with("FROM") && !step.ends_with(": cached"));
    steps.map(String::as_str).collect()
}

fn folder(bench: &Bench) {
    let (first, cache) = (Site::new(bench, FILES), bench.folder("cache"));
    let built = give(&first, &cache, &[("mode", "max")]);
    assert_eq!(built.warnings, Vec::<String>::new());
    let random = ["copied", "again"].map(|name| first.files("web").text(name));
    assert_ne!(random[0], random[1]);

    let machine = Bench::new();
    let second = like(&machine, &first, FILES);
    let taken = take(&second, &cache);
    assert_eq!((done(&taken), &taken.warnings), (vec![], &vec![]));
    assert_eq!(["copied", "again"].map(|name| second.files("web").text(name)), random);
    assert_eq!(taken.built, built.built, "also the times are those of the first");

    // From here on it is in the second machine's own cache.
    fs::remove_dir_all(&cache).unwrap();
    assert_eq!(done(&second.build(DOCKERFILE)), Vec::<&str>::new());
    // A step that differs is done, and what does not is still taken.
    let third = Bench::new();
    let site = like(&third, &first, &[("src/a", "other"), ("src/b", "b")]);
    give(&first, &cache, &[("mode", "max")]);
    let changed = take(&site, &cache);
    let names: Vec<&str> = done(&changed).iter().map(|step| step.split(": ").next().unwrap()).collect();
    let copies = "COPY --from=made /made /copied";
    let random = "RUN cat /proc/sys/kernel/random/uuid > /made";
    assert_eq!(names[..2], ["COPY src /src", random]);
    assert_eq!(names[2..], [copies, "RUN cat /proc/sys/kernel/random/uuid > /again"]);
    [&machine, &third].iter().for_each(|machine| machine.must_be_clean());
}

fn least(bench: &Bench) {
    let (first, cache) = (Site::new(bench, FILES), bench.folder("cache"));
    give(&first, &cache, &[]);
    let machine = Bench::new();
    let taken = take(&like(&machine, &first, FILES), &cache);
    assert_eq!(done(&taken)[0], "COPY src /src: never built before");
    let cached = taken.steps.iter().find(|step| step.starts_with("WORKDIR")).unwrap();
    assert_eq!(cached, "WORKDIR /work: cached");
}

/// Names of files in the blobs of a cache.
fn blobs(cache: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(cache.join("blobs/sha256")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn tags(bench: &Bench) {
    let (site, cache) = (Site::new(bench, FILES), bench.folder("cache"));
    give(&site, &cache, &[]);
    let first = blobs(&cache);
    assert!(give(&site, &cache, &[("tag", "v1"), ("mode", "max")]).warnings.is_empty());
    let both = blobs(&cache);
    assert!(both.is_superset(&first) && both.len() > first.len());
    let index: Value = serde_json::from_slice(&fs::read(cache.join("index.json")).unwrap()).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 2);

    // Other files under the same tags: what only the old ones had goes.
    site.write("src/a", "other");
    for tag in ["latest", "v1"] {
        give(&site, &cache, &[("tag", tag)]);
    }
    assert_eq!(blobs(&cache).len(), first.len());
    let machine = Bench::new();
    let src = cache.to_str().unwrap();
    let wrong = like(&machine, &site, FILES).build_with(DOCKERFILE, |spec| {
        spec.cache_from = vec![place("local", &[("src", src), ("tag", "v2")])];
    });
    assert_eq!(wrong.warnings.len(), 1);
    assert!(wrong.warnings[0].contains("it has no image `v2`"), "{:?}", wrong.warnings);
}

fn troubles(bench: &Bench) {
    let (site, cache) = (Site::new(bench, FILES), bench.folder("cache"));
    give(&site, &cache, &[("mode", "max")]);
    let layer = blobs(&cache).into_iter().map(|name| cache.join("blobs/sha256").join(name));
    let largest = layer.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    assert!(fs::read(&largest).unwrap().starts_with(b"src/"), "it is the layer of the first step");

    let ruin = |cache: &Path, path: &Path, text: &str| {
        let copy =
            bench.folder("ruin").join(format!("{}", fs::read_dir(bench.folder("ruin")).unwrap().count()));
        copy_tree(cache, &copy);
        fs::write(copy.join(path.strip_prefix(cache).unwrap()), text).unwrap();
        copy
    };
    let foreign = r#"{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:x","size":1}]}"#;
    let cases = [
        (bench.folder("no").join("such"), "No such file or directory"),
        (ruin(&cache, &largest, "not a tar"), "is not used further"),
        (ruin(&cache, &cache.join("index.json"), "{"), "`index.json` is damaged"),
        (ruin(&cache, &cache.join("index.json"), foreign), "`sha256:x` is not a digest"),
    ];
    for (place, expected) in cases {
        let machine = Bench::new();
        let other = like(&machine, &site, FILES);
        let taken = take(&other, &place);
        assert!(other.files("web").has("again"), "the image is built all the same");
        assert_eq!(taken.warnings.len(), 1, "{:?}", taken.warnings);
        assert!(taken.warnings[0].contains(expected), "{:?}", taken.warnings);
        prune(&machine.store, &Keep::NOTHING).unwrap();
        machine.must_be_clean();
    }

    let mut spec = site.spec(DOCKERFILE);
    spec.cache_to = vec![place("gha", &[]), place("local", &[("dest", "/proc/no")])];
    let ended = site.try_build(&spec, &BuildInputs::default()).unwrap();
    assert!(ended.warnings[0].contains("`gha` are not supported"), "{:?}", ended.warnings);
    assert!(ended.warnings[1].contains("write /proc/no"), "{:?}", ended.warnings);
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_tree(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}
