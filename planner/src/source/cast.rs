//! Single values: text to the type that its key has, in one written form.

use super::check::Context;
use super::path::Path;
use super::scalar::float_text;
use super::tree::{Tree, Value};
use crate::model::units;
use std::ops::Range;

/// What a single value is.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Text.
    Text,
    /// Text, also written as a number or truth value.
    Loose,
    /// `true` or `false`.
    Bool,
    /// A whole number between two.
    Int(i64, i64),
    /// Cores, not negative.
    Cores,
    /// Bytes; becomes a decimal number as text.
    Bytes,
    /// Bytes, or -1 for unlimited.
    BytesOrUnlimited,
    /// Time; becomes Go's form.
    Duration,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Text that a function reads and may rewrite, or else refuses with message and hint.
    Parsed(fn(&str) -> Result<String, Refused>),
}

/// Why a text is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// What is wrong.
    pub(crate) message: String,
    /// What to do; empty for nothing.
    pub(crate) hint: String,
    /// The bytes of the text that are at fault, when it is not all of it.
    pub(crate) part: Option<Range<usize>>,
}

impl Refused {
    /// Narrows the fault down to `part`, a slice of `whole`.
    pub(crate) fn at(mut self, whole: &str, part: &str) -> Self {
        let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        let inside = start.checked_add(part.len()).is_some_and(|end| end <= whole.len());
        if inside && self.part.is_none() {
            self.part = Some(start..start + part.len());
        }
        self
    }
}

/// Makes a node the kind of value that its key has.
pub(crate) fn cast(tree: &mut Tree, path: &Path<'_>, kind: &Kind, context: &mut Context<'_>) {
    if matches!(tree.value, Value::List(_) | Value::Map(_) | Value::Null) {
        let message = format!("must be {}, not {}", noun(kind), tree.noun());
        return context.refuse(tree, path, message, "");
    }
    let cast = match kind {
        Kind::Text => text(tree),
        Kind::Loose => {
            warn_of_changed_number(tree, path, context);
            text(&Tree::text(loose(&tree.value), &tree.span))
        }
        Kind::Bool => boolean(tree, path, context),
        Kind::Int(least, most) => integer(tree, *least, *most),
        Kind::Cores => cores(tree),
        Kind::Bytes => bytes(tree),
        Kind::BytesOrUnlimited if loose(&tree.value) == "-1" => Ok(Value::Text("-1".into())),
        Kind::BytesOrUnlimited => bytes(tree),
        Kind::Duration => duration(tree),
        Kind::Word(words) => word(tree, words),
        Kind::Parsed(parse) => match &tree.value {
            Value::Text(text) => parse(text).map(Value::Text),
            Value::Int(number) => parse(&number.to_string()).map(Value::Text),
            _ => text(tree),
        },
    };
    match cast {
        Ok(value) => tree.value = value,
        Err(fault) => refuse(tree, path, &fault, context),
    }
}

/// Reports a scalar, pointing at the part that is wrong, and marks it.
pub(crate) fn refuse(tree: &mut Tree, path: &Path<'_>, fault: &Refused, context: &mut Context<'_>) {
    let Refused { message, hint, part } = fault;
    let span = match (part, tree.as_text()) {
        (Some(part), Some(text)) => context.diagnostics.part(&tree.span, text, part.clone()),
        _ => tree.span.clone(),
    };
    let diagnostic = context.diagnostics.error(&span, path, message.clone());
    if !hint.is_empty() {
        diagnostic.hint(hint.clone());
    }
    tree.spoil();
}

fn refused(message: String, hint: &str) -> Result<Value, Refused> {
    Err(Refused { message, hint: hint.to_owned(), part: None })
}

fn noun(kind: &Kind) -> &'static str {
    match kind {
        Kind::Bool => "true or false",
        Kind::Int(..) | Kind::Cores => "a number",
        Kind::Bytes | Kind::BytesOrUnlimited => "a size",
        Kind::Duration => "a duration",
        Kind::Text | Kind::Loose | Kind::Word(_) | Kind::Parsed(_) => "text",
    }
}

/// A single value as text, numbers as Go prints them.
pub(crate) fn loose(value: &Value) -> String {
    match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => float_text(*number),
        Value::Text(text) => text.clone(),
        _ => String::new(),
    }
}

