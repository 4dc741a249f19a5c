//! Answers of registries: their bodies, and what their refusals mean for people
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes>).

use super::http::Broken;
use super::retry::retry_after;
use super::url::Url;
use crate::error::{Error, Kind};
use jiff::Timestamp;
use serde::Deserialize;
use std::io::Read;
use ureq::Body;
use ureq::http::{HeaderMap, Response, StatusCode};

/// Longest text of a refusal that is read.
const REFUSAL_MAX: u64 = 64 << 10;
/// Longest line of it that is shown.
const LINE_MAX: usize = 300;

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    errors: Vec<Complaint>,
    #[serde(default)]
    details: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

#[derive(Deserialize)]
struct Complaint {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// A header as text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// All of a body that must not be longer than this.
pub(crate) fn body(response: Response<Body>, most: u64, what: &str) -> Result<Vec<u8>, Broken> {
    let mut bytes = Vec::new();
    let read = response.into_body().into_reader().take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| {
        Broken::passing(Error::new(Kind::System, format!("{what}: the answer broke off")).because(error))
    })?;
    if bytes.len() as u64 > most {
        return Err(
            Error::new(Kind::Corrupt, format!("{what}: the answer is longer than {most} bytes")).into()
        );
    }
    Ok(bytes)
}

/// What an answer of this status means; `what` says what was asked for.
pub(crate) fn refused(what: &str, url: &Url, response: Response<Body>) -> Broken {
    let status = response.status();
    let pause =
        header(response.headers(), "retry-after").and_then(|value| retry_after(value, Timestamp::now()));
    let host = url.authority();
    let (kind, hint) = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (Kind::Denied, Some(log_in(&host))),
        StatusCode::NOT_FOUND => (Kind::NotFound, None),
        StatusCode::TOO_MANY_REQUESTS => {
            (Kind::System, Some(format!("{host} limits how often it may be asked: try later, or log in")))
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => (Kind::Timeout, None),
        _ => (Kind::System, None),
    };
    let mut evidence = vec![format!("{url} answered {status}")];
    evidence.extend(complaints(response));
    let mut error = Error::new(kind, what).evidence(evidence);
    error.hint = hint;
    Broken { error, is_unreachable: false, is_passing: is_passing(status), pause }
}

/// Whether the same question may get another answer later.
pub(super) fn is_passing(status: StatusCode) -> bool {
    let soon = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS, StatusCode::TOO_EARLY];
    let never = [StatusCode::NOT_IMPLEMENTED, StatusCode::HTTP_VERSION_NOT_SUPPORTED];
    soon.contains(&status) || (status.is_server_error() && !never.contains(&status))
}

/// What the registry says is wrong, in lines.
fn complaints(response: Response<Body>) -> Vec<String> {
    let mut bytes = Vec::new();
    // A refusal that breaks off is still one.
    let _ = response.into_body().into_reader().take(REFUSAL_MAX).read_to_end(&mut bytes);
    let Ok(refusal) = serde_json::from_slice::<Refusal>(&bytes) else { return Vec::new() };
    let told = refusal.errors.iter().map(|one| format!("{}: {}", one.code, one.message));
    let lines = told.chain(refusal.details).chain(refusal.message);
    lines.map(|line| clean(&line)).collect()
}

/// A stranger's text, fit for a terminal.
fn clean(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE_MAX).collect()
}

fn log_in(host: &str) -> String {
    let host = if host.ends_with("docker.io") { "" } else { host };
    format!("log in with an account that may: `{}`", format!("sampan login {host}").trim_end())
}

pub(crate) fn not_logged_in(host: &str) -> Error {
    Error::new(Kind::Denied, format!("{host} asks for a login")).hint(log_in(host))
}
