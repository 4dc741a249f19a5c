//! Single values: text to the type that its key has, in one written form.

use super::check::Context;
use super::path::Path;
use super::scalar::float_text;
use super::tree::{Tree, Value};
use crate::model::units;
use std::borrow::Cow;
use std::ops::Range;

/// What a single value is. What may be written as text, as a whole number or as any number is
/// what Docker Compose takes for the keys of that kind.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Text.
    Text,
    /// Text, also written as a number or truth value.
    Loose,
    /// Text, also written as a number.
    TextOrNumber,
    /// Text, also written as a whole number.
    TextOrInt,
    /// `true` or `false`, or a text that says so.
    Bool,
    /// `true` or `false`, nothing else.
    Truth,
    /// A whole number between two, or a text that says one.
    Int(i64, i64),
    /// As [`Kind::Int`], but not as text.
    PlainInt(i64, i64),
    /// A number or a text that says a whole one; a fraction is cut off.
    Cut(i64, i64),
    /// A number; a fraction is cut off.
    PlainCut(i64, i64),
    /// As [`Kind::PlainCut`], which only shows when it gets its type at last.
    LateCut(i64, i64),
    /// A number between two, or a text that says one, held in 32 bits.
    Number(f64, f64),
    /// A whole number from 0 to 100, or a text that says one.
    Percent,
    /// Cores, held in 32 bits.
    Cores,
    /// File permissions: a number, or a text of octal digits.
    Mode,
    /// A number of devices, or `all`, which becomes -1.
    Count,
    /// Bytes, with a unit or without; becomes a decimal number as text.
    Bytes,
    /// As [`Kind::Bytes`], but a bare number must be whole, and at least this.
    WholeBytes(i64),
    /// As [`Kind::Bytes`], but always written as text.
    TextBytes,
    /// As [`Kind::Bytes`], and as text `-1` for unlimited, which is how it is printed.
    BytesOrUnlimited,
    /// Time; becomes Go's form.
    Duration,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Text that looks like this regular expression; only editors hold it against that.
    Like(&'static str),
    /// Text that a function reads and may rewrite, or else refuses with message and hint; what it
    /// takes looks like this regular expression.
    Parsed(fn(&str) -> Result<String, Refused>, &'static str),
}

impl Kind {
    /// Whether no text can stand here, not even one that a variable becomes.
    pub(crate) fn is_never_text(&self) -> bool {
        matches!(self, Kind::Truth | Kind::PlainCut(..))
    }

    /// Whether any text may stand here as long as it is not cast.
    pub(crate) fn is_any_text(&self) -> bool {
        use Kind::{
            Bool, Bytes, BytesOrUnlimited, Cores, Count, Cut, Duration, Int, LateCut, Mode, Number, Percent,
            WholeBytes,
        };
        matches!(
            self,
            Bool | Int(..)
                | Cut(..)
                | LateCut(..)
                | Number(..)
                | Percent
                | Cores
                | Mode
                | Duration
                | Count
                | Bytes
                | WholeBytes(_)
                | BytesOrUnlimited
        )
    }
}

/// Why a text is refused.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    /// What is wrong.
    pub(crate) message: String,
    /// What to do; empty for nothing.
    pub(crate) hint: String,
    /// Whether it is fine, but more than this engine can do.
    pub(crate) not_yet: bool,
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
        return context.refuse(tree, path, message, example(kind));
    }
    let cast = match *kind {
        // Most values are texts that stay as they are.
        Kind::Text | Kind::Like(_) | Kind::Loose | Kind::TextOrNumber | Kind::TextOrInt if is_text(tree) => {
            return;
        }
        Kind::Text | Kind::Like(_) => text(tree),
        Kind::Loose | Kind::TextOrNumber | Kind::TextOrInt => loose_text(tree, path, kind, context),
        Kind::Bool => boolean(tree, path, context),
        Kind::Truth => truth(tree),
        Kind::Int(least, most) => integer(tree, Text::Number, Fraction::Refused, least, most),
        Kind::PlainInt(least, most) => integer(tree, Text::Refused, Fraction::Refused, least, most),
        Kind::Cut(least, most) => integer(tree, Text::Number, Fraction::Cut, least, most),
        Kind::PlainCut(least, most) | Kind::LateCut(least, most) => {
            integer(tree, Text::Refused, Fraction::Cut, least, most)
        }
        Kind::Percent => percent(tree),
        Kind::Number(least, most) => number(tree, least, most, "a number that is possible here"),
        Kind::Cores => number(tree, f64::MIN, f64::MAX, "a number of cores"),
        Kind::Mode => mode(tree),
        Kind::Count if tree.as_text().is_some_and(|text| text.eq_ignore_ascii_case("all")) => {
            Ok(Value::Int(-1))
        }
        Kind::Count => integer(tree, Text::Number, Fraction::Refused, i64::MIN, i64::MAX),
        Kind::Bytes | Kind::BytesOrUnlimited => bytes(tree, path, context),
        Kind::WholeBytes(least) => whole_bytes(tree, path, least, context),
        Kind::TextBytes if tree.as_text().is_none() => {
            let written = loose(&tree.value);
            let hint = format!("write it with its unit: {written}m for mebibytes, {written}b for bytes");
            refused(format!("must be a size with its unit, not {}", tree.noun()), &hint)
        }
        Kind::TextBytes => bytes(tree, path, context),
        Kind::Duration => duration(tree),
        Kind::Word(words) => word(tree, words),
        Kind::Parsed(parse, _) => match &tree.value {
            Value::Text(text) => parse(text).map(|text| Value::Text(text.into())),
            _ => text(tree),
        },
    };
    match cast {
        Ok(value) => {
            tree.short |= matches!(kind, Kind::TextOrInt) && !is_text(tree);
            tree.value = value;
        }
        Err(fault) => refuse(tree, path, &fault, context),
    }
}

