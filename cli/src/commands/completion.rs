//! `sampan completion`

use crate::args::Cli;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print a script that completes command lines in a shell
#[derive(Debug, Args)]
#[command(after_help = "For bash: `sampan completion bash > /etc/bash_completion.d/sampan`")]
pub(crate) struct CompletionArgs {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &CompletionArgs, context: &Context) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sampan", &mut script);
    context.screen.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
