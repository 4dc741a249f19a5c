//! Keys of `RUN --mount=type=ssh` that are in files: an agent of our own has them while the `RUN`
//! runs. The program sees the agent, never a key.

use crate::error::{Context, Error, Kind, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// An agent, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct KeyAgent {
    /// The agent ends with it, and it with its standard input: also when we are killed.
    holder: Child,
    agent: Option<Pid>,
    /// Where it answers.
    pub(super) socket: PathBuf,
}

impl KeyAgent {
    /// Starts an agent in a folder and gives it the keys in these files.
    pub(super) fn start(folder: &Path, keys: &[PathBuf]) -> Result<Self> {
        fs::create_dir_all(folder).doing(|| format!("create {}", folder.display()))?;
        let socket = folder.join("agent");
        let mut command = Command::new("ssh-agent");
        command.arg("-a").arg(&socket).args(["/bin/sh", "-c", "echo $SSH_AGENT_PID; exec cat"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut holder = command.spawn().map_err(|error| missing("ssh-agent", error))?;
        let mut line = String::new();
        if let Some(out) = holder.stdout.take() {
            BufReader::new(out).read_line(&mut line).doing(|| "start ssh-agent".to_owned())?;
        }
        let agent = Self { holder, agent: line.trim().parse().ok().and_then(Pid::from_raw), socket };
        if agent.agent.is_none() {
            return Err(Error::new(
                Kind::System,
                format!("ssh-agent did not start at {}", agent.socket.display()),
            ));
        }
        keys.iter().try_for_each(|key| agent.add(key))?;
        Ok(agent)
    }

    fn add(&self, key: &Path) -> Result<()> {
        let content = File::open(key).doing(|| format!("open the key {}", key.display()))?;
        let mut command = Command::new("ssh-add");
        command.args(["-q", "-"]).stdin(content).env("SSH_AUTH_SOCK", &self.socket);
        // It must not ask for a passphrase on the terminal.
        command.env("SSH_ASKPASS_REQUIRE", "force").env("SSH_ASKPASS", "/bin/false");
        let done = command.output().map_err(|error| missing("ssh-add", error))?;
        if done.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&done.stderr).lines().map(str::to_owned).collect();
        Err(Error::new(Kind::Denied, format!("use the key {}", key.display()))
            .evidence(said)
            .hint("a key with a passphrase must be in an agent: `ssh-add` it, and give `--ssh default`"))
    }
}

impl Drop for KeyAgent {
    fn drop(&mut self) {
        // What has ended already needs no end.
        let _ = self.agent.map(|agent| kill_process(agent, Signal::TERM));
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

fn missing(program: &str, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        return Error::new(Kind::Unsupported, format!("a key file needs the program `{program}`"))
            .hint("install the ssh client on this host, or give an agent by `--ssh default`");
    }
    Error::new(Kind::System, format!("start {program}")).because(error)
}
