//! What is built again and what is not, and why.

use crate::Test;
use crate::bench::Bench;
use crate::site::{Ended, Site};
use crate::suite::Machine;
use engine::build::{BuildInputs, Keep, prune, unused};
use engine::image::Unused;
use planner::desired::{BuildContext, BuildSpec};
use std::fs;
use std::time::{Duration, SystemTime};

pub(crate) const TESTS: &[Test] = &[
    ("a_step_that_is_done_anew_says_why", misses),
    ("a_build_of_nothing_new_is_the_same_image", unchanged),
    ("a_checkout_that_moved_is_built_from_the_cache", moved),
    ("the_cache_keeps_its_layers_until_it_is_pruned", layers_stay),
    ("with_one_time_for_all_files_another_machine_builds_the_same_image", reproducible),
    ("stages_and_builds_without_the_cache_are_done_anew", without),
];

const DOCKERFILE: &str =
    "FROM base\nARG WHO=a\nRUN echo one\nCOPY src /src\nRUN echo $WHO > /who\nCOPY other /\n";

const FILES: &[(&str, &str)] = &[("src/a", "a"), ("src/b", "b"), ("other", "o")];

/// The steps after FROM: why they were done, in a word.
fn whys(ended: &Ended) -> Vec<&str> {
    ended.steps[1..].iter().map(|step| step.split_once(": ").unwrap().1).collect()
}

fn misses(bench: &Bench) {
    let site = Site::new(bench, FILES);
    let never = "never built before";
    assert_eq!(whys(&site.build(DOCKERFILE)), [never; 4]);
    assert_eq!(whys(&site.build(DOCKERFILE)), ["cached"; 4]);

    // Another time of a file is nothing, another content or mode is.
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    fs::File::open(site.context.join("src/a")).unwrap().set_modified(old).unwrap();
    assert_eq!(whys(&site.build(DOCKERFILE)), ["cached"; 4]);
    site.write("src/a", "changed");
    site.write("src/new", "n");
    let after = "the step before it was done anew";
    assert_eq!(whys(&site.build(DOCKERFILE)), ["cached", "changed: src/a, src/new", after, after]);

    let ended = site.build_with(DOCKERFILE, |spec| drop(spec.args.insert("WHO".into(), "b".into())));
    // `RUN echo one` changes no file: what follows it is the same.
    assert_eq!(whys(&ended), ["other values: WHO", "cached", "other values: WHO", after]);
    let ended = site.build(&DOCKERFILE.replace("echo one", "echo two"));
    assert_eq!(whys(&ended)[0], "the instruction was `RUN /bin/sh -c echo one`");

    site.build(DOCKERFILE);
    fs::write(bench.base.join("etc/new"), "n").unwrap();
    site.import("base", &bench.base, &["ENV BASE=yes"]);
    assert_eq!(whys(&site.build(DOCKERFILE))[0], "the base image is another one");
}

fn unchanged(bench: &Bench) {
    let site = Site::new(bench, FILES);
    let first = site.build(DOCKERFILE);
    let before = site.config("web");
    let again = site.build(DOCKERFILE);
    assert_eq!((again.built, site.config("web")), (first.built, before));
}

fn moved(bench: &Bench) {
    let site = Site::new(bench, FILES);
    site.build(DOCKERFILE);
    let elsewhere = bench.folder("elsewhere");
    for (path, text) in FILES {
        let path = elsewhere.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::remove_dir_all(&site.context).unwrap();
    let ended = site.build_with(DOCKERFILE, |spec| spec.context = BuildContext::Folder(elsewhere.clone()));
    assert_eq!(whys(&ended), ["cached"; 4]);
}

fn layers_stay(bench: &Bench) {
    let site = Site::new(bench, FILES);
    site.build(DOCKERFILE);
    assert_eq!(unused(&bench.store, &Keep::NOTHING).unwrap().bytes, 0, "the image needs all layers");
    site.images().remove("web", &|_| None).unwrap();
    // Pruning images does not wait for a day.
    site.images().prune(&Unused::default(), &|_| None).unwrap();
    let cached = unused(&bench.store, &Keep::NOTHING).unwrap();
    // "a\n" and the three files of the context.
    assert_eq!(cached.bytes, 5);
    assert_eq!(whys(&site.build(DOCKERFILE)), ["cached"; 4]);

    site.images().remove("web", &|_| None).unwrap();
    assert_eq!(prune(&bench.store, &Keep::NOTHING).unwrap(), cached);
    let layers = fs::read_dir(bench.store.images().join("layers")).unwrap().count();
    assert_eq!(layers, 1, "only the base is left");
    assert_eq!(whys(&site.build(DOCKERFILE)), ["never built before"; 4]);

    // What somebody took away by hand is noticed.
    for layer in fs::read_dir(bench.store.images().join("frames")).unwrap() {
        fs::remove_dir_all(layer.unwrap().path()).unwrap();
    }
    site.import("base", &bench.base, &["ENV BASE=yes"]);
    assert!(whys(&site.build(DOCKERFILE)).contains(&"its layer is gone from the disk"));
}

fn reproducible(bench: &Bench) {
    let dockerfile = "FROM scratch\nCOPY bin /bin\nWORKDIR /made\nRUN [\"/bin/busybox\", \"touch\", \"a\"]\n\
        COPY src/a b\nRUN [\"/bin/busybox\", \"ln\", \"b\", \"c\"]\nLABEL x=y\n";
    let machines = [Bench::new(), Bench::new()];
    let built = machines.each_ref().map(|machine| {
        let site = Site::new(machine, FILES);
        fs::create_dir(site.context.join("bin")).unwrap();
        fs::copy(bench.base.join("bin/busybox"), site.context.join("bin/busybox")).unwrap();
        let ended = site.build_with(dockerfile, |spec| spec.source_date_epoch = Some(1_600_000_000));
        (ended.built.image_id, site.config("web"))
    });
    assert_eq!(built[0], built[1]);
    assert_eq!(built[0].1["created"], "2020-09-13T12:26:40Z");
    assert!(
        built[0].1["history"].as_array().unwrap().iter().all(|step| step["created"] == built[0].1["created"])
    );
}

fn without(bench: &Bench) {
    type Change = fn(&mut BuildSpec);
    let site = Site::new(bench, FILES);
    let dockerfile = "FROM base AS one\nRUN echo 1\nFROM one AS two\nRUN echo 2\n";
    let whys = |change: Change| {
        let mut spec = site.spec(dockerfile);
        change(&mut spec);
        let ended = site.try_build(&spec, &BuildInputs::default()).unwrap();
        ended
            .steps
            .iter()
            .filter(|step| step.starts_with("RUN"))
            .map(|step| step.ends_with(": cached"))
            .collect()
    };
    let all: [(Change, Vec<bool>); 4] = [
        (|_| {}, vec![false, false]),
        (|_| {}, vec![true, true]),
        (|spec| spec.no_cache = true, vec![false, false]),
        (|spec| spec.no_cache_filter = vec!["one".into()], vec![false, true]),
    ];
    for (number, (change, expected)) in all.into_iter().enumerate() {
        let found: Vec<bool> = whys(change);
        assert_eq!(found, expected, "build {number}");
    }
}
