//! Tokens of registries: fetched when asked for, kept for as long as they live
//! (<https://distribution.github.io/distribution/spec/auth/token/>, and `oauth` beside it).

use super::answer;
use super::challenge::Challenge;
use super::credentials::Login;
use super::http::{Broken, Http, Payload};
use super::url::{Url, form};
use crate::error::{Error, Kind, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use ureq::http::{Method, StatusCode};

/// A token that says no time lives this long.
const LIFE: u64 = 60;
/// A token is not used in its last seconds.
const MARGIN: Duration = Duration::from_secs(5);
const ANSWER_MAX: u64 = 1 << 20;

/// Values of `Authorization` by what they are for.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    kept: Mutex<BTreeMap<(String, String), Kept>>,
}

/// A value, and how long it is good.
#[derive(Clone, Debug)]
struct Kept {
    value: String,
    until: Option<Instant>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

/// Who asks for what.
pub(crate) struct Asking<'a> {
    /// The server that wants to know who we are.
    pub(crate) server: &'a Url,
    /// Whether secrets may go there, and to who it trusts, in plain text.
    pub(crate) insecure: bool,
    pub(crate) login: Option<&'a Login>,
    /// What is to be done: `repository:a/b:pull`.
    pub(crate) scopes: &'a [String],
}

impl Asking<'_> {
    fn key(&self) -> (String, String) {
        (self.server.authority(), self.scopes.join(" "))
    }
}

impl Tokens {
    /// What was said the last time, if it is still good.
    pub(crate) fn known(&self, asking: &Asking<'_>) -> Option<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let one = kept.get(&asking.key())?;
        one.until.is_none_or(|until| Instant::now() + MARGIN < until).then(|| one.value.clone())
    }

    /// Meets a challenge. `refused` is what was sent before it, so that of many threads that
    /// are refused together one asks for a new token.
    pub(crate) fn meet(
        &self,
        http: &Http<'_>,
        asking: &Asking<'_>,
        challenge: &Challenge,
        refused: Option<&str>,
    ) -> std::result::Result<String, Broken> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let other = kept.get(&asking.key()).filter(|one| Some(one.value.as_str()) != refused);
        if let Some(one) = other {
            return Ok(one.value.clone());
        }
        let met = match challenge {
            Challenge::Basic => Kept { value: basic(asking)?, until: None },
            Challenge::Bearer { realm, service, scope } => {
                let mut scopes: Vec<&str> = asking.scopes.iter().map(String::as_str).collect();
                scopes.extend(scope.as_deref().filter(|_| scopes.is_empty()));
                fetch(http, asking, &token_url(asking, realm)?, (service.as_deref(), &scopes))?
            }
        };
        kept.insert(asking.key(), met.clone());
        Ok(met.value)
    }
}

fn basic(asking: &Asking<'_>) -> Result<String> {
    let Some(Login::Password { user, password }) = asking.login else {
        return Err(answer::not_logged_in(&asking.server.authority()));
    };
    if !asking.server.is_https() && !asking.insecure {
        return Err(plain_text(asking.server));
    }
    Ok(format!("Basic {}", BASE64.encode(format!("{user}:{password}"))))
}

fn token_url(asking: &Asking<'_>, realm: &str) -> Result<Url> {
    let url = asking.server.join(realm)?;
    let safe = url.is_https() || asking.insecure;
    if safe || asking.login.is_none() { Ok(url) } else { Err(plain_text(&url)) }
}

fn plain_text(url: &Url) -> Error {
    Error::new(Kind::Denied, format!("{url} asks for a password in plain text"))
        .hint("if that network is safe, say `insecure` for the registry in the registries file")
}

fn fetch(
    http: &Http<'_>,
    asking: &Asking<'_>,
    url: &Url,
    (service, scopes): (Option<&str>, &[&str]),
) -> std::result::Result<Kept, Broken> {
    let mut pairs: Vec<(&str, &str)> = service.map(|service| ("service", service)).into_iter().collect();
    let joined = scopes.join(" ");
    let response = match asking.login {
        Some(Login::Identity(token)) => {
            let grant = [("grant_type", "refresh_token"), ("client_id", "sampan"), ("refresh_token", token)];
            pairs.extend(grant);
            pairs.push(("scope", &joined));
            let body = form(&pairs);
            let headers = [("content-type", "application/x-www-form-urlencoded")];
            http.exchange(Method::POST, url, &headers, Payload::Bytes(body.as_bytes()))?
        }
        Some(Login::Password { user, password }) => {
            pairs.extend([("account", user.as_str()), ("client_id", "sampan")]);
            pairs.extend(scopes.iter().map(|scope| ("scope", *scope)));
            let value = format!("Basic {}", BASE64.encode(format!("{user}:{password}")));
            http.exchange(Method::GET, &url.with_query(&pairs)?, &[("authorization", &value)], Payload::None)?
        }
        None => {
            pairs.extend(scopes.iter().map(|scope| ("scope", *scope)));
            http.exchange(Method::GET, &url.with_query(&pairs)?, &[], Payload::None)?
        }
    };
    let asked = format!("get a token from {}", url.authority());
    if response.status() != StatusCode::OK {
        return Err(answer::refused(&asked, url, response));
    }
    let json = answer::body(response, ANSWER_MAX, &asked)?;
    let answer: Answer = serde_json::from_slice(&json).map_err(|error| {
        Error::new(Kind::Corrupt, format!("{asked}: the answer is not one")).because(error)
    })?;
    let token = if answer.token.is_empty() { answer.access_token } else { answer.token };
    if token.is_empty() || token.contains(|c: char| c.is_ascii_control()) {
        return Err(Error::new(Kind::Corrupt, format!("{asked}: the answer has none in it")).into());
    }
    let life = Duration::from_secs(answer.expires_in.unwrap_or(LIFE).clamp(LIFE, 86_400));
    Ok(Kept { value: format!("Bearer {token}"), until: Some(Instant::now() + life) })
}
