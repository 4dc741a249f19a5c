//! An image in a folder in the OCI layout, for builds that name one.

use super::archive::Archive;
use super::load::enter;
use super::manifest::{Descriptor, Index};
use super::scratch::Scratch;
use super::{Images, Input, oci};
use crate::error::{Context, Error, Kind, Result};
use std::fs::File;
use std::path::Path;

const REF_NAME: &str = "org.opencontainers.image.ref.name";
const FULL_NAME: &str = "io.containerd.image.name";

impl Images {
    /// Adds one image of a layout, without a name; gives its id. `wanted` is a tag or digest, and
    /// may be left out when there is only one image, or one with the tag `latest`.
    pub(crate) fn load_layout(&self, folder: &Path, wanted: Option<&str>) -> Result<String> {
        let hold = self.hold_layers()?;
        let scratch = Scratch::new(self)?;
        let text = std::fs::read(folder.join("index.json"))
            .doing(|| format!("read the OCI layout {}", folder.display()))?;
        let index: Index = serde_json::from_slice(&text).map_err(|error| {
            Error::new(Kind::Corrupt, format!("`index.json` of {} is damaged", folder.display()))
                .because(error)
        })?;
        let chosen = choose(index.manifests, wanted)
            .map_err(|error| Error { doing: format!("{}: {}", folder.display(), error.doing), ..error })?;
        let path = scratch.path().join("layout.tar");
        pack(folder, &path).doing(|| format!("read the OCI layout {}", folder.display()))?;
        let archive = Archive::open(Input::Path(&path), &scratch)?;
        let mut found = oci::of(&archive, chosen)?;
        found.iter_mut().for_each(|found| found.draft.references.clear());
        let loaded = enter(self, found, hold, &scratch)?;
        let none = || Error::new(Kind::NotFound, format!("{} has no image", folder.display()));
        Ok(loaded.into_iter().next().ok_or_else(none)?.id)
    }
}

fn pack(folder: &Path, to: &Path) -> std::io::Result<()> {
    let mut tar = tar::Builder::new(File::create(to)?);
    tar.follow_symlinks(false);
    tar.append_dir_all(".", folder)?;
    tar.finish()
}

/// The manifests of one image, for each platform one.
pub(crate) fn choose(all: Vec<Descriptor>, wanted: Option<&str>) -> Result<Vec<Descriptor>> {
    let tags: Vec<String> = all.iter().filter_map(tag).collect();
    let (only, several) = (all.len() == 1, all.len());
    let is_wanted = |found: &Descriptor| match wanted {
        Some(wanted) => found.digest == wanted || tag(found).as_deref() == Some(wanted),
        None => only || tag(found).as_deref() == Some("latest"),
    };
    let chosen: Vec<Descriptor> = all.into_iter().filter(is_wanted).collect();
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let missing = match wanted {
        Some(wanted) => format!("it has no image `{wanted}`"),
        None => format!("it has {several} images and none is `latest`"),
    };
    Err(Error::new(Kind::NotFound, missing).hint(format!("its tags are: {}", tags.join(", "))))
}

/// What comes after the colon, of a full name as well.
fn tag(descriptor: &Descriptor) -> Option<String> {
    let annotations = descriptor.annotations.as_ref()?;
    let name = annotations.get(REF_NAME).or_else(|| annotations.get(FULL_NAME))?;
    Some(name.rsplit_once(':').map_or(name.as_str(), |(_, tag)| tag).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(digest: &str, name: Option<&str>) -> Descriptor {
        let annotations = name.map(|name| [(REF_NAME.to_owned(), name.to_owned())].into());
        let (media_type, platform, urls) = (String::new(), None, None);
        Descriptor { media_type, size: 0, digest: digest.to_owned(), platform, urls, annotations }
    }

    #[test]
    fn an_image_is_chosen_by_tag_or_digest_or_as_the_only_or_latest_one() {
        let two = [descriptor("sha256:1", Some("one")), descriptor("sha256:2", Some("host/x:latest"))];
        let chosen = |all: &[Descriptor], wanted| {
            choose(all.to_vec(), wanted).map(|found| found[0].digest.clone()).map_err(|error| error.doing)
        };
        assert_eq!(chosen(&two, Some("one")).unwrap(), "sha256:1");
        assert_eq!(chosen(&two, Some("sha256:1")).unwrap(), "sha256:1");
        assert_eq!(chosen(&two, None).unwrap(), "sha256:2");
        assert_eq!(chosen(&[descriptor("sha256:3", None)], None).unwrap(), "sha256:3");
        assert_eq!(chosen(&two, Some("x")).unwrap_err(), "it has no image `x`");
        let unnamed = [descriptor("a", None), descriptor("b", Some("v1"))];
        assert_eq!(chosen(&unnamed, None).unwrap_err(), "it has 2 images and none is `latest`");
    }
}
