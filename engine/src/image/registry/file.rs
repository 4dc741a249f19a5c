//! One file of any web server, over the same proxies and with the same certificates as images.

use super::Registries;
use super::answer::{header, is_passing};
use super::http::{Broken, Http, Payload};
use super::retry::retry_after;
use super::session::{Failures, REDIRECTS_MAX};
use super::url::Url;
use crate::error::{Error, Kind, Result};
use crate::image::digest::HashingWriter;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use std::fs::File;
use std::io::{Read, Seek, Write};
use ureq::Body;
use ureq::http::{Method, Response, StatusCode};

/// Bytes between two looks at whether the file is still wanted.
const BUFFER: usize = 128 << 10;

/// What a download brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Downloaded {
    /// `sha256:…` of the file.
    pub(crate) digest: String,
    /// When the server says that the file was changed, in seconds since 1970.
    pub(crate) modified: Option<i64>,
}

/// Downloads a file; begins anew when the connection breaks. `check` fails when it is not wanted
/// any more.
pub(crate) fn download(
    registries: &Registries,
    url: &str,
    into: &mut File,
    check: &dyn Fn() -> Result<()>,
) -> Result<Downloaded> {
    let (http, url) = (Http::new(registries), Url::parse(url)?);
    let mut failures = Failures::default();
    loop {
        check()?;
        match once(&http, &url, into, check) {
            Ok(done) => return Ok(done),
            Err(broken) => {
                let met = !broken.is_unreachable;
                failures.wait(registries, broken, met)?;
            }
        }
    }
}

fn once(
    http: &Http<'_>,
    url: &Url,
    into: &mut File,
    check: &dyn Fn() -> Result<()>,
) -> std::result::Result<Downloaded, Broken> {
    let response = follow(http, url)?;
    let modified = header(response.headers(), "last-modified")
        .and_then(|text| rfc2822::DateTimeParser::new().parse_timestamp(text).ok())
        .map(jiff::Timestamp::as_second);
    let write = |error| Error::new(Kind::System, format!("write what comes from {url}")).because(error);
    into.set_len(0).and_then(|()| into.rewind()).map_err(write)?;
    let mut hashing = HashingWriter::new(into);
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; BUFFER];
    loop {
        check()?;
        match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => hashing.write_all(&buffer[..count]).map_err(write)?,
            Err(error) => {
                let error =
                    Error::new(Kind::System, format!("download {url}: the connection broke")).because(error);
                return Err(Broken::passing(error));
            }
        }
    }
    let (digest, _) = hashing.finish();
    Ok(Downloaded { digest, modified })
}

/// The answer at the end of all redirects.
fn follow(http: &Http<'_>, url: &Url) -> std::result::Result<Response<Body>, Broken> {
    let mut at = url.clone();
    for _ in 0..REDIRECTS_MAX {
        let response = http.exchange(Method::GET, &at, &[], Payload::None)?;
        let target = header(response.headers(), "location").filter(|_| response.status().is_redirection());
        let Some(target) = target else {
            return if response.status().is_success() {
                Ok(response)
            } else {
                Err(refused(url, &at, &response))
            };
        };
        let next = at.join(target)?;
        if at.is_https() && !next.is_https() {
            let what = format!("download {url}: it leads to {next}, without encryption");
            return Err(Error::new(Kind::Denied, what).into());
        }
        at = next;
    }
    Err(Error::new(Kind::Corrupt, format!("download {url}: it leads in a circle")).into())
}

fn refused(url: &Url, at: &Url, response: &Response<Body>) -> Broken {
    let status = response.status();
    let kind = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Kind::Denied,
        StatusCode::NOT_FOUND | StatusCode::GONE => Kind::NotFound,
        _ => Kind::System,
    };
    let error = Error::new(kind, format!("download {url}")).evidence(vec![format!("{at} answered {status}")]);
    let pause =
        header(response.headers(), "retry-after").and_then(|value| retry_after(value, Timestamp::now()));
    Broken { error, is_unreachable: false, is_passing: is_passing(status), pause }
}
