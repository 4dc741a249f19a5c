//! HTTP: one agent for each server, with its proxy, certificates and time limits.
//!
//! One request is one exchange here: redirects, logins and second attempts are the caller's.

use super::Registries;
use super::roots;
use super::url::Url;
use crate::error::{Error, Kind, Result};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use ureq::http::{Method, Request, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy, SendBody};

const USER_AGENT: &str = concat!("sampan/", env!("CARGO_PKG_VERSION"));
/// Connections are read in pieces of this size.
const BUFFER: usize = 128 << 10;

/// What is sent after the headers.
pub(crate) enum Payload<'a> {
    /// Nothing.
    None,
    /// All of this; it can be sent again.
    Bytes(&'a [u8]),
    /// So many bytes, only once.
    Stream(&'a mut dyn Read, u64),
}

/// An exchange that did not come about.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) error: Error,
    /// The server was not reached at all.
    pub(crate) is_unreachable: bool,
    /// It may come about the next time.
    pub(crate) is_passing: bool,
    /// How long the server wants us to wait until then.
    pub(crate) pause: Option<Duration>,
}

/// The agents.
#[derive(Debug)]
pub(crate) struct Http<'a> {
    pub(crate) registries: &'a Registries,
    agents: Mutex<BTreeMap<String, Agent>>,
    roots: OnceLock<Vec<Certificate<'static>>>,
}

impl<'a> Http<'a> {
    pub(crate) fn new(registries: &'a Registries) -> Self {
        Self { registries, agents: Mutex::default(), roots: OnceLock::new() }
    }

    /// One request and the head of its answer, whatever its status is.
    pub(crate) fn exchange(
        &self,
        method: Method,
        url: &Url,
        headers: &[(&str, &str)],
        payload: Payload<'_>,
    ) -> std::result::Result<Response<Body>, Broken> {
        let agent = self.agent(url).map_err(Broken::from)?;
        let mut request = Request::builder().method(method).uri(url.uri());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = match payload {
            Payload::None => request.body(()).map(|request| agent.run(request)),
            Payload::Bytes(bytes) => request.body(bytes).map(|request| agent.run(request)),
            Payload::Stream(stream, length) => {
                let request = request.header("content-length", length);
                request.body(SendBody::from_reader(stream)).map(|request| agent.run(request))
            }
        };
        let unfit = |error| {
            Broken::from(
                Error::new(Kind::Unsupported, format!("ask {} with such headers", url.authority()))
                    .because(error),
            )
        };
        sent.map_err(unfit)?.map_err(|error| broken(url, self.proxy(url), error))
    }

    fn agent(&self, url: &Url) -> Result<Agent> {
        let key = format!("{}:{}:{}", url.is_https(), url.host(), url.port());
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agents.get(&key) {
            return Ok(agent.clone());
        }
        let agent = self.new_agent(url)?;
        agents.insert(key, agent.clone());
        Ok(agent)
    }

    fn proxy(&self, url: &Url) -> Option<&str> {
        self.registries.proxies.of(url.is_https(), url.host(), url.port())
    }

    fn new_agent(&self, url: &Url) -> Result<Agent> {
        let retry = &self.registries.retry;
        let proxy = self.proxy(url).map(|text| Proxy::new(text).map_err(bad_proxy)).transpose()?;
        let mut config = Agent::config_builder()
            .user_agent(USER_AGENT)
            .accept_encoding("identity")
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy)
            .input_buffer_size(BUFFER)
            .output_buffer_size(BUFFER)
            .timeout_connect(Some(retry.connect))
            .timeout_per_read(Some(retry.stalled))
            .timeout_per_write(Some(retry.stalled));
        if url.is_https() {
            config = config.tls_config(self.tls(url)?);
        }
        Ok(config.build().new_agent())
    }

    fn tls(&self, url: &Url) -> Result<TlsConfig> {
        let settings = &self.registries.settings;
        let host = url.authority();
        let insecure = settings.is_insecure(&host);
        let mut trusted = roots::of_host(settings, &host)?;
        if !insecure {
            trusted.extend(self.system_roots()?.iter().cloned());
        }
        Ok(TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::new_with_certs(&trusted))
            .disable_verification(insecure)
            .build())
    }

    fn system_roots(&self) -> Result<&[Certificate<'static>]> {
        if let Some(roots) = self.roots.get() {
            return Ok(roots);
        }
        let roots = roots::of_system(&self.registries.settings)?;
        Ok(self.roots.get_or_init(|| roots))
    }
}

