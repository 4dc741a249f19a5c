//! URLs of registries: joining, comparing, and encoding what goes into them.

use crate::error::{Error, Kind, Result};
use std::fmt;
use ureq::http::Uri;

/// An absolute `http` or `https` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url(Uri);

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        // What only the browser sees never goes over the wire.
        let text = text.split('#').next().unwrap_or_default();
        let bad = || Error::new(Kind::Unsupported, format!("`{text}` is not an http or https URL"));
        let uri: Uri = text.parse().map_err(|error| bad().because(error))?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        if known && !uri.host().unwrap_or_default().is_empty() { Ok(Self(uri)) } else { Err(bad()) }
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.0
    }

    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// The host without its port; a v6 address in brackets.
    pub(crate) fn host(&self) -> &str {
        self.0.host().unwrap_or_default()
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port_u16().unwrap_or(if self.is_https() { 443 } else { 80 })
    }

    /// `host:port` as it is written; no user name that somebody put before it.
    pub(crate) fn authority(&self) -> String {
        let port = self.0.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", self.host())
    }

    /// Whether both lead to the same server, so that what one may know the other may.
    pub(crate) fn same_origin(&self, other: &Self) -> bool {
        let of = |url: &Self| (url.is_https(), url.host().to_ascii_lowercase(), url.port());
        of(self) == of(other)
    }

    /// Where a `Location` or `Link` found here leads.
    pub(crate) fn join(&self, location: &str) -> Result<Self> {
        let scheme = self.0.scheme_str().unwrap_or_default();
        let origin = format!("{scheme}://{}", self.authority());
        let folder = self.0.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        let absolute = match location {
            _ if location.starts_with("//") => format!("{scheme}:{location}"),
            _ if location.starts_with('/') => format!("{origin}{location}"),
            _ if location.starts_with('?') => format!("{origin}{}{location}", self.0.path()),
            _ if location.split(['/', '?']).next().unwrap_or_default().contains(':') => location.to_owned(),
            _ => format!("{origin}{folder}/{location}"),
        };
        Self::parse(&absolute)
    }

    /// With more in the query.
    pub(crate) fn with_query(&self, pairs: &[(&str, &str)]) -> Result<Self> {
        let mark = if self.0.query().is_some() { '&' } else { '?' };
        Self::parse(&format!("{}{mark}{}", self.0, form(pairs)))
    }
}

impl fmt::Display for Url {
    /// Without the query: it may hold a signature or a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.0.scheme_str().unwrap_or_default(), self.authority(), self.0.path())
    }
}

/// Pairs as in a query or a form.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&")
}

fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/,".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_lead_where_browsers_go() {
        let here = Url::parse("https://reg:5000/v2/a/blobs/uploads/1?state=x").unwrap();
        for (location, expected) in [
            ("https://cdn/x?sig=1#part", "https://cdn/x?sig=1"),
            ("//cdn/x", "https://cdn/x"),
            ("/v2/b", "https://reg:5000/v2/b"),
            ("2?c:d", "https://reg:5000/v2/a/blobs/uploads/2?c:d"),
            ("?state=y", "https://reg:5000/v2/a/blobs/uploads/1?state=y"),
        ] {
            assert_eq!(here.join(location).unwrap().uri().to_string(), expected, "{location}");
        }
        for bad in ["file:///etc/passwd", "gopher://x/", "https://", "https:///x"] {
            assert!(here.join(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_server_is_scheme_host_and_port() {
        let url = |text: &str| Url::parse(text).unwrap();
        let here = url("https://reg/v2/");
        assert!(here.same_origin(&url("https://REG:443/other")));
        for other in ["http://reg/", "https://reg:444/", "https://reg.evil/", "https://evil/reg"] {
            assert!(!here.same_origin(&url(other)), "{other}");
        }
        // A user before the host is no part of the host.
        assert_eq!(url("https://reg@evil/").authority(), "evil");
    }

    #[test]
    fn what_goes_into_a_query_cannot_leave_it() {
        let url = Url::parse("https://auth/token?a=b").unwrap();
        let scope = url.with_query(&[("scope", "repository:a/b:pull,push"), ("x", "&y=z ü#")]).unwrap();
        let expected = "https://auth/token?a=b&scope=repository:a/b:pull,push&x=%26y%3Dz%20%C3%BC%23";
        assert_eq!(scope.uri().to_string(), expected);
        assert_eq!(scope.to_string(), "https://auth/token");
    }
}
