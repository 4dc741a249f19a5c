//! One conversation with a registry about one repository: logged in, redirected, tried again.

use super::Registries;
use super::answer::{self, header};
use super::challenge;
use super::credentials::Login;
use super::endpoint::Endpoint;
use super::http::{Broken, Http, Payload};
use super::tokens::{Asking, Tokens};
use super::url::Url;
use crate::error::{Error, Kind, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use ureq::Body;
use ureq::http::{HeaderMap, Method, Response, StatusCode};

/// Redirects that are followed.
pub(super) const REDIRECTS_MAX: usize = 6;

/// A request: what for, as one phrase, and to whom.
pub(crate) struct Ask<'a> {
    pub(crate) what: &'a str,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(&'a str, String)>,
    pub(crate) body: &'a [u8],
}

impl<'a> Ask<'a> {
    pub(crate) fn new(what: &'a str, method: Method, url: Url) -> Self {
        Self { what, method, url, headers: Vec::new(), body: &[] }
    }

    #[must_use]
    pub(crate) fn header(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The conversation.
pub(crate) struct Session<'a> {
    pub(crate) http: &'a Http<'a>,
    pub(crate) endpoint: Endpoint,
    tokens: &'a Tokens,
    /// The endpoint's base that answers.
    base: Url,
    login: Option<Login>,
    scopes: Vec<String>,
    /// It has answered before: that it cannot be reached now may pass.
    met: AtomicBool,
}

impl<'a> Session<'a> {
    /// Finds out where the endpoint speaks. `scopes` say what is to be done there.
    pub(crate) fn open(
        http: &'a Http<'a>,
        tokens: &'a Tokens,
        endpoint: Endpoint,
        scopes: Vec<String>,
    ) -> Result<Self> {
        let login = http.registries.credentials.of(&endpoint.registry)?;
        Self::open_as(http, tokens, endpoint, scopes, login)
    }

    /// As somebody in particular.
    pub(crate) fn open_as(
        http: &'a Http<'a>,
        tokens: &'a Tokens,
        endpoint: Endpoint,
        scopes: Vec<String>,
        login: Option<Login>,
    ) -> Result<Self> {
        let mut failed = None;
        for base in endpoint.bases.clone() {
            // What has no alternative need not be tried first.
            let tried = match endpoint.bases.len() {
                1 => Ok(()),
                _ => http.exchange(Method::GET, &base.join("v2/")?, &[], Payload::None).map(drop),
            };
            match tried {
                Ok(()) => {
                    let met = AtomicBool::new(false);
                    return Ok(Self { http, endpoint, tokens, base, login, scopes, met });
                }
                Err(broken) => failed = failed.or(Some(broken.error)),
            }
        }
        Err(failed.unwrap_or_else(|| Error::new(Kind::NotFound, "the registry has no address")))
    }

    /// A URL of the API: `library/web/manifests/latest`.
    pub(crate) fn url(&self, path: &str) -> Result<Url> {
        self.base.join(&format!("{}v2/{path}", self.base.uri().path()))
    }

    /// Asks until there is an answer of success, or one that the same question would get again.
    pub(crate) fn ask(&self, ask: &Ask<'_>) -> Result<Response<Body>> {
        self.persist(|| match self.try_once(ask)? {
            response if response.status().is_success() => Ok(response),
            response => Err(answer::refused(ask.what, &ask.url, response)),
        })
    }

    /// Asks for an answer of at most so many bytes, and reads it.
    pub(crate) fn ask_whole(&self, ask: &Ask<'_>, most: u64) -> Result<(HeaderMap, Vec<u8>)> {
        self.persist(|| match self.try_once(ask)? {
            response if response.status().is_success() => {
                let headers = response.headers().clone();
                Ok((headers, answer::body(response, most, ask.what)?))
            }
            response => Err(answer::refused(ask.what, &ask.url, response)),
        })
    }

    /// Does something until it comes about or fails for good.
    pub(crate) fn persist<T>(&self, mut once: impl FnMut() -> std::result::Result<T, Broken>) -> Result<T> {
        let mut failures = Failures::default();
        loop {
            match once() {
                Ok(done) => return Ok(done),
                Err(broken) => self.wait(&mut failures, broken)?,
            }
        }
    }

    /// Waits after a failure, or gives up.
    pub(crate) fn wait(&self, failures: &mut Failures, broken: Broken) -> Result<()> {
        failures.wait(self.http.registries, broken, self.met.load(Ordering::Relaxed))
    }

