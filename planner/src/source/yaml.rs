//! Text to trees: the only file that names the YAML library.
//!
//! The library yields events with spans. What this adds: anchors and aliases with a budget,
//! merge keys, duplicate keys as errors, a depth limit, and Go's meaning of plain scalars.

use super::advice;
use super::dialect::{Dialect, Fault, other_version};
use super::scalar;
use super::suggest::did_you_mean;
use super::tree::{Entry, Map, Tag, Tree, Value, fitted};
use crate::diagnostic::{Diagnostics, Span};
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::HashMap;

/// Nesting deeper than this is an error; no stack file comes near, and walks may recurse.
const DEEPEST: usize = 100;
/// What all copies made by aliases may weigh: about 64 per node plus the text.
const ALIAS_BUDGET: usize = 16 << 20;
/// What is kept of anchored nodes may weigh, which matters when anchors are inside anchors.
const ANCHOR_BUDGET: usize = 256 << 20;
/// A text that is only a dash, as in `[tar, xf, -]`, is one to Go's reader but not to the library.
/// So many of them are put right in a file; each costs a reading of it.
const MOST_DASHES: usize = 50;
const LOOK: &str = "a quote, bracket, comma or blank is missing here or before";
/// What the library reads instead of one.
const DASH: &str = "x";
/// A larger file is refused.
pub(crate) const LARGEST_FILE: usize = 4 << 20;

/// Mappings whose keys the user invents: none of them is an extension.
const INVENTED: [&str; 8] =
    ["annotations", "args", "driver_opts", "environment", "labels", "options", "storage_opt", "sysctls"];

/// The documents of a file; `None` when its syntax is broken, which has been reported then.
pub(crate) fn parse(file: u32, text: &str, diagnostics: &mut Diagnostics) -> Option<Vec<Tree>> {
    let mut text = Cow::Borrowed(text);
    let mut dashes = Vec::new();
    loop {
        match documents(file, &text, &dashes, diagnostics) {
            Ok(documents) => return Some(documents),
            Err(Stop { lone_dash: true, span, .. }) if dashes.len() < MOST_DASHES => {
                text.to_mut().replace_range(span.range(), DASH);
                dashes.push(span.start);
            }
            Err(stop) => {
                let diagnostic = diagnostics.error(&stop.span, "", stop.message);
                diagnostic.hint = stop.hint;
                return None;
            }
        }
    }
}

/// The documents of a text in which something else stands in the places of lone dashes.
fn documents(
    file: u32,
    text: &str,
    dashes: &[u32],
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Tree>, Stop> {
    let mut builder = Builder::new(diagnostics);
    // Aliases may name anchors of earlier documents, which the library does not resolve.
    let options = granit_parser::options! { emit_unresolved_aliases: true, emit_anchor_events: true };
    let mut dialect = Dialect::of(text);
    if let Some(fault) = other_version(text) {
        return Err(Stop::dialect(file, text, fault));
    }
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| Stop::syntax(file, text, &error))?;
        let span = place(file, span);
        if let Some(fault) = dialect.as_mut().and_then(|dialect| unread(&event, &span, dialect)) {
            return Err(Stop::dialect(file, text, fault));
        }
        let event = match event {
            Event::Scalar(_, style, anchor, tag) if dashes.contains(&span.start) => {
                Event::Scalar("-".into(), style, anchor, tag)
            }
            event => event,
        };
        builder.event(event, span)?;
    }
    Ok(builder.documents)
}

/// What Docker Compose would not read of an event.
fn unread(event: &Event<'_>, span: &Span, dialect: &mut Dialect<'_>) -> Option<Fault> {
    match event {
        Event::SequenceStart(..) | Event::MappingStart(..) => dialect.open(span.range().start),
        Event::SequenceEnd | Event::MappingEnd => dialect.close(),
        Event::Scalar(text, ScalarStyle::Plain, ..) if text.contains('?') => {
            return dialect.plain(span.range());
        }
        Event::Scalar(text, ScalarStyle::DoubleQuoted, ..) if text.contains('/') => {
            return dialect.double_quoted(span.range());
        }
        _ => {}
    }
    None
}

