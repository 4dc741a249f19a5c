//! What a supervisor and the command that started it say to each other. The command says what it
//! has made while the supervisor gets ready; the supervisor answers with one line of JSON.

use crate::error::{Context, Error, Kind, Result};
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::BorrowedFd;

/// What the command makes for a container, said in this order, a byte each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// Its control groups.
    Groups = b'g' as isize,
    /// Its network, and the files that tell of it.
    Network = b'n' as isize,
}

impl Made {
    /// How it is said.
    pub fn word(self) -> [u8; 1] {
        [self as u8]
    }

    /// Waits until it is said. It fails when the command is gone, or could not make it.
    pub fn wait(self, command: BorrowedFd<'_>) -> Result<()> {
        let mut word = [0];
        let read = loop {
            match rustix::io::read(command, &mut word) {
                Err(rustix::io::Errno::INTR) => {}
                read => break read.map_err(io::Error::from),
            }
        };
        match read {
            Ok(1) if word == self.word() => Ok(()),
            Ok(_) => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            Err(error) => Err(error),
        }
        .doing(|| "wait for the command that starts the container".to_owned())
    }
}

/// How the start went.
#[derive(Debug, Serialize, Deserialize)]
pub enum Ready {
    /// The container runs.
    Started {
        /// What else there is to say.
        remark: Option<String>,
    },
    /// It does not, and the supervisor ends.
    Failed(Failure),
}

/// An [`Error`] that can cross a pipe.
#[derive(Debug, Serialize, Deserialize)]
pub struct Failure {
    kind: String,
    doing: String,
    hint: Option<String>,
    evidence: Vec<String>,
    /// The errors below, outermost first.
    causes: Vec<String>,
}

/// One link in a chain of errors that crossed a pipe.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Cause {
    text: String,
    source: Option<Box<Cause>>,
}

const KINDS: [Kind; 9] = [
    Kind::NotFound,
    Kind::Conflict,
    Kind::Denied,
    Kind::Unsupported,
    Kind::Container,
    Kind::Timeout,
    Kind::Cancelled,
    Kind::Corrupt,
    Kind::System,
];

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            kind: format!("{:?}", error.kind),
            doing: error.doing.clone(),
            hint: error.hint.clone(),
            evidence: error.evidence.clone(),
            causes: error.causes(),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let kind = KINDS.into_iter().find(|kind| format!("{kind:?}") == failure.kind);
        let chain = failure
            .causes
            .into_iter()
            .rev()
            .fold(None, |below, text| Some(Box::new(Cause { text, source: below })));
        Error {
            kind: kind.unwrap_or(Kind::System),
            doing: failure.doing,
            hint: failure.hint,
            evidence: failure.evidence,
            source: chain.map(|cause| cause as Box<dyn std::error::Error + Send + Sync>),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_crosses_the_pipe_with_its_causes() {
        let below = Error::new(Kind::System, "mount overlay").because(std::io::Error::other("no space"));
        let error = Error::new(Kind::Conflict, "start web")
            .hint("free some")
            .evidence(vec!["line".into()])
            .because(below);
        let text = serde_json::to_string(&Ready::Failed(Failure::from(&error))).unwrap();
        let Ready::Failed(failure) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
        let back = Error::from(failure);
        assert_eq!((back.kind, back.doing.as_str()), (Kind::Conflict, "start web"));
        assert_eq!(back.evidence, ["line"]);
        assert_eq!(back.causes(), ["mount overlay", "no space"]);
    }
}
