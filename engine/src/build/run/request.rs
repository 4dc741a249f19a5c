//! What there is to know about one `RUN`, and what comes of it.

use crate::build::cancel::Cancel;
pub use crate::build::dockerfile::mount::Sharing;
use crate::build::snapshot::{Files, Snapshot};
use crate::sandbox::Rlimit;
use crate::store::Store;
use planner::desired::Limits;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// All there is to know about one `RUN`.
#[derive(Clone, Debug)]
pub struct RunRequest<'a> {
    /// Where caches and networks are.
    pub store: &'a Store,
    /// What it runs in and changes.
    pub snapshot: &'a Snapshot,
    /// What runs.
    pub command: RunCommand,
    /// Its environment: `ENV` and `ARG` of the stage. `PATH` and `HOME` are added when absent.
    pub env: BTreeMap<String, String>,
    /// `user[:group]`, names or numbers, as `USER` has it; empty is root.
    pub user: String,
    /// Working directory, absolute; made when missing. Empty is `/`.
    pub cwd: String,
    /// What it reaches.
    pub network: RunNetwork,
    /// `--mount`, in this order.
    pub mounts: Vec<RunMount>,
    /// Further lines of /etc/hosts: name and address (`host-gateway` is this host).
    pub extra_hosts: Vec<(String, String)>,
    /// `privileged` or `--security=insecure`.
    pub privileged: bool,
    /// Bytes of /dev/shm; `None` is 64 MiB.
    pub shm_size: Option<u64>,
    /// Limits of setrlimit(2).
    pub rlimits: Vec<Rlimit>,
    /// Limits of its control group.
    pub limits: Limits,
    /// Ends it early.
    pub cancel: &'a Cancel,
}

/// What runs. The shell is that of the stage, such as `/bin/sh -c`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunCommand {
    /// A program and its arguments, exactly.
    Exec(Vec<String>),
    /// Text for the shell.
    Shell {
        /// What it is given to.
        shell: Vec<String>,
        /// The text.
        text: String,
    },
    /// A file that the shell is told to execute.
    Script {
        /// What is told.
        shell: Vec<String>,
        /// Name of the file.
        name: String,
        /// What it says; its first line says what interprets it.
        body: String,
    },
}

/// What a program reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RunNetwork {
    /// A bridge network for builds, with the way out that containers have.
    #[default]
    Default,
    /// Its own loopback device only.
    None,
    /// Everything that the host reaches, as the host.
    Host,
    /// What containers on this network reach, and those.
    Named(String),
}

/// One `--mount`.
#[derive(Clone, Debug)]
pub struct RunMount {
    /// Path inside; relative ones are below the working directory.
    pub target: String,
    /// Nothing can be written through it.
    pub read_only: bool,
    /// What is mounted.
    pub kind: RunMountKind,
}

/// What is mounted for one `RUN`.
#[derive(Clone, Debug)]
pub enum RunMountKind {
    /// Files of a context, stage or image; what is written there is thrown away.
    Bind {
        /// Where from.
        from: Files,
        /// Path of a file or folder there; empty is all.
        source: String,
    },
    /// A folder that stays from build to build.
    Cache {
        /// Which one.
        id: String,
        /// Who may use it at the same time.
        sharing: Sharing,
        /// What a new one begins with: files, and a path there.
        from: Option<(Files, String)>,
        /// Owner of a new one.
        owner: (u32, u32),
        /// Permission bits of a new one.
        mode: u32,
    },
    /// Memory, of this many bytes at most.
    Tmpfs {
        /// `None` is the kernel's default.
        size: Option<u64>,
    },
    /// A file that is nowhere but in memory. An empty `target` is `/run/secrets/<id>`.
    Secret {
        /// Its name.
        id: String,
        /// What it says; `None` when the user has not given it.
        value: Option<Vec<u8>>,
        /// It must have been given.
        required: bool,
        /// A variable that it becomes; without a target it is not mounted then.
        env: Option<String>,
        /// Owner of the file.
        owner: (u32, u32),
        /// Permission bits of the file.
        mode: u32,
    },
    /// An agent of the host. An empty `target` is `/run/buildkit/ssh_agent.<n>`.
    Ssh {
        /// Its name.
        id: String,
        /// The agent's socket; `None` when the user has not given it.
        socket: Option<PathBuf>,
        /// It must have been given.
        required: bool,
        /// Owner of the socket inside.
        owner: (u32, u32),
        /// Permission bits of the socket inside.
        mode: u32,
    },
}

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Receives output line by line, without line ends; a line longer than [`LINE_MAX`] comes in pieces.
pub type Sink<'a> = &'a mut (dyn FnMut(Stream, &[u8]) + Send);

/// Longest piece of a line.
pub const LINE_MAX: usize = 64 << 10;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunOutcome {
    /// Its exit code; 128 plus the signal's number when one killed it.
    pub code: i32,
    /// The kernel killed something in it for want of memory.
    pub out_of_memory: bool,
}

impl RunOutcome {
    /// Whether it did what it should.
    pub fn is_success(&self) -> bool {
        self.code == 0
    }
}
