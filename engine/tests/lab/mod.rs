//! A container for tests: its root file system is memory that is mounted nowhere, its groups have
//! a name of their own, and all is gone when it is dropped.

use engine::cgroup::{Group, Hierarchy, Join};
use engine::sandbox::{
    self, Birth, Child, Confinement, Device, Entry, GivenFile, Mount, Namespaces, Netns, Process, User,
};
use engine::sys::mountfd;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use planner::ContainerSpec;
use planner::desired::Limits;
use rustix::mount::MountAttrFlags;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Says why a test cannot run here, or that it can. With `SAMPAN_REQUIRE_ROOT=1` it must.
pub(crate) fn possible() -> bool {
    let why = match (rustix::process::geteuid().is_root(), busybox()) {
        (false, _) => "it needs root",
        (_, None) => "it needs a static busybox",
        _ => return true,
    };
    assert!(std::env::var("SAMPAN_REQUIRE_ROOT").as_deref() != Ok("1"), "cannot run: {why}");
    eprintln!("skipped: {why}");
    false
}

fn busybox() -> Option<PathBuf> {
    ["/bin/busybox", "/usr/bin/busybox"].into_iter().map(PathBuf::from).find(|path| path.exists())
}

/// One container to be.
pub(crate) struct Lab {
    pub(crate) rootfs: OwnedFd,
    pub(crate) group: Group,
    pub(crate) limits: Limits,
    pub(crate) spec: ContainerSpec,
    pub(crate) process: Process,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) files: Vec<GivenFile>,
    pub(crate) devices: Vec<Device>,
}

/// What became of a program.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) output: String,
}

/// A program that runs.
pub(crate) struct Running {
    pub(crate) child: Child,
    output: File,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Held while a root file system is filled and while a child is born: the tests are threads of one
/// process, and a child holds copies of all its files, also those that another test writes.
static BIRTH: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    BIRTH.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lab {
    /// A container with busybox that will run a line of shell.
    pub(crate) fn new(script: &str) -> Self {
        let options = [(c"mode", Some(c"755"))];
        let rootfs = mountfd::filesystem(c"tmpfs", &options, MountAttrFlags::empty()).unwrap();
        let tag = format!("test{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let group = Group::new(&Hierarchy::detect().unwrap(), &tag, &"lab.one.1.1".parse().unwrap());
        let lab = Self {
            rootfs,
            group,
            limits: Limits::default(),
            spec: ContainerSpec::default(),
            process: Process { argv: shell(script), ..Process::default() },
            mounts: Vec::new(),
            files: Vec::new(),
            devices: Vec::new(),
        };
        lab.fill();
        lab
    }

    fn fill(&self) {
        let _alone = alone();
        for folder in ["bin", "etc", "tmp"] {
            fs::create_dir(self.path(folder)).unwrap();
        }
        fs::set_permissions(self.path("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
        fs::copy(busybox().unwrap(), self.path("bin/busybox")).unwrap();
        for applet in APPLETS {
            symlink("busybox", self.path("bin").join(applet)).unwrap();
        }
        fs::write(self.path("etc/passwd"), "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/var/web:/bin/sh\n")
            .unwrap();
        fs::write(self.path("etc/group"), "web:x:34:\nlog:x:40:web\n").unwrap();
    }

    /// Path of something in the root file system, from outside.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.rootfs.as_raw_fd())).join(inside)
    }

    pub(crate) fn confinement(&self) -> Confinement {
        Confinement::of(&self.spec).unwrap()
    }

    /// Starts it.
    pub(crate) fn start(&self) -> engine::Result<Running> {
        self.group.create(&self.limits)?;
        self.start_in(self.group.join())
    }

    pub(crate) fn start_in(&self, cgroup: Join) -> engine::Result<Running> {
        self.start_recorded(cgroup, |_| Ok(()))
    }

    /// Starts it; `record` is told of its process before it runs.
    pub(crate) fn start_recorded(
        &self,
        cgroup: Join,
        record: impl FnOnce(&Child) -> engine::Result<()>,
    ) -> engine::Result<Running> {
        let null = File::open("/dev/null").unwrap();
        let (output, theirs) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
        let _alone = alone();
        let birth = Birth {
            rootfs: self.rootfs.as_fd(),
            stdio: [null.as_fd(), theirs.as_fd(), theirs.as_fd()],
            process: self.process.clone(),
            confinement: self.confinement(),
            hostname: "one".into(),
            domainname: None,
            sysctls: Vec::new(),
            netns: Netns::New,
            namespaces: Namespaces::default(),
            cgroup,
            mounts: self.mounts.clone(),
            files: self.files.clone(),
            shm_size: 1 << 20,
            devices: self.devices.clone(),
            guarded: false,
            read_only: self.spec.read_only,
            init: self.spec.init,
            tty: false,
            tied: false,
        };
        let child = sandbox::spawn(&birth, record)?;
        Ok(Running { child, output: output.into() })
    }

    /// Runs it to its end.
    pub(crate) fn run(&self) -> Ended {
        self.start().unwrap_or_else(|error| panic!("{error}: {:?}", error.source)).end()
    }

    /// Runs one more program inside.
    pub(crate) fn exec(&self, beside: &Running, process: Process) -> engine::Result<Running> {
        let null = File::open("/dev/null").unwrap();
        let (output, theirs) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
        let _alone = alone();
        let child = sandbox::spawn_exec(&Entry {
            pidfd: beside.child.pidfd.as_fd(),
            stdio: [null.as_fd(), theirs.as_fd(), theirs.as_fd()],
            process,
            confinement: self.confinement(),
            cgroup: self.group.join(),
            tty: false,
        })?;
        Ok(Running { child, output: output.into() })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.group.kill();
        if let Err(error) = self.group.remove() {
            // A second panic would hide the first.
            eprintln!("{error}: {:?}", error.source);
        }
    }
}

impl Running {
    /// Waits for one line of output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        while self.output.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
            line.push(byte[0]);
        }
        String::from_utf8(line).unwrap()
    }

    pub(crate) fn signal(&self, signal: i32) {
        engine::sys::pidfd::send_signal(self.child.pidfd.as_fd(), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let code = match waitpid(Pid::from_raw(self.child.pid), None).unwrap() {
            WaitStatus::Exited(_, code) => code,
            WaitStatus::Signaled(_, signal, _) => 128 + signal as i32,
            other => panic!("{other:?}"),
        };
        let mut output = String::new();
        self.output.read_to_string(&mut output).unwrap();
        Ended { code, output }
    }
}

/// A process of root that runs a line of shell.
pub(crate) fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

/// A user as the root file system lists it.
pub(crate) fn user(lab: &Lab, text: &str) -> User {
    User::lookup(lab.rootfs.as_fd(), text, &[]).unwrap()
}

const APPLETS: [&str; 36] = [
    "awk", "cat", "chmod", "chroot", "cut", "dd", "df", "echo", "env", "false", "grep", "head", "hostname",
    "id", "ip", "kill", "ls", "mkdir", "mknod", "mount", "ps", "pwd", "readlink", "seq", "sh", "sleep",
    "sort", "stat", "tail", "touch", "tr", "true", "tty", "umount", "unshare", "wc",
];
