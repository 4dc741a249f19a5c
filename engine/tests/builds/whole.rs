//! Whole Dockerfiles: what the image then has and says.

use crate::Test;
use crate::bench::Bench;
use crate::site::Site;
use engine::build::BuildInputs;
use planner::desired::{BuildContext, BuildSecret};
use serde_json::json;
use std::fs;
use std::os::unix::fs::MetadataExt;

pub(crate) const TESTS: &[Test] = &[
    ("stages_build_on_one_another_and_only_those_needed_are_built", stages),
    ("arguments_and_environment_are_seen_where_they_should", variables),
    ("the_image_says_what_the_dockerfile_does", says),
    ("files_come_from_contexts_stages_and_images", copies),
    ("the_working_directory_is_made", working_directory),
    ("triggers_of_a_base_run_first", triggers),
    ("mounts_of_a_run_give_it_files_and_secrets", mounts),
    ("a_step_that_fails_tells_its_line_its_output_and_its_code", failing),
    ("what_cannot_be_built_is_refused_before_anything_runs", refused),
    ("a_base_of_nothing_has_only_what_is_put_into_it", scratch),
];

/// Every image says where its programs are.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

fn stages(bench: &Bench) {
    let site = Site::new(bench, &[]);
    let dockerfile = "FROM base AS one\nRUN echo one > /one\nFROM base AS unused\nRUN exit 1\n\
        FROM one AS two\nRUN cat /one > /two; rm /one\n";
    let ended = site.build(dockerfile);
    assert_eq!(ended.built.references, ["web:latest"]);
    let names: Vec<_> = ended.steps.iter().map(|step| step.split(": ").next().unwrap()).collect();
    assert_eq!(names.len(), 4, "{:?}", ended.steps);
    let files = site.files("web");
    assert_eq!(files.text("two"), "one\n");
    assert!(!files.has("one") && files.has("bin/busybox"));
    let config = site.config("web");
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 3);
    site.build_with(dockerfile, |spec| spec.target = Some("one".into()));
    assert_eq!(site.files("web").text("one"), "one\n");
}

