//! From the pipes of a program to lines.

use super::request::{LINE_MAX, Sink, Stream};
use crate::error::{Context, Result};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Bytes read at once.
const CHUNK: usize = 64 << 10;

/// Our end of one of the two pipes.
#[derive(Debug)]
pub(super) struct Output {
    pipe: Option<OwnedFd>,
    stream: Stream,
    /// The beginning of a line whose end has not come.
    pending: Vec<u8>,
}

impl Output {
    /// Makes a pipe: our end, and that of the program.
    pub(super) fn open(stream: Stream) -> Result<(Self, OwnedFd)> {
        let make = || {
            let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
            rustix::io::ioctl_fionbio(&ours, true)?;
            Ok::<_, Errno>((ours, theirs))
        };
        let (ours, theirs) = make().doing(|| "make a pipe".to_owned())?;
        Ok((Self { pipe: Some(ours), stream, pending: Vec::new() }, theirs))
    }

    /// To poll for reading, until its end has come; then call [`Output::pump`].
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Gives on what can be read now; false when that was nothing.
    pub(super) fn pump(&mut self, sink: Sink<'_>) -> bool {
        let Some(pipe) = &self.pipe else { return false };
        let mut chunk = vec![0; CHUNK];
        match rustix::io::read(pipe, &mut chunk) {
            Ok(0) => {
                self.pipe = None;
                false
            }
            Ok(length) => {
                cut(&mut self.pending, &chunk[..length], &mut |line| sink(self.stream, line));
                true
            }
            Err(Errno::INTR) => true,
            Err(_) => false,
        }
    }

    /// The program has ended: gives on all that is left.
    pub(super) fn drain(&mut self, sink: Sink<'_>) {
        while self.pump(sink) {}
        if !self.pending.is_empty() {
            sink(self.stream, &std::mem::take(&mut self.pending));
        }
    }
}

/// Gives on every line that is complete, and pieces of those that are too long.
fn cut(pending: &mut Vec<u8>, mut bytes: &[u8], give: &mut dyn FnMut(&[u8])) {
    while !bytes.is_empty() {
        let room = LINE_MAX - pending.len();
        let end = bytes.iter().take(room).position(|byte| *byte == b'\n');
        let (piece, rest) = bytes.split_at(end.unwrap_or(room.min(bytes.len())));
        pending.extend_from_slice(piece);
        bytes = rest;
        if end.is_some() {
            bytes = &bytes[1..];
        } else if pending.len() < LINE_MAX {
            return;
        }
        give(pending);
        pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let (mut pending, mut lines) = (Vec::new(), Vec::new());
        chunks.iter().for_each(|chunk| cut(&mut pending, chunk, &mut |line| lines.push(line.to_vec())));
        (lines, pending)
    }

    #[test]
    fn lines_are_put_together_over_reads_and_may_be_empty() {
        let (lines, pending) = lines(&[b"a\nb", b"c\n\n", b"d"]);
        assert_eq!(lines, [b"a".to_vec(), b"bc".to_vec(), b"".to_vec()]);
        assert_eq!(pending, b"d");
    }

    #[test]
    fn a_line_that_is_too_long_comes_in_pieces_and_none_of_it_is_lost() {
        let long = vec![b'x'; 2 * LINE_MAX + 3];
        let (pieces, pending) = lines(&[&long[..7], &long[7..], b"\nend\n"]);
        let lengths: Vec<usize> = pieces.iter().map(Vec::len).collect();
        assert_eq!(lengths, [LINE_MAX, LINE_MAX, 3, 3]);
        assert!(pending.is_empty());
    }
}
