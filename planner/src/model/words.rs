//! A command line split into words as a shell would, without running one.

/// The words of a line: blanks separate, quotes and backslashes keep. `Err` names what is open.
pub(crate) fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\\' => match chars.next() {
                Some('\n') => {}
                Some(next) => word.get_or_insert_default().push(next),
                None => return Err("a backslash at the end escapes nothing"),
            },
            '\'' => single_quoted(&mut chars, word.get_or_insert_default())?,
            '"' => double_quoted(&mut chars, word.get_or_insert_default())?,
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

fn single_quoted(chars: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), &'static str> {
    loop {
        match chars.next() {
            Some('\'') => return Ok(()),
            Some(c) => word.push(c),
            None => return Err("a single quote is not closed"),
        }
    }
}

fn double_quoted(chars: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), &'static str> {
    const OPEN: &str = "a double quote is not closed";
    loop {
        match chars.next().ok_or(OPEN)? {
            '"' => return Ok(()),
            '\\' => match chars.next().ok_or(OPEN)? {
                '\n' => {}
                c @ ('"' | '\\' | '$' | '`') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_a_shell_splits_it() {
        for (line, expected) in [
            ("", Ok(vec![])),
            ("  a  b ", Ok(vec!["a", "b"])),
            ("sh -c 'echo $A; sleep 1'", Ok(vec!["sh", "-c", "echo $A; sleep 1"])),
            (r#"a"b c"'d'"#, Ok(vec!["ab cd"])),
            (r#""a\"b\n""#, Ok(vec![r#"a"b\n"#])),
            (r"a\ b", Ok(vec!["a b"])),
            ("''", Ok(vec![""])),
            ("a && b | c", Ok(vec!["a", "&&", "b", "|", "c"])),
            ("'a", Err("a single quote is not closed")),
            ("\"a", Err("a double quote is not closed")),
            ("a\\", Err("a backslash at the end escapes nothing")),
        ] {
            let expected = expected.map(|words: Vec<&str>| words.into_iter().map(str::to_owned).collect());
            assert_eq!(split(line), expected, "{line}");
        }
    }
}
