//! YAML that is no stack file, as a plain value.

use super::tree::{Tree, Value};
use super::yaml;
use crate::diagnostic::Diagnostics;
use serde_json::Value as Json;

/// The first document of a YAML text; what is wrong with it, when it is none.
pub fn yaml_value(text: &str) -> Result<Json, String> {
    let mut diagnostics = Diagnostics::default();
    let documents = yaml::parse(0, text, &mut diagnostics);
    match documents.and_then(|documents| documents.into_iter().next()) {
        Some(document) if !diagnostics.has_errors() => Ok(json(&document)),
        _ => {
            Err(diagnostics.items.first().map_or_else(|| "it is empty".to_owned(), |one| one.message.clone()))
        }
    }
}

fn json(tree: &Tree) -> Json {
    match &tree.value {
        Value::Null | Value::Bad => Json::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(map) => {
            map.entries().iter().map(|entry| (entry.key.to_string(), json(&entry.value))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_a_value_or_a_reason() {
        let value = yaml_value("a: [1, x, true]\nb: {c: null}\n").unwrap();
        assert_eq!(value, serde_json::json!({"a": [1, "x", true], "b": {"c": null}}));
        assert!(!yaml_value("a: [").unwrap_err().is_empty());
        assert_eq!(yaml_value("").unwrap_err(), "it is empty");
    }
}
