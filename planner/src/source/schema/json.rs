//! The table as a JSON schema, for editors: what may be written, before short forms are made long.

use super::{Also, Form, Key, Shape, Support, TOP, like};
use crate::source::cast::Kind;
use serde_json::{Map, Value, json};

/// Where extensions may stand.
const EXTENSION: &str = "^x-";

/// The JSON schema (2020-12) of a stack file, as text.
pub fn stack_schema() -> String {
    let mut schema = shape(&TOP);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Stack file of sampan");
    format!("{schema:#}\n")
}

fn shape(shape: &Shape) -> Value {
    match shape {
        Shape::Any => json!({}),
        Shape::One(kind) => value(kind),
        Shape::List(item) => json!({"type": "array", "items": self::shape(item)}),
        Shape::Set(item) => json!({"type": "array", "items": self::shape(item), "uniqueItems": true}),
        Shape::Map(entry) => json!({"type": "object", "additionalProperties": self::shape(entry)}),
        Shape::Named(entry) => json!({
            "type": "object",
            "patternProperties": {like::NAME: self::shape(entry)},
            "additionalProperties": false,
        }),
        Shape::Object(keys) => object(keys, json!({EXTENSION: {}})),
        Shape::Closed(keys) => object(keys, json!({})),
        Shape::OneOr(kind, long) => any([value(kind), self::shape(long)]),
        Shape::Nullable(inner) => any([self::shape(inner), json!({"type": "null"})]),
        Shape::Short(form, long) => short(*form, long),
    }
}

fn any(of: impl IntoIterator<Item = Value>) -> Value {
    json!({"anyOf": of.into_iter().collect::<Vec<_>>()})
}

fn object(keys: &[Key], extensions: Value) -> Value {
    let properties: Map<String, Value> =
        keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "patternProperties": extensions,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// A key: its shape, what it is about, and what the engine does with it.
fn property(key: &Key) -> Value {
    let mut schema = shape(key.shape);
    let (support, more) = match key.support {
        Support::Enforced | Support::Checked(_) | Support::CheckedWhole(_) => ("enforced", String::new()),
        Support::PassedOn(why) => ("passed on", format!(" Without effect: {why}.")),
        Support::Refused("") => ("refused", " Not supported yet.".to_owned()),
        Support::Refused(hint) => ("refused", format!(" Not supported yet: {hint}.")),
    };
    schema["description"] = json!(format!("{}{more}", key.about));
    schema["x-sampan-support"] = json!(support);
    schema
}

/// A long form and what may stand in its place.
fn short(form: Form, long: &Shape) -> Value {
    let text = || json!({"type": "string"});
    let texts = || json!({"type": "array", "items": text()});
    let of = |item: Value| json!({"type": "array", "items": item});
    let schema = shape(long);
    let also = match form.also {
        Also::Nothing => return schema,
        Also::Text | Also::TextOver => vec![text()],
        Also::Like(pattern) => vec![text_like(pattern)],
        Also::Word(word) => vec![json!({"enum": [word]})],
        Also::Truth => vec![json!({"type": "boolean"})],
        Also::Texts => vec![texts()],
        Also::Names => vec![json!({"type": "array", "items": text_like(like::NAME), "uniqueItems": true})],
        Also::TextOrTexts => vec![text(), of(any([text(), schema["items"].clone()]))],
        Also::Ports => vec![of(any([published(), schema["items"].clone()]))],
        Also::Hosts => vec![json!({"type": "object", "additionalProperties": any([text(), texts()])})],
        Also::Pairs => vec![texts(), empty(&schema)],
        Also::Empty => vec![empty(&schema)],
        Also::Single => {
            let values = any([schema["additionalProperties"]["items"].clone()]);
            vec![
                json!({"type": "object", "additionalProperties": any([values, schema["additionalProperties"].clone()])}),
            ]
        }
    };
    any(also.into_iter().chain([schema]))
}

/// The same mapping with values that may be empty.
fn empty(schema: &Value) -> Value {
    let values = any([schema["additionalProperties"].clone(), json!({"type": "null"})]);
    json!({"type": "object", "additionalProperties": values})
}

/// A text of this look, or with a variable in it.
fn text_like(pattern: &str) -> Value {
    json!({"type": "string", "pattern": or_variable(pattern)})
}

fn or_variable(pattern: &str) -> String {
    format!(r"\$|{pattern}")
}

/// The short form of a published port.
fn published() -> Value {
    any([range("integer", (1, 0), (65_535, 0)), text_like(like::PUBLISHED)])
}

/// A single value. Where it can come from a variable, a text is possible.
fn value(kind: &Kind) -> Value {
    let also = |schema: Value, pattern: &str| any([schema, text_like(pattern)]);
    let number = || json!({"type": "number"});
    match *kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Like(pattern) => text_like(pattern),
        Kind::Parsed(_, pattern) => text_like(pattern),
        Kind::TextBytes => text_like(like::SIZE),
        Kind::Duration => text_like(like::DURATION),
        Kind::Loose => json!({"type": ["string", "number", "boolean"]}),
        Kind::TextOrNumber => json!({"type": ["string", "number"]}),
        Kind::Bytes => also(number(), like::SIZE),
        Kind::BytesOrUnlimited => also(number(), like::SIZE_OR_UNLIMITED),
        Kind::Cores => also(number(), like::NUMBER),
        Kind::TextOrInt => json!({"type": ["string", "integer"]}),
        Kind::Mode => also(json!({"type": "integer"}), like::MODE),
        Kind::Count => also(json!({"type": "integer"}), like::COUNT),
        Kind::Bool => also(json!({"type": "boolean"}), like::BOOL),
        Kind::Truth => json!({"type": "boolean"}),
        Kind::Int(least, most) => also(range("integer", (least, i64::MIN), (most, i64::MAX)), like::INT),
        Kind::PlainInt(least, most) => range("integer", (least, i64::MIN), (most, i64::MAX)),
        Kind::Cut(least, most) => also(range("number", (least, i64::MIN), (most, i64::MAX)), like::INT),
        Kind::PlainCut(least, most) | Kind::LateCut(least, most) => {
            range("number", (least, i64::MIN), (most, i64::MAX))
        }
        Kind::Number(least, most) => also(range("number", (least, f64::MIN), (most, f64::MAX)), like::NUMBER),
        Kind::Percent => also(range("integer", (0, i64::MIN), (100, i64::MAX)), like::NUMBER),
        Kind::WholeBytes(least) => {
            also(range("integer", (least, i64::MIN), (i64::MAX, i64::MAX)), like::SIZE)
        }
        Kind::Word(words) => any([json!({"enum": words}), json!({"type": "string", "pattern": r"\$"})]),
    }
}

/// A number between two, each beside what stands for no bound.
fn range<T: PartialEq + Into<Value>>(noun: &str, least: (T, T), most: (T, T)) -> Value {
    let mut schema = json!({"type": noun});
    if least.0 != least.1 {
        schema["minimum"] = least.0.into();
    }
    if most.0 != most.1 {
        schema["maximum"] = most.0.into();
    }
    schema
}

#[cfg(test)]
mod tests;
