//! Limits of setrlimit(2).

use serde::Deserialize;
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// One entry of `ulimits`; -1 is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Written")]
pub enum Ulimit {
    /// One number for both.
    Both(i64),
    /// Each its own.
    Each {
        /// The value that applies.
        soft: i64,
        /// The value up to which the process may raise it.
        hard: i64,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Both(i64),
    Each {
        #[serde(default)]
        soft: i64,
        #[serde(default)]
        hard: i64,
    },
    Nothing(()),
}

impl From<Written> for Ulimit {
    fn from(written: Written) -> Self {
        match written {
            Written::Both(both) => Self::Both(both),
            Written::Each { soft, hard } => Self::Each { soft, hard },
            Written::Nothing(()) => Self::Both(0),
        }
    }
}

impl Ulimit {
    /// The value that applies.
    pub fn soft(self) -> i64 {
        let (Self::Both(soft) | Self::Each { soft, .. }) = self;
        soft
    }

    /// The value up to which the process may raise it.
    pub fn hard(self) -> i64 {
        let (Self::Both(hard) | Self::Each { hard, .. }) = self;
        hard
    }
}

/// Compose prints 0 for both as two limits.
impl Serialize for Ulimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Both(both) if both != 0 => serializer.serialize_i64(both),
            _ => {
                let mut limits = serializer.serialize_struct("Ulimit", 2)?;
                limits.serialize_field("soft", &self.soft())?;
                limits.serialize_field("hard", &self.hard())?;
                limits.end()
            }
        }
    }
}
