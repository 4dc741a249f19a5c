//! What can go wrong: a kind for the exit code, a phrase for people, the source below.

use std::fmt;
use std::io;

/// Result of the engine.
pub type Result<T> = std::result::Result<T, Error>;

const FULL: &str =
    "the file system is full (`df -h`, `df -i`): free some space; `sampan down` and `image rm` do, too";
const READ_ONLY: &str =
    "the file system is mounted read-only: `mount -o remount,rw`, or choose another with --root";

/// What sort of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The thing named does not exist.
    NotFound,
    /// Something else has it: a port, a name, a lock.
    Conflict,
    /// Not allowed to us, usually for want of root.
    Denied,
    /// This kernel, image or file has or asks for something that is not supported.
    Unsupported,
    /// A container did not do what it should: it ended, stayed unhealthy, could not start.
    Container,
    /// It took too long.
    Timeout,
    /// The user interrupted it.
    Cancelled,
    /// A record or archive is damaged.
    Corrupt,
    /// The system refused: see the source.
    System,
}

/// One failure. Prints as one phrase; the cause below it is reached through `source()`.
#[derive(Debug)]
pub struct Error {
    /// What sort of failure.
    pub kind: Kind,
    /// What was being done or what is wrong, as one phrase: `create bridge sp-1a2b`.
    pub doing: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// More lines that explain: probe output, the last log lines of the container.
    pub evidence: Vec<String>,
    /// The error below.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A failure without a cause below it.
    pub fn new(kind: Kind, doing: impl Into<String>) -> Self {
        Self { kind, doing: doing.into(), hint: None, evidence: Vec::new(), source: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the error below.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds what to do about failures that can come to every file.
    #[must_use]
    pub fn remedy(self, kind: io::ErrorKind) -> Self {
        match kind {
            kind if is_full(kind) => self.hint(FULL),
            io::ErrorKind::ReadOnlyFilesystem => self.hint(READ_ONLY),
            _ => self,
        }
    }

    /// Adds lines that explain.
    #[must_use]
    pub fn evidence(mut self, lines: Vec<String>) -> Self {
        self.evidence = lines;
        self
    }
}

impl Error {
    /// The errors below, outermost first.
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut below = std::error::Error::source(self);
        while let Some(cause) = below {
            causes.push(cause.to_string());
            below = cause.source();
        }
        causes
    }

    /// Whether a file system had no room left.
    pub fn is_full(&self) -> bool {
        let source = self.source.as_ref().and_then(|source| source.downcast_ref::<io::Error>());
        source.is_some_and(|error| is_full(error.kind()))
    }

    /// The phrase and the errors below in one line.
    pub fn chain(&self) -> String {
        std::iter::once(self.doing.clone()).chain(self.causes()).collect::<Vec<_>>().join(": ")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.doing)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}

/// Gives errors from below their phrase.
pub trait Context<T> {
    /// Says what was being done.
    fn doing(self, phrase: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<io::Error>> Context<T> for std::result::Result<T, E> {
    fn doing(self, phrase: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| {
            let error = error.into();
            let kind = match error.kind() {
                io::ErrorKind::NotFound => Kind::NotFound,
                io::ErrorKind::PermissionDenied => Kind::Denied,
                io::ErrorKind::AddrInUse => Kind::Conflict,
                _ => Kind::System,
            };
            Error::new(kind, phrase()).remedy(error.kind()).because(error)
        })
    }
}

fn is_full(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_and_a_read_only_disk_have_their_remedies() {
        let error = |errno: i32| {
            let failed: io::Result<()> = Err(io::Error::from_raw_os_error(errno));
            failed.doing(|| "write a".to_owned()).unwrap_err()
        };
        assert!(error(libc::ENOSPC).is_full() && error(libc::EDQUOT).is_full());
        assert!(error(libc::ENOSPC).hint.unwrap().contains("df -i"));
        assert!(error(libc::EROFS).hint.unwrap().contains("read-only"));
        assert!(error(libc::EIO).hint.is_none() && !error(libc::EIO).is_full());
    }
}