fn variables(bench: &Bench) {
    let site = Site::new(bench, &[]);
    let ended = site.build_with(
        "ARG TAG=latest\nARG GLOBAL=global\nFROM base:$TAG\nARG GLOBAL\nARG GIVEN=default\nARG OTHER=default\n\
         ENV COMPUTED=${GIVEN:-x}-$BASE GIVEN2=$GIVEN\nRUN echo $GLOBAL $GIVEN $OTHER $COMPUTED $TAG. $TARGETARCH.\n\
         RUN [\"/bin/sh\", \"-c\", \"echo $https_proxy $0\"]\n",
        |spec| {
            for (name, value) in [("GIVEN", "given"), ("https_proxy", "http://proxy"), ("TYPO", "x")] {
                spec.args.insert(name.into(), value.into());
            }
        },
    );
    assert_eq!(ended.output, ["global given default given-yes . .", "http://proxy /bin/sh"]);
    assert_eq!(ended.warnings, ["the build argument `TYPO` is given, but no ARG declares it"]);
    let config = site.config("web");
    assert_eq!(config["config"]["Env"], json!(["BASE=yes", PATH, "COMPUTED=given-yes", "GIVEN2=given"]));
    let ended = site.build("FROM base\nENV PATH=/opt/bin:$PATH\nRUN echo $PATH\n");
    assert_eq!(ended.output, ["/opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]);
    let history = config["history"].to_string();
    assert!(history.contains("RUN |3 GLOBAL=global GIVEN=given OTHER=default /bin/sh -c echo"), "{history}");
    assert!(!history.contains("proxy:") && !history.contains("http://proxy"));
}

fn says(bench: &Bench) {
    let site = Site::new(bench, &[]);
    site.build_with(
        "FROM base\nLABEL a=1 b=\"two words\"\nEXPOSE 80 53/udp\nVOLUME /data\nUSER web\nSTOPSIGNAL SIGQUIT\n\
         ENTRYPOINT [\"run\"]\nHEALTHCHECK --interval=5s CMD true\nWORKDIR /tmp\nRUN true\n",
        |spec| drop(spec.labels.insert("b".into(), "of the build".into())),
    );
    let config = site.config("web");
    assert_eq!(
        config["config"],
        json!({
            "Entrypoint": ["run"],
            "Env": ["BASE=yes", PATH],
            "ExposedPorts": {"53/udp": {}, "80/tcp": {}},
            "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 5_000_000_000_u64},
            "Labels": {"a": "1", "b": "of the build"},
            "StopSignal": "SIGQUIT",
            "User": "web",
            "Volumes": {"/data": {}},
            "WorkingDir": "/tmp",
        })
    );
    assert_eq!((&config["os"], &config["rootfs"]["type"]), (&json!("linux"), &json!("layers")));
    let history = config["history"].as_array().unwrap();
    let layers = history.iter().filter(|entry| entry["empty_layer"] != json!(true)).count();
    // What changes no file has no layer: WORKDIR of a folder that is there, and RUN true.
    assert_eq!((layers, config["rootfs"]["diff_ids"].as_array().unwrap().len()), (1, 1));
    assert_eq!(history.last().unwrap()["created_by"], "RUN /bin/sh -c true");
}

fn copies(bench: &Bench) {
    let files = [("src/a", "a"), ("src/skip.log", "log"), ("b", "b"), (".dockerignore", "**/*.log\n")];
    let site = Site::new(bench, &files);
    let other = bench.folder("other");
    fs::write(other.join("extra"), "extra").unwrap();
    let ended = site.build_with(
        "FROM base AS made\nRUN mkdir /out; echo made > /out/made; chown 33:34 /out/made\n\
         FROM base\nCOPY src b /in/\nCOPY --chown=web:log --chmod=600 b /own\nCOPY --from=made /out /out\n\
         COPY --from=base /data/seed /seed\nCOPY --from=more extra /\nCOPY <<EOF /written\nbase: $BASE\nEOF\n",
        |spec| drop(spec.additional_contexts.insert("more".into(), BuildContext::Folder(other.clone()))),
    );
    assert!(ended.steps.iter().all(|step| !step.contains("cached") || step.starts_with("FROM")));
    let files = site.files("web");
    let texts = ["in/a", "in/b", "own", "out/made", "seed", "extra", "written"].map(|path| files.text(path));
    assert_eq!(texts, ["a", "b", "b", "made\n", "from the image\n", "extra", "base: yes\n"]);
    assert!(!files.has("in/skip.log"));
    let owner = |path: &str| {
        let found = fs::metadata(files.path(path)).unwrap();
        (found.uid(), found.gid(), found.mode() & 0o7777)
    };
    assert_eq!(owner("own"), (33, 40, 0o600));
    assert_eq!(owner("out/made"), (33, 34, 0o644));
    assert_eq!(owner("in/a"), (0, 0, 0o644));
}

fn working_directory(bench: &Bench) {
    let site = Site::new(bench, &[("a", "a")]);
    let ended = site.build("FROM base\nWORKDIR /srv/app\nWORKDIR deep\nCOPY a b\nRUN pwd; cat b\n");
    assert_eq!(ended.output, ["/srv/app/deep", "a"]);
    let found = fs::metadata(site.files("web").path("srv/app")).unwrap();
    assert_eq!((found.uid(), found.mode() & 0o7777), (0, 0o755));
    assert_eq!(site.config("web")["config"]["WorkingDir"], "/srv/app/deep");
    // It belongs to the user, who may write there; what was there stays whose it was.
    site.build("FROM base\nUSER 33:40\nWORKDIR /tmp/mine/deep\nRUN touch made\n");
    let files = site.files("web");
    let owner = |path: &str| fs::metadata(files.path(path)).map(|found| (found.uid(), found.gid())).unwrap();
    assert_eq!(["tmp", "tmp/mine", "tmp/mine/deep"].map(owner), [(0, 0), (33, 40), (33, 40)]);
    let (line, message) = site.refused("FROM base\nRUN true\nWORKDIR /bin/busybox/x\n").at();
    assert!(line == 3 && message.contains("cannot be a folder"), "{line}: {message}");
}

fn triggers(bench: &Bench) {
    let site = Site::new(bench, &[("a", "of the context")]);
    site.build_with("FROM base\nONBUILD COPY a /a\nONBUILD RUN echo triggered > /b\n", |spec| {
        spec.tags = vec!["parent".into()];
    });
    assert_eq!(site.config("parent")["config"]["OnBuild"], json!(["COPY a /a", "RUN echo triggered > /b"]));
    let ended = site.build("FROM parent\nRUN cat /a /b\n");
    assert_eq!(ended.output, ["of the contexttriggered"]);
    assert_eq!(site.config("web")["config"]["OnBuild"], json!(null));
}

fn mounts(bench: &Bench) {
    let site = Site::new(bench, &[("a", "a\n")]);
    let secret = bench.folder("secrets").join("token");
    fs::write(&secret, "from a file").unwrap();
    let dockerfile = "FROM base AS other\nRUN echo other > /x\nFROM base\n\
        RUN --mount=type=bind,target=/ctx --mount=type=bind,from=other,source=/x,target=/x cat /ctx/a /x\n\
        RUN --mount=type=secret,id=token --mount=type=secret,id=pass,env=PASS cat /run/secrets/token; echo .$PASS\n\
        RUN --mount=type=cache,target=/cache echo -n x >> /cache/count; cat /cache/count; echo\n\
        RUN --mount=type=tmpfs,target=/memory touch /memory/x\n";
    let mut spec = site.spec(dockerfile);
    spec.secrets.insert("token".into(), BuildSecret::File(secret.clone()));
    spec.secrets.insert("pass".into(), BuildSecret::Environment("PASSWORD".into()));
    let secrets = [("pass".to_owned(), b"word".to_vec())].into();
    let mut inputs = BuildInputs { secrets, ..BuildInputs::default() };
    let first = site.try_build(&spec, &inputs).unwrap();
    assert_eq!(first.output, ["a", "other", "from a file.word", "x"]);
    // Another secret is no other step.
    fs::write(&secret, "another").unwrap();
    inputs.secrets.insert("pass".into(), b"changed".to_vec());
    let again = site.try_build(&spec, &inputs).unwrap();
    assert!(again.steps.iter().all(|step| step.ends_with(": cached")), "{:?}", again.steps);
    assert_eq!(again.built, first.built);
    let kept = walk(bench.store.root());
    assert!(kept.iter().all(|text| !text.contains("from a file") && !text.contains("word")), "{kept:?}");
}

/// The text of all records.
fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("layers") {
            texts.extend(walk(&path));
        } else if path.extension().is_some_and(|end| end == "json") {
            texts.push(fs::read_to_string(path).unwrap());
        }
    }
    texts
}

