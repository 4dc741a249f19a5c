//! What a container is told before its memory runs out.

use crate::model::Sampan;
use serde::{Deserialize, Serialize};
use std::fmt;

/// When a container is told that its memory runs short, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pressure {
    /// Once so many bytes are in use that the kernel cannot take back at will.
    pub at: u64,
    /// How it is told.
    pub tell: Tell,
}

/// How a container is told; its log says so in any case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tell {
    /// In no other way.
    Log,
    /// By a signal, without `SIG`, to its process.
    Signal(String),
    /// By a command that runs in it.
    Exec(Vec<String>),
}

impl Pressure {
    /// What a service says of it, whose memory is limited to so many bytes.
    pub(super) fn of(sampan: &Sampan, limit: Option<u64>) -> Option<Self> {
        let notice = sampan.memory.as_ref()?;
        let tell = match &notice.on_pressure {
            None => Tell::Log,
            Some(told) => match (&told.exec, crate::model::signal_name(&told.signal)) {
                (Some(argv), _) => Tell::Exec(argv.clone()),
                (None, Some(signal)) => Tell::Signal(signal),
                (None, None) => Tell::Log,
            },
        };
        Some(Self { at: notice.share()?.of(limit)?, tell })
    }
}

impl fmt::Display for Tell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log => f.write_str("log"),
            Self::Signal(name) => write!(f, "signal {name}"),
            Self::Exec(argv) => write!(f, "exec {}", argv.join(" ")),
        }
    }
}
