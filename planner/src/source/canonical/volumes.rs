//! An entry of `volumes`: `[source:]target[:options]` to the long form.

use super::super::cast::{Refused, refuse};
use super::super::check::Context;
use super::super::path::Path;
use super::super::resolve;
use super::super::suggest::did_you_mean;
use super::super::tree::{Map, Tree, Value};
use super::super::words::refused;
use super::mapping;

/// Makes a short entry a long one.
pub(crate) fn volume(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    let Some(text) = tree.as_text().map(str::to_owned) else { return };
    let short = match Short::read(&text) {
        Ok(short) => short,
        Err(fault) => return refuse(tree, path, &fault, context),
    };
    if short.source.is_none() && drive_letter(&text) {
        let message = format!("`{text}` is read as the path of a Windows drive");
        let hint = "the name of a volume has at least two characters in the short form";
        context.diagnostics.warning(&tree.span, path, message).hint(hint);
    }
    for option in short.unknown() {
        let at = option.as_ptr() as usize - text.as_ptr() as usize;
        let span = context.diagnostics.part(&tree.span, &text, at..at + option.len());
        let message = format!("the volume option `{}` has no effect", option.escape_debug());
        let hint = did_you_mean(option, KNOWN_OPTIONS)
            .unwrap_or_else(|| format!("known are {}", KNOWN_OPTIONS.join(", ")));
        context.diagnostics.warning(&span, path, message).hint(hint);
    }
    tree.value = Value::Map(short.long(tree));
}

const PROPAGATIONS: [&str; 6] = ["rprivate", "private", "rshared", "shared", "rslave", "slave"];
const KNOWN_OPTIONS: [&str; 11] =
    ["ro", "rw", "nocopy", "z", "Z", "rprivate", "private", "rshared", "shared", "rslave", "slave"];
/// Options that once meant something on other systems.
const IDLE_OPTIONS: [&str; 4] = ["cached", "delegated", "consistent", "default"];

/// What a short entry says.
struct Short<'a> {
    source: Option<&'a str>,
    target: &'a str,
    options: &'a str,
    /// One or two characters are taken as they are.
    tiny: bool,
}

impl<'a> Short<'a> {
    fn read(text: &'a str) -> Result<Self, Refused> {
        const FORM: &str = "the form is [source:]target[:options]";
        if text.is_empty() {
            return Err(refused("the volume is empty", FORM));
        }
        if text.len() <= 2 {
            return Ok(Self { source: None, target: text, options: "", tiny: true });
        }
        let parts = sections(text);
        if let Some(empty) = parts.iter().position(|part| part.is_empty()) {
            let name = ["source", "target", "list of options"].get(empty).unwrap_or(&"part");
            return Err(refused(format!("the {name} of `{}` is empty", text.escape_debug()), FORM));
        }
        let (source, target, options) = match parts[..] {
            [target] => (None, target, ""),
            [source, target] => (Some(source), target, ""),
            [source, target, options] => (Some(source), target, options),
            _ => {
                let message = format!("`{}` has too many parts", text.escape_debug());
                return Err(refused(message, FORM));
            }
        };
        Ok(Self { source, target, options, tiny: false })
    }

    fn unknown(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let known = |option: &str| KNOWN_OPTIONS.contains(&option) || IDLE_OPTIONS.contains(&option);
        self.options.split(',').filter(move |option| !option.is_empty() && !known(option))
    }

    fn long(&self, at: &Tree) -> Map {
        let node = |value: Value| Tree::new(value, &at.span);
        let text = |text: &str| node(Value::Text(text.into()));
        let bind = self.source.is_some_and(is_path);
        let mut map = Map::with_room(5);
        map.set("type", text(if bind { "bind" } else { "volume" }));
        if let Some(source) = self.source {
            map.set("source", text(source));
        }
        let target = resolve::clean(self.target);
        map.set("target", text(if target.is_empty() { "." } else { &target }));
        let options: Vec<&str> = self.options.split(',').collect();
        if options.iter().rfind(|option| matches!(**option, "ro" | "rw")) == Some(&"ro") {
            map.set("read_only", node(Value::Bool(true)));
        }
        if let Some(details) = bind_details(&options, bind) {
            map.set("bind", node(Value::Map(details)));
        }
        if options.contains(&"nocopy") {
            map.set("volume", mapping(&at.span, [("nocopy", Value::Bool(true))]));
        } else if !bind && !self.tiny {
            map.set("volume", Tree::empty_map(&at.span));
        }
        // Everything stands where the short form stands.
        for (_, _, value) in map.values_mut() {
            if let Some(details) = value.as_map_mut() {
                details.values_mut().for_each(|(_, _, value)| value.span = at.span.clone());
            }
        }
        map
    }
}

/// What goes below `bind`; options do so for named volumes too.
fn bind_details(options: &[&str], bind: bool) -> Option<Map> {
    let mut details = Map::with_room(1);
    let last = |words: &[&str]| options.iter().rfind(|option| words.contains(*option)).copied();
    for (key, words) in [("selinux", &["z", "Z"][..]), ("propagation", &PROPAGATIONS)] {
        if let Some(word) = last(words) {
            details.set(key, Tree { value: Value::Text(word.into()), ..Tree::default() });
        }
    }
    if bind {
        details.set("create_host_path", Tree { value: Value::Bool(true), ..Tree::default() });
    }
    (!details.is_empty()).then_some(details)
}

