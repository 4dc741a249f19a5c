//! Holds JSON against a JSON schema: as much of schemas as those of this repository use.

use regex_lite::Regex;
use serde_json::{Map, Value, json};
use std::cmp::Reverse;

/// What a schema may say besides what it demands.
const REMARKS: [&str; 5] = ["$schema", "$defs", "title", "description", "x-sampan-support"];

/// The places that do not fit, as `/services/web/ports/0`; none when all is well.
///
/// # Panics
/// When the schema demands something that nobody checks here.
#[must_use]
pub fn misfits(value: &Value, schema: &Value) -> Vec<String> {
    Check { root: schema }.node(value, schema, "")
}

struct Check<'a> {
    root: &'a Value,
}

impl Check<'_> {
    fn node(&self, value: &Value, schema: &Value, at: &str) -> Vec<String> {
        let all = schema.as_object().expect("a schema is an object");
        let demands = all.iter().filter(|(key, _)| !REMARKS.contains(&key.as_str()));
        let faults = demands.flat_map(|(key, demand)| self.demand(value, (key, demand), all, at));
        let mut faults: Vec<String> = faults.collect();
        faults.sort();
        faults.dedup();
        faults
    }

    fn demand(
        &self,
        value: &Value,
        (key, demand): (&str, &Value),
        schema: &Map<String, Value>,
        at: &str,
    ) -> Vec<String> {
        let below =
            |key: &str, value: &Value, schema: &Value| self.node(value, schema, &format!("{at}/{key}"));
        let fits = match (key, value) {
            ("anyOf", _) => return self.any_of(value, demand, at),
            ("$ref", _) => {
                let pointer = demand.as_str().expect("a reference").trim_start_matches('#');
                return self.node(value, self.root.pointer(pointer).expect("what is referred to"), at);
            }
            ("items", Value::Array(items)) => {
                let items = items.iter().enumerate();
                return items.flat_map(|(index, item)| below(&index.to_string(), item, demand)).collect();
            }
            ("properties" | "patternProperties" | "additionalProperties", Value::Object(map)) => {
                let entries = map.iter().filter(|(name, _)| ruled_by(name, key, schema));
                return entries
                    .flat_map(|(name, value)| match key {
                        "additionalProperties" if *demand == json!(false) => vec![format!("{at}/{name}")],
                        "additionalProperties" => below(name, value, demand),
                        "properties" => below(name, value, &demand[name]),
                        _ => below(name, value, pattern_of(name, demand).expect("ruled by a pattern")),
                    })
                    .collect();
            }
            ("items" | "properties" | "patternProperties" | "additionalProperties", _) => true,
            ("const", _) => value == demand,
            ("enum", _) => demand.as_array().expect("a list").contains(value),
            ("type", _) => match demand {
                Value::Array(nouns) => nouns.iter().any(|noun| is(value, noun)),
                noun => is(value, noun),
            },
            ("minimum", _) => {
                value.as_f64().is_none_or(|number| number >= demand.as_f64().expect("a number"))
            }
            ("maximum", _) => {
                value.as_f64().is_none_or(|number| number <= demand.as_f64().expect("a number"))
            }
            ("pattern", _) => value.as_str().is_none_or(|text| matches(demand, text)),
            ("uniqueItems", _) => value.as_array().is_none_or(|items| is_set(items)),
            ("required", _) => value.as_object().is_none_or(|map| {
                let mut names = demand.as_array().expect("a list").iter();
                names.all(|name| map.contains_key(name.as_str().expect("a name")))
            }),
            _ => panic!("`{key}` of a schema is not checked"),
        };
        if fits { Vec::new() } else { vec![at.to_owned()] }
    }

    /// Of several sets of mistakes the smallest one of the deepest says most.
    fn any_of(&self, value: &Value, schemas: &Value, at: &str) -> Vec<String> {
        let schemas = schemas.as_array().expect("a list").iter();
        let faults = schemas.map(|schema| self.node(value, schema, at));
        let depth = |faults: &Vec<String>| faults.first().map_or(usize::MAX, String::len);
        faults.max_by_key(|faults| (depth(faults), Reverse(faults.len()))).expect("one schema at least")
    }
}

/// Whether `key` of a schema is what rules over an entry of this name.
fn ruled_by(name: &str, key: &str, schema: &Map<String, Value>) -> bool {
    let known = schema.get("properties").is_some_and(|known| !known[name].is_null());
    let like = schema.get("patternProperties").is_some_and(|patterns| pattern_of(name, patterns).is_some());
    match key {
        "properties" => known,
        "patternProperties" => like,
        _ => !known && !like,
    }
}

fn pattern_of<'a>(name: &str, patterns: &'a Value) -> Option<&'a Value> {
    let mut patterns = patterns.as_object()?.iter();
    patterns.find_map(|(pattern, schema)| matches(&json!(pattern), name).then_some(schema))
}

fn matches(pattern: &Value, text: &str) -> bool {
    Regex::new(pattern.as_str().expect("a text")).expect("a regular expression").is_match(text)
}

fn is_set(items: &[Value]) -> bool {
    items.iter().enumerate().all(|(index, item)| !items[..index].contains(item))
}

fn is(value: &Value, noun: &Value) -> bool {
    match noun.as_str().expect("a type") {
        "string" => value.is_string(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("`{other}` is no type of JSON schema"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_named_by_its_place() {
        let schema = json!({
            "type": "object",
            "properties": {
                "a": {"anyOf": [{"type": "string", "pattern": "^x"}, {"type": "array", "items": {"$ref": "#/$defs/small"}}]},
                "b": {"enum": [1, null]},
            },
            "patternProperties": {"^x-": {}},
            "additionalProperties": false,
            "required": ["a"],
            "$defs": {"small": {"type": "integer", "minimum": 0, "maximum": 9}},
        });
        for (value, places) in [
            (json!({"a": "xy", "b": null, "x-mine": []}), &[][..]),
            (json!({"a": [0, 9]}), &[]),
            (json!({"a": [0, 10, -1]}), &["/a/1", "/a/2"]),
            (json!({"a": "y"}), &["/a"]),
            (json!({"a": "x", "b": 2, "c": 3}), &["/b", "/c"]),
            (json!({}), &[""]),
            (json!([]), &[""]),
        ] {
            assert_eq!(misfits(&value, &schema), places, "{value}");
        }
    }
}
