//! Whose files of the host are whose in a container: which lists mean something.

use super::cast::{Refused, loose};
use super::tree::Tree;
use super::words::refused;
use crate::desired::OwnerRange;

/// Why the value of `x-sampan.idmap` means nothing.
pub(crate) fn ranges(tree: &Tree) -> Option<Refused> {
    let mut known: Vec<OwnerRange> = Vec::new();
    for item in tree.items().iter().filter(|item| !item.is_bad()) {
        let text = loose(&item.value);
        let Some(range) = OwnerRange::parse(&text) else {
            let message = format!("`{}` does not say whose files are whose", text.escape_debug());
            return Some(refused(
                message,
                "write container:host or container:host:count, for example 0:1000",
            ));
        };
        if let Some(other) = known.iter().find(|other| other.overlaps(&range)) {
            let message = format!("{range} and {other} have users in common");
            return Some(refused(message, "each user of one side is one of the other"));
        }
        known.push(range);
    }
    None
}
