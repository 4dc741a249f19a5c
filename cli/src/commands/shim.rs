//! `sampan shim`: the supervisor of one container.

use std::process::ExitCode;

/// Becomes the supervisor. Nothing of the rest of the command line has happened yet.
pub(crate) fn run() -> ExitCode {
    let code = engine::shim::main(std::env::args_os().skip(2));
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
