//! What a build section asks for, as a `RUN` or the image shows it.

use crate::Test;
use crate::bench::{Bench, eventually};
use crate::site::Site;
use engine::build::BuildInputs;
use engine::image::{ArchiveFormat, Reference};
use planner::desired::{BuildContext, BuildNetwork, BuildSpec, DockerfileSource, SshSource, Ulimit};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const TESTS: &[Test] = &[
    ("each_key_of_a_build_has_its_effect", keys),
    ("contexts_stand_for_stages_images_and_folders", contexts),
    ("a_stage_can_begin_with_a_folder", from_a_folder),
    ("an_image_of_an_oci_layout_can_be_a_context", layouts),
    ("keys_in_files_are_in_an_agent_while_a_step_runs", key_files),
    ("the_dockerfile_may_lie_anywhere", dockerfiles),
];

/// What is changed of a build, a program and what it says.
type Row = (&'static str, fn(&mut BuildSpec), &'static str, &'static [&'static str]);

const KEYS: &[Row] = &[
    ("args", |spec| insert(&mut spec.args, "A", "1"), "echo $A", &["1"]),
    ("shm_size", |spec| spec.shm_size = Some(1 << 20), "df -k /dev/shm | awk 'NR==2 {print $2}'", &["1024"]),
    ("shm_size by default", |_| {}, "df -k /dev/shm | awk 'NR==2 {print $2}'", &["65536"]),
    (
        "ulimits",
        |spec| spec.ulimits.extend([("nofile".to_owned(), Ulimit { soft: 100, hard: 200 })]),
        "ulimit -Sn; ulimit -Hn",
        &["100", "200"],
    ),
    ("memory", |spec| spec.memory = Some(64 << 20), MEMORY, &["67108864"]),
    ("network none", |spec| spec.network = BuildNetwork::None, "ls /sys/class/net", &["lo"]),
    ("network default", |_| {}, "ls /sys/class/net", &["eth0", "lo"]),
    (
        "extra_hosts",
        |spec| spec.extra_hosts = vec![("db".into(), "10.1.2.3".into()), ("db".into(), "::5".into())],
        "grep db /etc/hosts | tr '\\t' ' '",
        &["10.1.2.3 db", "::5 db"],
    ),
    ("no privileges by default", |_| {}, "grep -c CapEff.*0000003fffff /proc/self/status; true", &["0"]),
    (
        "privileged",
        |spec| spec.privileged = true,
        "mount -t tmpfs none /tmp && grep -c ' /tmp tmpfs' /proc/mounts",
        &["1"],
    ),
];

/// The limit of its control group, of either version.
const MEMORY: &str = "cd /sys/fs/cgroup; cat memory.max memory/memory.limit_in_bytes 2> /dev/null; true";

fn insert(map: &mut std::collections::BTreeMap<String, String>, name: &str, value: &str) {
    map.insert(name.to_owned(), value.to_owned());
}

fn keys(bench: &Bench) {
    let site = Site::new(bench, &[]);
    for (key, change, program, expected) in KEYS {
        let dockerfile = format!("FROM base\nARG A\nRUN {program}\n");
        let ended = site.build_with(&dockerfile, change);
        assert_eq!(ended.output, *expected, "{key}");
    }
    for (entitlement, flag) in [("network.host", "network=host"), ("security.insecure", "security=insecure")]
    {
        let dockerfile = format!("FROM base\nRUN --{flag} echo allowed\n");
        let ended = site.build_with(&dockerfile, |spec| spec.entitlements = vec![entitlement.into()]);
        assert_eq!(ended.output, ["allowed"], "{entitlement}");
    }
    // The kernel is told whom to kill: with little memory the shell is as good a choice.
    let greedy = "FROM base\nRUN head -c 40m /dev/zero | \
                  sh -c 'echo 1000 >/proc/self/oom_score_adj; exec tail -c 40m' >/dev/null; true\n";
    let ended = site.build_with(greedy, |spec| spec.memory = Some(16 << 20));
    assert!(ended.output.last().is_some_and(|line| line.contains("want of memory")), "{:?}", ended.output);
    let ended = site.build_with("FROM base AS a\nLABEL l=file\nFROM base\nRUN exit 1\n", |spec| {
        spec.target = Some("a".into());
        spec.tags = vec!["one:1".into(), "host.example/two".into()];
        insert(&mut spec.labels, "l", "section");
        spec.platforms = vec!["linux".into()];
    });
    assert_eq!(ended.built.references, ["one:1", "host.example/two:latest"]);
    for name in ["one:1", "host.example/two:latest"] {
        assert_eq!(site.config(name)["config"]["Labels"]["l"], "section", "{name}");
    }
    let error =
        refused(&site, "FROM base\nRUN true\n", |spec| spec.network = BuildNetwork::Named("net".into()));
    assert!(error.contains("the network `net`, which does not exist"), "{error}");
}

