//! Which variables files use, and what they say about each.

use super::template::{Mention, mentions};
use crate::model::Plain;
use std::collections::BTreeMap;

/// What files say about a variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variable {
    /// What stands for it when it has no value; may use variables itself. Empty: none is given.
    pub default: String,
    /// What stands in its place when it has a value; may use variables itself. Empty: it does.
    pub alternate: String,
    /// Without a value loading fails.
    pub required: bool,
}

/// The variables in the texts of files that are left as they are written. Where several places say
/// something about one, the last counts.
pub fn variables(written: &Plain) -> BTreeMap<String, Variable> {
    let mut found = BTreeMap::new();
    collect(written, &mut found);
    found
}

fn collect(value: &Plain, found: &mut BTreeMap<String, Variable>) {
    match value {
        Plain::Text(text) => mentions(text, &mut |mention| note(&mention, found)),
        Plain::List(items) => items.iter().for_each(|item| collect(item, found)),
        Plain::Map(entries) => entries.iter().for_each(|(_, value)| collect(value, found)),
        Plain::Null | Plain::Bool(_) | Plain::Int(_) | Plain::Float(_) | Plain::Date(_) => {}
    }
}

fn note(mention: &Mention<'_>, found: &mut BTreeMap<String, Variable>) {
    let argument = mention.argument.to_owned();
    let variable = match mention.operator {
        Some('-') => Variable { default: argument, ..Variable::default() },
        Some('+') => Variable { alternate: argument, ..Variable::default() },
        Some('?') => Variable { required: true, ..Variable::default() },
        _ => Variable::default(),
    };
    let known = found.entry(mention.name.to_owned()).or_default();
    if variable != Variable::default() {
        *known = variable;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<(String, Variable)> {
        variables(&Plain::List(vec![Plain::Text(text.into())])).into_iter().collect()
    }

    fn variable(default: &str, alternate: &str, required: bool) -> Variable {
        Variable { default: default.into(), alternate: alternate.into(), required }
    }

    #[test]
    fn each_form_says_what_it_says_about_its_variable() {
        for (text, expected) in [
            ("$A", variable("", "", false)),
            ("x${A}y", variable("", "", false)),
            ("${A-b}", variable("b", "", false)),
            ("${A:-{}} $A", variable("{}", "", false)),
            ("${A?m}", variable("", "", true)),
            ("${A:?}", variable("", "", true)),
            ("${A+c}", variable("", "c", false)),
        ] {
            assert_eq!(of(text), [("A".to_owned(), expected)], "{text}");
        }
    }

    #[test]
    fn variables_in_alternatives_count_and_what_is_none_does_not() {
        let found = of("${A:-${B:-c}} ${D+x$E}");
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["A", "B", "D", "E"]);
        assert_eq!(found[0].1, variable("${B:-c}", "", false));
        assert_eq!(of("$$A $1 ${} ${A/b} ${A ${B}"), []);
    }
}
