//! What builds take from standard input: a Dockerfile, or an archive of what they see.

use crate::context::Context;
use crate::error::Failure;
use planner::desired::{BuildContext, DockerfileSource};
use std::env::temp_dir;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// How archives begin: gzip, zstd, bzip2, xz.
const ARCHIVES: [&[u8]; 4] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ"];
/// Where a tar says that it is one.
const TAR: std::ops::Range<usize> = 257..262;

/// What a build is made of, and what must stay until it is over.
pub(super) type Sources = (BuildContext, DockerfileSource, Option<Spool>);

/// A file for what came, removed when dropped.
pub(super) struct Spool(PathBuf);

impl Spool {
    fn create() -> io::Result<(Self, File)> {
        for number in 0.. {
            let path = temp_dir().join(format!("sampan-context-{}-{number}", std::process::id()));
            // What is there, a link for one, is not ours.
            match File::options().write(true).create_new(true).mode(0o600).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                file => return file.map(|file| (Self(path), file)),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // What cannot be removed is the system's to remove.
        let _ = fs::remove_file(&self.0);
    }
}

/// A build of what comes by standard input: an archive of files, or a Dockerfile alone.
pub(super) fn sources(file: Option<&str>, context: &Context) -> Result<Sources, Failure> {
    if file == Some("-") {
        return Err(Failure::usage("standard input is read only once", "name a folder or a file"));
    }
    let outside = |file: &str| DockerfileSource::File(context.environment.directory.join(file));
    match standard_input(context)? {
        Piped::Text(text) if text.trim().is_empty() && file.is_some() => {
            Ok((BuildContext::Empty, outside(file.unwrap_or_default()), None))
        }
        Piped::Text(_) if file.is_some() => {
            Err(Failure::usage("standard input and `-f` are both a Dockerfile", "leave one of them out"))
        }
        Piped::Text(text) => Ok((BuildContext::Empty, DockerfileSource::Inline(text), None)),
        Piped::Archive(archive) => {
            let inside = file.map(|file| DockerfileSource::InContext(file.to_owned()));
            let place = BuildContext::Archive(archive.0.clone());
            Ok((place, inside.unwrap_or_default(), Some(archive)))
        }
    }
}

/// What came by standard input.
pub(super) enum Piped {
    Text(String),
    Archive(Spool),
}

/// Reads it.
pub(super) fn standard_input(context: &Context) -> Result<Piped, Failure> {
    if context.environment.terminals.input {
        let hint = "pipe a Dockerfile or an archive in, or name a folder";
        return Err(Failure::usage("standard input is a terminal", hint));
    }
    let unread = |error| Failure::io("read standard input", &error);
    let (mut bytes, mut input) = (Vec::new(), io::stdin().lock());
    (&mut input).take(TAR.end as u64).read_to_end(&mut bytes).map_err(unread)?;
    if ARCHIVES.iter().any(|magic| bytes.starts_with(magic)) || bytes.get(TAR) == Some(b"ustar") {
        let unwritten = |error| Failure::io("keep the archive of standard input", &error);
        let (spool, mut file) = Spool::create().map_err(unwritten)?;
        file.write_all(&bytes).map_err(unwritten)?;
        io::copy(&mut input, &mut file).map_err(unwritten)?;
        return Ok(Piped::Archive(spool));
    }
    input.read_to_end(&mut bytes).map_err(unread)?;
    String::from_utf8(bytes)
        .map(Piped::Text)
        .map_err(|_| Failure::usage("standard input is not UTF-8 text", "pipe a Dockerfile in"))
}