    /// One attempt: followed where it leads, with a login when it is asked for.
    pub(crate) fn try_once(&self, ask: &Ask<'_>) -> std::result::Result<Response<Body>, Broken> {
        let asking = self.asking();
        let known = self.tokens.known(&asking);
        let (response, here) = self.follow(ask, known.as_deref())?;
        if response.status() != StatusCode::UNAUTHORIZED || !here {
            return Ok(response);
        }
        let headers = response.headers().get_all("www-authenticate");
        let Some(challenge) = challenge::choose(headers.iter().filter_map(|value| value.to_str().ok()))
        else {
            return Ok(response);
        };
        // Read to its end, the connection is used again.
        drop(answer::body(response, 64 << 10, ask.what));
        let value = self.tokens.meet(self.http, &asking, &challenge, known.as_deref())?;
        self.follow(ask, Some(&value)).map(|(response, _)| response)
    }

    /// As [`Session::ask`]; `None` when the registry has no such thing.
    pub(crate) fn ask_for(&self, ask: &Ask<'_>) -> Result<Option<Response<Body>>> {
        self.persist(|| match self.try_once(ask)? {
            response if response.status().is_success() => Ok(Some(response)),
            response if response.status() == StatusCode::NOT_FOUND => Ok(None),
            response => Err(answer::refused(ask.what, &ask.url, response)),
        })
    }

    /// One attempt with a body that cannot be sent again, to where the registry takes it.
    pub(crate) fn send(
        &self,
        ask: &Ask<'_>,
        payload: Payload<'_>,
    ) -> std::result::Result<Response<Body>, Broken> {
        let known = self.tokens.known(&self.asking());
        let authorization = known.as_deref().filter(|_| ask.url.same_origin(&self.base));
        self.http.exchange(ask.method.clone(), &ask.url, &headers(ask, authorization), payload)
    }

    fn asking(&self) -> Asking<'_> {
        Asking {
            server: &self.base,
            insecure: self.endpoint.insecure,
            login: self.login.as_ref(),
            scopes: &self.scopes,
        }
    }

    /// Follows redirects. Who we are is told to the registry only, never to where it sends us.
    /// The flag says whether the registry itself answered.
    fn follow(
        &self,
        ask: &Ask<'_>,
        authorization: Option<&str>,
    ) -> std::result::Result<(Response<Body>, bool), Broken> {
        let mut url = ask.url.clone();
        for _ in 0..REDIRECTS_MAX {
            let here = url.same_origin(&self.base);
            let headers = headers(ask, authorization.filter(|_| here));
            let is_safe = ask.method == Method::GET || ask.method == Method::HEAD;
            let payload = if is_safe { Payload::None } else { Payload::Bytes(ask.body) };
            let response = self.http.exchange(ask.method.clone(), &url, &headers, payload)?;
            self.met.store(true, Ordering::Relaxed);
            let target = header(response.headers(), "location")
                .filter(|_| response.status().is_redirection() && is_safe);
            let Some(target) = target else { return Ok((response, here)) };
            let next = url.join(target)?;
            if url.is_https() && !next.is_https() && !self.endpoint.insecure {
                let what = format!("{}: {} leads to {next}, without encryption", ask.what, url.authority());
                return Err(Error::new(Kind::Denied, what).into());
            }
            url = next;
        }
        let what = format!("{}: {} leads in a circle", ask.what, ask.url.authority());
        Err(Error::new(Kind::Corrupt, what).into())
    }
}

fn headers<'h>(ask: &'h Ask<'_>, authorization: Option<&'h str>) -> Vec<(&'h str, &'h str)> {
    let own = ask.headers.iter().map(|(name, value)| (*name, value.as_str()));
    own.chain(authorization.map(|value| ("authorization", value))).collect()
}

/// Failures in a row.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    pub(crate) count: u32,
}

impl Failures {
    /// Waits after one more, or gives up. A server that was `met` before can be away for a while.
    pub(crate) fn wait(&mut self, registries: &Registries, broken: Broken, met: bool) -> Result<()> {
        let (retry, stop) = (&registries.retry, &registries.stop);
        stop.check(&broken.error.doing)?;
        let passing = broken.is_passing && (!broken.is_unreachable || met);
        self.count += 1;
        if !passing || self.count >= retry.attempts {
            return Err(self.last(broken.error));
        }
        stop.sleep(retry.pause(self.count, broken.pause, jitter()));
        stop.check(&broken.error.doing)
    }

    fn last(&self, mut error: Error) -> Error {
        if self.count > 1 {
            error.evidence.push(format!("this was attempt {}", self.count));
        }
        error
    }
}

/// From 0 to 1. It only spreads clients: the clock's last digits do.
fn jitter() -> f64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0.5, |now| f64::from(now.subsec_nanos() % 1000) / 1000.0)
}