fn refused(site: &Site<'_>, dockerfile: &str, change: impl FnOnce(&mut BuildSpec)) -> String {
    let mut spec = site.spec(dockerfile);
    change(&mut spec);
    let error = site.try_build(&spec, &BuildInputs::default()).unwrap_err();
    error.source.as_ref().map_or_else(|| error.chain(), ToString::to_string)
}

fn contexts(bench: &Bench) {
    let site = Site::new(bench, &[]);
    let folder = bench.folder("more");
    fs::write(folder.join("a"), "of the folder").unwrap();
    fs::write(folder.join("hidden"), "").unwrap();
    fs::write(folder.join(".dockerignore"), "hidden\n").unwrap();
    site.build_with("FROM base\nRUN echo other > /a\n", |spec| spec.tags = vec!["other:1".into()]);
    let dockerfile = "FROM base AS made\nRUN echo stage > /a\nFROM base AS unused\nRUN exit 1\n\
        FROM replaced:latest\nCOPY --from=folder . /folder/\nCOPY --from=image /a /image\n\
        COPY --from=unused /a /stage\nRUN --mount=from=folder,target=/m ls /m\n";
    let ended = site.build_with(dockerfile, |spec| {
        let contexts = [
            ("folder", BuildContext::Folder(folder.clone())),
            ("image", BuildContext::Image("other:1".into())),
            ("replaced", BuildContext::Image("other:1".into())),
            ("unused", BuildContext::Stage("made".into())),
        ];
        spec.additional_contexts = contexts.map(|(name, context)| (name.to_owned(), context)).into();
    });
    assert_eq!(ended.output, ["a"]);
    let files = site.files("web");
    let texts = ["a", "folder/a", "image", "stage"].map(|path| files.text(path));
    assert_eq!(texts, ["other\n", "of the folder", "other\n", "stage\n"]);
    assert!(!files.has("folder/hidden"));
    let error = refused(&site, "FROM base\n", |spec| {
        spec.additional_contexts.insert("x".into(), BuildContext::Folder("/does/not/exist".into()));
    });
    assert!(error.contains("No such file"), "{error}");
}

fn from_a_folder(bench: &Bench) {
    let site = Site::new(bench, &[("a", "a")]);
    let with_rootfs = |spec: &mut BuildSpec| {
        spec.additional_contexts.insert("rootfs".into(), BuildContext::Folder(bench.base.clone()));
    };
    // Also by a name that only means the same.
    for name in ["rootfs", "rootfs:latest", "docker.io/library/rootfs"] {
        let dockerfile = format!("FROM {name}\nCOPY a /a\nCOPY --from={name} /data/seed /seed\nRUN cat /a\n");
        let ended = site.build_with(&dockerfile, |spec| {
            with_rootfs(spec);
            spec.no_cache = name == "rootfs";
        });
        let again = site.build_with(&dockerfile, with_rootfs);
        assert!(again.steps.iter().all(|step| step.ends_with(": cached")), "{:?}", again.steps);
        assert_eq!(again.built, ended.built);
    }
    assert_eq!(site.files("web").text("seed"), "from the image\n");
    fs::write(bench.base.join("etc/new"), "").unwrap();
    let ended = site.build_with("FROM rootfs\nRUN ls /etc/new\n", with_rootfs);
    assert!(ended.steps[0].ends_with("changed: etc/new"), "{:?}", ended.steps);
}

fn layouts(bench: &Bench) {
    let site = Site::new(bench, &[]);
    site.build_with("FROM base\nRUN echo layout > /a\n", |spec| spec.tags = vec!["other:v1".into()]);
    let folder = bench.folder("layout");
    let mut tar = Vec::new();
    site.images().save(&["other:v1".to_owned()], ArchiveFormat::Oci, &mut tar).unwrap();
    tar::Archive::new(tar.as_slice()).unpack(&folder).unwrap();
    site.images().remove("other:v1", &|_| None).unwrap();
    for (number, reference) in [None, Some("v1")].into_iter().enumerate() {
        let context =
            BuildContext::OciLayout { folder: folder.clone(), reference: reference.map(str::to_owned) };
        let tag = format!("web:{number}");
        site.build_with("FROM made\nCOPY --from=made /a /b\n", |spec| {
            spec.additional_contexts.insert("made".into(), context);
            spec.tags = vec![tag.clone()];
            spec.pull = true;
        });
        assert_eq!(site.files(&tag).text("b"), "layout\n");
    }
    let names: Vec<Option<Reference>> =
        site.images().list().unwrap().into_iter().map(|listed| listed.reference).collect();
    assert!(names.iter().flatten().all(|name| !name.to_string().contains("other")), "{names:?}");
    let error = refused(&site, "FROM made\n", |spec| {
        let reference = Some("v2".to_owned());
        spec.additional_contexts
            .insert("made".into(), BuildContext::OciLayout { folder: folder.clone(), reference });
    });
    assert!(error.contains("it has no image `v2`"), "{error}");
}

