//! One private host.

use crate::leaks;
use crate::output::Output;
use crate::stack::Project;
use crate::terminal::Terminal;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The reference under which every host has the busybox image.
const IMAGE: &str = "busybox";

/// Reaps orphans until its standard input closes: the first process of a private host.
const INIT: &str = "trap : CHLD; echo ready; while ! read -r _; do [ $? -gt 128 ] || exit 0; done";

/// A machine of its own for one test.
#[derive(Debug)]
pub struct Host {
    init: Child,
    stdin: Option<ChildStdin>,
    /// Process id, in this namespace, of the host's first process.
    pid: u32,
    folder: TempDir,
}

impl Host {
    /// A host with a loopback interface and the busybox image; `None`, with the reason
    /// printed, when this is not root.
    ///
    /// # Panics
    /// Without root when `SAMPAN_REQUIRE_ROOT` is set, and when a namespace cannot be made.
    #[must_use]
    pub fn with_busybox() -> Option<Self> {
        let host = Self::bare()?;
        host.import_busybox();
        Some(host)
    }

    /// Gives the host the busybox image.
    ///
    /// # Panics
    /// When that fails.
    #[track_caller]
    pub fn import_busybox(&self) {
        let archive = busybox_archive();
        self.sampan(["image", "import", &archive.to_string_lossy(), IMAGE]).succeeds();
    }

    /// A host without any image.
    ///
    /// # Panics
    /// As [`Host::with_busybox`].
    #[must_use]
    pub fn bare() -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            assert!(std::env::var_os("SAMPAN_REQUIRE_ROOT").is_none(), "this test needs root");
            skip("not root");
            return None;
        }
        let folder = TempDir::with_prefix("sampan-e2e-").expect("make a temporary folder");
        let mut init = Command::new("unshare")
            .args(["--mount", "--net", "--pid", "--uts", "--fork", "--mount-proc", "--kill-child"])
            .args(["bash", "-c", INIT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start unshare");
        wait_for_line(&mut init);
        let stdin = init.stdin.take();
        let pid = first_child(init.id());
        let host = Self { init, stdin, pid, folder };
        host.shell("mount -t tmpfs tmpfs /run && ip link set lo up").succeeds();
        Some(host)
    }

    /// Runs sampan on this host, with its roots.
    pub fn sampan<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Output {
        self.sampan_in(self.folder.path(), args)
    }

    /// Runs sampan on this host in a folder.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn sampan_in<'a>(&self, folder: &Path, args: impl IntoIterator<Item = &'a str>) -> Output {
        let args: Vec<&str> = args.into_iter().collect();
        let mut command = self.sampan_command(folder);
        let output = command.args(&args).output().expect("run sampan");
        Output::of(format!("sampan {}", args.join(" ")), output)
    }

    /// A sampan command on this host that is yet to be given arguments and started.
    #[must_use]
    pub fn sampan_command(&self, folder: &Path) -> Command {
        let mut command = self.command(binary(), folder);
        command.stdin(Stdio::null());
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/root");
        command.env("SAMPAN_ROOT", self.root()).env("SAMPAN_RUNTIME", self.runtime());
        command
    }

    /// Runs sampan in a folder of this host, on a terminal.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn terminal<'a>(&self, folder: &Path, args: impl IntoIterator<Item = &'a str>) -> Terminal {
        // Only the command is in the session: what enters this host would die of Ctrl-C.
        let mut command = self.command(Path::new("setsid"), folder);
        command.args(["--ctty", "--wait"]).arg(binary()).args(args);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/root");
        command.env("SAMPAN_ROOT", self.root()).env("SAMPAN_RUNTIME", self.runtime());
        Terminal::run(&mut command)
    }

    /// Runs a shell script in a folder on this host; `$sampan` is the program, with its roots set.
    ///
    /// # Panics
    /// When the shell cannot be started.
    pub fn script(&self, folder: &Path, script: &str) -> Output {
        let mut command = self.command(Path::new("/bin/sh"), folder);
        command.args(["-c", script]).stdin(Stdio::null()).env("sampan", binary());
        command.env("SAMPAN_ROOT", self.root()).env("SAMPAN_RUNTIME", self.runtime());
        Output::of(script.to_owned(), command.output().expect("run a shell"))
    }

    /// Runs an ignored test of this very test program on this host.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn test(&self, name: &str) -> Output {
        let program = std::env::current_exe().expect("the test's own path");
        let mut command = self.command(&program, self.folder.path());
        command.args([name, "--exact", "--ignored", "--nocapture"]);
        command.env("SAMPAN_BIN", binary()).env("SAMPAN_ROOT", self.root());
        command.env("SAMPAN_RUNTIME", self.runtime());
        Output::of(name.to_owned(), command.output().expect("run the test"))
    }

    /// Runs a shell command on this host.
    ///
    /// # Panics
    /// When the shell cannot be started.
    pub fn shell(&self, script: &str) -> Output {
        let output = self
            .command(Path::new("/bin/sh"), self.folder.path())
            .args(["-c", script])
            .output()
            .expect("run a shell");
        Output::of(script.to_owned(), output)
    }

    /// A program to be started inside this host's namespaces, in a folder.
    pub(crate) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new("nsenter");
        let folder = format!("--wdns={}", folder.display());
        command.args([
            "--mount",
            "--net",
            "--pid",
            "--uts",
            &folder,
            "--target",
            &self.pid.to_string(),
            "--",
        ]);
        command.arg(program);
        command
    }

    /// A folder with a stack file on this host.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn project(&self, name: &str, yaml: &str) -> Project<'_> {
        let folder = self.folder.path().join("projects").join(name);
        fs::create_dir_all(&folder).expect("make the project's folder");
        let project = Project::new(self, folder);
        project.write("compose.yaml", yaml);
        project
    }

    /// Gives the host (192.0.2.1) a cable to another machine (192.0.2.2), the namespace `world`.
    ///
    /// # Panics
    /// When it cannot be laid.
    pub fn join_the_world(&self) {
        let script = "ip netns add world && ip link add up0 type veth peer name eth0 netns world \
                      && ip addr add 192.0.2.1/24 dev up0 && ip link set up0 up \
                      && ip -n world addr add 192.0.2.2/24 dev eth0 && ip -n world link set eth0 up";
        self.shell(script).succeeds();
    }

    /// Takes the cable away.
    ///
    /// # Panics
    /// When there is none.
    pub fn leave_the_world(&self) {
        self.shell("ip link del up0 && ip netns del world").succeeds();
    }

    /// Every process but the first one, with its command line.
    #[must_use]
    pub fn processes(&self) -> Vec<(u32, String)> {
        let list = "for p in /proc/[0-9]*; do echo \"${p#/proc/} $(tr '\\0' ' ' < $p/cmdline)\"; done";
        let text = self.shell(&format!("{list} 2>/dev/null")).stdout;
        let one = |line: &str| {
            let (pid, command) = line.split_once(' ')?;
            Some((pid.parse().ok()?, command.trim().to_owned()))
        };
        let all = text.lines().filter_map(one);
        all.filter(|(pid, line)| *pid != 1 && !line.is_empty() && !line.contains("for p in")).collect()
    }

    /// Removes the empty cgroups of this host's containers, as a reboot does.
    pub fn forget_cgroups(&self) {
        leaks::remove_cgroups(&self.tag());
    }

    /// sampan's durable folder on this host.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// sampan's volatile folder on this host.
    #[must_use]
    pub fn runtime(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Eight digits that are in every kernel object's name which belongs to this host.
    #[must_use]
    pub fn tag(&self) -> String {
        engine_tag(&self.runtime())
    }

    /// Moves the thread that calls it, and those that it starts, into this host's network.
    ///
    /// # Panics
    /// When that fails.
    pub(crate) fn enter_network(&self) {
        let network = File::open(format!("/proc/{}/ns/net", self.pid)).expect("open the network");
        nix::sched::setns(network, nix::sched::CloneFlags::CLONE_NEWNET).expect("enter the network");
    }

    /// The first process, as the machine numbers it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Expects that nothing of sampan is left on this host but images, and what `keep` names.
    ///
    /// # Panics
    /// With a list of what is left.
    #[track_caller]
    pub fn is_clean(&self) {
        // The kernel takes links away a moment after the last namespace that held them.
        let start = Instant::now();
        let mut found = leaks::find(self);
        while !found.is_empty() && start.elapsed() < crate::patiently(Duration::from_secs(5)) {
            std::thread::sleep(Duration::from_millis(20));
            found = leaks::find(self);
        }
        assert!(found.is_empty(), "left behind:\n{}", found.join("\n"));
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.init.wait();
        leaks::remove_cgroups(&self.tag());
    }
}

