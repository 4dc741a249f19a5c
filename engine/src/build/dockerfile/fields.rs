//! The values of flags: `key=value,"key=a,b"` lists, and words that were meant.

use planner::source::did_you_mean;

/// Divides at commas. A field in double quotes may have commas in it; `""` there is one quote.
pub(super) fn split(text: &str) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (field, after) = match text.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => {
                let end = text.find(',').unwrap_or(text.len());
                (text[..end].to_owned(), &text[end..])
            }
        };
        fields.push(field);
        rest = after.strip_prefix(',');
        if rest.is_none() && !after.is_empty() {
            return Err("behind a closing `\"` there must be a comma".to_owned());
        }
    }
    Ok(fields)
}

/// Up to the closing quote, and what follows.
fn quoted_field(text: &str) -> Result<(String, &str), String> {
    let mut field = String::new();
    let mut rest = text;
    while let Some(end) = rest.find('"') {
        field.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return Ok((field, rest)),
        }
    }
    Err("the closing `\"` is missing".to_owned())
}

/// "Did you mean".
pub(super) fn hint(word: &str, words: &[&str]) -> Option<String> {
    did_you_mean(word, words.iter().copied())
}

/// `a`, `b` or `c`.
pub(super) fn one_of(words: &[&str]) -> String {
    list(words, "or")
}

/// `a`, `b` and `c`.
pub(super) fn all_of(words: &[&str]) -> String {
    list(words, "and")
}

fn list(words: &[&str], last_word: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} {last_word} {last}", first.join(", ")),
        _ => quoted.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_divided_at_commas_that_are_not_quoted() {
        for (text, expected) in [
            ("a", vec!["a"]),
            ("a,b=c", vec!["a", "b=c"]),
            ("\"a,b\",c", vec!["a,b", "c"]),
            ("\"a\"\"b\"", vec!["a\"b"]),
            ("a,", vec!["a", ""]),
        ] {
            assert_eq!(split(text).unwrap(), expected, "{text}");
        }
        assert!(split("\"a").is_err());
        assert!(split("\"a\"b").is_err());
    }

    #[test]
    fn choices_read_as_a_sentence() {
        assert_eq!(one_of(&["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(all_of(&["a", "b"]), "`a` and `b`");
        assert_eq!(one_of(&["a"]), "`a`");
    }
}
