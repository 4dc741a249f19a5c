//! Hints for those who wrote something in another form than its place wants.

use super::schema::{Key, SERVICE, Shape};
use super::tree::{Entry, Tree, Value};
use crate::diagnostic::Diagnostics;

/// Longer texts are not shown again in a hint.
const SHORT: usize = 60;

/// What to write where a list belongs.
pub(crate) fn for_list(tree: &Tree, diagnostics: &Diagnostics) -> String {
    let written = diagnostics.text(&tree.span);
    match tree.value {
        Value::Map(_) => "begin each entry with `- `".to_owned(),
        _ if written.is_empty() || written.len() > SHORT || written.contains('\n') => {
            "write each entry on a line that begins with `- `".to_owned()
        }
        _ => format!("write a list: [{written}]"),
    }
}

/// What to write where a mapping with keys of the user's choice belongs.
pub(crate) fn for_map(tree: &Tree) -> String {
    let glued = tree.as_text().and_then(|text| text.split_once(':')).filter(|(name, _)| !name.contains(' '));
    match glued {
        Some((name, value)) if tree.as_text().is_some_and(|text| text.len() <= SHORT) => {
            format!("put a blank behind the colon: `{name}: {value}`")
        }
        _ if matches!(tree.value, Value::List(_)) => "write `name: …` lines, without `- `".to_owned(),
        _ => "write `name: …` lines below it, indented deeper".to_owned(),
    }
}

/// What to write where a mapping with known keys belongs.
pub(crate) fn for_object(keys: &[Key]) -> String {
    few(keys).unwrap_or_else(|| "its keys stand below it, indented deeper".to_owned())
}

/// What can be written where there are only few keys.
fn few(keys: &[Key]) -> Option<String> {
    let names: Vec<_> = keys.iter().map(|key| key.name).collect();
    (names.len() <= 8).then(|| format!("the keys here are {}", names.join(", ")))
}

/// What to write in place of a key that is not like any other.
pub(crate) fn for_unknown(entry: &Entry, keys: &[Key], (top, extensible): (bool, bool)) -> Option<String> {
    let like_a_service =
        |entry: &Entry| entry.value.entries().iter().any(|below| SERVICE.key(&below.key).is_some());
    if top && like_a_service(entry) {
        return Some(format!(
            "services stand below `services`: indent `{}` deeper",
            entry.key.escape_debug()
        ));
    }
    few(keys).or_else(|| extensible.then(|| "keys of your own begin with `x-`".to_owned()))
}

/// What to write where nothing is.
pub(crate) fn for_nothing(shape: &Shape) -> &'static str {
    match shape.long() {
        Shape::One(_) | Shape::OneOr(..) => "give it a value, or leave it out",
        _ => "what belongs to it stands below it, indented deeper",
    }
}

/// What must be added.
pub(crate) fn for_missing(key: &Key) -> String {
    format!("add `{}: …`. {}", key.name, key.about.trim_end_matches('.'))
}

/// What a YAML parser stumbled over, in plain words: message and hint. `line` is the text of the line
/// and `at` the byte in it; `before` is what stands above.
pub(crate) fn for_syntax(told: &str, before: &str, line: &str, at: usize) -> Option<(&'static str, String)> {
    let words = line.trim();
    let hint = |message, hint: &str| Some((message, hint.to_owned()));
    if told.contains("expected key") && told.contains("block") && misaligned(before, line) {
        return hint("this is indented like nothing above it", "give it the indentation of its neighbours");
    }
    if told.contains("mapping values are not allowed") {
        let first = line.get(..at).unwrap_or_default().trim_start().split_once(": ").is_none();
        return match first {
            true => hint("a key is not possible here", "indent it like the keys above it"),
            false => hint("a text with `: ` in it needs quotes", "put all of the text in quotes"),
        };
    }
    if told.contains("simple key expected") {
        return match words.split_once(':') {
            Some((key, value)) if !value.is_empty() && words.len() <= SHORT => {
                Some(("a blank is missing behind the colon", format!("write `{key}: {value}`")))
            }
            _ => hint("a key without a colon", "write `key: value`"),
        };
    }
    if told.contains("unexpected character") {
        return hint("a text cannot begin with this character", "put the text in quotes");
    }
    if told.contains("block sequence entries are not allowed") {
        return hint("a list cannot begin here", "begin it on a line of its own, or put a text in quotes");
    }
    if told.contains("unclosed quote") {
        return hint("a quote is not closed", "put the same quote at the end of the text");
    }
    if told.contains("plain scalar cannot start with '-'") || told.contains("\"-\" is only valid") {
        return hint("a `-` begins an entry of a list", "put it in quotes to be a text");
    }
    if told.contains("invalid trailing content") {
        return hint("a text goes on behind its closing quote", "put all of it in quotes, or none");
    }
    if told.contains("mapping keys are not allowed") {
        return hint("a `?` begins a key", "put the text in quotes");
    }
    if told.contains("unclosed bracket") {
        let (open, close) = if told.contains('{') { ('{', '}') } else { ('[', ']') };
        return Some(("a bracket is not closed", format!("write `{close}` where what `{open}` opens ends")));
    }
    None
}

/// Whether a line is deeper than some line above and less deep than the next, but at no level of theirs.
fn misaligned(before: &str, line: &str) -> bool {
    let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let own = depth(line);
    let lines = before.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#'));
    lines.map(depth).all(|depth| depth != own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syntax_is_told_in_plain_words() {
        const KEY: &str = "while parsing a block mapping, did not find expected key";
        const VALUE: &str = "mapping values are not allowed in this context";
        let before = "services:\n  web:\n    image: nginx\n";
        for (told, line, at, expected) in [
            (KEY, "   user: x", 3, "this is indented like nothing above it"),
            (KEY, "    user: 'x' y", 14, ""),
            (VALUE, "    command: echo a: b", 19, "a text with `: ` in it needs quotes"),
            (VALUE, "      ports:", 11, "a key is not possible here"),
            ("simple key expected ':'", "    user:x", 4, "a blank is missing behind the colon"),
            ("simple key expected ':'", "    user", 4, "a key without a colon"),
            ("unexpected character: `@'", "    user: @x", 10, "a text cannot begin with this character"),
            ("unclosed bracket '['", "    command: [a", 13, "a bracket is not closed"),
            ("something else", "a", 0, ""),
        ] {
            let said = for_syntax(told, before, line, at).map_or("", |(message, _)| message);
            assert_eq!(said, expected, "{line}");
        }
    }
}
