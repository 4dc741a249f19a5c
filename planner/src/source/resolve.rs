//! Paths of the host made whole: seen from the folder that they are relative to.

use super::environment::Environment;
use super::tree::{Tree, Value};
use super::visit::visit;

/// A path seen from a directory, without `.` and `..`. The directory may itself be relative.
pub(crate) fn join(directory: &str, path: &str) -> String {
    match directory {
        _ if path.starts_with('/') => clean(path),
        "" => clean(path),
        directory => clean(&format!("{directory}/{path}")),
    }
}

/// Whether a path has no `.`, `..`, doubled or trailing slashes.
pub(crate) fn is_clean(path: &str) -> bool {
    let odd = |part: &str| matches!(part, "" | "." | "..");
    !path.strip_prefix('/').unwrap_or(path).split('/').any(odd)
}

/// A path without `.`, `..`, doubled and trailing slashes. Only the text is looked at.
pub(crate) fn clean(path: &str) -> String {
    if is_clean(path) {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if path.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    match (path.starts_with('/'), parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

/// The folder that a path lies in.
pub(crate) fn folder(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
        None => "",
    }
}

/// What kind of path stands somewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A file or folder of this host.
    Host,
    /// As `Host`, but a path of Windows is left alone.
    Any,
    /// As `Host`, but an address of something remote or a service is left alone.
    Context,
    /// As `Host`, with symbolic links in it followed.
    Real,
}

/// Where paths are in a service.
const OF_SERVICES: &[(&str, Kind)] = &[
    ("build.context", Kind::Context),
    ("build.additional_contexts.*", Kind::Context),
    ("build.ssh.*", Kind::Any),
    ("env_file.*.path", Kind::Host),
    ("label_file.*", Kind::Host),
    ("extends.file", Kind::Host),
    ("develop.watch.*.path", Kind::Real),
];

/// Where they are elsewhere.
const OF_FILES: &[(&str, Kind)] = &[("configs.*.file", Kind::Any), ("secrets.*.file", Kind::Any)];

/// Makes relative paths relative to what `directory` is relative to; absolute when it is.
pub(crate) fn paths(tree: &mut Tree, directory: &str, environment: &Environment<'_>) {
    let whole = |node: &mut Tree, kind: Kind| {
        if let Value::Text(text) = &node.value {
            node.value = Value::Text(resolved(text, kind, directory, environment).into());
        }
    };
    visit(tree, "services.*", &mut |service| {
        for (place, kind) in OF_SERVICES {
            visit(service, place, &mut |node| whole(node, *kind));
        }
        visit(service, "volumes.*", &mut |mount| {
            if mount.get("type").and_then(Tree::as_text) == Some("bind")
                && let Some(source) = mount.get_mut("source")
            {
                whole(source, Kind::Any);
            }
        });
    });
    for (place, kind) in OF_FILES {
        visit(tree, place, &mut |node| whole(node, *kind));
    }
    visit(tree, "volumes.*", &mut |volume| {
        let local = volume.get("driver").and_then(Tree::as_text) == Some("local");
        let bind = volume.at(&["driver_opts", "o"]).and_then(Tree::as_text) == Some("bind");
        let device = volume.get_mut("driver_opts").and_then(|options| options.get_mut("device"));
        if let Some(device) = device.filter(|_| local && bind) {
            whole(device, Kind::Any);
        }
    });
}

fn resolved(text: &str, kind: Kind, directory: &str, environment: &Environment<'_>) -> String {
    if kind == Kind::Context && is_remote(text) {
        return text.to_owned();
    }
    let of_home = text.strip_prefix('~').and_then(|rest| Some((rest, environment.get("HOME")?)));
    let text = match of_home {
        Some((rest, home)) => join(&home, rest.trim_start_matches('/')),
        None => text.to_owned(),
    };
    if text.starts_with('/') || (text.is_empty() && kind != Kind::Any) {
        return if kind == Kind::Real { environment.real_path(&text) } else { text };
    }
    if kind == Kind::Any && is_windows(&text) {
        return text;
    }
    let text = join(directory, &text);
    if kind == Kind::Real { environment.real_path(&text) } else { text }
}

/// Whether a build context is none of this host's folders.
fn is_remote(text: &str) -> bool {
    const PREFIXES: [&str; 7] =
        ["service:", "https://", "http://", "git://", "ssh://", "github.com/", "git@"];
    text.contains("://") || PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

/// Whether a path is an absolute one of Windows: a drive, or the name of a share.
pub(crate) fn is_windows(text: &str) -> bool {
    match text.as_bytes() {
        [drive, b':', b'/' | b'\\', ..] => drive.is_ascii_alphabetic(),
        [b'\\' | b'/', b'\\' | b'/', rest @ ..] => rest.iter().any(|byte| matches!(byte, b'\\' | b'/')),
        _ => false,
    }
}
