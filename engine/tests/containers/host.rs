//! A machine for one test: its own mounts, network, processes and store.

use crate::private::busybox_path;
use crate::suite::Machine;
use engine::container::{ExecSpec, LogOptions, StateRecord};
use engine::image::Input;
use engine::store::Store;
use engine::{Engine, Error, LinuxEngine, Progress, Scope};
use nix::mount::umount2;
use planner::desired::{Attachment, HealthSpec, HealthTest, MountKind, MountSpec, PortSpec};
use planner::live::State;
use planner::plan::Until;
use planner::{ContainerId, ContainerSpec, Live, NetworkSpec, Step, VolumeSpec};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Runs a program in a container: needs a process of one thread.
pub(crate) fn exec(args: &[OsString]) -> i32 {
    let text: Vec<&str> = args.iter().map(|arg| arg.to_str().unwrap()).collect();
    let engine = LinuxEngine::open(Store::new(text[0], text[1])).unwrap();
    let argv = text[4..].iter().map(|arg| (*arg).to_owned()).collect();
    let spec = ExecSpec { argv, tty: text[2] == "tty", ..ExecSpec::default() };
    match engine.exec(&text[3].parse().unwrap(), &spec) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", error.chain());
            200
        }
    }
}

/// Takes a container up and down, over and over, until it is killed.
pub(crate) fn steps(args: &[OsString]) -> i32 {
    let text: Vec<&str> = args.iter().map(|arg| arg.to_str().unwrap()).collect();
    let engine = LinuxEngine::open(Store::new(text[0], text[1])).unwrap();
    let image = text[2].to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    loop {
        for step in up_and_down(&image) {
            if let Err(error) = runtime.block_on(engine.enact(&step, Arc::new(|_| {}))) {
                eprintln!("{step:?}: {}", error.chain());
                return 1;
            }
        }
    }
}

/// The life of a container on a network, with a port and a volume.
pub(crate) fn up_and_down(image: &str) -> Vec<Step> {
    let stack = Some("s".to_owned());
    let network = NetworkSpec { name: "s_default".into(), stack: stack.clone(), ..NetworkSpec::default() };
    let volume = VolumeSpec { name: "s_data".into(), stack, ..VolumeSpec::default() };
    let attachment =
        Attachment { network: "s_default".into(), aliases: vec!["web".into()], ..Default::default() };
    let port = PortSpec { published: Some(18_090), target: 8080, ..Default::default() };
    let kind = MountKind::whole_volume("s_data");
    let spec = ContainerSpec {
        networks: vec![attachment],
        ports: vec![port],
        mounts: vec![MountSpec { target: "/data".into(), read_only: false, kind }],
        // Without it a shell is deaf until it has set its trap, and may be stopped before.
        init: true,
        ..shell("exec sleep 1000")
    };
    let id = id("web");
    vec![
        Step::CreateNetwork { spec: network },
        Step::CreateVolume { spec: volume },
        Step::CreateContainer { id: id.clone(), spec: Box::new(spec), image_id: image.to_owned() },
        Step::StartContainer { id: id.clone() },
        Step::StopContainer { id: id.clone(), grace: Duration::from_secs(60) },
        Step::RemoveContainer { id },
        Step::RemoveNetwork { name: "s_default".into() },
        Step::RemoveVolume { name: "s_data".into() },
    ]
}

/// A machine for one test.
pub(crate) struct Host {
    folder: tempfile::TempDir,
    pub(crate) engine: LinuxEngine,
    runtime: tokio::runtime::Runtime,
    pub(crate) notes: Arc<Mutex<Vec<String>>>,
    pub(crate) image: String,
}

impl Machine for Host {
    fn new() -> Self {
        // On a disk: an overlay over tmpfs would hide what real ones do.
        let folder =
            tempfile::tempdir_in(env::var_os("CARGO_TARGET_TMPDIR").unwrap_or("/var/tmp".into())).unwrap();
        let store = Store::new(folder.path().join("root"), folder.path().join("run"));
        let engine = LinuxEngine::open(store).unwrap();
        let rootfs = busybox();
        let image = engine.images().import(Input::Stream(&mut rootfs.as_slice()), Some("box"), &[]).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { folder, engine, runtime, notes: Arc::default(), image }
    }

