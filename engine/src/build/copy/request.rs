//! What there is to know about one `COPY` or `ADD`, and what comes of it.

use crate::build::cancel::Cancel;
use crate::build::snapshot::{Files, Snapshot};
use std::path::PathBuf;

/// All there is to know about one `COPY` or `ADD`.
#[derive(Clone, Debug)]
pub struct CopyRequest<'a> {
    /// What is copied into.
    pub snapshot: &'a Snapshot,
    /// Where the paths among the sources lie.
    pub from: &'a Files,
    /// What is copied, in this order.
    pub sources: &'a [CopySource],
    /// Where to, as written: one with a slash at its end is a folder.
    pub target: &'a str,
    /// What a relative target is below: `WORKDIR`, absolute. Empty is `/`.
    pub cwd: &'a str,
    /// `--chown`: `user[:group]`, names of the target or numbers.
    pub chown: Option<&'a str>,
    /// `--chmod`: octal, or as chmod(1) has it.
    pub chmod: Option<&'a str>,
    /// `--parents`: folders of the sources are made, too.
    pub parents: bool,
    /// `--link`: whatever is at the target below does not matter; `snapshot.lower` is not looked at.
    pub link: bool,
    /// `--exclude`, with the patterns of `.dockerignore`.
    pub exclude: &'a [String],
    /// It is an `ADD`: local archives are unpacked unless `--unpack=false`, and downloaded ones
    /// with `--unpack=true`. `None` is a `COPY`.
    pub add: Option<Add>,
    /// Time of all that is copied or made, in seconds since 1970; `None` leaves copies their own.
    pub epoch: Option<i64>,
    /// Ends it early.
    pub cancel: &'a Cancel,
}

impl<'a> CopyRequest<'a> {
    /// What puts all sources as they are into the top folder, whatever is below.
    pub fn whole(
        snapshot: &'a Snapshot,
        from: &'a Files,
        sources: &'a [CopySource],
        cancel: &'a Cancel,
    ) -> Self {
        Self {
            snapshot,
            from,
            sources,
            target: "/",
            cwd: "",
            chown: None,
            chmod: None,
            parents: false,
            link: true,
            exclude: &[],
            add: None,
            epoch: None,
            cancel,
        }
    }
}

/// What only `ADD` knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Add {
    /// `--unpack`.
    pub unpack: Option<bool>,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopySource {
    /// A path, perhaps with wildcards.
    Path(String),
    /// A here-document: a file of this name.
    Text {
        /// Name of the file.
        name: String,
        /// What it says.
        text: String,
    },
    /// A file of this host as it is, by another name: what was downloaded. It is never ignored.
    File {
        /// Where it is.
        path: PathBuf,
        /// What it is called; empty when it has no name.
        name: String,
    },
    /// What is in a folder of this host: what was checked out. It is never ignored.
    Folder {
        /// Where it is.
        path: PathBuf,
        /// Only this folder in it; no link leads out of the other one.
        below: String,
    },
}

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Files, links and the like; folders not counted.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
}
