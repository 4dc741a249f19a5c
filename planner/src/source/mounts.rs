//! `volumes` and `tmpfs`: `[source:]target[:options]` to the long form.

use super::cast::Refused;
use super::check::Context;
use super::path::Path;
use super::tree::{Map, Tree, Value};
use super::words::{self, refused};
use crate::model::units;

/// Makes an entry of `volumes` a long one.
pub(crate) fn expand(item: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    match &item.value {
        Value::Text(text) => match short(text, item) {
            Ok(map) => item.value = Value::Map(map),
            Err(Refused { message, hint, .. }) => context.refuse(item, path, message, &hint),
        },
        Value::Map(_) => complete(item, path, context),
        _ => {}
    }
}

/// A long entry says its type and target, and for a bind its source.
fn complete(item: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    let has = |key| item.get(key).is_some_and(|value| value.value != Value::Null);
    let kind = item.get("type").and_then(Tree::as_text).unwrap_or_default().to_owned();
    if !has("type") {
        return context.refuse(item, path, "a mount needs a `type`", "use volume, bind or tmpfs");
    }
    if !has("target") {
        let hint = "`target` is the path inside the container";
        return context.refuse(item, path, "a mount needs a `target`", hint);
    }
    if kind == "bind" && !has("source") {
        return context.refuse(item, path, "a bind mount needs a `source`", "`source` is a path of the host");
    }
    if kind == "tmpfs" && has("source") {
        return context.refuse(item, path, "a tmpfs has no `source`", "leave it out");
    }
    for other in ["bind", "volume", "tmpfs"].into_iter().filter(|other| *other != kind) {
        if let Some(entry) = item.as_map().and_then(|map| map.entry(other)) {
            let message = format!("`{other}` has no effect on a mount of type {kind}");
            context.diagnostics.warning(&entry.key_span, path.key(other), message);
        }
    }
}

/// The long form of `[source:]target[:options]`.
fn short(text: &str, item: &Tree) -> Result<Map, Refused> {
    const FORM: &str = "the form is [source:]target[:options]";
    let parts: Vec<&str> = text.split(':').collect();
    if parts.iter().any(|part| part.is_empty()) {
        let empty = if text.is_empty() {
            "the volume is empty".into()
        } else {
            format!("a part of `{text}` is empty")
        };
        return Err(refused(empty, FORM));
    }
    let (source, target, options) = match parts[..] {
        [target] => (None, target, ""),
        [source, target] => (Some(source), target, ""),
        [source, target, options] => (Some(source), target, options),
        _ => return Err(refused(format!("`{}` has too many parts", text.escape_debug()), FORM)),
    };
    let bind = source.is_some_and(|source| source.starts_with(['.', '/', '~']));
    let mut map = Map::default();
    let node = |value: Value| Tree::new(value, &item.span);
    map.set("type", node(Value::Text(if bind { "bind" } else { "volume" }.into())));
    if let Some(source) = source {
        map.set("source", node(Value::Text(source.into())));
    }
    map.set("target", node(Value::Text(words::mount_target(target)?)));
    let mut details = Map::default();
    if bind {
        details.set("create_host_path", node(Value::Bool(true)));
    }
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" => map.set("read_only", node(Value::Bool(true))),
            "nocopy" | "volume-nocopy" if !bind => details.set("nocopy", node(Value::Bool(true))),
            // Compose keeps this under `bind` whatever the mount is.
            "z" | "Z" if bind => details.set("selinux", node(Value::Text(option.into()))),
            "z" | "Z" => {
                let mut label = Tree::empty_map(&item.span);
                label
                    .as_map_mut()
                    .into_iter()
                    .for_each(|map| map.set("selinux", node(Value::Text(option.into()))));
                map.set("bind", label);
            }
            "rprivate" | "private" | "shared" | "rshared" | "slave" | "rslave" if bind => {
                words::propagation(option)?;
                details.set("propagation", node(Value::Text(option.into())));
            }
            "rw" | "cached" | "delegated" | "consistent" => {}
            _ => {
                let message = format!("unknown volume option `{}`", option.escape_debug());
                return Err(refused(message, "known are ro, rw, nocopy, z, Z and rprivate"));
            }
        }
    }
    map.set(if bind { "bind" } else { "volume" }, node(Value::Map(details)));
    Ok(map)
}

/// What an entry of `tmpfs` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tmpfs {
    pub(crate) target: String,
    pub(crate) size: Option<u64>,
    pub(crate) mode: Option<u32>,
    pub(crate) read_only: bool,
}

/// Checks an entry of `tmpfs`: `target[:options]`.
pub(crate) fn tmpfs(text: &str) -> Result<String, Refused> {
    parse_tmpfs(text).map(|_| text.to_owned())
}

/// Reads an entry of `tmpfs`.
pub(crate) fn parse_tmpfs(text: &str) -> Result<Tmpfs, Refused> {
    let (target, options) = text.split_once(':').unwrap_or((text, ""));
    let mut tmpfs = Tmpfs { target: words::mount_target(target)?, ..Tmpfs::default() };
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some(("size", size)) => match units::parse_bytes(size) {
                Some(bytes) => tmpfs.size = Some(bytes),
                None => {
                    return Err(refused(
                        format!("`{}` is not a size", size.escape_debug()),
                        "for example 64m",
                    ));
                }
            },
            Some(("mode", mode)) => match u32::from_str_radix(mode, 8) {
                Ok(bits) if bits <= 0o7777 => tmpfs.mode = Some(bits),
                _ => {
                    return Err(refused(
                        format!("`{}` is not a mode", mode.escape_debug()),
                        "for example 1777",
                    ));
                }
            },
            None if option == "ro" => tmpfs.read_only = true,
            // What every tmpfs of ours is anyway.
            None if matches!(option, "rw" | "nosuid" | "nodev" | "noexec") => {}
            _ => {
                let name = option.split('=').next().unwrap_or(option);
                let message = format!("tmpfs option `{}` is not supported yet", name.escape_debug());
                return Err(refused(message, "supported are size, mode, ro and rw"));
            }
        }
    }
    Ok(tmpfs)
}
