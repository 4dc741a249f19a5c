//! The log on disk: one record a line, rotated by size.
//!
//! ```text
//! 2026-11-21T05:34:49.123456789Z stdout F GET / 200
//! ```
//!
//! `F` is a full line, `P` a piece of a line longer than [`LONGEST`], whose last piece is `F`.
//! A line that the process did not end before it died is `F` too.

use crate::error::{Context, Result};
use jiff::Timestamp;
use planner::desired::LogSpec;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Bytes of text in one record.
pub const LONGEST: usize = 16 << 10;

/// When and how far a log is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Bytes after which a new file begins.
    pub size: u64,
    /// How many files there are at most, the newest included.
    pub files: u32,
}

impl Rotation {
    /// What is asked for, or the defaults.
    pub fn of(kept: LogSpec) -> Self {
        let default = Self::default();
        Self { size: kept.max_size.unwrap_or(default.size), files: kept.max_files.unwrap_or(default.files) }
    }
}

impl Default for Rotation {
    fn default() -> Self {
        Self { size: 10 << 20, files: 3 }
    }
}

/// Writes the log of one container.
#[derive(Debug)]
pub struct LogWriter {
    path: PathBuf,
    file: File,
    size: u64,
    rotation: Rotation,
}

impl LogWriter {
    /// Continues the log at this path.
    pub fn open(path: &Path, rotation: Rotation) -> Result<Self> {
        let open = || {
            let file = append(path)?;
            Ok::<_, std::io::Error>((file.metadata()?.len(), file))
        };
        let (size, file) = open().doing(|| format!("open log {}", path.display()))?;
        Ok(Self { path: path.to_owned(), file, size, rotation })
    }

    /// Appends whole records, all or none, and begins a new file when this one is full. A record is
    /// never split between two files.
    pub fn write(&mut self, records: &[u8]) -> std::io::Result<()> {
        if let Err(error) = self.file.write_all(records) {
            // What there was room for is no whole record.
            let _ = self.file.set_len(self.size);
            return Err(error);
        }
        self.size += records.len() as u64;
        if self.size >= self.rotation.size {
            // Without room for another file this one grows.
            let _ = self.rotate();
        }
        Ok(())
    }

    fn rotate(&mut self) -> std::io::Result<()> {
        // First, as it may fail: then nothing has moved.
        let new = self.path.with_extension("new");
        let file = append(&new)?;
        for index in (1..self.rotation.files).rev() {
            let from = if index == 1 { self.path.clone() } else { rotated(&self.path, index - 1) };
            match fs::rename(&from, rotated(&self.path, index)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&new, &self.path)?;
        self.file = file;
        self.size = 0;
        Ok(())
    }
}

fn append(path: &Path) -> std::io::Result<File> {
    File::options().create(true).append(true).open(path)
}

/// Path of an older log file; 1 is the newest of them.
pub fn rotated(path: &Path, index: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{index}"));
    name.into()
}

/// Cuts one stream into records.
#[derive(Debug, Default)]
pub struct Cutter {
    rest: Vec<u8>,
}

impl Cutter {
    /// Takes what was read and appends the records that are complete to `out`.
    pub fn cut(&mut self, read: &[u8], label: &Label, out: &mut Vec<u8>) {
        for piece in read.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            self.take(text, label, out);
            if ended {
                label.record('F', &self.rest, out);
                self.rest.clear();
            }
        }
    }

    fn take(&mut self, mut text: &[u8], label: &Label, out: &mut Vec<u8>) {
        while self.rest.len() + text.len() > LONGEST {
            let (now, later) = text.split_at(LONGEST - self.rest.len());
            self.rest.extend_from_slice(now);
            label.record('P', &self.rest, out);
            self.rest.clear();
            text = later;
        }
        self.rest.extend_from_slice(text);
    }

