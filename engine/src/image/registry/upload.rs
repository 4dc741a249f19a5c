//! Giving a registry one blob: not when it has it, taken over from another of its repositories
//! where it can be, gone on with where a connection broke.

use super::answer::{self, header};
use super::http::{Broken, Payload};
use super::meter::Meter;
use super::session::{Ask, Failures, Session};
use super::stop::Stop;
use super::url::Url;
use crate::error::{Error, Kind, Result};
use std::io::{self, Read, Seek, SeekFrom};
use ureq::Body;
use ureq::http::{Method, Response, StatusCode};

/// Where blobs go.
pub(crate) struct Target<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) repository: &'a str,
    pub(crate) meter: &'a Meter<'a>,
}

/// What is uploaded.
pub(crate) trait Content: Read + Seek {}
impl<T: Read + Seek> Content for T {}

impl Target<'_> {
    /// Bytes of a blob that the repository has.
    pub(crate) fn has(&self, digest: &str) -> Result<bool> {
        let what = format!("look for blob {digest}");
        let url = self.session.url(&format!("{}/blobs/{digest}", self.repository))?;
        Ok(self.session.ask_for(&Ask::new(&what, Method::HEAD, url))?.is_some())
    }

    /// Takes a blob over from another repository; `false` when that has none or it is not allowed.
    pub(crate) fn mount(&self, digest: &str, from: &str) -> Result<bool> {
        let what = format!("take blob {digest} over from {from}");
        let query = [("mount", digest), ("from", from)];
        let url = self.uploads()?.with_query(&query)?;
        let response = self.session.try_once(&Ask::new(&what, Method::POST, url.clone()));
        let response = response.map_err(|broken| broken.error)?;
        if response.status() == StatusCode::ACCEPTED {
            // It began an upload instead, which nobody goes on with.
            self.abandon(&url, &response);
        }
        Ok(response.status() == StatusCode::CREATED)
    }

    /// Uploads a blob of this size from its beginning.
    pub(crate) fn upload(&self, digest: &str, size: u64, content: &mut dyn Content) -> Result<()> {
        let what = format!("upload blob {digest}");
        let mut place = self.begin(&what)?;
        let mut failures = Failures::default();
        let mut at = 0;
        while at < size {
            let broken = match self.send(&what, &place, (at, size), content) {
                Ok(next) => {
                    (place, at) = (next, size);
                    continue;
                }
                Err(broken) => broken,
            };
            if self.meter.is_stopped() {
                return Err(Error::new(Kind::Cancelled, format!("{what}: another layer failed")));
            }
            // What is not allowed now may be with a new token, which asking for the state gets.
            let broken =
                Broken { is_passing: broken.is_passing || broken.error.kind == Kind::Denied, ..broken };
            self.session.wait(&mut failures, broken)?;
            let before = at;
            (place, at) = self.state(&what, &place, before)?;
            if at > before {
                failures = Failures::default();
            }
        }
        self.finish(&what, &place, digest)
    }

    fn uploads(&self) -> Result<Url> {
        self.session.url(&format!("{}/blobs/uploads/", self.repository))
    }

    /// Gives the place to upload to.
    fn begin(&self, what: &str) -> Result<Url> {
        let url = self.uploads()?;
        let response = self.session.ask(&Ask::new(what, Method::POST, url.clone()))?;
        location(&url, &response, what)
    }

    /// Sends all from `at` on; gives the place to go on at.
    fn send(
        &self,
        what: &str,
        place: &Url,
        (at, size): (u64, u64),
        content: &mut dyn Content,
    ) -> std::result::Result<Url, Broken> {
        let rewound = content.seek(SeekFrom::Start(at));
        rewound.map_err(|error| Error::new(Kind::System, format!("{what}: read it")).because(error))?;
        let mut ask =
            Ask::new(what, Method::PATCH, place.clone()).header("content-type", "application/octet-stream");
        if at > 0 {
            ask = ask.header("content-range", format!("{at}-{}", size - 1));
        }
        let stop = &self.session.http.registries.stop;
        let mut counted = Counted { inner: content, meter: self.meter, stop };
        let response = self.session.send(&ask, Payload::Stream(&mut counted, size - at))?;
        if !response.status().is_success() {
            return Err(answer::refused(what, place, response));
        }
        Ok(location(place, &response, what)?)
    }

    /// How far an upload got, from the registry's view.
    fn state(&self, what: &str, place: &Url, before: u64) -> Result<(Url, u64)> {
        let Some(response) = self.session.ask_for(&Ask::new(what, Method::GET, place.clone()))? else {
            // It forgot about it.
            return Ok((self.begin(what)?, 0));
        };
        let has = header(response.headers(), "range").and_then(end_of).unwrap_or(before);
        Ok((location(place, &response, what).unwrap_or_else(|_| place.clone()), has))
    }

    fn finish(&self, what: &str, place: &Url, digest: &str) -> Result<()> {
        let url = place.with_query(&[("digest", digest)])?;
        let done = self.session.ask(&Ask::new(what, Method::PUT, url));
        // The answer may have been lost, not the upload.
        match done {
            Err(error) if !self.has(digest).unwrap_or(false) => Err(error),
            _ => Ok(()),
        }
    }

    fn abandon(&self, url: &Url, response: &Response<Body>) {
        let what = "give up an upload";
        if let Ok(place) = location(url, response, what) {
            // It expires anyway.
            drop(self.session.try_once(&Ask::new(what, Method::DELETE, place)));
        }
    }
}

fn location(here: &Url, response: &Response<Body>, what: &str) -> Result<Url> {
    let missing = || Error::new(Kind::Corrupt, format!("{what}: the registry does not say where to"));
    here.join(header(response.headers(), "location").ok_or_else(missing)?)
}

/// How many bytes there are when the range is `0-99`; the registry's `0-0` is none, too.
fn end_of(range: &str) -> Option<u64> {
    let last: u64 = range.trim_start_matches("bytes=").split_once('-')?.1.trim().parse().ok()?;
    Some(if last == 0 { 0 } else { last + 1 })
}

/// Tells what is read, until nobody wants it any more.
struct Counted<'a> {
    inner: &'a mut dyn Content,
    meter: &'a Meter<'a>,
    stop: &'a Stop,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_set() || self.meter.is_stopped() {
            return Err(io::ErrorKind::Other.into());
        }
        let count = self.inner.read(buffer)?;
        self.meter.bytes(count as u64);
        Ok(count)
    }
}
