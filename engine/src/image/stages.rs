//! Unpacking in stages: fetching, decompressing, digesting and unpacking, each on a thread of its
//! own, so that a single layer keeps several processors busy.

use super::digest::Digester;
use super::layer::{self, Place};
use super::stream;
use crate::error::{Error, Result};
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope};

/// Bytes that go from stage to stage at once.
const CHUNK: usize = 256 << 10;
/// Chunks that may wait between two stages.
const WAITING: usize = 8;
/// Bytes that a source is still read for when nobody wants them, to learn what it says at its
/// end: that its digest is wrong says more than that its archive is damaged.
const AFTERWARDS: u64 = 4 << 20;

type Chunk = Arc<Vec<u8>>;

/// What a stage failed of, until somebody takes note of it.
type Failure = Arc<Mutex<Option<io::Error>>>;

/// Unpacks a layer, compressed or not, while it comes. Gives its diff id and the bytes in its files.
/// What the source fails of is told before what comes of that.
pub(crate) fn unpack(from: impl Read + Send, place: &Place) -> Result<(String, u64)> {
    let failure = Failure::default();
    let unpacked = thread::scope(|scope| {
        let fetched = ahead(scope, from, &failure);
        unpack_fetched(scope, fetched, place, &failure)
    });
    match (unpacked, take(&failure)) {
        (Err(_), Some(error)) => Err(layer::unreadable(error)),
        (unpacked, _) => unpacked,
    }
    .map_err(lift)
}

fn unpack_fetched<'s>(
    scope: &'s Scope<'s, '_>,
    fetched: Chunks,
    place: &Place,
    failure: &Failure,
) -> Result<(String, u64)> {
    let (tar, _) = stream::decompress(fetched)?;
    let mut tar = ahead(scope, tar, failure);
    let (copies, received) = sync_channel(WAITING);
    tar.copies = Some(copies);
    let digesting = scope.spawn(move || digest(&received));
    let unpacked = layer::unpack(tar, place).map(|(size, _)| size);
    let diff_id = digesting.join().unwrap_or_default();
    unpacked.map(|size| (diff_id, size))
}

fn digest(chunks: &Receiver<Chunk>) -> String {
    let mut digester = Digester::new();
    chunks.iter().for_each(|chunk| digester.update(&chunk));
    digester.finish()
}

/// Reads on another thread, until the source ends or fails.
fn ahead<'s>(scope: &'s Scope<'s, '_>, mut from: impl Read + Send + 's, failure: &Failure) -> Chunks {
    let (sender, receiver) = sync_channel(WAITING);
    let told = Arc::clone(failure);
    let work = move || {
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            let read = (&mut from).take(CHUNK as u64).read_to_end(&mut chunk);
            let is_over = read.is_err() || chunk.is_empty();
            let is_unwanted = !chunk.is_empty() && sender.send(Arc::new(chunk)).is_err();
            let read = match is_unwanted {
                true => read.and_then(|_| drain(&mut from)),
                false => read,
            };
            read.err().into_iter().for_each(|error| note(&told, error));
            if is_over || is_unwanted {
                return;
            }
        }
    };
    scope.spawn(work);
    Chunks { receiver, failure: Arc::clone(failure), copies: None, chunk: Chunk::default(), at: 0 }
}

fn drain(from: &mut impl Read) -> io::Result<usize> {
    io::copy(&mut from.take(AFTERWARDS), &mut io::sink()).map(|_| 0)
}

/// What the source itself says comes before what a later stage makes of it.
fn note(failure: &Failure, error: io::Error) {
    let mut noted = failure.lock().unwrap_or_else(PoisonError::into_inner);
    if noted.is_none() || is_ours(&error) {
        *noted = Some(error);
    }
}

fn is_ours(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Error>())
}

fn take(failure: &Failure) -> Option<io::Error> {
    failure.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// The end of a stage that others read.
struct Chunks {
    receiver: Receiver<Chunk>,
    failure: Failure,
    /// Gets everything, too.
    copies: Option<SyncSender<Chunk>>,
    chunk: Chunk,
    at: usize,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() {
            // The stage before is over.
            let Ok(next) = self.receiver.recv() else { return take(&self.failure).map_or(Ok(0), Err) };
            (self.chunk, self.at) = (next, 0);
            if let Some(copies) = &self.copies {
                // Its reader ends after us.
                let _ = copies.send(Arc::clone(&self.chunk));
            }
        }
        let count = buffer.len().min(self.chunk.len() - self.at);
        buffer[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// The error of ours that came through as one of reading.
fn lift(mut error: Error) -> Error {
    let Some(source) = error.source.take() else { return error };
    error.source = match source.downcast::<io::Error>() {
        Ok(below) if is_ours(&below) => {
            match below.into_inner().and_then(|inner| inner.downcast::<Error>().ok()) {
                Some(inner) => return *inner,
                None => None,
            }
        }
        Ok(below) => Some(below),
        Err(source) => Some(source),
    };
    error
}
