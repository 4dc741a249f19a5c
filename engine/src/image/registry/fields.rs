//! A JSON object of somebody else's: its fields keep their order, and values that we do not
//! know stay as they are written.

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::ser::PrettyFormatter;
use serde_json::value::{RawValue, to_raw_value};
use std::fmt;

/// The fields.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// The value of a field, when there is one of this kind.
    pub(super) fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        serde_json::from_str(value.get()).ok()
    }

    /// Gives a field a value; a new one comes last.
    pub(super) fn set(&mut self, name: &str, value: &impl Serialize) -> serde_json::Result<()> {
        let value = to_raw_value(value)?;
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
        Ok(())
    }

    /// Takes a field away.
    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| key != name);
    }

    /// The names of the fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    /// All of it as docker writes it: a field a line, with tabs.
    pub(super) fn text(&self) -> serde_json::Result<String> {
        let mut bytes = Vec::new();
        let format = PrettyFormatter::with_indent(b"\t");
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, format))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned() + "\n")
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            // Objects inside are written in the same way.
            match serde_json::from_str::<Self>(value.get()) {
                Ok(object) => map.serialize_entry(key, &object)?,
                Err(_) => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_touched_keeps_its_place_and_its_text() {
        let json = r#"{"z": {"y": 1.50, "x": [1,  2]}, "b": true, "a": null}"#;
        let mut fields: Fields = serde_json::from_str(json).unwrap();
        fields.set("b", &"new").unwrap();
        fields.set("c", &serde_json::json!({})).unwrap();
        fields.remove("a");
        let text =
            "{\n\t\"z\": {\n\t\t\"y\": 1.50,\n\t\t\"x\": [1,  2]\n\t},\n\t\"b\": \"new\",\n\t\"c\": {}\n}\n";
        assert_eq!(fields.text().unwrap(), text);
        assert_eq!(fields.get::<String>("b").as_deref(), Some("new"));
        assert_eq!(fields.get::<bool>("b"), None);
        assert_eq!(fields.names().collect::<Vec<_>>(), ["z", "b", "c"]);
    }
}