fn place(file: u32, span: granit_parser::Span) -> Span {
    let offset = |marker: granit_parser::Marker| marker.byte_offset().unwrap_or(0);
    Span::new(file, offset(span.start)..offset(span.end), span.start.line(), span.start.col() + 1)
}

/// Why reading cannot go on.
struct Stop {
    span: Span,
    message: String,
    hint: Option<String>,
    /// Whether only a dash that stands alone is in the way.
    lone_dash: bool,
}

impl Stop {
    fn new(span: &Span, message: impl Into<String>, hint: &str) -> Self {
        Self { span: span.clone(), message: message.into(), hint: Some(hint.to_owned()), lone_dash: false }
    }

    fn syntax(file: u32, text: &str, error: &ScanError) -> Self {
        let marker = error.marker();
        let start = marker.byte_offset().unwrap_or(0).min(text.len());
        let end = text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
        let span = Span::new(file, start..end, marker.line(), marker.col() + 1);
        if let Some(tab) = tab_at(file, text, marker.line()) {
            return Self::new(&tab, "a tab is used as indentation", "indent with spaces");
        }
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => Self::too_deep(&span),
            ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation => {
                Self::new(&span, "a tab is used as indentation", "indent with spaces")
            }
            kind => {
                let told = kind.to_string().to_lowercase();
                let line = text[..start].rfind('\n').map_or(0, |end| end + 1);
                let all = text[line..].lines().next().unwrap_or_default();
                let advice = advice::for_syntax(&told, &text[..line], all, start - line);
                let (told, hint) =
                    advice.map_or((told.as_str(), Some(LOOK.to_owned())), |(told, hint)| (told, Some(hint)));
                let rest = text[start..].strip_prefix('-');
                Self {
                    span,
                    message: format!("not valid YAML: {told}"),
                    hint,
                    lone_dash: rest.is_some_and(|rest| rest.starts_with([',', ']', '}'])),
                }
            }
        }
    }

    fn dialect(file: u32, text: &str, fault: Fault) -> Self {
        let before = &text[..fault.place.start];
        let line = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before[line..].chars().count() + 1;
        let span = Span::new(file, fault.place, before.matches('\n').count() + 1, column);
        Self::new(&span, format!("not valid YAML: {}", fault.message), &fault.hint)
    }

    fn too_deep(span: &Span) -> Self {
        let message = format!("nested deeper than {DEEPEST} levels");
        Self::new(span, message, "write it flatter")
    }
}

/// The tab that indents a line, or the one after it: that is where the parser gave up.
fn tab_at(file: u32, text: &str, line: usize) -> Option<Span> {
    let mut start = 0;
    let mut lines = text.split_inclusive('\n').enumerate().map(|(index, text)| {
        start += text.len();
        (index + 1, start - text.len(), text)
    });
    lines.find_map(|(number, start, text)| {
        let blank = &text[..text.len() - text.trim_start_matches([' ', '\t']).len()];
        let tab =
            blank.find('\t').filter(|_| (line..=line + 1).contains(&number) && !text.trim().is_empty())?;
        Some(Span::new(file, start + tab..start + tab + 1, number, tab + 1))
    })
}

/// An anchored node with its weight and height; `None` while it is still being read.
type Anchors = HashMap<usize, Option<(Tree, usize, usize)>>;

struct Builder<'a> {
    diagnostics: &'a mut Diagnostics,
    documents: Vec<Tree>,
    open: Vec<Frame>,
    anchors: Anchors,
    /// Anchors by name, the last one of each, over all documents.
    names: HashMap<String, usize>,
    /// Weight of all copies made by aliases so far.
    copied: usize,
    /// Weight of all that is kept for aliases so far.
    kept: usize,
    spare: Spare,
}

/// Where collections grow while they are read, again and again: what is kept of them then has room
/// for what is in it and no more, which is most of what a large file costs.
#[derive(Default)]
struct Spare {
    lists: Vec<Vec<Tree>>,
    maps: Vec<Map>,
}

