//! Where the repository of a reference is to be found: mirrors first, then the registry itself.

use super::Registries;
use super::url::Url;
use crate::error::Result;
use crate::image::Reference;

/// Docker Hub's name in references, and the host that serves it.
const HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// One server that may have a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The registry as people call it: `docker.io`, `reg:5000`. Settings and logins go by it.
    pub(crate) registry: String,
    /// Where its API may begin, without `/v2/`; the first that answers is it.
    pub(crate) bases: Vec<Url>,
    /// Plain HTTP and unknown certificates are taken.
    pub(crate) insecure: bool,
    /// It stands in for the registry of the reference.
    pub(crate) is_mirror: bool,
}

impl Endpoint {
    /// The registry itself.
    pub(crate) fn origin(registries: &Registries, registry: &str) -> Result<Self> {
        let host = if registry == HUB.0 { HUB.1 } else { registry };
        let insecure = registries.settings.is_insecure(registry);
        let schemes = if insecure { &["https", "http"][..] } else { &["https"] };
        let bases = schemes.iter().map(|scheme| Url::parse(&format!("{scheme}://{host}/")));
        Ok(Self {
            registry: registry.to_owned(),
            bases: bases.collect::<Result<_>>()?,
            insecure,
            is_mirror: false,
        })
    }

    /// A mirror as the settings name it: `host:port` or `https://host/path`.
    fn mirror(registries: &Registries, text: &str) -> Result<Self> {
        let Some((_, rest)) = text.split_once("://") else {
            return Ok(Self { is_mirror: true, ..Self::origin(registries, text.trim_end_matches('/'))? });
        };
        let registry = rest.split('/').next().unwrap_or_default().to_owned();
        let url = Url::parse(&format!("{}/", text.trim_end_matches('/')))?;
        let insecure = !url.is_https() || registries.settings.is_insecure(&registry);
        Ok(Self { registry, bases: vec![url], insecure, is_mirror: true })
    }

    /// Everywhere that a reference may be pulled from, in order.
    pub(crate) fn all(registries: &Registries, reference: &Reference) -> Result<Vec<Self>> {
        let own = registries.settings.of(&reference.domain);
        let mirrors = own.iter().flat_map(|registry| &registry.mirrors);
        let mirrors = mirrors.map(|mirror| Self::mirror(registries, mirror));
        mirrors.chain([Self::origin(registries, &reference.domain)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    #[test]
    fn mirrors_come_first_and_only_insecure_ones_speak_plainly() {
        let json = r#"{"registries": {
            "docker.io": {"mirrors": ["http://m:1/hub/", "https://n", "o:5"]},
            "o:5": {"insecure": true}
        }}"#;
        let registries =
            Registries { settings: Settings::parse(json, "f").unwrap(), ..Registries::default() };
        let all = |text: &str| -> Vec<(String, Vec<String>, bool)> {
            let all = Endpoint::all(&registries, &text.parse().unwrap()).unwrap();
            let bases = |one: &Endpoint| one.bases.iter().map(|url| url.uri().to_string()).collect();
            all.iter().map(|one| (one.registry.clone(), bases(one), one.insecure)).collect()
        };
        let of = |registry: &str, bases: &[&str], insecure| {
            (registry.to_owned(), bases.iter().map(ToString::to_string).collect(), insecure)
        };
        assert_eq!(
            all("web"),
            [
                of("m:1", &["http://m:1/hub/"], true),
                of("n", &["https://n/"], false),
                of("o:5", &["https://o:5/", "http://o:5/"], true),
                of("docker.io", &["https://registry-1.docker.io/"], false),
            ]
        );
        let local = of("localhost:5000", &["https://localhost:5000/", "http://localhost:5000/"], true);
        assert_eq!(all("localhost:5000/a"), [local]);
        assert_eq!(all("reg.example.com/a"), [of("reg.example.com", &["https://reg.example.com/"], false)]);
    }
}