impl Broken {
    /// A failure of a connection that was there.
    pub(crate) fn passing(error: Error) -> Self {
        Self { error, is_unreachable: false, is_passing: true, pause: None }
    }
}

/// A failure that stays.
impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self { error, is_unreachable: false, is_passing: false, pause: None }
    }
}

fn bad_proxy(error: ureq::Error) -> Error {
    Error::new(Kind::Unsupported, "the proxy that the environment names is not a URL")
        .hint("HTTPS_PROXY and HTTP_PROXY are written as http://host:port")
        .because(error)
}

/// What an exchange broke of, on the way through a proxy or not.
fn broken(url: &Url, proxy: Option<&str>, error: ureq::Error) -> Broken {
    let host = url.authority();
    let new = |kind, doing: String| Error::new(kind, doing);
    let (kind, is_unreachable, is_passing) = match &error {
        error if is_unknown_host(error) => (Kind::NotFound, true, true),
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => (Kind::Timeout, true, true),
        ureq::Error::Timeout(_) => (Kind::Timeout, false, true),
        ureq::Error::Io(error) => of_io(error),
        ureq::Error::ConnectionFailed | ureq::Error::ConnectProxyFailed(_) => (Kind::System, true, true),
        ureq::Error::Protocol(_) => (Kind::System, false, true),
        _ => (Kind::System, true, false),
    };
    let told = match &error {
        error if is_unknown_host(error) => new(kind, format!("find the host {host}"))
            .hint("is the name right, and does this machine have DNS? `getent hosts NAME` asks it"),
        error if is_tls(error) => new(kind, format!("make a secure connection to {host}")).hint(
            "name its certificate authority under `ca` in the registries file, or say `insecure` there",
        ),
        _ if is_unreachable => match proxy.map(without_password) {
            None => new(kind, format!("connect to {host}"))
                .hint(format!("does a registry run at {host}, and does this machine reach it?")),
            Some(proxy) => new(kind, format!("connect to {host} through the proxy {proxy}")).hint(
                "the proxy is that of HTTPS_PROXY or HTTP_PROXY; hosts in NO_PROXY are reached without",
            ),
        },
        _ => new(kind, format!("talk to {host}")),
    };
    Broken { error: told.because(error), is_unreachable, is_passing, pause: None }
}

/// A proxy as it may be shown.
fn without_password(proxy: &str) -> String {
    match (proxy.split_once("://"), proxy.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        _ => proxy.to_owned(),
    }
}

/// The standard library has no kind for what the resolver says, only this beginning.
fn is_unknown_host(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::HostNotFound => true,
        ureq::Error::Io(error) => error.to_string().starts_with("failed to lookup address information"),
        _ => false,
    }
}

fn is_tls(error: &ureq::Error) -> bool {
    let below = |error: &io::Error| error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
    match error {
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => true,
        ureq::Error::Io(error) => below(error),
        _ => false,
    }
}

fn of_io(error: &io::Error) -> (Kind, bool, bool) {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, InvalidData, NetworkUnreachable, TimedOut};
    match error.kind() {
        ConnectionRefused | HostUnreachable | NetworkUnreachable => (Kind::System, true, true),
        // A handshake that failed.
        InvalidData => (Kind::System, true, false),
        TimedOut => (Kind::Timeout, false, true),
        _ => (Kind::System, false, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::ToSocketAddrs;

    #[test]
    fn a_name_that_is_not_found_is_told_as_such() {
        // No name has an empty part: this is known without asking anybody.
        let error = ("no..name", 443).to_socket_addrs().expect_err("there is no such name");
        let url = Url::parse("https://no..name/v2/").expect("a URL");
        let broken = broken(&url, None, ureq::Error::Io(error));
        assert_eq!(broken.error.doing, "find the host no..name");
        assert!(broken.is_unreachable && broken.error.kind == Kind::NotFound, "{:?}", broken.error);
    }

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        let url = Url::parse("https://registry.example/v2/").expect("a URL");
        for (proxy, shown) in [
            ("http://me:p@ss@proxy:3128", "http://proxy:3128"),
            ("me:secret@proxy:3128", "proxy:3128"),
            ("http://proxy:3128", "http://proxy:3128"),
        ] {
            let told = broken(&url, Some(proxy), ureq::Error::ConnectionFailed).error.doing;
            assert_eq!(told, format!("connect to registry.example through the proxy {shown}"));
        }
    }
}