/// Speaks to the agent of the `RUN` that waits for `/tmp/done`.
fn identities() -> Vec<u8> {
    let agent = || {
        let roots = fs::read_dir("/proc").unwrap().flatten().map(|process| process.path().join("root"));
        roots.into_iter().find(|root| root.join("run/buildkit/ssh_agent.0").exists())
    };
    eventually("the agent is there", || agent().is_some());
    let root = agent().unwrap();
    let mut stream = UnixStream::connect(root.join("run/buildkit/ssh_agent.0")).unwrap();
    // SSH_AGENTC_REQUEST_IDENTITIES
    stream.write_all(&[0, 0, 0, 1, 11]).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).unwrap();
    fs::write(root.join("tmp/done"), "").unwrap();
    answer
}

fn key_files(bench: &Bench) {
    let site = Site::new(bench, &[]);
    let folder = bench.folder("keys");
    let keys = ["one", "two"].map(|name| {
        let path = folder.join(name);
        // As `ssh-keygen` is with `ssh-agent`: where one is missing the other is.
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&path);
        command.status().map(|status| (path, status.success()))
    });
    let dockerfile = "FROM base\nRUN --mount=type=ssh while [ ! -e /tmp/done ]; do sleep 0.01; done\n";
    let ask = |paths: Vec<PathBuf>| {
        let mut spec = site.spec(dockerfile);
        spec.ssh.insert("default".into(), SshSource::Paths(paths));
        spec.no_cache = true;
        site.try_build(&spec, &BuildInputs::default())
    };
    let Ok(keys) = keys.into_iter().collect::<Result<Vec<_>, _>>() else {
        let error = ask(vec![folder.join("one")]).unwrap_err();
        assert!(error.chain().contains("ssh-agent") || error.chain().contains("No such file"), "{error:?}");
        return;
    };
    let paths: Vec<PathBuf> = keys.into_iter().map(|(path, _)| path).collect();
    let asking = std::thread::spawn(identities);
    ask(paths.clone()).unwrap();
    let answer = asking.join().unwrap();
    // SSH_AGENT_IDENTITIES_ANSWER, and how many.
    assert_eq!(answer[..5], [12, 0, 0, 0, 2]);
    eventually("the agent has ended", || !is_running("ssh-agent"));
    fs::write(&paths[0], "no key").unwrap();
    let error = ask(paths).unwrap_err();
    let told = error.source.as_ref().unwrap().to_string();
    assert!(told.contains("use the key"), "{told}");
    eventually("the agent has ended", || !is_running("ssh-agent"));
}

fn is_running(program: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|process| process.path());
    let name = |process: &Path| fs::read_to_string(process.join("comm")).unwrap_or_default();
    processes.into_iter().any(|process| name(&process).trim() == program)
}

fn dockerfiles(bench: &Bench) {
    let site =
        Site::new(bench, &[("sub/other.Dockerfile", "FROM base\nCOPY . /c/\n"), ("a", "a"), ("b", "b")]);
    site.write("sub/other.Dockerfile.dockerignore", "b\n");
    let outside = bench.folder("outside").join("Dockerfile");
    fs::write(&outside, "FROM base\nRUN echo outside > /where\n").unwrap();
    site.build_with("", |spec| spec.dockerfile = DockerfileSource::InContext("sub/other.Dockerfile".into()));
    let files = site.files("web");
    assert!(files.has("c/a") && !files.has("c/b"));
    drop(files);
    site.build_with("", |spec| spec.dockerfile = DockerfileSource::File(outside.clone()));
    assert_eq!(site.files("web").text("where"), "outside\n");
    site.write("Containerfile", "FROM base\nRUN echo c > /where\n");
    site.build_with("", |spec| spec.dockerfile = DockerfileSource::default());
    assert_eq!(site.files("web").text("where"), "c\n");
    let error =
        refused(&site, "", |spec| spec.dockerfile = DockerfileSource::InContext("no.Dockerfile".into()));
    assert!(error.contains("No such file"), "{error}");
}
