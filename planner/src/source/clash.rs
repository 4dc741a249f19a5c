//! What Docker Compose does not put over what an earlier document says, because it has another form.

use super::path::Path;
use super::tree::{Entry, Tree, Value};
use crate::diagnostic::Diagnostics;

const HINT: &str = "write it in the same form as there, or `!override` before it";

/// Reports what of a document has another form than what stands there already.
pub(crate) fn check(earlier: &Tree, document: &Tree, diagnostics: &mut Diagnostics) {
    let mut clashes = Clashes { diagnostics };
    clashes.extensions(earlier, document, &Path::TOP, false);
    let services = Path::TOP.key("services");
    for Entry { key, value: service, .. } in document.get("services").map_or(&[][..], Tree::entries) {
        if let Some(earlier) = earlier.at(&["services", key]).filter(|_| service.tag.is_none()) {
            clashes.service(earlier, service, &services.key(key), false);
        }
    }
    for section in ["networks", "volumes", "secrets", "configs"] {
        let path = Path::TOP.key(section);
        for Entry { key, value, .. } in document.get(section).map_or(&[][..], Tree::entries) {
            if let Some(earlier) = earlier.at(&[section, key]).filter(|_| value.tag.is_none()) {
                clashes.real_name(earlier, value, &path.key(key));
                if matches!(section, "secrets" | "configs") {
                    clashes.labels(earlier, value, &path.key(key));
                }
            }
        }
    }
}

/// Reports what of a service has another form than in the one that it extends. Neither is in the
/// long form for Docker Compose.
pub(crate) fn extended(base: &Tree, service: &Tree, path: &Path<'_>, diagnostics: &mut Diagnostics) {
    let mut clashes = Clashes { diagnostics };
    clashes.extensions(base, service, path, false);
    clashes.service(base, service, path, true);
}

struct Clashes<'a> {
    diagnostics: &'a mut Diagnostics,
}

impl Clashes<'_> {
    fn report(&mut self, later: &Tree, path: &Path<'_>) {
        let message = "this cannot be put over what an earlier file says".to_owned();
        self.diagnostics.error(&later.span, path, message).hint(HINT);
    }

    /// Below keys that begin with `x-` nothing else holds the forms of values against each other.
    fn extensions(&mut self, earlier: &Tree, later: &Tree, path: &Path<'_>, inside: bool) {
        if later.tag.is_some() {
            return;
        }
        match (&earlier.value, &later.value) {
            (Value::Map(known), Value::Map(more)) => {
                for Entry { key, value, .. } in more.entries() {
                    if let Some(earlier) = known.get(key) {
                        self.extensions(earlier, value, &path.key(key), inside || key.starts_with("x-"));
                    }
                }
            }
            (Value::List(_), Value::List(_)) | (_, Value::Null | Value::Bad) => {}
            (Value::List(_) | Value::Map(_), _) if inside => self.report(later, path),
            _ => {}
        }
    }

    /// `external: {name: x}` does not go together with another `name`.
    fn real_name(&mut self, earlier: &Tree, later: &Tree, path: &Path<'_>) {
        let old_form = later.get("external").is_some_and(|external| external.short);
        let Some((one, other)) = earlier.get("name").zip(later.get("name")).filter(|_| old_form) else {
            return;
        };
        if one.value != other.value {
            let message = "`external.name` and the `name` of an earlier file say different things";
            self.diagnostics
                .error(&other.span, path.key("external"), message.to_owned())
                .hint("keep `name` only");
        }
    }

    /// Labels of these are not made one list of before.
    fn labels(&mut self, earlier: &Tree, later: &Tree, path: &Path<'_>) {
        let listed = |tree: &Tree| tree.rewritten || matches!(tree.value, Value::List(_));
        let labels = both(earlier, later, &["labels"]);
        if let Some((_, later)) = labels.filter(|(one, other)| listed(one) != listed(other)) {
            self.report(later, &path.key("labels"));
        }
    }

    fn service(&mut self, earlier: &Tree, later: &Tree, path: &Path<'_>, raw: bool) {
        self.nothing_over_logging(earlier, later, path);
        if let Some((earlier, later)) = both(earlier, later, &["gpus"])
            && all_gpus(later)
            && !(raw && all_gpus(earlier))
        {
            self.report(later, path);
        }
        if let Some((earlier, later)) = both(earlier, later, &["build", "ssh"])
            && later.short != (raw && earlier.short)
        {
            self.report(later, path);
        }
        if let Some((earlier, later)) = both(earlier, later, &["build", "ulimits"]) {
            self.each(earlier, later, path, |earlier, later| {
                earlier.as_map().is_some() && matches!(later.value, Value::Int(_) | Value::Text(_))
            });
        }
        if let Some((earlier, later)) = both(earlier, later, &["provider", "options"]) {
            self.each(earlier, later, path, |earlier, later| {
                let one = later.short || !matches!(later.value, Value::List(_) | Value::Null | Value::Bad);
                one && !earlier.short && matches!(earlier.value, Value::List(_))
            });
        }
    }

    /// Reports what of a mapping clashes with what stands at its key.
    fn each(&mut self, earlier: &Tree, later: &Tree, path: &Path<'_>, clash: fn(&Tree, &Tree) -> bool) {
        for Entry { key, value, .. } in later.entries() {
            if value.tag.is_none() && earlier.get(key).is_some_and(|earlier| clash(earlier, value)) {
                self.report(value, path);
            }
        }
    }

    /// Docker Compose crashes over it.
    fn nothing_over_logging(&mut self, earlier: &Tree, later: &Tree, path: &Path<'_>) {
        let entry = later.as_map().and_then(|map| map.entry("logging"));
        let empty = |entry: &&Entry| entry.value.is_null() && entry.value.tag.is_none();
        if let Some(entry) = entry.filter(empty).filter(|_| earlier.get("logging").is_some()) {
            let message = "`logging` is empty, which cannot be put over what was said before".to_owned();
            let hint = "leave it out, or write `!reset null` to be rid of what was said";
            self.diagnostics.error(&entry.key_span, path.key("logging"), message).hint(hint);
        }
    }
}

/// What two versions of a service have below the same keys, unless a tag says how they join.
fn both<'a>(earlier: &'a Tree, later: &'a Tree, keys: &[&str]) -> Option<(&'a Tree, &'a Tree)> {
    earlier.at(keys).zip(later.at(keys)).filter(|(_, later)| later.tag.is_none())
}

/// Whether `gpus` was written as `all`.
pub(crate) fn all_gpus(gpus: &Tree) -> bool {
    gpus.items().first().is_some_and(|item| item.short)
}
