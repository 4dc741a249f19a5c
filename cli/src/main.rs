//! The sampan command: says to planner and engine what the user wants, and to the user
//! what came of it. The only part that prints, reads the environment or ends the process.

mod args;
mod commands;
mod context;
mod error;
mod output;

use clap::Parser;
use std::process::ExitCode;

/// A container's supervisor is this program again; it must not meet anything of the rest.
/// All verbs run on this one thread; those that apply a plan make a runtime for that time.
fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|verb| verb == "shim") {
        return commands::shim::run();
    }
    engine::sys::heap::share();
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(output::usage(error).code()),
    };
    let environment = context::Environment::read();
    let screen = output::Screen::new(cli.global.ansi, &environment).telling(cli.global.progress);
    let context = context::Context::new(cli.global, environment, screen);
    let exit = commands::run(cli.command, &context).unwrap_or_else(|failure| screen.failure(&failure));
    ExitCode::from(exit.code())
}
