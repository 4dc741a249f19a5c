//! Image references: what people type, and its one full form.
//!
//! `web` means `docker.io/library/web:latest`; people are shown the short form again.

use crate::error::{Error, Kind};
use std::fmt;
use std::str::FromStr;

const HUB: &str = "docker.io";
const OFFICIAL: &str = "library/";
const NAME_MAX: usize = 255;
const TAG_MAX: usize = 128;

/// A full reference. Prints as `docker.io/library/web:1@sha256:…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Registry host, with its port if it has one.
    pub domain: String,
    /// Path of the repository on that host.
    pub path: String,
    /// The tag; `latest` unless there is a digest.
    pub tag: Option<String>,
    /// `sha256:` and 64 hex digits.
    pub digest: Option<String>,
}

impl Reference {
    /// The repository as people write it: without `docker.io/library/` where that reads back.
    pub fn familiar_repository(&self) -> String {
        let short = [self.path.strip_prefix(OFFICIAL), Some(self.path.as_str())];
        let reads_back = |name: &&str| split_domain(name) == (self.domain.clone(), self.path.clone());
        match short.into_iter().flatten().find(reads_back) {
            Some(name) => name.to_owned(),
            None => format!("{}/{}", self.domain, self.path),
        }
    }

    /// The whole reference as people write it; the tag is always shown.
    pub fn familiar(&self) -> String {
        self.with_suffix(self.familiar_repository())
    }

    fn with_suffix(&self, mut text: String) -> String {
        if let Some(tag) = &self.tag {
            text.push(':');
            text.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            text.push('@');
            text.push_str(digest);
        }
        text
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with_suffix(format!("{}/{}", self.domain, self.path)))
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(check_digest(text, digest)?)),
            None => (text, None),
        };
        let (name, tag) = split_tag(rest);
        let tag = match tag {
            Some(tag) => Some(check_tag(text, tag)?),
            None if digest.is_none() => Some("latest".to_owned()),
            None => None,
        };
        let (domain, path) = split_domain(name);
        check_name(text, &domain, &path)?;
        Ok(Self { domain, path, tag, digest })
    }
}

/// A colon after the last slash begins the tag; one before it begins a port.
fn split_tag(rest: &str) -> (&str, Option<&str>) {
    match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    }
}

/// The first component is a host when it could not be part of a repository's path.
fn split_domain(name: &str) -> (String, String) {
    let (domain, path) = match name.split_once('/') {
        Some((first, path)) if is_host(first) => (first, path),
        _ => (HUB, name),
    };
    let domain = if domain == "index.docker.io" { HUB } else { domain };
    let official = domain == HUB && !path.contains('/');
    (domain.to_owned(), if official { format!("{OFFICIAL}{path}") } else { path.to_owned() })
}

fn is_host(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost" || first.chars().any(|c| c.is_ascii_uppercase())
}

fn invalid(text: &str, why: &str) -> Error {
    Error::new(Kind::Unsupported, format!("`{text}` is not an image reference: {why}"))
}

fn check_digest(text: &str, digest: &str) -> Result<String, Error> {
    if super::digest::is_sha256(digest) {
        return Ok(digest.to_owned());
    }
    Err(invalid(text, "the digest is not `sha256:` and 64 lower-case hex digits"))
}

fn check_tag(text: &str, tag: &str) -> Result<String, Error> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fits =
        tag.starts_with(word) && tag.len() <= TAG_MAX && tag.chars().all(|c| word(c) || c == '.' || c == '-');
    if fits {
        return Ok(tag.to_owned());
    }
    Err(invalid(text, &format!("`{tag}` is not a tag"))
        .hint("a tag is letters, digits, `_`, `.` and `-`, at most 128 of them, and begins with none of the last two"))
}

fn check_name(text: &str, domain: &str, path: &str) -> Result<(), Error> {
    if path.is_empty() || path == OFFICIAL {
        return Err(invalid(text, "it has no name"));
    }
    if domain.len() + 1 + path.len() > NAME_MAX {
        return Err(invalid(text, "the name is longer than 255 characters"));
    }
    if !is_valid_host(domain) {
        return Err(invalid(text, &format!("`{domain}` is not a registry host")));
    }
    if path.chars().any(|c| c.is_ascii_uppercase()) {
        let hint = format!("repository names are lower case: `{}`", path.to_ascii_lowercase());
        return Err(invalid(text, "the name has capital letters").hint(hint));
    }
    match path.split('/').find(|component| !is_component(component)) {
        Some("") => Err(invalid(text, "part of the name is empty")),
        Some(bad) => Err(invalid(text, &format!("`{bad}` is not a part of a name")).hint(
            "each part is lower-case letters and digits, with single `.`, one or two `_`, or `-` between them",
        )),
        None => Ok(()),
    }
}

