//! What Docker Compose does not put over what an earlier document says, because it has another form.

use super::path::Path;
use super::tree::{Entry, Tree, Value};
use crate::diagnostic::Diagnostics;

const HINT: &str = "write it in the same form as there, or `!override` before it";

/// Short forms of these are not made long before they are put over anything.
const LATE: [&[&str]; 2] = [&["gpus"], &["build", "ssh"]];

/// Reports what of a document has another form than what stands there already.
pub(crate) fn check(earlier: &Tree, document: &Tree, diagnostics: &mut Diagnostics) {
    let mut clashes = Clashes { diagnostics };
    clashes.extensions(earlier, document, &Path::TOP, false);
    let services = Path::TOP.key("services");
    for Entry { key, value: service, .. } in document.get("services").map_or(&[][..], Tree::entries) {
        if let Some(earlier) = earlier.at(&["services", key]).filter(|_| service.tag.is_none()) {
            clashes.service(earlier, service, &services.key(key));
        }
    }
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

    fn service(&mut self, earlier: &Tree, later: &Tree, path: &Path<'_>) {
        for keys in LATE {
            let Some((_, later)) = earlier.at(keys).zip(later.at(keys)) else { continue };
            let all = later.items().first().is_some_and(|item| item.short);
            if later.tag.is_none() && (all || later.short) {
                self.report(later, path);
            }
        }
        let options = ["provider", "options"];
        let Some((earlier, later)) = earlier.at(&options).zip(later.at(&options)) else { return };
        for Entry { key, value, .. } in later.entries() {
            let several = |tree: &Tree| matches!(tree.value, Value::List(_)) && !tree.short;
            if value.short && value.tag.is_none() && earlier.get(key).is_some_and(several) {
                self.report(value, path);
            }
        }
    }
}