/// Reports a scalar, pointing at the part that is wrong, and marks it.
pub(crate) fn refuse(tree: &mut Tree, path: &Path<'_>, fault: &Refused, context: &mut Context<'_>) {
    let Refused { message, hint, part, .. } = fault;
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
    Err(Refused { message, hint: hint.to_owned(), ..Refused::default() })
}

/// What could stand where something else does.
fn example(kind: &Kind) -> &'static str {
    match noun(kind) {
        "true or false" => "write true or false",
        "a number" => "write a single number",
        "a size" => "write a number with a unit: 64m, 1.5g, 512k",
        "a duration" => "for example 1m30s or 500ms",
        _ => "write a single text, in quotes if it holds `: `, brackets or braces",
    }
}

fn noun(kind: &Kind) -> &'static str {
    match kind {
        Kind::Bool | Kind::Truth => "true or false",
        Kind::Int(..) | Kind::PlainInt(..) | Kind::Cut(..) | Kind::PlainCut(..) => "a number",
        Kind::LateCut(..) => "a number",
        Kind::Number(..) | Kind::Percent | Kind::Cores | Kind::Mode | Kind::Count => "a number",
        Kind::Bytes | Kind::WholeBytes(_) | Kind::TextBytes | Kind::BytesOrUnlimited => "a size",
        Kind::Duration => "a duration",
        Kind::Text | Kind::Loose | Kind::TextOrNumber | Kind::TextOrInt => "text",
        Kind::Word(_) | Kind::Like(_) | Kind::Parsed(..) => "text",
    }
}

/// A single value as text, numbers as Go prints them.
pub(crate) fn loose(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Bool(true) => "true".into(),
        Value::Bool(false) => "false".into(),
        Value::Int(number) => number.to_string().into(),
        Value::Float(number) => float_text(*number).into(),
        Value::Text(text) => text.as_str().into(),
        _ => "".into(),
    }
}

/// `MODE: 0755` reaches the container as 493 and `True` as `true`, as with Compose: worth a word.
fn warn_of_changed_text(tree: &Tree, path: &Path<'_>, context: &mut Context<'_>) {
    let noun = match tree.value {
        Value::Int(_) | Value::Float(_) => "number",
        Value::Bool(_) => "truth value",
        _ => return,
    };
    let (written, read) = (context.diagnostics.text(&tree.span).to_owned(), loose(&tree.value));
    if !written.is_empty() && written != read {
        let message = format!("the {noun} `{written}` is read as `{read}`");
        context
            .diagnostics
            .warning(&tree.span, path, message)
            .hint(format!("write \"{written}\" to keep it"));
    }
}

fn is_text(tree: &Tree) -> bool {
    tree.as_text().is_some_and(|text| !text.contains('\0'))
}

