//! Commands: one line split into words, and the test of a health check.

use super::super::cast::Refused;
use super::super::check::Context;
use super::super::path::Path;
use super::super::tree::{Tree, Value};
use super::super::words::refused;
use crate::model::words;

/// A command line is split into words; no shell runs it.
pub(crate) fn command(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    let Value::Text(text) = &tree.value else { return };
    let line = match words::split(text) {
        Ok(line) => line,
        Err(message) => {
            return context.refuse(tree, path, message, "a list of words needs no quoting: [a, b]");
        }
    };
    if let Some(from) = line.ignored_from {
        let rest = &text[from..];
        let span = context.diagnostics.part(&tree.span, text, from..text.len());
        let message =
            format!("`{}` is no part of the command: no shell runs it", rest.trim_end().escape_debug());
        let hint = format!("run a shell: [sh, -c, {:?}]", text.trim());
        context.diagnostics.warning(&span, path, message).hint(hint);
    }
    tree.value = Value::List(line.words.into_iter().map(|word| Tree::text(word, &tree.span)).collect());
}

/// `curl x` means `[CMD-SHELL, curl x]`.
pub(crate) fn health_test(tree: &mut Tree, _: &Path<'_>, _: &mut Context<'_>) {
    if tree.as_text().is_some() {
        let line = Tree::new(std::mem::take(&mut tree.value), &tree.span);
        tree.value = Value::List(vec![Tree::text("CMD-SHELL", &tree.span), line]);
    }
}

/// What is wrong with a long test that is going to be run. Docker Compose only looks at the
/// first word, and at that only when it looks at all.
pub(crate) fn health_fault(test: &Tree) -> Option<Refused> {
    const HINT: &str = "begin with CMD for a program, CMD-SHELL for a shell line, NONE for no check";
    let items = test.items();
    Some(match (items.first().and_then(Tree::as_text), items.len()) {
        (Some("NONE"), 1) | (Some("CMD"), 2..) | (Some("CMD-SHELL"), 2) => return None,
        (Some("CMD-SHELL"), 3..) => refused("CMD-SHELL takes one line", "for several words use CMD"),
        (Some(word @ ("CMD" | "CMD-SHELL")), _) => {
            refused(format!("nothing follows {word}"), "say what to run")
        }
        (Some("NONE"), _) => refused("nothing may follow NONE", "write [NONE]"),
        (Some(word), _) => {
            let word = word.escape_debug();
            refused(format!("a test begins with CMD, CMD-SHELL or NONE, not `{word}`"), HINT)
        }
        (None, _) => refused("the test is empty", HINT),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{apply, long, show};
    use super::*;

    #[test]
    fn a_line_becomes_words() {
        for (written, expected) in [
            ("echo 'a b' c", "[echo, a b, c]"),
            ("[echo, a b]", "[echo, a b]"),
            ("''", "[]"),
            ("[]", "[]"),
            ("null", "null"),
        ] {
            assert_eq!(long(command, written).unwrap(), expected);
        }
        let open = "a single quote is not closed | echo 'a | a list of words needs no quoting: [a, b]";
        assert_eq!(long(command, "echo 'a").unwrap_err(), open);
    }

    #[test]
    fn what_a_shell_would_have_to_obey_is_left_out_with_a_warning() {
        let (tree, diagnostics) = apply(command, "\"migrate && serve\"");
        assert_eq!(show(&tree), "[migrate]");
        assert!(!diagnostics.has_errors());
        let warning = &diagnostics.items[0];
        assert_eq!(warning.message, "`&& serve` is no part of the command: no shell runs it");
        assert_eq!(warning.hint.as_deref(), Some("run a shell: [sh, -c, \"migrate && serve\"]"));
        assert_eq!(diagnostics.text(warning.span.as_ref().unwrap()), "&& serve");
    }

    #[test]
    fn the_line_of_a_health_check_is_for_a_shell() {
        assert_eq!(long(health_test, "curl -f x || exit 1").unwrap(), "[CMD-SHELL, curl -f x || exit 1]");
        assert_eq!(long(health_test, "[CMD, true]").unwrap(), "[CMD, true]");
    }
}