/// A collection that is still being read.
struct Frame {
    span: Span,
    tag: Option<Tag>,
    anchor: usize,
    content: Content,
}

impl Frame {
    /// The key whose value is being read.
    fn key(&self) -> &str {
        match &self.content {
            Content::Map { key: Some(Key::Text(key, _)), .. } => key,
            _ => "",
        }
    }
}

enum Content {
    List(Vec<Tree>),
    Map { map: Map, key: Option<Key>, merged: Option<Box<Tree>> },
}

/// A key that waits for its value.
enum Key {
    Text(SmolStr, Span),
    /// `<<`.
    Merge,
    /// Reported; its value is read and dropped.
    Bad,
}

impl<'a> Builder<'a> {
    fn new(diagnostics: &'a mut Diagnostics) -> Self {
        Self {
            diagnostics,
            documents: Vec::new(),
            open: Vec::new(),
            anchors: Anchors::new(),
            names: HashMap::new(),
            copied: 0,
            kept: 0,
            spare: Spare::default(),
        }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        match event {
            Event::Anchor(anchor, name) => {
                self.names.insert(name.into_owned(), anchor);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), &span);
                let merge_key = text == "<<" && may_merge(style, tag.as_deref());
                // Dates are held as texts.
                let short = style == ScalarStyle::Plain && tag.is_none() && scalar::is_date(&text);
                let tag = self.merge_tag(tag.as_deref(), &span);
                let tree = Tree { tag, short, ..Tree::new(value, &span) };
                return self.node(tree, anchor, merge_key);
            }
            Event::SequenceStart(_, anchor, tag) => {
                let content = Content::List(self.spare.lists.pop().unwrap_or_default());
                return self.start(content, anchor, tag.as_deref(), span);
            }
            Event::MappingStart(_, anchor, tag) => {
                let map = self.spare.maps.pop().unwrap_or_default();
                let content = Content::Map { map, key: None, merged: None };
                return self.start(content, anchor, tag.as_deref(), span);
            }
            Event::SequenceEnd | Event::MappingEnd => return self.end(&span),
            Event::Alias(anchor) => {
                let tree = self.copy(anchor, &span)?;
                return self.node(tree, 0, false);
            }
            Event::UnresolvedAlias(name) => {
                let Some(&anchor) = self.names.get(&*name) else {
                    return Err(self.unknown_anchor(&name, &span));
                };
                let tree = self.copy(anchor, &span)?;
                return self.node(tree, 0, false);
            }
            _ => {}
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&granit_parser::Tag>,
        span: &Span,
    ) -> Value {
        if let Some(core) = tag.and_then(core_name) {
            return scalar::resolve_as(text, &core).unwrap_or_else(|| {
                let message = format!("`{text}` is not of type `!!{core}`");
                self.diagnostics.error(span, "", message).hint("take the tag out");
                Value::Bad
            });
        }
        // A tag of another kind leaves what it marks as it is written: `!override 10` is a text.
        let marked = tag.is_some_and(|tag| !(tag.handle() == "!" && tag.suffix() == "reset"));
        if style != ScalarStyle::Plain || marked {
            return Value::Text(text.into());
        }
        if scalar::is_date(text) {
            if self.in_extension() {
                return Value::Text(scalar::date_text(text).into());
            }
            let message = format!("`{text}` is a date in YAML, which no key takes");
            self.diagnostics.error(span, "", message).hint(format!("put it in quotes: \"{text}\""));
            return Value::Bad;
        }
        scalar::resolve(text)
    }

    /// Whether what is read now stands below a key that begins with `x-`, where anything goes.
    fn in_extension(&self) -> bool {
        let mut above = "";
        self.open.iter().map(Frame::key).any(|key| {
            let invented = INVENTED.contains(&std::mem::replace(&mut above, key));
            key.starts_with("x-") && !invented
        })
    }

    fn unknown_anchor(&self, name: &str, span: &Span) -> Stop {
        let hint = did_you_mean(name, self.names.keys().map(String::as_str));
        let hint = hint.unwrap_or_else(|| format!("define it before with `&{name}`"));
        Stop::new(span, format!("no anchor is called `{name}`"), &hint)
    }

    fn merge_tag(&mut self, tag: Option<&granit_parser::Tag>, span: &Span) -> Option<Tag> {
        let tag = tag?;
        if core_name(tag).is_some() {
            return None;
        }
        match (tag.handle(), tag.suffix()) {
            ("!", "reset") => Some(Tag::Reset),
            ("!", "override") => Some(Tag::Override),
            ("!", "") => None,
            (handle, suffix) => {
                let message = format!("the tag `{handle}{suffix}` means nothing here and is ignored");
                self.diagnostics.warning(span, "", message);
                None
            }
        }
    }

    fn start(
        &mut self,
        content: Content,
        anchor: usize,
        tag: Option<&granit_parser::Tag>,
        span: Span,
    ) -> Result<(), Stop> {
        if self.open.len() >= DEEPEST {
            return Err(Stop::too_deep(&span));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        let tag = self.merge_tag(tag, &span);
        self.open.push(Frame { span, tag, anchor, content });
        Ok(())
    }

    fn end(&mut self, end: &Span) -> Result<(), Stop> {
        let Some(mut frame) = self.open.pop() else { return Ok(()) };
        frame.span.end = end.end.max(frame.span.end);
        let value = match frame.content {
            Content::List(mut items) => {
                let list = fitted(&mut items);
                self.spare.lists.push(items);
                Value::List(list)
            }
            Content::Map { mut map, merged, .. } => {
                // Keys of the mapping itself win over merged ones, earlier merged ones over later ones.
                if let Some(tree) = merged {
                    self.merge(&mut map, *tree);
                }
                let fitted = map.fitted();
                self.spare.maps.push(map);
                Value::Map(fitted)
            }
        };
        self.node(Tree { tag: frame.tag, ..Tree::new(value, &frame.span) }, frame.anchor, false)
    }

    fn merge(&mut self, map: &mut Map, tree: Tree) {
        match tree.value {
            Value::Map(merged) => {
                for entry in merged.into_entries() {
                    match map.get_mut(&entry.key) {
                        None => map.insert(entry),
                        // What is reset below the merged mapping is reset, whatever stands here instead.
                        Some(own) if entry.value.tag.is_some() => own.tag = own.tag.or(Some(Tag::Override)),
                        Some(_) => {}
                    }
                }
            }
            Value::List(items) if items.iter().all(|item| item.as_map().is_some()) => {
                for mut item in items {
                    untag(&mut item);
                    self.merge(map, item);
                }
            }
            Value::Bad => {}
            _ => {
                let message = format!("`<<` merges a mapping, not {}", tree.noun());
                self.diagnostics.error(&tree.span, "", message).hint("name an anchor: `<<: *name`");
            }
        }
    }

    /// Puts a complete node where it belongs: value of the key that waits, next key, next item or document.
    fn node(&mut self, mut tree: Tree, anchor: usize, merge_key: bool) -> Result<(), Stop> {
        if anchor != 0 {
            let (weight, height) = measure(&tree);
            self.kept += weight;
            if self.kept > ANCHOR_BUDGET {
                let hint = "anchors inside anchors multiply; use fewer";
                return Err(Stop::new(&tree.span, "the anchors of this file hold too much", hint));
            }
            let mut kept = tree.clone();
            drop_resets(&mut kept);
            self.anchors.insert(anchor, Some((kept, weight, height)));
        }
        match self.open.last_mut().map(|frame| &mut frame.content) {
            // A document that says nothing; in a file without any other, that is missed later.
            None if tree.as_map().is_some_and(Map::is_empty) && !self.diagnostics.has_errors() => {}
            None => {
                if tree.is_null() {
                    let message = "a document of a stack file is a mapping, this one is empty".to_owned();
                    self.diagnostics.error(&tree.span, "", message).hint("remove the `---` that begins it");
                    tree.spoil();
                }
                self.documents.push(tree);
            }
            // A list that is merged is appended: there is nothing that an item could reset.
            Some(Content::List(_)) if tree.tag == Some(Tag::Reset) => {}
            Some(Content::List(items)) => items.push(tree),
            Some(Content::Map { map, key, merged }) => match key.take() {
                None if merge_key && merged.is_some() => {
                    let message = "`<<` is given twice".to_owned();
                    self.diagnostics.error(&tree.span, "", message).hint("merge several with `<<: [*a, *b]`");
                    *key = Some(Key::Bad);
                }
                None if merge_key => *key = Some(Key::Merge),
                None => *key = Some(read_key(map, tree, self.diagnostics)),
                Some(Key::Text(key, key_span)) => map.append(Entry::new(key, key_span, tree)),
                Some(Key::Merge) => *merged = Some(Box::new(tree)),
                Some(Key::Bad) => {}
            },
        }
        Ok(())
    }

    fn copy(&mut self, anchor: usize, span: &Span) -> Result<Tree, Stop> {
        let Some(Some((tree, weight, height))) = self.anchors.get(&anchor) else {
            return Err(Stop::new(
                span,
                "this alias is inside its own anchor",
                "an anchor cannot contain itself",
            ));
        };
        if self.open.len() + height > DEEPEST {
            return Err(Stop::too_deep(span));
        }
        self.copied += weight;
        if self.copied > ALIAS_BUDGET {
            let hint = "aliases that hold aliases multiply; write less through them";
            return Err(Stop::new(span, "the aliases of this file expand to too much", hint));
        }
        Ok(tree.clone())
    }
}

