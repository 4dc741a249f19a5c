//! Builds that end early: wherever that is, nothing is half made and what was finished is kept.

use crate::Test;
use crate::bench::Bench;
use crate::site::Site;
use crate::suite::Machine;
use engine::Kind;
use engine::build::{BuildInputs, Cancel, build};
use engine::store::Store;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use planner::desired::{BuildContext, BuildSpec, DockerfileSource};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) const TESTS: &[Test] = &[
    ("a_build_that_is_cancelled_anywhere_leaves_nothing_half_made", cancelled),
    ("a_build_that_is_killed_anywhere_leaves_nothing_half_made", killed),
];

const DOCKERFILE: &str = "FROM base AS one\nRUN echo 1; echo 1 > /one\nFROM base AS two\nWORKDIR /w\nCOPY a /a\n\
    RUN echo 2; echo 2 > /two; echo 3\nFROM two\nCOPY --from=one /one /\nRUN cat /one /two /a\n";

/// Builds until `at` events were told; `None` is no end.
fn build_until(site: &Site<'_>, at: usize) -> Option<Kind> {
    let cancel = Cancel::new().unwrap();
    let told = AtomicUsize::new(0);
    let tell = |_| {
        if told.fetch_add(1, Ordering::SeqCst) == at {
            cancel.cancel();
        }
    };
    let outcome = build(&site.bench.store, &site.spec(DOCKERFILE), &BuildInputs::default(), &cancel, &tell);
    outcome.err().map(|error| error.kind)
}

fn cancelled(bench: &Bench) {
    let site = Site::new(bench, &[("a", "a\n")]);
    let mut at = 0;
    while let Some(kind) = build_until(&site, at) {
        assert_eq!(kind, Kind::Cancelled, "after {at} events");
        assert!(site.images().resolve("web").unwrap().is_none(), "after {at} events");
        must_be_tidy(bench);
        bench.must_be_clean();
        at += 1;
    }
    assert!(at > 12, "only {at} events");
    assert_eq!(site.files("web").text("two"), "2\n");
}

fn killed(bench: &Bench) {
    let site = Site::new(bench, &[("a", "a\n")]);
    let mut at = 0;
    loop {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("build").args([bench.store.root(), bench.store.runtime(), &site.context]);
        let status = command.arg(at.to_string()).status().unwrap();
        let ended = status.success();
        assert!(ended || status.code().is_none(), "after {at} events: {status}");
        assert_eq!(site.images().resolve("web").unwrap().is_some(), ended, "after {at} events");
        if ended {
            break;
        }
        at += 1;
    }
    assert!(at > 12, "only {at} events");
    let files = site.files("web");
    assert_eq!([files.text("one"), files.text("two")], ["1\n", "2\n"]);
    drop(files);
    let ended = site.build(DOCKERFILE);
    assert!(ended.steps.iter().all(|step| step.ends_with(": cached")), "{:?}", ended.steps);
    must_be_tidy(bench);
    // The next RUN takes away what those before could not.
    site.build_with(DOCKERFILE, |spec| spec.no_cache = true);
}

/// Nothing lies where builds work, and every step that is kept has its layer.
fn must_be_tidy(bench: &Bench) {
    let names = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
    };
    let images = bench.store.images();
    assert_eq!(names(&images.join("tmp")), Vec::<String>::new());
    let layers = names(&images.join("layers"));
    for name in names(&bench.store.build().join("steps")) {
        let text = fs::read_to_string(bench.store.build().join("steps").join(&name)).unwrap();
        let record: serde_json::Value = serde_json::from_str(&text).unwrap();
        let Some(layer) = record["made"]["layer"].as_str() else { continue };
        assert!(layers.contains(&layer.replace("sha256:", "")), "{name} has lost its layer");
    }
}

/// The other process of [`killed`].
pub(crate) fn build_alone([root, runtime, context, at]: [&String; 4]) -> i32 {
    let at: usize = at.parse().unwrap();
    let spec = BuildSpec {
        context: BuildContext::Folder(context.into()),
        dockerfile: DockerfileSource::Inline(DOCKERFILE.to_owned()),
        tags: vec!["web".to_owned()],
        ..BuildSpec::default()
    };
    let told = AtomicUsize::new(0);
    let tell = |_| {
        if told.fetch_add(1, Ordering::SeqCst) == at {
            kill(Pid::this(), Signal::SIGKILL).unwrap();
        }
    };
    let store = Store::new(root, runtime);
    let outcome = build(&store, &spec, &BuildInputs::default(), &Cancel::new().unwrap(), &tell);
    outcome.map_or(1, |_| 0)
}
