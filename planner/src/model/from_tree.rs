//! The canonical tree as a source for serde, so that the types of the model say what is read.
//!
//! Types were checked before. What was wrong and reported there takes its default here: in a
//! struct and in a list it is as if it were not written, in a mapping by names the name stays.
//! Two fields are not keys of the file: `span` gets the place of the struct, `extensions` the
//! `x-…` keys of its mapping.

use crate::diagnostic::Span;
use crate::source::cast::loose;
use crate::source::scalar::is_date;
use crate::source::tree::{Entry, Tree, Value};
use serde::de::value::{MapDeserializer, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use std::fmt;

/// A value that does not fit its type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Misfit {
    /// Where it stands.
    pub(crate) span: Option<Span>,
    /// What is wrong with it.
    pub(crate) message: String,
}

/// Reads a tree; `place` is where a struct that it becomes stands.
pub(crate) fn read<T: DeserializeOwned>(tree: &Tree, place: &Span) -> Result<T, Misfit> {
    T::deserialize(Node { tree, place })
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Misfit {}

impl serde::de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { span: None, message: message.to_string() }
    }
}

impl Misfit {
    /// The innermost place is the one to tell.
    fn at(mut self, span: &Span) -> Self {
        self.span.get_or_insert_with(|| span.clone());
        self
    }
}

#[derive(Clone, Copy)]
struct Node<'a> {
    tree: &'a Tree,
    place: &'a Span,
}

impl<'a> Node<'a> {
    fn of(tree: &'a Tree) -> Self {
        Self { tree, place: &tree.span }
    }

    fn nothing(self) -> bool {
        matches!(self.tree.value, Value::Null | Value::Bad)
    }

    fn list(self) -> Items<'a> {
        Items(self.tree.items().iter())
    }

    fn named(self) -> Names<'a> {
        Names { entries: self.tree.entries().iter(), only: |_| true, value: None }
    }
}

/// A scalar of the tree for a number or truth value; nothing is zero.
macro_rules! scalar {
    ($($name:ident => $visit:ident($zero:expr),)*) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            if self.nothing() { visitor.$visit($zero) } else { self.deserialize_any(visitor) }
        }
    )*};
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let read = match &self.tree.value {
            Value::Null | Value::Bad => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(*truth),
            Value::Int(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Text(text) if self.tree.short && is_date(text) => {
                visitor.visit_newtype_struct(StrDeserializer::new(text))
            }
            Value::Text(text) => visitor.visit_str(text),
            Value::List(_) => visitor.visit_seq(self.list()),
            Value::Map(_) => visitor.visit_map(self.named()),
        };
        read.map_err(|misfit| misfit.at(&self.tree.span))
    }

    scalar! {
        deserialize_bool => visit_bool(false),
        deserialize_i8 => visit_i64(0), deserialize_i16 => visit_i64(0),
        deserialize_i32 => visit_i64(0), deserialize_i64 => visit_i64(0),
        deserialize_u8 => visit_i64(0), deserialize_u16 => visit_i64(0),
        deserialize_u32 => visit_i64(0), deserialize_u64 => visit_i64(0),
        deserialize_f32 => visit_f64(0.0), deserialize_f64 => visit_f64(0.0),
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.tree.value {
            Value::List(_) | Value::Map(_) => self.deserialize_any(visitor),
            scalar => visitor.visit_str(&loose(scalar)).map_err(|misfit: Misfit| misfit.at(&self.tree.span)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.nothing() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.nothing() { visitor.visit_seq(self.list()) } else { self.deserialize_any(visitor) }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.nothing() { visitor.visit_map(self.named()) } else { self.deserialize_any(visitor) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if !self.nothing() && self.tree.as_map().is_none() {
            return self.deserialize_any(visitor);
        }
        visitor.visit_map(Fields::new(self, fields)).map_err(|misfit| misfit.at(&self.tree.span))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let Some(word) = self.tree.as_text() else { return self.deserialize_any(visitor) };
        let word: StrDeserializer<'_, Misfit> = word.into_deserializer();
        visitor.visit_enum(word).map_err(|misfit| misfit.at(&self.tree.span))
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// The items of a list.
struct Items<'a>(std::slice::Iter<'a, Tree>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        let item = self.0.find(|item| !item.is_bad());
        item.map(|item| seed.deserialize(Node::of(item))).transpose()
    }
}

/// The entries of a mapping by names, or those of them that are wanted.
struct Names<'a> {
    entries: std::slice::Iter<'a, Entry>,
    only: fn(&Entry) -> bool,
    value: Option<&'a Entry>,
}

impl<'de> MapAccess<'de> for Names<'_> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        let only = self.only;
        self.value = self.entries.find(|entry| only(entry));
        self.value.map(|entry| seed.deserialize(entry.key.as_str().into_deserializer())).transpose()
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Misfit> {
        let entry = self.value.take().ok_or_else(|| Misfit::custom("a value without a key"))?;
        seed.deserialize(Node { tree: &entry.value, place: &entry.key_span })
    }
}

const SPAN: &str = "span";
const EXTENSIONS: &str = "extensions";

fn is_extension(entry: &Entry) -> bool {
    entry.key.starts_with("x-")
}

/// The fields of a struct: the two that are made here, then the keys of the mapping.
struct Fields<'a> {
    node: Node<'a>,
    made: Vec<&'static str>,
    /// What the struct calls its fields.
    fields: &'static [&'static str],
    entries: std::slice::Iter<'a, Entry>,
    next: Field<'a>,
}

#[derive(Clone, Copy)]
enum Field<'a> {
    Made(&'static str),
    Key(&'a Entry),
}

impl<'a> Fields<'a> {
    fn new(node: Node<'a>, fields: &'static [&'static str]) -> Self {
        let made = [SPAN, EXTENSIONS].into_iter().filter(|name| fields.contains(name)).collect();
        Self { node, made, fields, entries: node.tree.entries().iter(), next: Field::Made(SPAN) }
    }

    fn next_field(&mut self) -> Option<Field<'a>> {
        let key = |entry: &&Entry| {
            !entry.value.is_bad()
                // One that is a field, too, is printed with the others.
                && (!is_extension(entry) || self.fields.contains(&entry.key.as_str()))
                && ![SPAN, EXTENSIONS].contains(&entry.key.as_str())
        };
        self.made.pop().map(Field::Made).or_else(|| self.entries.find(key).map(Field::Key))
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        let Some(field) = self.next_field() else { return Ok(None) };
        self.next = field;
        let name = match field {
            Field::Made(name) => name,
            Field::Key(entry) => entry.key.as_str(),
        };
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Misfit> {
        match self.next {
            Field::Made(SPAN) => {
                let Span { file, start, end, line, column } = *self.node.place;
                let parts =
                    [("file", file), ("start", start), ("end", end), ("line", line), ("column", column)];
                seed.deserialize(MapDeserializer::new(parts.into_iter()))
            }
            Field::Made(_) => {
                let names =
                    Names { entries: self.node.tree.entries().iter(), only: is_extension, value: None };
                seed.deserialize(serde::de::value::MapAccessDeserializer::new(names))
            }
            Field::Key(entry) => seed.deserialize(Node { tree: &entry.value, place: &entry.key_span }),
        }
    }
}
