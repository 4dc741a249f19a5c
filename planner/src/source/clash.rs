//! Short forms that Docker Compose does not put over what an earlier document says.

use super::tree::{Entry, Tree, Value};
use crate::diagnostic::Diagnostics;

const HINT: &str = "write it in the same form as there, or `!override` before it";

/// Reports what of a document has another form than what stands there already.
pub(crate) fn check(earlier: &Tree, document: &Tree, diagnostics: &mut Diagnostics) {
    for Entry { key, value: service, .. } in document.get("services").map_or(&[][..], Tree::entries) {
        let Some(earlier) = earlier.at(&["services", key]).filter(|_| service.tag.is_none()) else {
            continue;
        };
        let mut clash = |keys: &str, span| {
            let message = "this cannot be put over what an earlier file says".to_owned();
            diagnostics.error(span, format!("services.{key}.{keys}"), message).hint(HINT);
        };
        for keys in [&["gpus"][..], &["build", "ssh"]] {
            let Some((_, later)) = earlier.at(keys).zip(service.at(keys)) else { continue };
            let all = later.items().first().is_some_and(|item| item.short);
            if later.tag.is_none() && (all || later.short) {
                clash(&keys.join("."), &later.span);
            }
        }
        let options = |service: &Tree| service.at(&["provider", "options"]).cloned().unwrap_or_default();
        let known = options(earlier);
        for option in options(service).entries() {
            let several = |tree: &Tree| matches!(tree.value, Value::List(_)) && !tree.short;
            if option.value.short && option.value.tag.is_none() && known.get(&option.key).is_some_and(several)
            {
                clash("provider.options", &option.value.span);
            }
        }
    }
}
