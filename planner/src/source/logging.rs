//! What `logging` of a service may ask for.

use super::cast::{Refused, loose};
use super::tree::{Entry, Tree};
use super::words::{refused, unsupported};
use crate::desired::logging::{max_files, max_size};

/// What is wrong with it.
pub(crate) fn fault(tree: &Tree) -> Option<Refused> {
    let driver = tree.get("driver").map(|driver| loose(&driver.value)).unwrap_or_default();
    match &*driver {
        "" | "json-file" | "local" | "none" => {}
        // They need a service outside of this machine's containers.
        other => {
            let what = format!("logging driver `{}`", other.escape_debug());
            return Some(unsupported(&what, "`json-file` and `local` keep logs here, `none` does not"));
        }
    }
    let options = tree.get("options");
    options.into_iter().flat_map(Tree::entries).find_map(|entry| option(&driver, entry))
}

fn option(driver: &str, entry: &Entry) -> Option<Refused> {
    let value = loose(&entry.value.value);
    let shown = value.escape_debug();
    match entry.key.as_str() {
        name if driver == "none" => {
            Some(refused(format!("`{name}` means nothing where no log is kept"), "leave it out"))
        }
        "max-size" if max_size(&value).is_none() => Some(refused(
            format!("`{shown}` is not a size of log files"),
            "for example 10m, or -1 for no limit",
        )),
        "max-file" if max_files(&value).is_none() => {
            Some(refused(format!("`{shown}` is not a number of log files"), "from 1 to 1000"))
        }
        // Output is taken from a container at once, and none is lost: both are as good.
        "mode" if value != "blocking" && value != "non-blocking" => {
            Some(refused(format!("`{shown}` is not a mode"), "possible are blocking, non-blocking"))
        }
        "compress" if value != "false" => Some(unsupported("compressing log files", "leave it out")),
        "max-size" | "max-file" | "mode" | "compress" => None,
        name => {
            let what = format!("logging option `{}`", name.escape_debug());
            Some(unsupported(&what, "known are max-size, max-file, mode"))
        }
    }
}
