//! The host's `git`, with nothing of the host's settings.

use super::Reach;
use crate::error::{Context, Error, Kind, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Where programs of the host are.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Lines of what it says that an error shows.
const LINES: usize = 10;

/// Runs `git` in a folder and gives what it says.
pub(super) fn git(reach: Reach<'_>, folder: &Path, args: &[&str]) -> Result<String> {
    let (out, err) = (reach.folder.join("stdout"), reach.folder.join("stderr"));
    let create = |path: &Path| File::create(path).doing(|| format!("create {}", path.display()));
    let mut command = Command::new("git");
    command.args(["-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false"]).args(args);
    command.current_dir(folder).env_clear().envs(environment(reach));
    command.stdin(Stdio::null()).stdout(create(&out)?).stderr(create(&err)?);
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::new(Kind::Unsupported, "a repository needs the program `git`")
            .hint("install git on this host, or clone the repository into the build context"),
        _ => Error::new(Kind::System, "start git").because(error),
    })?;
    let is_cancelled = !ends(&child, reach).doing(|| "wait for git".to_owned())?;
    if is_cancelled {
        // It fails when it has ended already.
        let _ = child.kill();
    }
    let status = child.wait().doing(|| "wait for git".to_owned())?;
    reach.cancel.check()?;
    let read = |path: &Path| fs::read_to_string(path).doing(|| format!("read {}", path.display()));
    if status.success() {
        return read(&out);
    }
    let said = String::from_utf8_lossy(&fs::read(&err).unwrap_or_default()).into_owned();
    let lines: Vec<String> = said.lines().map(str::to_owned).collect();
    let last = lines[lines.len().saturating_sub(LINES)..].to_vec();
    Err(Error::new(Kind::System, format!("git {}", args.first().unwrap_or(&""))).evidence(last))
}

/// Waits for its end; false when it is not wanted any more.
fn ends(child: &Child, reach: Reach<'_>) -> io::Result<bool> {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(pidfd.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(reach.cancel.as_fd(), PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => {}
            polled => {
                polled?;
                return Ok(!fds[0].revents().is_empty());
            }
        }
    }
}

/// It asks nobody, runs nothing of the repository's and goes over the network only.
fn environment(reach: Reach<'_>) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("PATH", PATH.to_owned()),
        ("LC_ALL", "C".to_owned()),
        ("HOME", "/dev/null".to_owned()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("GIT_TERMINAL_PROMPT", "0".to_owned()),
        ("GIT_ALLOW_PROTOCOL", "http:https:git:ssh".to_owned()),
        ("GIT_SSH_COMMAND", "ssh -o BatchMode=yes".to_owned()),
    ];
    let proxies = &reach.inputs.registries.proxies;
    let given = [("http_proxy", proxies.http.clone()), ("https_proxy", proxies.https.clone())];
    all.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
    all.push(("no_proxy", proxies.no_proxy.clone()));
    all.extend(reach.inputs.agent.iter().map(|path| ("SSH_AUTH_SOCK", path.display().to_string())));
    all
}
