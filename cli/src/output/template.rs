//! Templates of `--format`, in the part of Go's that people use to take one value out of many:
//! `{{.State.Status}}`, `{{json .Config.Env}}`, `{{len .Mounts}}`, `{{index .Args 0}}`.

use crate::error::Failure;
use serde_json::Value;

/// A template that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Act, Vec<String>),
}

/// What is done with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Show,
    Json,
    Length,
}

const KNOWN: &str = "write `{{.State.Status}}`, `{{json .Config}}`, `{{len .Mounts}}`, \
    `{{index .Config.Labels \"name\"}}` or `json`";

impl Template {
    /// Reads a template; `json` alone is all of it.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        if text == "json" {
            return Ok(Self { parts: vec![Part::Value(Act::Json, Vec::new())] });
        }
        let wrong = |what: &str| {
            Failure::usage(format!("the template says `{what}`, which is not understood"), KNOWN)
        };
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("{{") {
            let (action, after) = behind.split_once("}}").ok_or_else(|| wrong(behind))?;
            parts.push(Part::Text(unescaped(before)));
            let (act, path) = act(action.trim()).ok_or_else(|| wrong(action))?;
            parts.push(Part::Value(act, path));
            rest = after;
        }
        parts.push(Part::Text(unescaped(rest)));
        Ok(Self { parts })
    }

    /// What it says of a value.
    pub(crate) fn fill(&self, value: &Value) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(act, path) => show(*act, at(value, path)),
        };
        self.parts.iter().map(text).collect()
    }
}

/// Shells leave `\t` and `\n` as they are.
fn unescaped(text: &str) -> String {
    text.replace("\\t", "\t").replace("\\n", "\n")
}

fn act(text: &str) -> Option<(Act, Vec<String>)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        [path] => Some((Act::Show, fields(path)?)),
        ["json", path] => Some((Act::Json, fields(path)?)),
        ["len", path] => Some((Act::Length, fields(path)?)),
        ["index", path, keys @ ..] => {
            let keys = keys.iter().map(|key| key.trim_matches('"').to_owned());
            Some((Act::Show, fields(path)?.into_iter().chain(keys).collect()))
        }
        _ => None,
    }
}

fn fields(path: &str) -> Option<Vec<String>> {
    let fields = path.strip_prefix('.')?.split('.').filter(|field| !field.is_empty());
    let is_field = |field: &str| field.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    fields.map(|field| is_field(field).then(|| field.to_owned())).collect()
}

fn at<'a>(value: &'a Value, path: &[String]) -> &'a Value {
    path.iter().fold(value, |value, field| match value {
        Value::Array(items) => {
            field.parse::<usize>().ok().and_then(|at| items.get(at)).unwrap_or(&Value::Null)
        }
        value => value.get(field).unwrap_or(&Value::Null),
    })
}

fn show(act: Act, value: &Value) -> String {
    match act {
        Act::Json => value.to_string(),
        Act::Length => match value {
            Value::Array(items) => items.len().to_string(),
            Value::Object(fields) => fields.len().to_string(),
            Value::String(text) => text.len().to_string(),
            _ => "0".to_owned(),
        },
        Act::Show => shown(value),
    }
}

fn shown(value: &Value) -> String {
    let list = |items: Vec<String>| items.join(" ");
    match value {
        Value::Null => "<no value>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", list(items.iter().map(shown).collect())),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("{name}:{}", shown(value));
            format!("map[{}]", list(fields.iter().map(field).collect()))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filled(template: &str) -> String {
        let value = json!({
            "Name": "/web", "State": {"Pid": 7, "Running": true}, "Args": ["a", "b"],
            "Labels": {"a.b": "c"},
        });
        Template::read(template).unwrap().fill(&value)
    }

    #[test]
    fn values_are_taken_out_by_their_path() {
        for (template, expected) in [
            ("{{.State.Pid}}", "7"),
            ("{{ .Name }} is {{.State.Running}}", "/web is true"),
            ("{{json .State}}", r#"{"Pid":7,"Running":true}"#),
            ("{{.Args}} {{len .Args}} {{index .Args 1}}", "[a b] 2 b"),
            ("{{index .Labels \"a.b\"}}", "c"),
            ("{{.State}}", "map[Pid:7 Running:true]"),
            ("{{.Nothing.There}}", "<no value>"),
            ("a\\tb", "a\tb"),
        ] {
            assert_eq!(filled(template), expected, "{template}");
        }
        assert!(filled("json").starts_with("{\"Args\""));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for template in ["{{range .Args}}x{{end}}", "{{.Name", "{{Name}}", "{{}}", "{{.A|b}}"] {
            assert!(Template::read(template).is_err(), "{template}");
        }
    }
}
