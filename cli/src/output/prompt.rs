//! Questions to somebody at a terminal.

use crate::context::Context;
use crate::error::{Exit, Failure};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use std::io::{self, Write};

/// Asks for one line. Without a terminal it is an error; `instead` says how else to answer.
pub(crate) fn line(context: &Context, question: &str, instead: &str) -> Result<String, Failure> {
    if !context.environment.terminals.input {
        return Err(Failure::usage("there is no terminal to ask at", instead));
    }
    let ask = || {
        write!(io::stderr(), "{question}")?;
        let mut answer = String::new();
        match io::stdin().read_line(&mut answer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(answer.trim().to_owned()),
        }
    };
    ask().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure::Said(Exit::Interrupted),
        _ => Failure::io("read an answer", &error),
    })
}

/// As [`line`], but what is typed is not shown.
pub(crate) fn secret(context: &Context, question: &str, instead: &str) -> Result<String, Failure> {
    let before = tcgetattr(io::stdin()).ok();
    if let Some(mut hidden) = before.clone() {
        hidden.local_flags.remove(LocalFlags::ECHO);
        let _ = tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &hidden);
    }
    let answer = line(context, question, instead);
    if let Some(before) = before {
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &before);
        context.screen.tell("");
    }
    answer
}
