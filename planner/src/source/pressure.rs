//! What a service wants to be told before its memory runs out: which wishes mean something.

use super::cast::{Refused, loose};
use super::tree::{Tree, Value};
use super::words::{refused, signal};
use crate::model::Share;

/// Why the value of `x-sampan.memory` means nothing.
pub(crate) fn notice(tree: &Tree) -> Option<Refused> {
    let said = |value: &&Tree| !matches!(value.value, Value::Null | Value::Bad);
    if let Some(high) = tree.get("high").filter(said).map(|high| loose(&high.value))
        && Share::parse(&high).is_none()
    {
        let message = format!("`{}` is not an amount of memory", high.escape_debug());
        return Some(refused(message, "write a part of the limit from 1% to 99%, or bytes as 50m"));
    }
    let told = tree.get("on_pressure").filter(said)?;
    match (told.get("exec").filter(said), told.get("signal").filter(said)) {
        (None, None) => Some(refused("`on_pressure` does nothing", "give it an `exec` or a `signal`")),
        (Some(_), Some(_)) => Some(refused(
            "`on_pressure` has both an `exec` and a `signal`",
            "a command can send signals, too",
        )),
        (Some(exec), None) if exec.items().is_empty() => {
            Some(refused("the `exec` of `on_pressure` is empty", "name a program of the image"))
        }
        (Some(_), None) => None,
        (None, Some(name)) => signal(&loose(&name.value)).err(),
    }
}