/// The text between colons, of which those behind a drive letter and within `${…}` are none.
fn sections(text: &str) -> Vec<&str> {
    let (mut sections, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, c) in text.char_indices() {
        match c {
            '$' if text[at + 1..].starts_with('{') => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ':' if depth == 0 && !is_letter(&text[start..at]) => {
                sections.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    sections.push(&text[start..]);
    sections
}

/// Whether the text begins like `c:`.
fn drive_letter(text: &str) -> bool {
    text.split_once(':').is_some_and(|(drive, _)| is_letter(drive))
}

fn is_letter(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none()
}

/// Whether a source is a path rather than the name of a volume.
fn is_path(source: &str) -> bool {
    source.starts_with(['.', '/', '~']) || source.starts_with(r"\\") || drive_letter(source)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{apply, long, show};
    use super::*;

    #[test]
    fn a_short_volume_becomes_a_long_one() {
        for (written, expected) in [
            ("data:/var", "{type: volume, source: data, target: /var, volume: {}}"),
            ("/var", "{type: volume, target: /var, volume: {}}"),
            ("/", "{type: volume, target: /}"),
            ("data:var/", "{type: volume, source: data, target: var, volume: {}}"),
            ("data:.", "{type: volume, source: data, target: ., volume: {}}"),
            ("data:/a/../b/", "{type: volume, source: data, target: /b, volume: {}}"),
            ("./a:/b", "{type: bind, source: ./a, target: /b, bind: {create_host_path: true}}"),
            ("~:/b", "{type: bind, source: ~, target: /b, bind: {create_host_path: true}}"),
            (
                "/a:/b:ro",
                "{type: bind, source: /a, target: /b, read_only: true, bind: {create_host_path: true}}",
            ),
            ("'/a:/b:ro,rw'", "{type: bind, source: /a, target: /b, bind: {create_host_path: true}}"),
            (
                "'/a:/b:private,z,rshared'",
                "{type: bind, source: /a, target: /b, bind: {selinux: z, propagation: rshared, create_host_path: true}}",
            ),
            ("data:/b:nocopy", "{type: volume, source: data, target: /b, volume: {nocopy: true}}"),
            ("data:/b:Z", "{type: volume, source: data, target: /b, bind: {selinux: Z}, volume: {}}"),
            ("/a:/b:cached", "{type: bind, source: /a, target: /b, bind: {create_host_path: true}}"),
            ("{type: tmpfs}", "{type: tmpfs}"),
        ] {
            assert_eq!(long(volume, written).unwrap(), expected, "{written}");
        }
    }

    #[test]
    fn windows_paths_keep_the_colon_of_their_drive() {
        for (written, expected) in [
            (r"'c:\x:/t'", r"{type: bind, source: c:\x, target: /t, bind: {create_host_path: true}}"),
            (r"'c:\x:d:\y'", r"{type: bind, source: c:\x, target: d:\y, bind: {create_host_path: true}}"),
            (r"'\\host\x:/t'", r"{type: bind, source: \\host\x, target: /t, bind: {create_host_path: true}}"),
            ("'1:/t'", "{type: volume, source: 1, target: /t, volume: {}}"),
        ] {
            assert_eq!(long(volume, written).unwrap(), expected, "{written}");
        }
    }

    #[test]
    fn colons_within_a_variable_separate_nothing() {
        assert_eq!(sections("${A:-b}:/t:${O}"), ["${A:-b}", "/t", "${O}"]);
    }

    #[test]
    fn empty_and_superfluous_parts_are_refused() {
        const FORM: &str = "the form is [source:]target[:options]";
        for (written, expected) in [
            ("''", "the volume is empty | ''"),
            ("'/a::/t'", "the target of `/a::/t` is empty | '/a::/t'"),
            ("':/t'", "the source of `:/t` is empty | ':/t'"),
            ("'/a:/t:'", "the list of options of `/a:/t:` is empty | '/a:/t:'"),
            ("'/a:/b:ro:rw'", "`/a:/b:ro:rw` has too many parts | '/a:/b:ro:rw'"),
        ] {
            assert_eq!(long(volume, written).unwrap_err(), format!("{expected} | {FORM}"), "{written}");
        }
    }

    #[test]
    fn likely_mistakes_are_told_and_change_nothing() {
        for (written, long, said, at) in [
            (
                "'v:/t'",
                "{type: volume, target: v:/t, volume: {}}",
                "`v:/t` is read as the path of a Windows drive",
                "'v:/t'",
            ),
            (
                "/a:/b:rw,nocpy",
                "{type: bind, source: /a, target: /b, bind: {create_host_path: true}}",
                "the volume option `nocpy` has no effect",
                "nocpy",
            ),
        ] {
            let (tree, diagnostics) = apply(volume, written);
            assert_eq!(show(&tree), long);
            assert!(!diagnostics.has_errors());
            assert_eq!(diagnostics.items[0].message, said);
            assert_eq!(diagnostics.text(diagnostics.items[0].span.as_ref().unwrap()), at);
        }
    }
}