    fn must_be_clean(&self) {
        let store = self.store();
        let empty = |path: &Path| {
            let left: Vec<_> =
                fs::read_dir(path).into_iter().flatten().flatten().map(|it| it.path()).collect();
            assert!(left.is_empty(), "left behind: {left:?}");
        };
        empty(&store.containers());
        empty(&store.runtime().join("containers"));
        empty(&store.runtime().join("netns"));
        self.eventually("no cgroup is left", || cgroups(&store.tag()).is_empty());
        let here = self.folder.path().to_str().unwrap();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(here), "a mount is left: {mounts}");
        self.eventually("no supervisor is left", || !commands().iter().any(|line| line.contains(here)));
    }
}

impl Host {
    pub(crate) fn store(&self) -> &Store {
        self.engine.store()
    }

    /// Enacts one step.
    pub(crate) fn enact(&self, step: Step) -> Result<(), Error> {
        let notes = self.notes.clone();
        let tell = Arc::new(move |progress| {
            if let Progress::Note(note) = progress {
                notes.lock().unwrap().push(note);
            }
        });
        self.runtime.block_on(self.engine.enact(&step, tell))
    }

    pub(crate) fn create(&self, name: &str, spec: &ContainerSpec) -> ContainerId {
        let id = id(name);
        let (spec, image_id) = (Box::new(spec.clone()), self.image.clone());
        self.enact(Step::CreateContainer { id: id.clone(), spec, image_id })
            .unwrap_or_else(|error| fail(&error));
        id
    }

    pub(crate) fn start(&self, id: &ContainerId) {
        self.try_start(id).unwrap_or_else(|error| fail(&error));
    }

    pub(crate) fn try_start(&self, id: &ContainerId) -> Result<(), Error> {
        self.enact(Step::StartContainer { id: id.clone() })
    }

    /// Creates and starts a container of the stack `s`.
    pub(crate) fn run(&self, name: &str, spec: &ContainerSpec) -> ContainerId {
        let id = self.create(name, spec);
        self.start(&id);
        id
    }

    pub(crate) fn wait(&self, id: &ContainerId, until: Until) -> Result<(), Error> {
        self.enact(Step::Await { id: id.clone(), until, timeout: Some(Duration::from_secs(30)) })
    }

    pub(crate) fn stop(&self, id: &ContainerId, grace: Duration) {
        self.enact(Step::StopContainer { id: id.clone(), grace }).unwrap_or_else(|error| fail(&error));
    }

    pub(crate) fn remove(&self, id: &ContainerId) {
        self.enact(Step::RemoveContainer { id: id.clone() }).unwrap_or_else(|error| fail(&error));
    }

    pub(crate) fn volume(&self, name: &str) {
        let spec = VolumeSpec { name: name.to_owned(), stack: Some("s".to_owned()), ..VolumeSpec::default() };
        self.enact(Step::CreateVolume { spec }).unwrap_or_else(|error| fail(&error));
    }

    pub(crate) fn network(&self, name: &str) {
        let spec =
            NetworkSpec { name: name.to_owned(), stack: Some("s".to_owned()), ..NetworkSpec::default() };
        self.enact(Step::CreateNetwork { spec }).unwrap_or_else(|error| fail(&error));
    }

    pub(crate) fn observe(&self) -> Live {
        let scope = Scope { stack: "s".to_owned(), images: vec!["box".to_owned()], ..Scope::default() };
        self.engine.observe(&scope).unwrap()
    }

    pub(crate) fn state(&self, id: &ContainerId) -> State {
        self.observe().containers[id].state.clone()
    }

    pub(crate) fn record(&self, id: &ContainerId) -> StateRecord {
        StateRecord::read(self.store(), id).unwrap().unwrap()
    }

    /// What it wrote so far, `sampan:` lines too.
    pub(crate) fn log(&self, id: &ContainerId) -> Vec<String> {
        let mut lines = Vec::new();
        let read = self.engine.logs(std::slice::from_ref(id), &LogOptions::default(), &mut |_, line| {
            lines.push(line.text.clone());
            ControlFlow::Continue(())
        });
        read.unwrap();
        lines
    }

    /// Waits until its log has this line.
    pub(crate) fn await_line(&self, id: &ContainerId, line: &str) {
        self.eventually(line, || self.log(id).iter().any(|there| there == line));
    }