fn wait_for_line(child: &mut Child) {
    use std::io::{BufRead, BufReader};
    let stdout = child.stdout.take().expect("stdout is piped");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("read from the private host");
    assert_eq!(line.trim(), "ready", "the private host did not start");
}

fn first_child(pid: u32) -> u32 {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(&path).expect("read the children of unshare");
    text.split_whitespace().next().and_then(|pid| pid.parse().ok()).expect("unshare has a child")
}

/// FNV-1a of the runtime path, as the engine tags its kernel objects.
fn engine_tag(runtime: &Path) -> String {
    let hash = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    let value = runtime.as_os_str().as_encoded_bytes().iter().fold(0x811c_9dc5, hash);
    format!("{value:08x}")
}

/// The program under test: `SAMPAN_BIN`, else the one built beside the tests.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let built = || {
            let test = std::env::current_exe().expect("the test's own path");
            test.parent().and_then(Path::parent).expect("the test lies in target/").join("sampan")
        };
        let path = std::env::var_os("SAMPAN_BIN").map_or_else(built, PathBuf::from);
        assert!(path.exists(), "{} is not built: run `cargo build` first", path.display());
        path
    })
}

/// A tar archive of a busybox root file system, made once for all tests of this process. It
/// lies with what is built, so it need not be taken away.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn busybox_archive() -> &'static Path {
    static ARCHIVE: OnceLock<PathBuf> = OnceLock::new();
    ARCHIVE.get_or_init(|| {
        let path = std::env::current_exe().expect("the test's own path").with_file_name("busybox.tar");
        let new = path.with_extension(format!("{}.tar", std::process::id()));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/busybox-image.sh");
        let file = File::create(&new).expect("create the archive");
        let status = Command::new(script).stdout(file).status().expect("run busybox-image.sh");
        assert!(status.success(), "busybox-image.sh failed");
        fs::rename(&new, &path).expect("put the archive into its place");
        path
    })
}

/// Says why a test is skipped.
#[expect(clippy::print_stderr, reason = "the reason of a skipped test belongs on the test's output")]
pub fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
}