fn is_valid_host(domain: &str) -> bool {
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (domain, None),
    };
    let plain = |label: &str| {
        let inner = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        !label.is_empty() && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let named = match v6 {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(plain),
    };
    named && port.is_none_or(|port| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit()))
}

fn is_component(component: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = component.split(alphanumeric).filter(|separator| !separator.is_empty());
    let bounded = component.starts_with(alphanumeric) && component.ends_with(alphanumeric);
    bounded
        && separators
            .into_iter()
            .all(|separator| matches!(separator, "." | "_" | "__") || separator.chars().all(|c| c == '-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn full(text: &str) -> String {
        text.parse::<Reference>().unwrap().to_string()
    }

    #[test]
    fn what_is_left_out_is_filled_in() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let cases = [
            ("web", "docker.io/library/web:latest".to_owned(), "web:latest".to_owned()),
            ("web:1", "docker.io/library/web:1".into(), "web:1".into()),
            ("team/web", "docker.io/team/web:latest".into(), "team/web:latest".into()),
            ("index.docker.io/web", "docker.io/library/web:latest".into(), "web:latest".into()),
            ("docker.io/library/web", "docker.io/library/web:latest".into(), "web:latest".into()),
            ("localhost/web", "localhost/web:latest".into(), "localhost/web:latest".into()),
            ("reg:5000/a/b:tag", "reg:5000/a/b:tag".into(), "reg:5000/a/b:tag".into()),
            ("reg:5000/a", "reg:5000/a:latest".into(), "reg:5000/a:latest".into()),
            ("[::1]:5000/a:x", "[::1]:5000/a:x".into(), "[::1]:5000/a:x".into()),
            ("docker.io/library/a/b", "docker.io/library/a/b:latest".into(), "library/a/b:latest".into()),
            (&format!("web@{digest}"), format!("docker.io/library/web@{digest}"), format!("web@{digest}")),
            (
                &format!("web:1@{digest}"),
                format!("docker.io/library/web:1@{digest}"),
                format!("web:1@{digest}"),
            ),
        ];
        for (text, expected, familiar) in cases {
            assert_eq!(full(text), expected, "{text}");
            assert_eq!(text.parse::<Reference>().unwrap().familiar(), familiar, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("", "no name"),
            ("Web", "capital letters"),
            ("web:", "not a tag"),
            ("web:-a", "not a tag"),
            ("web@sha256:12", "digest"),
            ("web@md5:12", "digest"),
            ("a//b", "empty"),
            ("a/-b", "`-b`"),
            ("a___b", "`a___b`"),
            ("web app", "`web app`"),
            ("reg:x/a", "registry host"),
            ("../etc/passwd", "registry host"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Reference>().unwrap_err();
            assert!(error.doing.contains(expected), "{text}: {}", error.doing);
        }
        let error = "Shop/Web".parse::<Reference>().unwrap_err();
        assert!(error.doing.contains("registry host") || error.hint.is_some(), "{error:?}");
    }

    fn reference() -> impl Strategy<Value = Reference> {
        let component = "[a-z0-9]{1,8}([._-][a-z0-9]{1,4}){0,2}";
        let path = proptest::collection::vec(component, 1..4).prop_map(|parts| parts.join("/"));
        let domain = "([a-z]{1,6}\\.[a-z]{2,4}(:[0-9]{1,5})?)|localhost|docker\\.io";
        let tag = proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}");
        let digest = proptest::option::of("sha256:[0-9a-f]{64}");
        (domain, path, tag, digest).prop_map(|(domain, path, tag, digest)| {
            let tag = if digest.is_none() { tag.or(Some("latest".into())) } else { tag };
            let path = if domain == HUB && !path.contains('/') { format!("{OFFICIAL}{path}") } else { path };
            Reference { domain, path, tag, digest }
        })
    }

    proptest! {
        #[test]
        fn both_forms_read_back_as_the_same_reference(reference in reference()) {
            prop_assert_eq!(&reference.to_string().parse::<Reference>().unwrap(), &reference);
            prop_assert_eq!(&reference.familiar().parse::<Reference>().unwrap(), &reference);
        }

        #[test]
        fn any_text_is_refused_or_reads_back(text in "\\PC{0,40}") {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(&reference.to_string().parse::<Reference>().unwrap(), &reference);
            }
        }
    }
}
