//! Images that stages start from or take files from.

use super::builder::Builder;
use super::event::{BuildEvent, Missed, StepId};
use crate::error::{Error, Kind, Result};
use crate::image::config::ConfigFile;
use crate::image::digest;
use crate::image::registry::PullRequest;
use std::time::Instant;

/// The config of an image; one that is not here, or is to be asked for anew, is pulled. Says
/// whether it was.
pub(super) fn image(builder: &Builder<'_>, name: &str, id: StepId) -> Result<(ConfigFile, bool)> {
    // An id says which image it is.
    if (!builder.spec.pull || digest::is_sha256(name))
        && let Some(config) = present(builder, name)?
    {
        return Ok((config, false));
    }
    let began = Instant::now();
    builder.tell(BuildEvent::Started(id, Missed::Absent));
    let outcome = pull(builder, name, id);
    builder.tell(match outcome {
        Ok(_) => BuildEvent::Done(id, began.elapsed()),
        Err(_) => BuildEvent::Failed(id, began.elapsed()),
    });
    outcome.map(|config| (config, true))
}

fn present(builder: &Builder<'_>, name: &str) -> Result<Option<ConfigFile>> {
    let images = &builder.images;
    let found = images.resolve(name)?;
    found.map(|image| Ok(images.config_file(&image.id)?.1)).transpose()
}

fn pull(builder: &Builder<'_>, name: &str, id: StepId) -> Result<ConfigFile> {
    builder.cancel.check()?;
    let request = PullRequest { reference: name.parse()?, platform: None };
    let tell = |progress| builder.tell(BuildEvent::Transfer(id, progress));
    let pulled = builder.images.pull(&request, &builder.inputs.registries, &tell)?;
    let gone = || Error::new(Kind::NotFound, format!("the image `{name}` is gone already"));
    present(builder, &pulled.id)?.ok_or_else(gone)
}
