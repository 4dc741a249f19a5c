//! The comments above everything else that say how the file is to be read.

use super::ast::{Check, Directives};
use super::text::{Text, without_end};
use planner::diagnostic::Span;
use planner::{Diagnostics, source};

const NAMES: &[&str] = &["syntax", "escape", "check"];
/// Front ends whose language this is.
const FRONT_ENDS: &[&str] = &["docker/dockerfile", "docker/dockerfile-upstream"];

/// Reads them, and says how many lines they are. The first line that is none ends them, be it an
/// empty one.
pub(super) fn read(text: &Text, diagnostics: &mut Diagnostics) -> (Directives, usize) {
    let mut directives = Directives::default();
    let mut seen = Vec::new();
    let first = usize::from(text.len() > 0 && text.line(0).starts_with("#!"));
    let mut line = first;
    while line < text.len() {
        let Some((name, value)) = split(text.line(line)) else { break };
        let span = value_span(text, line, value);
        if seen.contains(&name) {
            diagnostics.error(&span, "", format!("`# {name}=` is there twice")).hint("keep one of them");
        } else {
            set(&mut directives, &name, value, (&span, diagnostics));
        }
        seen.push(name);
        line += 1;
    }
    (directives, line)
}

/// `# name = value` with a name that means something.
fn split(line: &str) -> Option<(String, &str)> {
    let (name, value) = without_end(line).trim_start().strip_prefix('#')?.split_once('=')?;
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    (NAMES.contains(&name.as_str()) && !value.is_empty()).then_some((name, value))
}

fn value_span(text: &Text, line: usize, value: &str) -> Span {
    let bytes = text.bytes(line);
    let whole = text.line(line);
    let at = bytes.end - whole.len() + whole.rfind(value).unwrap_or(0);
    text.span(at..at + value.len())
}

fn set(directives: &mut Directives, name: &str, value: &str, told: (&Span, &mut Diagnostics)) {
    let (span, diagnostics) = told;
    match name {
        "escape" => match value {
            "\\" | "`" => directives.escape = if value == "`" { '`' } else { '\\' },
            _ => {
                let message = format!("the escape cannot be `{value}`");
                diagnostics.error(span, "", message).hint("it is a backslash or a backtick");
            }
        },
        "syntax" => {
            let image = value.split(' ').next().unwrap_or_default();
            directives.syntax = Some(image.to_owned());
            if !is_dockerfile(image) {
                let message = format!("the front end `{image}` is not used");
                let hint =
                    "the file is read as a Dockerfile; where it is written in another language, that fails";
                diagnostics.warning(span, "", message).hint(hint);
            }
        }
        _ => match check(value) {
            Ok(check) => directives.check = check,
            Err(message) => {
                diagnostics.error(span, "", message).hint("write `# check=skip=NAME,NAME;error=true`");
            }
        },
    }
}

/// Whether it is the usual front end, from whatever registry.
fn is_dockerfile(image: &str) -> bool {
    let name = image.split('@').next().unwrap_or_default();
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    FRONT_ENDS.iter().any(|own| name.strip_suffix(own).is_some_and(|at| at.is_empty() || at.ends_with('/')))
}

/// `skip=NAME,…;error=true`, as it also stands in comments above one instruction.
pub(super) fn check(text: &str) -> Result<Check, String> {
    let mut check = Check::default();
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let Some((key, value)) = part.split_once('=') else {
            return Err(format!("`{part}` has no value"));
        };
        let value = value.trim();
        match key.trim() {
            "skip" if value == "all" => check.skip_all = true,
            "skip" => check.skip = names(value),
            "experimental" if value == "all" => check.experimental_all = true,
            "experimental" => check.experimental = names(value),
            "error" => match source::truth(value) {
                Some(error) => check.error = error,
                None => return Err(format!("`error` is true or false, not `{value}`")),
            },
            other => return Err(format!("`check` has no `{other}`")),
        }
    }
    Ok(check)
}

fn names(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> (Directives, usize, Vec<String>) {
        let mut diagnostics = Diagnostics::default();
        let (directives, lines) = read(&Text::new(text), &mut diagnostics);
        (directives, lines, diagnostics.items.into_iter().map(|item| item.message).collect())
    }

    #[test]
    fn directives_stand_above_everything_else() {
        for (text, syntax, escape, lines) in [
            ("# syntax=docker/dockerfile:1\n# escape=`\nFROM a", Some("docker/dockerfile:1"), '`', 2),
            (
                "#syntax = docker.io/docker/dockerfile:1.7@sha256:ab rest\r\n",
                Some("docker.io/docker/dockerfile:1.7@sha256:ab"),
                '\\',
                1,
            ),
            ("# ESCAPE=`\n", None, '`', 1),
            ("\u{feff}# escape=`\n", None, '`', 1),
            ("#!/usr/bin/env sampan\n# escape=`\n", None, '`', 2),
            ("# a comment\n# escape=`\n", None, '\\', 0),
            ("\n# escape=`\n", None, '\\', 0),
            ("# unknown=x\n# escape=`\n", None, '\\', 0),
            ("FROM a\n# escape=`\n", None, '\\', 0),
        ] {
            let (directives, read, messages) = read_all(text);
            assert_eq!(
                (directives.syntax.as_deref(), directives.escape, read),
                (syntax, escape, lines),
                "{text:?}"
            );
            assert!(messages.is_empty(), "{messages:?}");
        }
    }

    #[test]
    fn checks_are_chosen_by_name() {
        let (directives, ..) = read_all("# check=skip=A, B;error=true\n");
        let expected = Check { skip: vec!["A".into(), "B".into()], error: true, ..Check::default() };
        assert_eq!(directives.check, expected);
        assert!(read_all("# check=skip=all\n").0.check.skip_all);
        let check = read_all("# check=experimental=A;skip=B\n").0.check;
        assert_eq!((check.experimental, check.skip), (vec!["A".to_owned()], vec!["B".to_owned()]));
        assert!(read_all("# check=experimental=all\n").0.check.experimental_all);
    }

    #[test]
    fn wrong_directives_are_told() {
        for (text, expected) in [
            ("# escape=x", "the escape cannot be `x`"),
            ("# escape=`\n# escape=`", "`# escape=` is there twice"),
            ("# syntax=me/mine", "the front end `me/mine` is not used"),
            ("# check=skip", "`skip` has no value"),
            ("# check=error=maybe", "`error` is true or false, not `maybe`"),
            ("# check=skpi=A", "`check` has no `skpi`"),
        ] {
            assert_eq!(read_all(text).2, [expected], "{text}");
        }
    }

    #[test]
    fn the_front_end_may_come_from_a_mirror() {
        for (image, expected) in [
            ("docker/dockerfile", true),
            ("localhost:5000/docker/dockerfile:1", true),
            ("docker/dockerfile-upstream:master", true),
            ("mydocker/dockerfile", false),
            ("docker/dockerfile-not", false),
        ] {
            assert_eq!(is_dockerfile(image), expected, "{image}");
        }
    }
}
