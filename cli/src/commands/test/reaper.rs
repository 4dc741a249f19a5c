//! What sees to it that nothing is left, should the test be killed: a process that waits for its end,
//! and a look at what was left by those that were killed with theirs, or with the machine.

use super::take_down;
use crate::commands::converge::block_on;
use crate::context::{Context, Target};
use crate::error::{Exit, Failure};
use clap::Args;
use engine::LinuxEngine;
use engine::container::ProcessKey;
use engine::container::handle::Handle;
use nix::libc::SIGKILL;
use std::io::{self, Write};
use std::process::{Child, Stdio};
use std::sync::Arc;

/// The process that waits for the end of this one: then the pipe to it closes.
pub(super) struct Reaper(Child);

impl Reaper {
    /// Starts it for a stack that lives with this process.
    pub(super) fn start(context: &Context, stack: &str) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::io("start what takes the stack down after a kill", &error);
        let mut again = context.again().map_err(failed)?;
        again.args(["reap", stack]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        again.spawn().map(Self).map_err(failed)
    }

    /// The process with this id is to end with us, too.
    pub(super) fn add(&mut self, pid: u32) -> io::Result<()> {
        let key = i32::try_from(pid).ok().and_then(ProcessKey::of);
        let (Some(key), Some(pipe)) = (key, &mut self.0.stdin) else { return Ok(()) };
        writeln!(pipe, "{}", serde_json::to_string(&key)?)
    }

    /// There is nothing left to do for it.
    pub(super) fn dismiss(mut self) {
        // Whether it has ended already does not matter.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Take a stack down when the pipe to us closes; for sampan itself
#[derive(Debug, Args)]
pub(crate) struct ReapArgs {
    /// The stack
    stack: String,
}

/// Waits until the test has ended, then ends its command and takes the stack down.
pub(crate) fn reap(args: &ReapArgs, context: &Context) -> Result<Exit, Failure> {
    // Ctrl-C in the terminal of the test is not for us.
    nix::unistd::setsid().map_err(|error| Failure::io("leave the terminal", &error.into()))?;
    let mut commands = Vec::new();
    for line in io::stdin().lines() {
        let line = line.map_err(|error| Failure::io("wait for the test", &error))?;
        commands.extend(serde_json::from_str::<ProcessKey>(&line).ok());
    }
    for command in commands.iter().filter_map(Handle::open) {
        command.signal(SIGKILL).map_err(|error| Failure::io("end the command of the test", &error))?;
    }
    let engine = Arc::new(context.engine_as_root("reap")?);
    remove(context, &engine, &args.stack)
}

/// Takes down what tests left that were killed together with what waited for their end.
pub(super) fn sweep(context: &Context, engine: &Arc<LinuxEngine>) -> Result<(), Failure> {
    for stack in engine.stacks()? {
        if stack.owner.is_some_and(|owner| owner.has_ended()) {
            context.screen.tell(&format!("taking down {}, which a killed test left", stack.name));
            remove(context, engine, &stack.name)?;
        }
    }
    Ok(())
}

fn remove(context: &Context, engine: &Arc<LinuxEngine>, stack: &str) -> Result<Exit, Failure> {
    let target = Target::named(stack.to_owned(), context.environment.directory.clone());
    block_on(take_down(context, engine, &target, 0))
}