/// `MODE: 0755` reaches the container as 493, as with Compose: worth a word.
fn warn_of_changed_number(tree: &Tree, path: &Path<'_>, context: &mut Context<'_>) {
    if !matches!(tree.value, Value::Int(_) | Value::Float(_)) {
        return;
    }
    let (written, read) = (context.diagnostics.text(&tree.span).to_owned(), loose(&tree.value));
    if !written.is_empty() && written != read {
        let message = format!("the number `{written}` is read as `{read}`");
        context
            .diagnostics
            .warning(&tree.span, path, message)
            .hint(format!("write \"{written}\" to keep it"));
    }
}

fn text(tree: &Tree) -> Result<Value, Refused> {
    match &tree.value {
        Value::Text(text) if text.contains('\0') => {
            refused("a NUL character is not possible here".into(), "")
        }
        Value::Text(text) => Ok(Value::Text(text.clone())),
        other => {
            let hint = format!("write it in quotes: \"{}\"", loose(other));
            refused(format!("must be text, not {}", tree.noun()), &hint)
        }
    }
}

fn boolean(tree: &Tree, path: &Path<'_>, context: &mut Context<'_>) -> Result<Value, Refused> {
    let truth = match loose(&tree.value).to_ascii_lowercase().as_str() {
        "true" => return Ok(Value::Bool(true)),
        "false" => return Ok(Value::Bool(false)),
        "y" | "yes" | "on" | "1" => true,
        "n" | "no" | "off" | "0" => false,
        other => {
            return refused(format!("`{}` is neither true nor false", other.escape_debug()), "");
        }
    };
    let message = format!("`{}` is read as {truth}", loose(&tree.value));
    context.diagnostics.warning(&tree.span, path, message).hint(format!("write {truth}"));
    Ok(Value::Bool(truth))
}

fn integer(tree: &Tree, least: i64, most: i64) -> Result<Value, Refused> {
    let written = loose(&tree.value);
    let number = match &tree.value {
        Value::Int(number) => Some(*number),
        Value::Text(text) => text.trim().parse().ok(),
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => Some(*number as i64),
        _ => None,
    };
    match number {
        Some(number) if (least..=most).contains(&number) => Ok(Value::Int(number)),
        None if tree.as_text().is_some() || tree.as_bool().is_some() => {
            refused(format!("`{}` is not a whole number", written.escape_debug()), "")
        }
        _ if most == i64::MAX => refused(format!("`{written}` is not a whole number from {least}"), ""),
        _ => refused(format!("`{written}` is not a whole number from {least} to {most}"), ""),
    }
}

fn cores(tree: &Tree) -> Result<Value, Refused> {
    let written = loose(&tree.value);
    let number = match &tree.value {
        #[expect(clippy::cast_precision_loss, reason = "bounded below")]
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    match number {
        Some(number) if (0.0..=100_000.0).contains(&number) => Ok(match &tree.value {
            Value::Int(number) => Value::Int(*number),
            #[expect(clippy::cast_possible_truncation, reason = "at most 100000")]
            _ if number.fract() == 0.0 => Value::Int(number as i64),
            _ => Value::Float(number),
        }),
        _ => refused(format!("`{}` is not a number of cores", written.escape_debug()), "for example 0.5"),
    }
}

fn bytes(tree: &Tree) -> Result<Value, Refused> {
    let written = loose(&tree.value);
    match units::parse_bytes(&written) {
        Some(bytes) if tree.as_bool().is_none() => Ok(Value::Text(bytes.to_string())),
        _ => refused(
            format!("`{}` is not a size", written.escape_debug()),
            "write a number with a unit: 64m, 1.5g, 512k",
        ),
    }
}

fn duration(tree: &Tree) -> Result<Value, Refused> {
    let written = loose(&tree.value);
    if let Some(duration) = units::parse_duration(&written) {
        return Ok(Value::Text(units::format_duration(duration)));
    }
    let bare = !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_digit());
    let hint =
        if bare { format!("give it a unit: {written}s") } else { "for example 1m30s or 500ms".to_owned() };
    refused(format!("`{}` is not a duration", written.escape_debug()), &hint)
}

fn word(tree: &Tree, words: &'static [&'static str]) -> Result<Value, Refused> {
    let written = loose(&tree.value);
    if words.contains(&written.as_str()) && !written.is_empty() {
        return Ok(Value::Text(written));
    }
    let hint = super::suggest::did_you_mean(&written, words.iter().copied())
        .unwrap_or_else(|| format!("possible are {}", words.join(", ")));
    refused(format!("`{}` is not possible here", written.escape_debug()), &hint)
}
