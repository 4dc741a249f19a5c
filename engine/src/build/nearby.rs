//! Contexts that are not folders of this machine are brought here before a build begins.

use crate::error::Result;
use crate::image::Images;
use planner::desired::{BuildContext, BuildSpec};

/// The same build, with contexts that are here. Who has `images` holds its layers.
pub(super) fn nearby(spec: &BuildSpec, images: &Images) -> Result<BuildSpec> {
    let mut spec = spec.clone();
    for context in spec.additional_contexts.values_mut() {
        if let BuildContext::OciLayout { folder, reference } = context {
            *context = BuildContext::Image(images.load_layout(folder, reference.as_deref())?);
        }
    }
    Ok(spec)
}