    /// The process is dead: what it left of a line is one.
    pub fn end(&mut self, label: &Label, out: &mut Vec<u8>) {
        if !self.rest.is_empty() {
            label.record('F', &self.rest, out);
            self.rest = Vec::new();
        }
    }
}

/// What stands before the text of each record of one read.
#[derive(Debug)]
pub struct Label {
    text: String,
    strip: bool,
}

impl Label {
    /// For text read at this time from this stream.
    pub fn new(at: Timestamp, stream: &str) -> Self {
        Self { text: format!("{at:.9} {stream} "), strip: false }
    }

    /// For text of a terminal: the carriage return at the end of a line is left out.
    #[must_use]
    pub fn without_returns(self) -> Self {
        Self { strip: true, ..self }
    }

    fn record(&self, flag: char, text: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(self.text.as_bytes());
        out.extend_from_slice(&[flag as u8, b' ']);
        out.extend_from_slice(if self.strip && flag == 'F' {
            text.strip_suffix(b"\r").unwrap_or(text)
        } else {
            text
        });
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(reads: &[&str]) -> String {
        let label = Label::new(Timestamp::UNIX_EPOCH, "stdout");
        let mut cutter = Cutter::default();
        let mut out = Vec::new();
        reads.iter().for_each(|read| cutter.cut(read.as_bytes(), &label, &mut out));
        cutter.end(&label, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_are_put_together_from_several_reads() {
        let head = "1970-01-01T00:00:00.000000000Z stdout F ";
        assert_eq!(cut(&["a\nb", "c\n\nd"]), format!("{head}a\n{head}bc\n{head}\n{head}d\n"));
        assert_eq!(cut(&["\n"]), format!("{head}\n"));
        assert_eq!(cut(&[]), "");
    }

    #[test]
    fn a_long_line_is_cut_into_pieces_and_nothing_is_lost() {
        let long = "x".repeat(LONGEST * 2 + 5);
        let out = cut(&[&long[..LONGEST + 1], &long[LONGEST + 1..], "\n"]);
        let pieces: Vec<(&str, usize)> = out.lines().map(|line| (&line[38..39], line.len() - 40)).collect();
        assert_eq!(pieces, [("P", LONGEST), ("P", LONGEST), ("F", 5)]);
        let exact = cut(&[&long[..LONGEST], "\n"]);
        assert_eq!(exact.lines().count(), 1);
    }

    #[test]
    fn rotation_keeps_the_newest_files_and_never_splits_a_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = LogWriter::open(&path, Rotation { size: 10, files: 3 }).unwrap();
        for index in 0..7 {
            log.write(format!("line {index}\n").as_bytes()).unwrap();
        }
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        assert_eq!(read(&path), "line 6\n");
        assert_eq!(read(&rotated(&path, 1)), "line 4\nline 5\n");
        assert_eq!(read(&rotated(&path, 2)), "line 2\nline 3\n");
        assert!(!rotated(&path, 3).exists());
        drop(log);
        let mut log = LogWriter::open(&path, Rotation { size: 10, files: 3 }).unwrap();
        log.write(b"more\n").unwrap();
        assert_eq!(read(&path), "");
        assert_eq!(read(&rotated(&path, 1)), "line 6\nmore\n");
    }

    #[test]
    fn without_room_for_another_file_nothing_moves_and_the_file_grows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = LogWriter::open(&path, Rotation { size: 10, files: 2 }).unwrap();
        fs::write(rotated(&path, 1), "old\n").unwrap();
        // In the way of the new file.
        fs::create_dir(path.with_extension("new")).unwrap();
        log.write(b"0123456789\n").unwrap();
        log.write(b"more\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "0123456789\nmore\n");
        assert_eq!(fs::read_to_string(rotated(&path, 1)).unwrap(), "old\n");
        fs::remove_dir(path.with_extension("new")).unwrap();
        log.write(b"last\n").unwrap();
        assert_eq!(fs::read_to_string(rotated(&path, 1)).unwrap(), "0123456789\nmore\nlast\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }
}
