//! Images that stages start from or take files from.

use super::builder::Builder;
use crate::error::{Error, Kind, Result};
use crate::image::config::ConfigFile;

/// The config of an image. One that is not here, or is to be asked for anew, is pulled; then
/// `tell` hears how that gets on.
pub(super) fn image(builder: &Builder<'_>, name: &str, tell: &(dyn Fn(String) + Sync)) -> Result<ConfigFile> {
    let images = &builder.images;
    let present = || -> Result<Option<ConfigFile>> {
        let found = images.resolve(name)?;
        found.map(|image| Ok(images.config_file(&image.id)?.1)).transpose()
    };
    if let Some(config) = present()? {
        return Ok(config);
    }
    tell(format!("pull {name}"));
    Err(Error::new(Kind::NotFound, format!("there is no image `{name}`")).hint("load or import it first"))
}
