//! The log of one container as a stream of lines, across rotations.

use super::{LogLine, Stream};
use crate::shim::log::rotated;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const CHUNK: usize = 64 << 10;

/// A line put together of more pieces than this is given in parts, so that memory is bounded.
const LONGEST: usize = 1 << 20;

/// How many rotated files are looked for; more than any rotation keeps.
const OLDEST: u32 = 1001;

/// The log of one container.
pub(super) struct Source {
    path: PathBuf,
    file: Option<File>,
    buffer: Vec<u8>,
    /// Where the unread part of the buffer begins.
    start: usize,
    /// Pieces of a long line, by stream.
    pieces: [String; 2],
}

impl Source {
    /// Begins with the oldest line, or with so many of the last ones.
    pub(super) fn open(path: &Path, tail: Option<usize>) -> io::Result<Self> {
        let file = match tail {
            None => oldest(path)?,
            Some(count) => at_tail(path, count)?,
        };
        Ok(Self { path: path.to_owned(), file, buffer: Vec::new(), start: 0, pieces: Default::default() })
    }

    /// The next line, or `None` when there is no more for now. Records that are damaged, as a
    /// power cut can leave them, are passed over.
    pub(super) fn next_line(&mut self) -> io::Result<Option<LogLine>> {
        loop {
            let unread = &self.buffer[self.start..];
            let Some(end) = unread.iter().position(|byte| *byte == b'\n') else {
                if self.fill()? {
                    continue;
                }
                return Ok(None);
            };
            let record = parse(&unread[..end]);
            self.start += end + 1;
            if let Some(record) = record
                && let Some(line) = self.assemble(record)
            {
                return Ok(Some(line));
            }
        }
    }

    fn assemble(&mut self, (full, mut line): (bool, LogLine)) -> Option<LogLine> {
        let pieces = &mut self.pieces[line.stream as usize];
        if !full && pieces.len() < LONGEST {
            pieces.push_str(&line.text);
            return None;
        }
        if !pieces.is_empty() {
            line.text.insert_str(0, pieces);
            pieces.clear();
        }
        Some(line)
    }

    /// Reads more, from the next file when this one is at its end and was rotated.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.start = 0;
        loop {
            let Some(file) = &mut self.file else {
                self.file = oldest(&self.path)?;
                if self.file.is_none() {
                    return Ok(false);
                }
                continue;
            };
            // Asked before reading: what is at its end after it was rotated is complete.
            let newer = newer(&self.path, file)?;
            let length = self.buffer.len();
            self.buffer.resize(length + CHUNK, 0);
            let read = file.read(&mut self.buffer[length..])?;
            self.buffer.truncate(length + read);
            match (read, newer) {
                (0, None) => return Ok(false),
                (0, Some(newer)) => self.file = Some(newer),
                _ => return Ok(true),
            }
        }
    }
}

fn parse(record: &[u8]) -> Option<(bool, LogLine)> {
    let mut fields = record.splitn(4, |byte| *byte == b' ');
    let time = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let stream = match fields.next()? {
        b"stdout" => Stream::Stdout,
        b"stderr" => Stream::Stderr,
        _ => return None,
    };
    let full = fields.next()? == b"F";
    Some((full, LogLine { time, stream, text: String::from_utf8_lossy(fields.next()?).into_owned() }))
}

/// All files of a log, newest first.
fn files(path: &Path) -> impl Iterator<Item = PathBuf> {
    std::iter::once(path.to_owned()).chain((1..OLDEST).map(|index| rotated(path, index)))
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn oldest(path: &Path) -> io::Result<Option<File>> {
    let mut oldest = None;
    for path in files(path) {
        match open(&path)? {
            Some(file) => oldest = Some(file),
            None => break,
        }
    }
    Ok(oldest)
}

/// The file that was begun after this one; the oldest there is when this one is gone.
fn newer(path: &Path, file: &File) -> io::Result<Option<File>> {
    let ours = file.metadata()?.ino();
    let mut newer = None;
    for path in files(path) {
        let Some(file) = open(&path)? else { break };
        if file.metadata()?.ino() == ours {
            return Ok(newer);
        }
        newer = Some(file);
    }
    Ok(newer)
}

/// The file that holds the last but so many-th record, at its begin.
fn at_tail(path: &Path, count: usize) -> io::Result<Option<File>> {
    let mut missing = count;
    let mut result = None;
    for path in files(path) {
        let Some(mut file) = open(&path)? else { break };
        let begin = tail_begin(&mut file, &mut missing)?;
        file.seek(SeekFrom::Start(begin))?;
        result = Some(file);
        if missing == 0 {
            break;
        }
    }
    Ok(result)
}

/// Reads backwards until `missing` records are found; 0 when all of the file is wanted.
fn tail_begin(file: &mut File, missing: &mut usize) -> io::Result<u64> {
    let size = file.metadata()?.len();
    if *missing == 0 {
        return Ok(size);
    }
    let mut end = size;
    let mut chunk = vec![0; CHUNK];
    while end > 0 {
        let begin = end.saturating_sub(CHUNK as u64);
        let part = &mut chunk[..(end - begin) as usize];
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(part)?;
        for (offset, _) in part.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            let after = begin + offset as u64 + 1;
            // The line end at the very end of the file closes the last record; each other one
            // closes the record before the one that is counted.
            if after == size {
                continue;
            }
            *missing -= 1;
            if *missing == 0 {
                return Ok(after);
            }
        }
        end = begin;
    }
    *missing = missing.saturating_sub(usize::from(size > 0));
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shim::log::{Cutter, Label, LogWriter, Rotation};

    fn texts(source: &mut Source) -> Vec<String> {
        std::iter::from_fn(|| source.next_line().unwrap()).map(|line| line.text).collect()
    }

    fn write(log: &mut LogWriter, text: &str) {
        let label = Label::new(jiff::Timestamp::now(), "stdout");
        let mut out = Vec::new();
        Cutter::default().cut(text.as_bytes(), &label, &mut out);
        log.write(&out).unwrap();
    }

    #[test]
    fn a_follower_loses_nothing_across_rotations() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut source = Source::open(&path, None).unwrap();
        assert_eq!(texts(&mut source), [""; 0]);
        let mut log = LogWriter::open(&path, Rotation { size: 90, files: 3 }).unwrap();
        let mut seen = Vec::new();
        for index in 0..20 {
            write(&mut log, &format!("line {index}\n"));
            if index % 3 == 0 {
                seen.extend(texts(&mut source));
            }
        }
        seen.extend(texts(&mut source));
        let all: Vec<String> = (0..20).map(|index| format!("line {index}")).collect();
        assert_eq!(seen, all);
    }

    #[test]
    fn the_tail_reaches_back_into_rotated_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = LogWriter::open(&path, Rotation { size: 90, files: 3 }).unwrap();
        (0..6).for_each(|index| write(&mut log, &format!("{index}\n")));
        for count in 0..=5 {
            let lines = texts(&mut Source::open(&path, Some(count)).unwrap());
            let expected: Vec<String> = (6 - count..6).map(|index| index.to_string()).collect();
            assert_eq!(lines, expected);
        }
    }

    #[test]
    fn pieces_become_one_line_and_damage_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let record = |rest: &str| format!("2026-01-01T00:00:00.000000000Z {rest}\n");
        let text = [
            record("stdout P ab"),
            record("stderr F x"),
            "\0\0\0\n".to_owned(),
            record("stdout F c d"),
            record("stdout F"),
        ];
        std::fs::write(&path, text.concat()).unwrap();
        assert_eq!(texts(&mut Source::open(&path, None).unwrap()), ["x", "abc d"]);
    }
}