/// The key that a node is; a key that is not text or is there twice is reported.
fn read_key(map: &Map, tree: Tree, diagnostics: &mut Diagnostics) -> Key {
    let Value::Text(key) = tree.value else {
        if !tree.is_bad() {
            let message = format!("a key must be text, not {}", tree.noun());
            diagnostics.error(&tree.span, "", message).hint("put it in quotes");
        }
        return Key::Bad;
    };
    if let Some(first) = map.entry(&key) {
        let Span { line, column, .. } = first.key_span;
        let message = format!("the key `{key}` is given twice");
        let hint = format!("the first one is at line {line}, column {column}; keep one of them");
        diagnostics.error(&tree.span, "", message).hint(hint);
        return Key::Bad;
    }
    Key::Text(key, tree.span)
}

/// Takes what is tagged `!reset` out of a mapping or list, as it has done its work where it
/// stands. The same node elsewhere, by an alias, resets nothing.
fn drop_resets(tree: &mut Tree) {
    match &mut tree.value {
        Value::List(items) => items.iter_mut().for_each(drop_resets),
        Value::Map(map) => {
            map.retain(|entry| entry.value.tag != Some(Tag::Reset));
            map.values_mut().for_each(|(_, _, value)| drop_resets(value));
        }
        _ => {}
    }
}

