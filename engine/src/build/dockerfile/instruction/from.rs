//! `FROM [--platform=…] base [AS name]`: the beginning of a stage.

use super::super::ast::Word;
use super::super::flags::{Flags, Takes};
use super::super::reading::{Reading, Wrong};
use super::super::words::Part;

/// What a `FROM` says.
pub(in super::super) struct From {
    pub(in super::super) base: Word,
    pub(in super::super) platform: Option<Word>,
    pub(in super::super) name: Option<String>,
}

/// Reads a `FROM`.
pub(in super::super) fn from(reading: &mut Reading) -> Result<From, Wrong> {
    let flags = Flags::of(reading, &[("platform", Takes::Text)])?;
    reading.required("image AS name")?;
    let parts = reading.spaced();
    let (base, name) = match parts.as_slice() {
        [base] => (base, None),
        [base, keyword, name] if keyword.text.eq_ignore_ascii_case("as") => {
            casing(reading, keyword);
            reading.described(&[&name.text]);
            (base, Some(stage_name(reading, name)?))
        }
        [_, second, ..] => {
            let hint = match second.text.eq_ignore_ascii_case("as") {
                true => "the name of a stage is one word",
                false => "write `FROM image` or `FROM image AS name`",
            };
            let last = parts.last().unwrap_or(second);
            let range = second.range.start..last.range.end;
            return Err(Wrong::new(&range, "FROM takes an image and perhaps `AS name`").hint(hint.to_owned()));
        }
        [] => return Err(reading.missing("image AS name")),
    };
    let platform = flags.text("platform").filter(|text| !text.is_empty()).map(Word::from);
    Ok(From { base: Word(base.text.clone()), platform, name })
}

fn stage_name(reading: &mut Reading, part: &Part) -> Result<String, Wrong> {
    let name = part.text.to_ascii_lowercase();
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(inside) {
        let hint = "it begins with a letter and has letters, digits, `-`, `_` and `.`";
        return Err(
            Wrong::new(&part.range, format!("`{}` cannot name a stage", part.text)).hint(hint.to_owned())
        );
    }
    if name != part.text {
        let wrong =
            Wrong::new(&part.range, format!("the name of the stage `{}` should be in lower case", part.text));
        reading.remark("StageNameCasing", wrong.hint(format!("write `{name}`")));
    }
    Ok(name)
}

/// `FROM … AS` or `from … as`.
fn casing(reading: &mut Reading, keyword: &Part) {
    let from = &reading.name.text;
    // One that is neither is told as such.
    if from.contains(char::is_lowercase) && from.contains(char::is_uppercase) {
        return;
    }
    let wanted = if from.contains(char::is_uppercase) { "AS" } else { "as" };
    if keyword.text != wanted {
        let message = format!("`{from}` and `{}` are not written alike", keyword.text);
        reading.remark("FromAsCasing", Wrong::new(&keyword.range, message).hint(format!("write `{wanted}`")));
    }
}
