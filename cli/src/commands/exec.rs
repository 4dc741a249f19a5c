//! `sampan exec`

use super::containers::{choose, known, select};
use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use clap::Args;
use engine::container::ExecSpec;
use engine::sys::exe;
use engine::{Error, Kind, LinuxEngine};
use planner::ContainerId;
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Run another program in a running container
#[derive(Debug, Args)]
#[command(after_help = "Everything behind SERVICE belongs to the program: `sampan exec web ls -l /`")]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    how: How,

    /// Number of the container when there are several
    #[arg(long, value_name = "N", default_value_t = 1)]
    index: u32,

    /// The service
    service: String,

    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    argv: Vec<String>,
}

/// How it is run.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// Do not wait for it; what it prints is lost
    #[arg(short, long)]
    detach: bool,

    /// All capabilities and system calls, whatever the container has
    #[arg(long)]
    privileged: bool,

    /// No terminal; there is one when standard input and output are terminals
    #[arg(short = 'T', long = "no-tty")]
    no_tty: bool,

    /// Run as `user[:group]`
    #[arg(short, long)]
    user: Option<String>,

    /// Working directory
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,

    /// Set a variable; without a value it takes that of this shell
    #[arg(short, long = "env", value_name = "NAME=VALUE")]
    env: Vec<String>,

    /// Accepted for scripts: input is always passed on
    #[arg(short, long, hide = true)]
    interactive: bool,

    /// Accepted for scripts: there is a terminal whenever there can be one
    #[arg(short, long, hide = true)]
    tty: bool,
}

/// Blocks until the program ended; its exit code is ours. Nothing here may make a thread: the
/// engine enters the container's namespaces from this one.
pub(crate) fn run(args: ExecArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.target()?;
    let engine = context.engine_as_root("exec")?;
    become_sealed()?;
    let containers = select(known(&engine, &target)?, &target, std::slice::from_ref(&args.service))?;
    let container = choose(containers, &args.service, args.index)?;
    args.how.exec(&engine, &container.id, args.argv, context)
}

impl How {
    /// Runs it in this container; see [`run`].
    pub(crate) fn exec(
        self,
        engine: &LinuxEngine,
        id: &ContainerId,
        argv: Vec<String>,
        context: &Context,
    ) -> Result<Exit, Failure> {
        let terminals = context.environment.terminals;
        let spec = ExecSpec {
            env: variables(&self.env, &|name| context.environment.var(name).map(str::to_owned)),
            argv,
            user: self.user,
            cwd: self.workdir,
            tty: !self.no_tty && !self.detach && terminals.input && terminals.out,
            detach: self.detach,
            privileged: self.privileged,
        };
        match engine.exec(id, &spec) {
            Ok(code) => Ok(Exit::Program(u8::try_from(code).unwrap_or(255))),
            Err(error) => {
                let mut message = Message::from(&error);
                message.exit = unstarted(&error);
                Err(message.into())
            }
        }
    }
}

/// Executes this program again from where no container can write to it: a process of ours is about
/// to be inside one.
pub(crate) fn become_sealed() -> Result<(), Failure> {
    let again = || {
        if exe::is_sealed()? {
            return Ok(());
        }
        let sealed = exe::seal(Path::new("/proc/self/exe"))?;
        let mut arguments = std::env::args_os();
        let name = arguments.next().unwrap_or_else(|| "sampan".into());
        Err(Command::new(sealed.path()).arg0(name).args(arguments).exec())
    };
    let failed = |error: std::io::Error| {
        Message::from(&Error::new(Kind::System, "execute this program from a read-only mount").because(error))
            .into()
    };
    again().map_err(failed)
}

/// The exit code when the program could not be started: as a shell has it.
fn unstarted(error: &Error) -> Exit {
    match error.kind {
        Kind::NotFound => Exit::Program(127),
        Kind::Denied => Exit::Program(126),
        _ => Exit::NotReached,
    }
}

/// `NAME=VALUE` as it is, `NAME` with the value that it has here, if it has one.
fn variables(wanted: &[String], var: &dyn Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    let pair = |text: &String| match text.split_once('=') {
        Some((name, value)) => Some((name.to_owned(), value.to_owned())),
        None => Some((text.clone(), var(text)?)),
    };
    wanted.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_without_value_comes_from_here() {
        let here = |name: &str| (name == "LANG").then(|| "C".to_owned());
        let wanted = ["A=b=c".to_owned(), "LANG".to_owned(), "NONE".to_owned()];
        let pairs = [("A".to_owned(), "b=c".to_owned()), ("LANG".to_owned(), "C".to_owned())];
        assert_eq!(variables(&wanted, &here), pairs.into());
    }
}