fn text(tree: &Tree) -> Result<Value, Refused> {
    match &tree.value {
        Value::Text(text) if text.contains('\0') => {
            refused("a NUL character is not possible here".into(), "take it out")
        }
        Value::Text(text) => Ok(Value::Text(text.clone())),
        other => {
            let hint = format!("write it in quotes: \"{}\"", loose(other));
            refused(format!("must be text, not {}", tree.noun()), &hint)
        }
    }
}

/// What is printed as text whatever it was written as.
fn loose_text(
    tree: &Tree,
    path: &Path<'_>,
    kind: &Kind,
    context: &mut Context<'_>,
) -> Result<Value, Refused> {
    let possible = match (&tree.value, kind) {
        (Value::Text(_) | Value::Int(_), _) => true,
        (Value::Float(_), kind) => matches!(kind, Kind::Loose | Kind::TextOrNumber),
        (_, kind) => matches!(kind, Kind::Loose),
    };
    if !possible {
        return text(tree);
    }
    warn_of_changed_text(tree, path, context);
    text(&Tree::text(loose(&tree.value).into_owned(), &tree.span))
}

fn boolean(tree: &Tree, path: &Path<'_>, context: &mut Context<'_>) -> Result<Value, Refused> {
    let Value::Text(text) = &tree.value else { return truth(tree) };
    let truth = match text.to_ascii_lowercase().as_str() {
        "true" => return Ok(Value::Bool(true)),
        "false" => return Ok(Value::Bool(false)),
        "y" | "yes" | "on" => true,
        "n" | "no" | "off" => false,
        _ => {
            let message = format!("`{}` is neither true nor false", text.escape_debug());
            return refused(message, "write true or false");
        }
    };
    let message = format!("`{text}` is read as {truth}");
    context.diagnostics.warning(&tree.span, path, message).hint(format!("write {truth}"));
    Ok(Value::Bool(truth))
}

fn truth(tree: &Tree) -> Result<Value, Refused> {
    if let Value::Bool(truth) = tree.value {
        return Ok(Value::Bool(truth));
    }
    let hint = match loose(&tree.value).to_ascii_lowercase().as_str() {
        "true" | "y" | "yes" | "on" | "1" => "write true",
        "false" | "n" | "no" | "off" | "0" => "write false",
        _ => "write true or false",
    };
    refused(format!("`{}` is neither true nor false", loose(&tree.value).escape_debug()), hint)
}

/// Whether a text may say a number.
enum Text {
    Refused,
    Number,
}

/// What becomes of digits behind the point.
#[derive(PartialEq)]
enum Fraction {
    Refused,
    Cut,
}

fn integer(tree: &Tree, as_text: Text, fraction: Fraction, least: i64, most: i64) -> Result<Value, Refused> {
    let written = loose(&tree.value);
    let number = match (&tree.value, as_text) {
        (Value::Int(number), _) => Some(*number),
        (Value::Text(text), Text::Number) => text.parse().ok(),
        (Value::Text(text), Text::Refused) if text.parse::<i64>().is_ok() => {
            let hint = format!("write it without quotes: {text}");
            return refused("must be a number, not text".to_owned(), &hint);
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked to be small")]
        (Value::Float(number), _) if number.abs() < 9e18 => {
            (fraction == Fraction::Cut || number.fract() == 0.0).then_some(*number as i64)
        }
        _ => None,
    };
    let noun = if fraction == Fraction::Cut { "number" } else { "whole number" };
    let written = written.escape_debug();
    let range = match (least, most) {
        _ if number.is_none() && !matches!(tree.value, Value::Float(_)) => String::new(),
        (i64::MIN, i64::MAX) => String::new(),
        (least, i64::MAX) => format!(" from {least}"),
        (least, most) => format!(" from {least} to {most}"),
    };
    match number {
        Some(number) if (least..=most).contains(&number) => Ok(Value::Int(number)),
        _ => refused(
            format!("`{written}` is not a {noun}{range}"),
            &format!("for example {}", 1.clamp(least, most)),
        ),
    }
}

fn percent(tree: &Tree) -> Result<Value, Refused> {
    const NOUN: &str = "a whole number from 0 to 100";
    match number(tree, 0.0, 100.0, NOUN) {
        Ok(Value::Float(number)) => {
            refused(format!("`{}` is not {NOUN}", float_text(number)), "for example 50")
        }
        Err(fault) => Err(Refused { hint: "for example 50".to_owned(), ..fault }),
        other => other,
    }
}

/// A number as it is held in 32 bits: whole when it is.
fn number(tree: &Tree, least: f64, most: f64, noun: &str) -> Result<Value, Refused> {
    let number = match &tree.value {
        #[expect(clippy::cast_precision_loss, reason = "32 bits are kept anyway")]
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::Text(text) => units::parse_float(text),
        _ => None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "Docker Compose holds it so")]
    let held = number.filter(|number| (least..=most).contains(number)).map(|number| number as f32);
    match held.and_then(|held| held.is_finite().then(|| held.to_string().parse::<f64>()).transpose().ok()?) {
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
        Some(held) if held.fract() == 0.0 && held.abs() < 1e15 => Ok(Value::Int(held as i64)),
        Some(held) => Ok(Value::Float(held)),
        None => {
            let message = format!("`{}` is not {noun}", loose(&tree.value).escape_debug());
            refused(message, "for example 0.5")
        }
    }
}

