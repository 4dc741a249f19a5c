//! `devices` of the host, and the requests of `gpus`.

use super::super::cast::refuse;
use super::super::check::Context;
use super::super::path::Path;
use super::super::tree::{Tree, Value};
use super::super::words::refused;
use super::mapping;

/// An entry of `devices`: `source[:target[:permissions]]`, or the name of a CDI device.
pub(crate) fn device(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    let Some(text) = tree.as_text() else { return };
    let mut parts = text.split(':');
    let source = parts.next().unwrap_or_default();
    let target = parts.next().filter(|target| !target.is_empty()).unwrap_or(source);
    let permissions = parts.next().unwrap_or("rwm");
    if parts.next().is_some() {
        let message = format!("`{}` has too many parts", text.escape_debug());
        let hint = "the form is source[:target[:permissions]]; with colons in a path, use the long form";
        return refuse(tree, path, &refused(message, hint), context);
    }
    let texts = [("source", source), ("target", target), ("permissions", permissions)];
    tree.value = mapping(&tree.span, texts.map(|(key, text)| (key, Value::Text(text.into())))).value;
}

/// `gpus: all` means `[{count: all}]`.
pub(crate) fn gpus(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    match tree.as_text() {
        Some("all") => {
            let count = Value::Text("all".into());
            let all = Tree { short: true, ..mapping(&tree.span, [("count", count)]) };
            tree.value = Value::List(vec![all]);
        }
        Some(other) => {
            let message = format!("`{}` is not possible here", other.escape_debug());
            let hint = "write `all`, or a list: [{count: 1}]";
            refuse(tree, path, &refused(message, hint), context);
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::long;
    use super::*;

    #[test]
    fn a_device_has_source_target_and_permissions() {
        for (written, expected) in [
            ("/dev/fuse", "{source: /dev/fuse, target: /dev/fuse, permissions: rwm}"),
            ("/dev/a:/dev/b", "{source: /dev/a, target: /dev/b, permissions: rwm}"),
            ("/dev/a:/dev/b:r", "{source: /dev/a, target: /dev/b, permissions: r}"),
            ("'/dev/a::r'", "{source: /dev/a, target: /dev/a, permissions: r}"),
            ("vendor.com/gpu=0", "{source: vendor.com/gpu=0, target: vendor.com/gpu=0, permissions: rwm}"),
            ("{source: /dev/a}", "{source: /dev/a}"),
        ] {
            assert_eq!(long(device, written).unwrap(), expected);
        }
        let fault = "`a:b:c:d` has too many parts | a:b:c:d | the form is source[:target[:permissions]]; with colons in a path, use the long form";
        assert_eq!(long(device, "a:b:c:d").unwrap_err(), fault);
    }

    #[test]
    fn all_gpus_are_one_request() {
        assert_eq!(long(gpus, "all").unwrap(), "[{count: all}]");
        assert_eq!(long(gpus, "[{count: 1}]").unwrap(), "[{count: 1}]");
        let fault = "`some` is not possible here | some | write `all`, or a list: [{count: 1}]";
        assert_eq!(long(gpus, "some").unwrap_err(), fault);
    }
}