fn failing(bench: &Bench) {
    let site = Site::new(bench, &[]);
    let refused = site.refused("FROM base\nRUN echo before\nRUN echo a line; \\\n  exit 7\n");
    assert_eq!(refused.0.evidence, ["a line"]);
    let (line, message) = refused.at();
    assert!(line == 3 && message.contains("exit code 7"), "{message}");
    let (_, message) = site.refused("FROM base\nRUN missing-program\n").at();
    assert!(message.contains("127") && message.contains("not in the image"), "{message}");
    let (line, message) = site.refused("FROM base\nCOPY nowhere /x\n").at();
    assert!(line == 2 && message.contains("nowhere"), "{message}");
    let (line, message) = site.refused("FROM base\nARG A\nUSER ${A:?must be given}\n").at();
    assert!(line == 3 && message.contains("must be given"), "{message}");
    let tmp = bench.store.images().join("tmp");
    assert_eq!(fs::read_dir(tmp).unwrap().count(), 0, "what was half made is gone");
    let ended = site.build("FROM base\nRUN echo before\nRUN echo after\n");
    assert!(ended.steps[1].ends_with("cached"), "what was finished is kept: {:?}", ended.steps);
}

fn refused(bench: &Bench) {
    let site = Site::new(bench, &[]);
    for (dockerfile, word) in [
        ("FROM base\nRUN echo x\nCOPY --from=later /a /b\nFROM base AS later\n", "later"),
        ("FROM base\nRUN --network=host true\n", "not allowed"),
        ("FROM base\nRUN --security=insecure true\n", "not allowed"),
        ("FROM --platform=linux/s390x base\n", "linux/s390x"),
        ("FROM base\nRUNN true\n", "RUNN"),
    ] {
        let (_, message) = site.refused(dockerfile).at();
        assert!(message.contains(word), "{dockerfile}: {message}");
    }
    let (line, _) = site.refused("FROM base\nRUN true\nCOPY --from=127.0.0.1:1/no /a /b\n").at();
    assert_eq!(line, 3, "it is told where the image is named");
    let mut spec = site.spec("FROM base\n");
    spec.platforms = vec!["windows/amd64".into()];
    let error = site.try_build(&spec, &BuildInputs::default()).unwrap_err();
    assert!(error.doing.contains("windows/amd64"), "{}", error.doing);
}

fn scratch(bench: &Bench) {
    let site = Site::new(bench, &[("hello", "hello")]);
    site.build("FROM scratch\nCOPY hello /\nCMD [\"/hello\"]\n");
    let names: Vec<_> = fs::read_dir(site.files("web").path("")).unwrap().flatten().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    let config = site.config("web");
    assert_eq!(config["config"]["WorkingDir"], "/");
    assert!(config["config"]["Env"][0].as_str().unwrap().starts_with("PATH=/usr/local/sbin:"));
    site.build_with("FROM scratch\nLABEL only=words\n", |spec| spec.tags = vec!["empty".into()]);
    assert_eq!(site.config("empty")["rootfs"]["diff_ids"], json!([]));
}