fn mode(tree: &Tree) -> Result<Value, Refused> {
    let number = match &tree.value {
        Value::Int(number) => Some(*number),
        Value::Text(text) => i64::from_str_radix(text, 8).ok(),
        _ => None,
    };
    let message = || format!("`{}` is not a file mode", loose(&tree.value).escape_debug());
    number.map_or_else(|| refused(message(), "write octal digits: 0444"), |number| Ok(Value::Int(number)))
}

fn bytes(tree: &Tree, path: &Path<'_>, context: &mut Context<'_>) -> Result<Value, Refused> {
    let written = loose(&tree.value);
    match &tree.value {
        Value::Int(number) => Ok(Value::Text(number.to_string().into())),
        Value::Float(_) => {
            let message = format!("the number `{written}` is read as 0");
            let hint = format!("write \"{written}\", with a unit if it has one");
            context.diagnostics.warning(&tree.span, path, message).hint(hint);
            Ok(Value::Text("0".into()))
        }
        Value::Text(text) => match units::parse_bytes(text) {
            Some(bytes) => Ok(Value::Text(bytes.to_string().into())),
            // A negative number is printed so.
            None if text.parse::<i64>().is_ok_and(|number| number < 0) => Ok(tree.value.clone()),
            None => refused(
                format!("`{}` is not a size", text.escape_debug()),
                "write a number with a unit: 64m, 1.5g, 512k",
            ),
        },
        _ => refused(format!("`{written}` is not a size"), "write a number with a unit: 64m, 1.5g, 512k"),
    }
}

fn whole_bytes(
    tree: &Tree,
    path: &Path<'_>,
    least: i64,
    context: &mut Context<'_>,
) -> Result<Value, Refused> {
    match tree.value {
        Value::Int(number) if number < least => {
            refused(format!("`{number}` is not a size"), "for example 64m")
        }
        Value::Float(number) if number.fract() != 0.0 => {
            let hint = format!("write it in quotes: \"{}\"", float_text(number));
            refused(format!("`{}` is not a whole number of bytes", float_text(number)), &hint)
        }
        _ => bytes(tree, path, context),
    }
}

fn duration(tree: &Tree) -> Result<Value, Refused> {
    let written = loose(&tree.value);
    if let Some(nanos) = tree.as_text().and_then(units::parse_nanos) {
        return Ok(Value::Text(units::format_nanos(nanos).into()));
    }
    let bare = !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_digit());
    let hint =
        if bare { format!("give it a unit: {written}s") } else { "for example 1m30s or 500ms".to_owned() };
    refused(format!("`{}` is not a duration", written.escape_debug()), &hint)
}

fn word(tree: &Tree, words: &'static [&'static str]) -> Result<Value, Refused> {
    let written = loose(&tree.value);
    if tree.as_text().is_some_and(|text| words.contains(&text)) {
        return Ok(Value::Text(written.into()));
    }
    let hint = super::suggest::did_you_mean(&written, words.iter().copied())
        .unwrap_or_else(|| format!("possible are {}", words.join(", ")));
    refused(format!("`{}` is not possible here", written.escape_debug()), &hint)
}

#[cfg(test)]
mod tests;
