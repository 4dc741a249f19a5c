//! `ENV`, `LABEL` and `ARG`: names and values.

use super::super::ast::{Argument, Instruction, Word};
use super::super::flags::Flags;
use super::super::reading::{Reading, Wrong};
use super::super::words::{self, Part};

/// `ENV key=value …` or `ENV key value`.
pub(super) fn env(reading: &mut Reading) -> Result<Instruction, Wrong> {
    let pairs = pairs(reading)?;
    for (name, _) in &pairs {
        secret(reading, name);
    }
    Ok(Instruction::Env(words(pairs)))
}

/// `LABEL key=value …` or `LABEL key value`.
pub(super) fn label(reading: &mut Reading) -> Result<Instruction, Wrong> {
    pairs(reading).map(words).map(Instruction::Label)
}

/// `ARG name[=default] …`.
pub(super) fn arg(reading: &mut Reading) -> Result<Instruction, Wrong> {
    Flags::of(reading, &[])?;
    reading.required("NAME=default")?;
    let mut arguments = Vec::new();
    for part in reading.quoted() {
        let (name, default) = divide(&part);
        named(&name)?;
        secret(reading, &name);
        arguments.push(Argument { name: Word(name.text), default: default.map(Word) });
    }
    reading.described(&arguments.iter().map(|argument| argument.name.as_str()).collect::<Vec<_>>());
    Ok(Instruction::Arg(arguments))
}

fn words(pairs: Vec<(Part, String)>) -> Vec<(Word, Word)> {
    pairs.into_iter().map(|(name, value)| (Word(name.text), Word(value))).collect()
}

fn pairs(reading: &mut Reading) -> Result<Vec<(Part, String)>, Wrong> {
    Flags::of(reading, &[])?;
    reading.required("KEY=value")?;
    let parts = reading.quoted();
    if parts.first().is_none_or(|part| !part.text.contains('=')) {
        return legacy(reading).map(|pair| vec![pair]);
    }
    let mut pairs = Vec::new();
    for part in &parts {
        let (name, Some(value)) = divide(part) else {
            let hint = "names and values are written as `KEY=value`; a value with spaces in it in quotes";
            return Err(Wrong::new(&part.range, format!("`{}` has no `=`", part.text)).hint(hint.to_owned()));
        };
        named(&name)?;
        pairs.push((name, value));
    }
    Ok(pairs)
}

/// `KEY all the rest`.
fn legacy(reading: &mut Reading) -> Result<(Part, String), Wrong> {
    let (name, rest) = words::first(&reading.line.text, reading.rest.clone());
    let verb = reading.verb();
    let value = reading.line.text[rest].to_owned();
    if value.is_empty() {
        let wrong = Wrong::new(&name.range, format!("`{}` has no value", name.text));
        return Err(wrong.hint(format!("write `{verb} {}=value`", name.text)));
    }
    let quoted = if value.contains(char::is_whitespace) { format!("\"{value}\"") } else { value.clone() };
    let hint = format!("write `{verb} {}={quoted}`", name.text);
    let wrong = Wrong::new(&reading.rest, format!("`{verb} key value` is the old form"));
    reading.remark("LegacyKeyValueFormat", wrong.hint(hint));
    Ok((name, value))
}

/// The name with its place, and the value behind the first `=`.
fn divide(part: &Part) -> (Part, Option<String>) {
    let (name, value) = match part.text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (part.text.as_str(), None),
    };
    let end = part.range.end.min(part.range.start + name.len().max(1));
    (Part { text: name.to_owned(), range: part.range.start..end }, value)
}

fn named(name: &Part) -> Result<(), Wrong> {
    if name.text.is_empty() {
        return Err(Wrong::new(&name.range, "there is no name before the `=`"));
    }
    Ok(())
}

const SECRETS: &[&str] =
    &["apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"];
/// Words in a name that say that it is no secret after all.
const HARMLESS: &[&str] = &["public", "file", "version"];

/// Warns of names that say that their value is nobody's business: everybody who has the image
/// has it too.
fn secret(reading: &mut Reading, name: &Part) {
    let lower = name.text.to_lowercase();
    let has = |words: &[&str]| {
        let inside = format!("_{lower}_");
        words.iter().any(|word| inside.contains(&format!("_{word}_")))
    };
    if has(SECRETS) && !has(HARMLESS) {
        let message =
            format!("`{}` looks like a secret, and {} keeps it in the image", name.text, reading.verb());
        let hint = "use `RUN --mount=type=secret,id=NAME`";
        reading.remark("SecretsUsedInArgOrEnv", Wrong::new(&name.range, message).hint(hint.to_owned()));
    }
}
