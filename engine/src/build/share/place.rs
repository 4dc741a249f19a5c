//! Where a cache lies, as `cache_from` and `cache_to` say it.

use crate::error::{Error, Kind, Result};
use crate::image::Reference;
use planner::desired::CachePlace;
use std::path::PathBuf;

/// A place that can be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Registry(Reference),
    Folder {
        folder: PathBuf,
        /// Tag or digest in it.
        which: Option<String>,
    },
}

/// Where results go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Place {
        place: Place,
        /// Steps whose layers are not in the image go there, too.
        all: bool,
    },
    /// Into the image.
    Inline,
}

const KNOWN: &str = "there are `type=registry,ref=NAME` and `type=local`, with `src=FOLDER` or `dest=FOLDER`";

/// A place of `cache_from`.
pub(super) fn source(place: &CachePlace) -> Result<Place> {
    match place.kind.as_str() {
        "registry" => registry(place),
        "local" => {
            let which = [attribute(place, "digest"), attribute(place, "tag")];
            folder(place, "src", which.into_iter().flatten().next())
        }
        "inline" => Err(Error::new(Kind::Unsupported, "an inline cache is in an image")
            .hint("name the image: `type=registry,ref=NAME`")),
        other => Err(unknown(other)),
    }
}

/// A place of `cache_to`.
pub(super) fn target(place: &CachePlace) -> Result<Target> {
    let place_to = match place.kind.as_str() {
        "inline" => return Ok(Target::Inline),
        "registry" => registry(place)?,
        "local" => folder(place, "dest", attribute(place, "tag"))?,
        other => return Err(unknown(other)),
    };
    match attribute(place, "mode").as_deref() {
        None | Some("min") => Ok(Target::Place { place: place_to, all: false }),
        Some("max") => Ok(Target::Place { place: place_to, all: true }),
        Some(other) => Err(Error::new(Kind::Unsupported, format!("`mode={other}` is not known"))
            .hint("`min` keeps the steps whose layers are in the image, `max` all of them")),
    }
}

/// As it is written.
pub(super) fn name(place: &CachePlace) -> String {
    let attributes = place.attributes.iter().map(|(name, value)| format!(",{name}={value}"));
    format!("type={}{}", place.kind, attributes.collect::<String>())
}

fn attribute(place: &CachePlace, name: &str) -> Option<String> {
    place.attributes.get(name).filter(|value| !value.is_empty()).cloned()
}

fn needed(place: &CachePlace, name: &str) -> Result<String> {
    attribute(place, name)
        .ok_or_else(|| Error::new(Kind::Unsupported, format!("`{name}` is missing")).hint(KNOWN))
}

fn registry(place: &CachePlace) -> Result<Place> {
    needed(place, "ref")?.parse().map(Place::Registry)
}

fn folder(place: &CachePlace, name: &str, which: Option<String>) -> Result<Place> {
    Ok(Place::Folder { folder: needed(place, name)?.into(), which })
}

fn unknown(kind: &str) -> Error {
    Error::new(Kind::Unsupported, format!("caches of the type `{kind}` are not supported")).hint(KNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> CachePlace {
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        let mut attributes: std::collections::BTreeMap<_, _> =
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        CachePlace { kind: attributes.remove("type").unwrap_or_default(), attributes }
    }

    #[test]
    fn a_cache_lies_in_a_registry_or_in_a_folder() {
        let registry = |name: &str| Place::Registry(name.parse().unwrap());
        let folder =
            |which: Option<&str>| Place::Folder { folder: "/c".into(), which: which.map(Into::into) };
        for (text, expected) in [
            ("type=registry,ref=reg:5000/web:cache", Ok(registry("reg:5000/web:cache"))),
            ("type=local,src=/c", Ok(folder(None))),
            ("type=local,src=/c,tag=v1", Ok(folder(Some("v1")))),
            ("type=local,src=/c,tag=v1,digest=sha256:1", Ok(folder(Some("sha256:1")))),
            ("type=local,dest=/c", Err("`src` is missing")),
            ("type=registry", Err("`ref` is missing")),
            ("type=inline", Err("an inline cache is in an image")),
            ("type=gha", Err("caches of the type `gha` are not supported")),
        ] {
            assert_eq!(source(&place(text)).map_err(|error| error.doing), expected.map_err(str::to_owned));
        }
    }

    #[test]
    fn results_go_there_with_the_steps_of_the_image_or_all() {
        let to = |all| Target::Place { place: Place::Folder { folder: "/c".into(), which: None }, all };
        for (text, expected) in [
            ("type=local,dest=/c", Ok(to(false))),
            ("type=local,dest=/c,mode=min", Ok(to(false))),
            ("type=local,dest=/c,mode=max,compression=zstd", Ok(to(true))),
            ("type=inline", Ok(Target::Inline)),
            ("type=local,dest=/c,mode=mid", Err("`mode=mid` is not known")),
            ("type=s3,bucket=b", Err("caches of the type `s3` are not supported")),
        ] {
            assert_eq!(target(&place(text)).map_err(|error| error.doing), expected.map_err(str::to_owned));
        }
        assert_eq!(name(&place("type=local,mode=max,dest=/c")), "type=local,dest=/c,mode=max");
    }
}
