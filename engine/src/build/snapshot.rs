//! A file system between two instructions, and where files for it come from.

use super::ignore::Ignore;
use std::path::PathBuf;

/// What one instruction sees and changes. All folders but those of `lower` are on one file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Layer folders, lowest first, in overlay's form; never written to. May be empty.
    pub lower: Vec<PathBuf>,
    /// What the instruction changes, in overlay's form; made when missing.
    pub upper: PathBuf,
    /// Scratch folder beside it, made and emptied as needed.
    pub work: PathBuf,
}

/// Where files come from that an instruction copies or mounts.
#[derive(Clone, Debug)]
pub enum Files {
    /// A build context: files there belong to nobody in particular, copies are root's.
    Context(Context),
    /// Another stage or image: layer folders, lowest first. Copies keep their owners.
    Layers(Vec<PathBuf>),
}

/// A folder of the user's, without what is ignored.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The folder.
    pub folder: PathBuf,
    /// What is not seen of it.
    pub ignored: Ignore,
}