/// Takes the tags away: in a list of mappings to merge, they steer nothing.
fn untag(tree: &mut Tree) {
    drop_resets(tree);
    if let Some(map) = tree.as_map_mut() {
        map.values_mut().for_each(|(_, _, value)| {
            value.tag = None;
            untag(value);
        });
    }
}

/// Whether `<<` so written is a merge key: `"<<"` is text, `!!merge` says it aloud.
fn may_merge(style: ScalarStyle, tag: Option<&granit_parser::Tag>) -> bool {
    tag.map_or(style == ScalarStyle::Plain, |tag| core_name(tag).as_deref() == Some("merge"))
}

/// The suffix of a tag of the core schema: `str` of `!!str`.
fn core_name(tag: &granit_parser::Tag) -> Option<String> {
    let whole = format!("{}{}", tag.handle(), tag.suffix());
    whole.strip_prefix("tag:yaml.org,2002:").map(str::to_owned)
}

/// Weight and height of a tree, as the budgets count them.
pub(crate) fn measure(tree: &Tree) -> (usize, usize) {
    let own = 64 + tree.as_text().map_or(0, str::len);
    let below = tree.items().iter().map(|item| (0, item));
    let below = below.chain(tree.entries().iter().map(|entry| (entry.key.len(), &entry.value)));
    below.fold((own, 1), |(weight, height), (extra, child)| {
        let (child_weight, child_height) = measure(child);
        (weight + extra + child_weight, height.max(child_height + 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Vec<Tree>>, Vec<String>) {
        let mut diagnostics = Diagnostics::default();
        let file = diagnostics.add_file("compose.yaml", text);
        let documents = parse(file, text, &mut diagnostics);
        let lines = diagnostics.to_string().lines().map(str::to_owned).collect();
        (documents, lines)
    }

    fn slice<'a>(text: &'a str, tree: &Tree) -> &'a str {
        &text[tree.span.range()]
    }

    #[test]
    fn every_node_knows_its_place() {
        let text = "services:\n  web:\n    image: \"nginx\"\n    ports: [80, '81']\n";
        let (documents, lines) = read(text);
        assert!(lines.is_empty(), "{lines:?}");
        let top = &documents.unwrap()[0];
        let image = top.at(&["services", "web", "image"]).unwrap();
        assert_eq!(slice(text, image), "\"nginx\"");
        assert_eq!((image.span.line, image.span.column), (3, 12));
        let ports = top.at(&["services", "web", "ports"]).unwrap();
        assert_eq!(slice(text, &ports.items()[1]), "'81'");
        assert_eq!(ports.items()[0].as_int(), Some(80));
        assert_eq!(ports.items()[1].as_text(), Some("81"));
        let web = top.at(&["services", "web"]).unwrap();
        assert_eq!((web.span.line, web.span.column), (3, 5));
    }

    #[test]
    fn aliases_copy_and_merge_keys_lose_against_own_keys() {
        let text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], x: 9}\nd: *a\n";
        let (documents, lines) = read(text);
        assert!(lines.is_empty(), "{lines:?}");
        let top = &documents.unwrap()[0];
        let c = top.get("c").unwrap();
        let number = |key| c.get(key).and_then(Tree::as_int);
        assert_eq!((number("x"), number("y"), number("z")), (Some(9), Some(2), Some(4)));
        assert_eq!(top.at(&["d", "y"]).and_then(Tree::as_int), Some(2));
    }

    #[test]
    fn a_merge_key_may_say_that_it_is_one() {
        let text = "a: &a {x: 1}\nb: {!!merge <<: *a}\nc: {\"<<\": 1}\nd: {!!str <<: 1}\n";
        let (documents, lines) = read(text);
        assert!(lines.is_empty(), "{lines:?}");
        let top = &documents.unwrap()[0];
        assert_eq!(top.at(&["b", "x"]).and_then(Tree::as_int), Some(1));
        assert!(["c", "d"].iter().all(|key| top.at(&[key, "<<"]).is_some()));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, expected) in [
            ("a: 1\nb: 2\na: 3\n", "compose.yaml:3:1: the key `a` is given twice"),
            ("1: x\n", "compose.yaml:1:1: a key must be text, not a number"),
            ("a: *b\n", "compose.yaml:1:4: no anchor is called `b`"),
            ("a: &a [*a]\n", "compose.yaml:1:8: this alias is inside its own anchor"),
            ("a: {<<: 3}\n", "compose.yaml:1:9: `<<` merges a mapping, not a number"),
            ("a: {<<: ~}\n", "compose.yaml:1:9: `<<` merges a mapping, not nothing"),
            ("a: {<<: {}, <<: {}}\n", "compose.yaml:1:13: `<<` is given twice"),
            ("a: 2020-01-31\n", "compose.yaml:1:4: `2020-01-31` is a date in YAML, which no key takes"),
            ("a: 1\n---\n", "compose.yaml:2:4: a document of a stack file is a mapping, this one is empty"),
            ("a: !!int x\n", "compose.yaml:1:10: `x` is not of type `!!int`"),
            ("a: !foo x\n", "compose.yaml:1:9: the tag `!foo` means nothing here and is ignored"),
        ] {
            assert_eq!(read(text).1, [expected], "{text}");
        }
    }

    #[test]
    fn anchors_are_known_in_later_documents_too() {
        let (documents, lines) = read("a: &a {x: 1}\n---\nb: *a\n---\na: &a 2\nb: *a\n");
        assert!(lines.is_empty(), "{lines:?}");
        let documents = documents.unwrap();
        assert_eq!(documents[1].at(&["b", "x"]).and_then(Tree::as_int), Some(1));
        assert_eq!(documents[2].get("b").and_then(Tree::as_int), Some(2));
    }

    #[test]
    fn tags_reach_through_aliases_and_merge_keys() {
        let text = "a: {<<: &b {ports: !reset [], command: !override [a]}, ports: [1]}\n\
                    b: [1, !reset 2]\nc: {<<: *b}\nd: &d !reset x\ne: *d\nf: {<<: [*b]}\n";
        let (documents, lines) = read(text);
        assert!(lines.is_empty(), "{lines:?}");
        let top = &documents.unwrap()[0];
        assert_eq!(top.at(&["a", "ports"]).unwrap().tag, Some(Tag::Override));
        assert_eq!(top.at(&["a", "ports"]).unwrap().items().len(), 1);
        assert_eq!(top.at(&["a", "command"]).unwrap().tag, Some(Tag::Override));
        assert_eq!(top.get("b").unwrap().items().len(), 1);
        assert!(top.at(&["c", "ports"]).is_none(), "a reset is done once");
        assert_eq!(top.at(&["c", "command"]).unwrap().tag, Some(Tag::Override));
        assert_eq!(top.get("e").unwrap().tag, Some(Tag::Reset));
        assert_eq!(top.at(&["f", "command"]).unwrap().tag, None, "a list of mappings steers nothing");
    }

    #[test]
    fn what_a_tag_marks_is_text() {
        let (documents, _) =
            read("a: !override 0x10\nb: !foo ~\nc: !override true\nd: !!int 1\ne: !reset ~\n");
        let top = &documents.unwrap()[0];
        let texts = ["a", "b", "c"].map(|key| top.get(key).and_then(Tree::as_text));
        assert_eq!(texts, [Some("0x10"), Some("~"), Some("true")]);
        assert_eq!(top.get("d").and_then(Tree::as_int), Some(1));
        assert_eq!(top.get("e").unwrap().value, Value::Null);
    }

    #[test]
    fn dates_may_stand_below_extensions() {
        let (documents, lines) = read("x-a: {b: [2020-01-31]}\n");
        assert!(lines.is_empty(), "{lines:?}");
        assert_eq!(
            documents.unwrap()[0].at(&["x-a", "b"]).unwrap().items()[0].as_text(),
            Some("2020-01-31T00:00:00Z")
        );
    }

    #[test]
    fn a_dash_alone_is_text_where_nothing_else_can_stand() {
        let (documents, lines) = read("a: [x, -, -,'é', -]\nb: {c: -}\n");
        assert!(lines.is_empty(), "{lines:?}");
        let top = &documents.unwrap()[0];
        let texts: Vec<_> =
            top.get("a").unwrap().items().iter().map(|item| item.as_text().unwrap()).collect();
        assert_eq!(
            (texts, top.at(&["b", "c"]).and_then(Tree::as_text)),
            (vec!["x", "-", "-", "é", "-"], Some("-"))
        );
        assert!(read("a: [ x, - ]\n").0.is_none());
    }

    #[test]
    fn documents_that_would_explode_are_refused_in_time() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..20 {
            let below = format!("*a{}, ", level - 1).repeat(9);
            bomb += &format!("a{level}: &a{level} [{below}*a{}]\n", level - 1);
        }
        assert!(read(&bomb).1[0].contains("expand to too much"));
        let long = "y".repeat(1 << 20);
        let bomb = format!("a: &a {long}\nb: [{}x]\n", "*a, ".repeat(1000));
        assert!(read(&bomb).1[0].contains("expand to too much"));
        for deep in ["[".repeat(10_000), "{a: ".repeat(10_000), "- ".repeat(10_000), "? ".repeat(10_000)] {
            assert!(read(&deep).1[0].contains("nested deeper than 100 levels"), "{:?}", read(&deep).1);
        }
    }
}
