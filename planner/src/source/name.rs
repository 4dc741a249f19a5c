//! The stack's name: `-p`, `COMPOSE_PROJECT_NAME`, top-level `name`, the directory.

use super::environment::Environment;
use super::interpolate::Interpolation;
use super::path::Path;
use super::tree::Tree;
use crate::diagnostic::Diagnostics;
use crate::load::LoadOptions;

/// Host, link and folder names are made of it.
const LONGEST: usize = 63;
const RULE: &str = "a name has lower-case letters, digits, `-` and `_`, and starts with a letter or digit";

/// Chooses the name. What was typed must be a name already; what a file or folder says is made one.
pub(crate) fn choose(
    options: &LoadOptions,
    documents: &[Tree],
    environment: &Environment<'_>,
    diagnostics: &mut Diagnostics,
) -> String {
    let typed = options.name.clone().filter(|name| !name.is_empty()).map(|name| (name, "stack name"));
    let variable = || environment.get("COMPOSE_PROJECT_NAME").filter(|name| !name.is_empty());
    if let Some((name, what)) = typed.or_else(|| Some((variable()?, "COMPOSE_PROJECT_NAME"))) {
        if normalise(&name) != name {
            let message = format!("{what} `{}` is not valid", name.escape_debug());
            diagnostics.error_anywhere(message).hint(RULE);
        }
        return name;
    }
    let written = documents.iter().rev().find_map(|document| {
        document.get("name").filter(|name| name.as_text().is_some_and(|name| !name.is_empty()))
    });
    if let Some(node) = written {
        // Problems of the text are reported when the whole document is interpolated.
        let mut node = node.clone();
        let span = node.span.clone();
        if !options.skip.interpolation {
            Interpolation::quiet(environment).walk(&mut node, &Path::TOP, &mut Diagnostics::default());
        }
        let name = node.as_text().map(normalise).unwrap_or_default();
        if node.as_text().is_some() && name.is_empty() {
            let message = "no stack name can be made of this".to_owned();
            diagnostics.error(&span, "name", message).hint(RULE);
        }
        return name;
    }
    let name = normalise(options.directory.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
    if name.is_empty() {
        let message = format!("no stack name can be made of the directory `{}`", options.directory);
        diagnostics.error_anywhere(message).hint("give one with -p or with `name:` in the file");
    }
    name
}

/// Refuses a name with which the engine could make nothing.
pub(crate) fn refuse_long(name: &str, refusals: &mut Diagnostics) {
    if name.len() > LONGEST {
        let message = format!("the name of the stack, `{name}`, is too long");
        refusals.error_anywhere(message).hint("give a shorter one with -p or with `name:` in the file");
    }
}

/// Lower case, without what a name may not have.
fn normalise(text: &str) -> String {
    let lower = text.to_lowercase();
    let kept: String = lower
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
        .collect();
    kept.trim_start_matches(['-', '_']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_a_name_but_none_for_the_engine() {
        let mut refusals = Diagnostics::default();
        refuse_long(&"a".repeat(63), &mut refusals);
        assert!(refusals.items.is_empty());
        refuse_long(&"a".repeat(64), &mut refusals);
        assert!(refusals.has_errors());
    }

    #[test]
    fn names_are_normalised_as_compose_does() {
        for (text, expected) in
            [("My_Proj.X", "my_projx"), ("--a", "a"), ("..", ""), ("shop", "shop"), ("Ä1", "1")]
        {
            assert_eq!(normalise(text), expected);
        }
    }
}
