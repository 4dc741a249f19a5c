//! The command that tests: a child of ours with our terminal, until it ends.

use crate::commands::interrupt::Interrupts;
use crate::error::{Exit, Failure, Message};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};

/// Starts it with these variables besides our own.
pub(super) fn start(command: &[String], variables: Vec<(String, String)>) -> Result<Child, Failure> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::usage(
            "no command is given",
            "write it behind `--`: `sampan test -- ./tests.sh`",
        ));
    };
    let mut command = Command::new(program);
    command.args(arguments).envs(variables).spawn().map_err(|error| cannot_run(program, &error))
}

/// Waits for its end; the exit code is its own. Ctrl-C reaches it from the terminal; a request to end
/// that reaches only us is passed on.
pub(super) async fn wait(mut child: Child, interrupts: &mut Interrupts) -> Result<Exit, Failure> {
    let pid = Pid::from_raw(child.id().try_into().unwrap_or_default());
    let mut waiting = tokio::task::spawn_blocking(move || child.wait());
    let mut interrupted = false;
    loop {
        tokio::select! {
            biased;
            ended = &mut waiting => {
                let ended = ended.map_err(io::Error::other).flatten();
                let status = ended.map_err(|error| Failure::io("wait for the command", &error))?;
                return Ok(if interrupted { Exit::Interrupted } else { verdict(status) });
            }
            number = interrupts.next_signal() => {
                // The second time it is not asked any more.
                let number = if interrupted { Signal::SIGKILL } else { number };
                interrupted = true;
                if number != Signal::SIGINT {
                    // Whether it has ended meanwhile, waiting tells.
                    let _ = kill(pid, number);
                }
            }
        }
    }
}

fn verdict(status: ExitStatus) -> Exit {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    match code.and_then(|code| u8::try_from(code).ok()) {
        Some(0) => Exit::Done,
        Some(code) => Exit::Program(code),
        None => Exit::NotReached,
    }
}

/// As shells have it: 127 for what is not there, 126 for what cannot run.
fn cannot_run(program: &str, error: &io::Error) -> Failure {
    let (code, hint) = match error.kind() {
        io::ErrorKind::NotFound => (127, "name a program of this machine, or a service with --service"),
        _ => (126, "make it executable: `chmod +x`"),
    };
    let mut message = Message::new(Exit::Program(code), format!("the command `{program}` cannot run"));
    message.causes.push(error.to_string());
    message.hint(hint).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_the_exit_code_or_the_signal() {
        let of = |raw| verdict(ExitStatus::from_raw(raw));
        assert_eq!([of(0), of(3 << 8), of(9)], [Exit::Done, Exit::Program(3), Exit::Program(137)]);
    }
}
