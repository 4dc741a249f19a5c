//! How an image came about, step by step.

use super::Images;
use super::manage::existing;
use crate::error::Result;
use jiff::Timestamp;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryStep {
    /// The image that the step made, where that is known: the last one.
    pub id: Option<String>,
    /// When it was done, if it says so.
    pub created: Option<Timestamp>,
    /// What was done.
    pub created_by: String,
    /// Bytes in the files of its layer; 0 for a step that made none.
    pub size: u64,
    /// More that is said.
    pub comment: String,
}

/// The steps of an image, last one first. Layers without a step that says what made them come
/// before all others.
pub(crate) fn history(images: &Images, text: &str) -> Result<Vec<HistoryStep>> {
    let _lock = images.lock_to_read()?;
    let index = images.index()?;
    let id = existing(&index, text)?;
    let (_, file) = images.config_file(&id)?;
    let mut sizes: Vec<u64> =
        file.rootfs.diff_ids.iter().map(|layer| index.layers.get(layer).copied().unwrap_or(0)).collect();
    let mut steps = Vec::new();
    for step in file.history.iter().rev() {
        let size = if step.empty_layer == Some(true) { 0 } else { sizes.pop().unwrap_or(0) };
        steps.push(HistoryStep {
            id: None,
            created: step.created.as_ref().and_then(|time| time.parse().ok()),
            created_by: step.created_by.clone().unwrap_or_default(),
            size,
            comment: step.comment.clone().unwrap_or_default(),
        });
    }
    let unsaid = |size| HistoryStep {
        id: None,
        created: None,
        created_by: String::new(),
        size,
        comment: String::new(),
    };
    steps.extend(sizes.into_iter().rev().map(unsaid));
    if let Some(last) = steps.first_mut() {
        last.id = Some(id);
    }
    Ok(steps)
}
