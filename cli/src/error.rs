//! Any error becomes one message (`error:`, `caused by:`, `hint:`) and one exit code.

use engine::{Error, Kind};
use planner::Diagnostics;
use planner::plan::Refusal;
use std::error::Error as _;
use std::io;

/// Exit codes, as people's scripts know them from Docker Compose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// The goal was not reached.
    NotReached,
    /// Not understood; for `plan --exit-code`: there are changes.
    Usage,
    /// Nothing was tried: consent is missing.
    Refused,
    /// A file that was named or needed does not exist.
    FileNotFound,
    /// The stack file cannot be used.
    InvalidStack,
    /// Ctrl-C.
    Interrupted,
    /// The exit code of a program that ran inside a container.
    Program(u8),
}

impl Exit {
    /// The number for the operating system.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NotReached => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::FileNotFound => 14,
            Self::InvalidStack => 15,
            Self::Interrupted => 130,
            Self::Program(code) => code,
        }
    }
}

/// Why a command ends without having done its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// One message.
    Message(Box<Message>),
    /// The stack file is wrong.
    Invalid(Diagnostics),
    /// No plan is made.
    Refused(Refusal),
    /// Everything was said already.
    Said(Exit),
    /// Nobody reads our output any more: nothing to say, and not our failure.
    BrokenPipe,
}

/// One message to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The exit code that goes with it.
    pub(crate) exit: Exit,
    /// What is wrong: lower case, no full stop.
    pub(crate) error: String,
    /// What is below it, outermost first.
    pub(crate) causes: Vec<String>,
    /// Lines that explain, as they are.
    pub(crate) evidence: Vec<String>,
    /// The places of a file that it is about.
    pub(crate) places: Option<Diagnostics>,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl Message {
    /// A message without causes.
    pub(crate) fn new(exit: Exit, error: impl Into<String>) -> Self {
        Self { exit, error: error.into(), causes: Vec::new(), evidence: Vec::new(), places: None, hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What the engine says, as a message. Used for errors of whole commands and of single steps.
impl From<&Error> for Message {
    fn from(error: &Error) -> Self {
        let exit = if error.kind == Kind::Cancelled { Exit::Interrupted } else { Exit::NotReached };
        let mut message = Self::new(exit, &error.doing);
        let mut source = error.source();
        while let Some(cause) = source {
            message.collect(cause);
            source = cause.source();
        }
        if error.kind == Kind::Denied && message.hint.is_none() && !nix::unistd::geteuid().is_root() {
            message.hint = Some("containers need root: put `sudo` in front of the command".to_owned());
        }
        message.evidence.splice(0..0, error.evidence.iter().cloned());
        message.hint = error.hint.clone().or(message.hint);
        message
    }
}

impl Message {
    /// Takes over one cause; an engine error below an engine error brings its own evidence
    /// and hint, of which the innermost says most.
    fn collect(&mut self, cause: &(dyn std::error::Error + 'static)) {
        if let Some(places) = cause.downcast_ref::<Diagnostics>() {
            self.places = Some(places.clone());
            return;
        }
        self.causes.push(said(cause));
        if let Some(inner) = cause.downcast_ref::<Error>() {
            self.evidence.extend(inner.evidence.iter().cloned());
            self.hint = inner.hint.clone().or(self.hint.take());
        }
    }
}

/// The text of one cause; operating system errors without their number.
fn said(cause: &(dyn std::error::Error + 'static)) -> String {
    let text = cause.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_lowercase(),
        None => text,
    }
}

impl Failure {
    /// A wrong use of the command line.
    pub(crate) fn usage(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Message::new(Exit::Usage, error).hint(hint).into()
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Message(message) => message.exit,
            Self::Invalid(diagnostics) if diagnostics.missing_file => Exit::FileNotFound,
            Self::Invalid(_) => Exit::InvalidStack,
            Self::Refused(refusal) if refusal.needs_consent() => Exit::Refused,
            Self::Refused(_) => Exit::NotReached,
            Self::Said(exit) => *exit,
            Self::BrokenPipe => Exit::Done,
        }
    }

    /// A file operation of ours that failed.
    pub(crate) fn io(doing: impl Into<String>, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::BrokenPipe;
        }
        let exit = match error.kind() {
            io::ErrorKind::NotFound => Exit::FileNotFound,
            _ => Exit::NotReached,
        };
        let mut message = Message::new(exit, doing);
        message.causes.push(said(error));
        message.into()
    }
}

impl From<Message> for Failure {
    fn from(message: Message) -> Self {
        Self::Message(Box::new(message))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Message::from(&error).into()
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Invalid(diagnostics)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_error_keeps_its_chain_its_evidence_and_the_nearest_hint() {
        let inner = Error::new(Kind::Conflict, "port 8080 is taken by nginx")
            .hint("stop it")
            .evidence(vec!["pid 12".into()]);
        let outer = Error::new(Kind::System, "start container shop-web-1").because(inner);
        let message = Message::from(&outer);
        assert_eq!(message.error, "start container shop-web-1");
        assert_eq!(message.causes, ["port 8080 is taken by nginx"]);
        assert_eq!(message.evidence, ["pid 12"]);
        assert_eq!(message.hint.as_deref(), Some("stop it"));
        assert_eq!(message.exit, Exit::NotReached);
    }

    #[test]
    fn places_in_a_file_are_shown_there_and_not_as_a_cause() {
        let places = Diagnostics::default();
        let error = Error::new(Kind::Container, "RUN false failed").because(places.clone());
        let message = Message::from(&error);
        assert_eq!((message.places, message.causes), (Some(places), Vec::new()));
    }

    #[test]
    fn the_words_of_the_system_come_without_its_number() {
        let error = Error::new(Kind::NotFound, "read a").because(io::Error::from_raw_os_error(2));
        assert_eq!(Message::from(&error).causes, ["no such file or directory"]);
    }

    #[test]
    fn a_reader_that_went_away_is_not_a_failure() {
        let failure = Failure::io("write", &io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure.exit().code(), 0);
        let failure = Failure::io("open x", &io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(failure.exit().code(), 14);
    }
}
