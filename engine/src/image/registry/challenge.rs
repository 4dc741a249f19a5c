//! What a registry asks for before it answers: the header `WWW-Authenticate`
//! (RFC 9110, 11.6.1; <https://distribution.github.io/distribution/spec/auth/token/>).

use std::collections::BTreeMap;

/// How to show who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// User and password with every request.
    Basic,
    /// A token from another server.
    Bearer {
        /// Where to get it.
        realm: String,
        service: Option<String>,
        scope: Option<String>,
    },
}

/// The best challenge of these headers that we can meet.
pub(crate) fn choose<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let all: Vec<Challenge> = headers.flat_map(parse).collect();
    let bearer = all.iter().find(|one| matches!(one, Challenge::Bearer { .. }));
    bearer.or(all.first()).cloned()
}

/// The challenges of one header; those of unknown schemes are left out.
fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    let mut current: Option<(String, BTreeMap<String, String>)> = None;
    for part in split(header) {
        // A word before the first `name=value` begins the next challenge.
        let (word, rest) = part.split_once(' ').unwrap_or((part, ""));
        let begins = !word.contains('=');
        if begins {
            challenges.extend(current.take().and_then(finish));
            current = Some((word.to_ascii_lowercase(), BTreeMap::new()));
        }
        let parameter = if begins { rest } else { part };
        if let (Some((_, parameters)), Some((name, value))) = (&mut current, parameter.split_once('=')) {
            parameters.insert(name.trim().to_ascii_lowercase(), unquote(value.trim()));
        }
    }
    challenges.extend(current.and_then(finish));
    challenges
}

/// Cuts at commas outside of quotes.
fn split(header: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = header.split(|c: char| {
        if escaped {
            escaped = false;
        } else {
            match c {
                '"' => quoted = !quoted,
                '\\' => escaped = quoted,
                _ => return c == ',' && !quoted,
            }
        }
        false
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut escaped = false;
    let kept = inner.chars().filter(|c| {
        escaped = *c == '\\' && !escaped;
        !escaped
    });
    kept.collect()
}

fn finish((scheme, mut parameters): (String, BTreeMap<String, String>)) -> Option<Challenge> {
    match scheme.as_str() {
        "basic" => Some(Challenge::Basic),
        "bearer" => Some(Challenge::Bearer {
            realm: parameters.remove("realm")?,
            service: parameters.remove("service"),
            scope: parameters.remove("scope").filter(|scope| !scope.is_empty()),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Challenge::Bearer { realm: realm.into(), service: owned(service), scope: owned(scope) }
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        for (header, expected) in [
            ("Basic realm=\"Registry\"", Some(Challenge::Basic)),
            ("Basic", Some(Challenge::Basic)),
            ("bearer realm=https://a/t", Some(bearer("https://a/t", None, None))),
            (
                "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:a/b:pull,push\"",
                Some(bearer(
                    "https://auth.docker.io/token",
                    Some("registry.docker.io"),
                    Some("repository:a/b:pull,push"),
                )),
            ),
            (
                "Basic realm=\"a, b\", Bearer realm=\"r\", service=\"q\\\"\\\\\", scope=\"\"",
                Some(bearer("r", Some("q\"\\"), None)),
            ),
            ("Negotiate", None),
            ("Negotiate, Basic realm=\"x\"", Some(Challenge::Basic)),
            ("Bearer service=\"no realm\"", None),
            ("", None),
        ] {
            assert_eq!(choose([header].into_iter()), expected, "{header}");
        }
        assert_eq!(choose(["Basic", "Bearer realm=r"].into_iter()), Some(bearer("r", None, None)));
    }

    proptest! {
        #[test]
        fn no_header_is_too_strange(header in "[ -~]{0,60}") {
            choose([header.as_str()].into_iter());
        }
    }
}
