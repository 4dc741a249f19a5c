//! Commands around the life of a container.

use super::Extensions;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One entry of `pre_start`, `post_start` or `pre_stop`, or what `develop` runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hook {
    /// Program and arguments; `None` takes those of the image, which only `pre_start` can.
    pub command: Option<Vec<String>>,
    /// The image that `pre_start` runs; empty: the service's.
    pub image: String,
    /// `user[:group]`; empty: the service's.
    pub user: String,
    /// All capabilities and devices.
    pub privileged: bool,
    /// Working directory; empty: the service's.
    pub working_dir: String,
    /// Variables over those of the service; `None` is not known.
    pub environment: BTreeMap<String, Option<String>>,
    /// `pre_start` runs once for each replica, not once for the service.
    pub per_replica: bool,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}
