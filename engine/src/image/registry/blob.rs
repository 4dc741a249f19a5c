//! One blob as a stream: gone on with where a connection broke, checked to its last byte.

use super::answer::header;
use super::http::Broken;
use super::meter::Meter;
use super::session::{Ask, Failures, Session};
use crate::error::{Error, Kind, Result};
use crate::image::digest::Digester;
use crate::image::manifest::Descriptor;
use std::io::{self, Read};
use ureq::http::{Method, Response, StatusCode};
use ureq::{Body, BodyReader};

/// Connections that one blob may take, however far each of them got.
const CONNECTIONS_MAX: u32 = 1000;

/// A blob on its way. Reading gives its bytes; its end comes only after the digest was found
/// right, and an error is one of ours ([`Error`]) inside the one of reading.
pub(crate) struct Download<'a> {
    session: &'a Session<'a>,
    meter: &'a Meter<'a>,
    what: String,
    path: String,
    digest: String,
    size: u64,
    at: u64,
    body: Option<BodyReader<'static>>,
    digester: Option<Digester>,
    failures: Failures,
    connections: u32,
}

impl<'a> Download<'a> {
    pub(crate) fn new(
        session: &'a Session<'a>,
        meter: &'a Meter<'a>,
        repository: &str,
        blob: &Descriptor,
    ) -> Self {
        Self {
            session,
            meter,
            what: format!("download layer {}", blob.digest),
            path: format!("{repository}/blobs/{}", blob.digest),
            digest: blob.digest.clone(),
            size: blob.size,
            at: 0,
            body: None,
            digester: Some(Digester::new()),
            failures: Failures::default(),
            connections: 0,
        }
    }

    fn next(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            self.session.http.registries.stop.check(&self.what)?;
            if self.meter.is_stopped() {
                return Err(Error::new(Kind::Cancelled, format!("{}: another layer failed", self.what)));
            }
            if self.digester.is_none() {
                return Ok(0);
            }
            let Some(body) = &mut self.body else {
                self.body = Some(self.connect()?);
                continue;
            };
            // One byte more than there should be shows that there are too many.
            let most = usize::try_from((self.size - self.at).saturating_add(1)).unwrap_or(usize::MAX);
            let most = most.min(buffer.len());
            match body.read(&mut buffer[..most]) {
                Ok(0) if self.at == self.size => return self.finish(),
                Ok(0) => self.broke(io::ErrorKind::UnexpectedEof.into())?,
                Ok(count) => return self.came(&buffer[..count]),
                Err(error) => self.broke(error)?,
            }
        }
    }

    fn came(&mut self, bytes: &[u8]) -> Result<usize> {
        self.at += bytes.len() as u64;
        if self.at > self.size {
            return Err(self.wrong("more bytes came than its manifest says", vec![]));
        }
        if let Some(digester) = &mut self.digester {
            digester.update(bytes);
        }
        self.failures = Failures::default();
        self.meter.bytes(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn finish(&mut self) -> Result<usize> {
        self.body = None;
        let found = self.digester.take().map(Digester::finish).unwrap_or_default();
        if found == self.digest {
            return Ok(0);
        }
        let evidence = vec![format!("expected {}", self.digest), format!("found    {found}")];
        Err(self.wrong("it does not have the digest that it should", evidence))
    }

    fn wrong(&self, what: &str, evidence: Vec<String>) -> Error {
        Error::new(Kind::Corrupt, format!("{}: {what}", self.what))
            .hint("the registry, a mirror or a proxy on the way is broken, or somebody tampers with it")
            .evidence(evidence)
    }

    /// A connection broke; the next one goes on here.
    fn broke(&mut self, error: io::Error) -> Result<()> {
        self.body = None;
        let timed_out = error.get_ref().is_some_and(|inner| {
            matches!(inner.downcast_ref::<ureq::Error>(), Some(ureq::Error::Timeout(_)))
        });
        let kind = if timed_out { Kind::Timeout } else { Kind::System };
        let error = Error::new(kind, format!("{}: the connection broke", self.what))
            .evidence(vec![format!("{} of {} bytes had come", self.at, self.size)])
            .because(error);
        if self.connections >= CONNECTIONS_MAX {
            return Err(error);
        }
        self.session.wait(&mut self.failures, Broken::passing(error))
    }

    fn connect(&mut self) -> Result<BodyReader<'static>> {
        self.connections += 1;
        let mut ask = Ask::new(&self.what, Method::GET, self.session.url(&self.path)?);
        if self.at > 0 {
            ask = ask.header("range", format!("bytes={}-", self.at));
        }
        let response = self.session.ask(&ask)?;
        let is_part = response.status() == StatusCode::PARTIAL_CONTENT;
        let skip = if is_part { 0 } else { self.at };
        self.check_head(&response, is_part)?;
        let mut body = response.into_body().into_reader();
        // The server does not do parts: what is here already comes again.
        match io::copy(&mut (&mut body).take(skip), &mut io::sink()) {
            Ok(_) => Ok(body),
            Err(error) => {
                self.broke(error)?;
                self.connect()
            }
        }
    }

    /// What the answer says of itself must fit what was asked for.
    fn check_head(&self, response: &Response<Body>, is_part: bool) -> Result<()> {
        let start = || header(response.headers(), "content-range").and_then(start_of);
        if is_part && start() != Some(self.at) {
            let range = header(response.headers(), "content-range").unwrap_or("nothing").to_owned();
            let evidence = vec![format!("asked for bytes from {}, given `{range}`", self.at)];
            return Err(self.wrong("the registry gave another part of it", evidence));
        }
        let expected = if is_part { self.size - self.at } else { self.size };
        let length = header(response.headers(), "content-length").and_then(|text| text.parse::<u64>().ok());
        match length.filter(|length| *length != expected) {
            None => Ok(()),
            Some(length) => {
                let evidence = vec![format!("its manifest says {expected} bytes, the registry {length}")];
                Err(self.wrong("it does not have the size that it should", evidence))
            }
        }
    }
}

/// The first byte of `bytes 100-199/200`.
fn start_of(range: &str) -> Option<u64> {
    range.trim().strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

impl Read for Download<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.next(buffer).map_err(io::Error::other)
    }
}
