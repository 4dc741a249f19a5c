//! Settings of the kernel for one interface of a container.

use super::netns;
use crate::error::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Stands for the name of the interface.
const IFNAME: &str = "IFNAME";

/// Makes the settings of an interface in the namespace that is held at a path.
pub(super) fn tune(netns: &Path, interface: &str, settings: &BTreeMap<String, String>) -> Result<()> {
    if settings.is_empty() {
        return Ok(());
    }
    // What lies below it is that of the thread that opens it.
    netns::inside(netns, || {
        settings.iter().try_for_each(|(name, value)| {
            // The name of an interface may have dots.
            let parts: Vec<&str> =
                name.split('.').map(|part| if part == IFNAME { interface } else { part }).collect();
            let path = Path::new("/proc/sys").join(parts.join("/"));
            fs::write(path, value).doing(|| format!("set {name} of {interface} to {value}"))
        })
    })
}