    pub(crate) fn eventually(&self, what: &str, test: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !test() {
            assert!(Instant::now() < deadline, "never: {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Runs a program in a container, from a process of its own.
    pub(crate) fn exec(&self, id: &ContainerId, mode: &str, argv: &[&str]) -> Output {
        let mut command = Command::new(env::current_exe().unwrap());
        command.arg("exec").arg(self.store().root()).arg(self.store().runtime());
        command.arg(mode).arg(id.to_string()).args(argv).output().unwrap()
    }

    /// Takes a container up and down, over and over, from a process of its own.
    pub(crate) fn steps(&self) -> Child {
        let mut command = Command::new(env::current_exe().unwrap());
        command.arg("steps").arg(self.store().root()).arg(self.store().runtime()).arg(&self.image);
        command.spawn().unwrap()
    }
}

impl Drop for Host {
    /// A failed test leaves a wreck: nothing of it may stay on the host.
    fn drop(&mut self) {
        for id in engine::container::record::ids(self.store()) {
            let _ = engine::container::volatile::dismiss(self.store(), &id);
            let _ = engine::container::volatile::take_down(self.store(), &id);
        }
        let netns = fs::read_dir(self.store().runtime().join("netns")).into_iter().flatten().flatten();
        for entry in netns {
            let _ = umount2(&entry.path(), nix::mount::MntFlags::MNT_DETACH);
        }
    }
}

fn fail<T>(error: &Error) -> T {
    panic!("{}\nevidence: {:#?}\nhint: {:?}", error.chain(), error.evidence, error.hint)
}

/// Command lines of all processes of this machine.
fn commands() -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .filter(|line| line.contains("shim"))
        .collect()
}

fn cgroups(tag: &str) -> Vec<std::path::PathBuf> {
    let name = format!("sampan-{tag}");
    let mut found: Vec<_> =
        fs::read_dir("/sys/fs/cgroup").unwrap().flatten().map(|it| it.path().join(&name)).collect();
    found.push(Path::new("/sys/fs/cgroup").join(&name));
    found.retain(|path| path.exists());
    found
}

pub(crate) fn id(name: &str) -> ContainerId {
    format!("s.{name}.1.1").parse().unwrap()
}

/// A container that runs this line of shell.
pub(crate) fn shell(line: &str) -> ContainerSpec {
    let command = ["sh", "-c", line].map(str::to_owned).to_vec();
    ContainerSpec { image: "box".to_owned(), command: Some(command), ..ContainerSpec::default() }
}

/// A health check that runs this line of shell again and again; failures in the start period do
/// not count.
pub(crate) fn check(line: &str, start_period: Duration) -> Option<HealthSpec> {
    Some(HealthSpec {
        test: Some(HealthTest::Shell(line.to_owned())),
        interval: Some(Duration::from_millis(50)),
        timeout: Some(Duration::from_secs(5)),
        retries: Some(2),
        start_period: Some(start_period),
        start_interval: Some(Duration::from_millis(20)),
    })
}

/// The tar of a root file system around a static busybox.
fn busybox() -> Vec<u8> {
    let binary = busybox_path().and_then(|path| fs::read(path).ok());
    let binary = binary.expect("the package busybox-static must be installed");
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = |path: &str, kind: tar::EntryType, mode, data: &[u8], link: Option<&str>| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(data.len() as u64);
        match link {
            Some(link) => tar.append_link(&mut header, path, link).unwrap(),
            None => tar.append_data(&mut header, path, data).unwrap(),
        }
    };
    for folder in ["bin", "etc", "tmp", "root", "data"] {
        header(folder, tar::EntryType::Directory, 0o755, &[], None);
    }
    header("bin/busybox", tar::EntryType::Regular, 0o755, &binary, None);
    let applets = "sh cat echo sleep true false env id ls ps kill head tail touch mkdir dd printf stty hostname \
                   wc rm nc nslookup ip grep tr yes seq test trap mount";
    for applet in applets.split_whitespace() {
        header(&format!("bin/{applet}"), tar::EntryType::Symlink, 0o777, &[], Some("busybox"));
    }
    let passwd = b"root:x:0:0:root:/root:/bin/sh\nweb:x:33:33:web:/data:/bin/sh\n";
    header("etc/passwd", tar::EntryType::Regular, 0o644, passwd, None);
    header("etc/group", tar::EntryType::Regular, 0o644, b"root:x:0:\nweb:x:33:\n", None);
    header("data/seed", tar::EntryType::Regular, 0o644, b"from the image\n", None);
    tar.into_inner().unwrap()
}
