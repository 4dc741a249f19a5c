//! Files that a container is given: configs and secrets.

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

/// A config or secret in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSpec {
    /// Its key in the stack file.
    pub source: String,
    /// Absolute path inside the container.
    pub target: String,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
    /// What it holds.
    pub content: Content,
}

impl FileSpec {
    /// Permission bits when nothing is said: everybody may read.
    pub const MODE: u32 = 0o444;
}

/// What a config or secret holds. Two are equal when their digests are. Whatever is written of it,
/// in a record, a plan or a message, is the digest alone; the bytes are only there as long as the
/// stack is that was loaded.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Content {
    digest: String,
    bytes: Option<Arc<[u8]>>,
}

impl Content {
    /// The most bytes of one.
    pub const MAX: usize = 16 << 20;

    /// These bytes.
    pub fn of(bytes: Vec<u8>) -> Self {
        let mut text = String::from("sha256:");
        for byte in digest(&SHA256, &bytes).as_ref() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self { digest: text, bytes: Some(bytes.into()) }
    }

    /// `sha256:` and the digits; empty when nobody has looked at the content.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The bytes, where they are known.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_deref()
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Content {}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({})", self.digest)
    }
}

impl From<String> for Content {
    fn from(digest: String) -> Self {
        Self { digest, bytes: None }
    }
}

impl From<Content> for String {
    fn from(content: Content) -> Self {
        content.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_digest_is_written() {
        let content = Content::of(b"hunter2".to_vec());
        let text = serde_json::to_string(&content).unwrap();
        assert_eq!(text, "\"sha256:f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7\"");
        assert!(!format!("{content:?}").contains("hunter2"));
        let read: Content = serde_json::from_str(&text).unwrap();
        assert_eq!((&read, read.bytes()), (&content, None));
        assert_ne!(content, Content::of(b"hunter3".to_vec()));
    }
}
