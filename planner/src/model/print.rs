//! The model as Docker Compose prints it: canonical YAML and canonical JSON.
//!
//! One serializer makes both, by the rules of Compose: in a struct what is empty, zero or false
//! is left out, unless the type says that it may be absent (`Option`): then it is printed when
//! it is there. The order is that of the fields. Where the two forms differ, or a key has a rule
//! of its own, [`RULES`] says so. Beyond that: nested `x-…` keys are in YAML only; a struct that
//! cannot be absent is printed in JSON even when it is empty; mappings by names are sorted, in
//! YAML with numbers in names by their value.

use super::order::natural;
use super::plain::DATE;
use super::plain::Name;
use super::{Plain, Time, hosts};
use serde::ser::{
    Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, Serializer,
};
use std::fmt;

/// In which form the model is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As `config` prints it.
    Yaml,
    /// As `config --format json` prints it.
    Json,
}

/// What is particular about one key.
#[derive(Clone, Copy)]
enum Rule {
    /// Printed even when it is empty.
    Always,
    /// So in one form only.
    AlwaysIn(Form),
    /// Printed in one form only.
    OnlyIn(Form),
    /// Known, but dropped by Compose.
    Never,
    /// Left out when this other key is there.
    Without(&'static str),
    /// Printed even when it is empty; in JSON under this name.
    AlwaysAs(&'static str),
}

/// Fields of one struct that have a rule of their own.
type Rules = &'static [(&'static str, Rule)];

/// The structs with such fields.
const RULES: &[(&str, Rules)] = &[
    ("Stack", &[("services", Rule::Always), ("models", Rule::OnlyIn(Form::Yaml))]),
    (
        "Service",
        &[
            ("command", Rule::AlwaysIn(Form::Json)),
            ("entrypoint", Rule::AlwaysIn(Form::Json)),
            ("pull_refresh_after", Rule::Never),
        ],
    ),
    ("Hook", &[("command", Rule::AlwaysIn(Form::Json))]),
    ("Dependency", &[("required", Rule::Always)]),
    ("EnvFile", &[("required", Rule::Always), ("format", Rule::OnlyIn(Form::Json))]),
    ("Watch", &[("path", Rule::Always), ("action", Rule::Always)]),
    ("DiscreteResource", &[("kind", Rule::Always), ("value", Rule::Always)]),
    ("WeightDevice", &[("path", Rule::AlwaysAs("Path")), ("weight", Rule::AlwaysAs("Weight"))]),
    ("ThrottleDevice", &[("path", Rule::AlwaysAs("Path")), ("rate", Rule::AlwaysAs("Rate"))]),
    ("Ulimit", &[("soft", Rule::AlwaysIn(Form::Yaml)), ("hard", Rule::AlwaysIn(Form::Yaml))]),
    ("Ipam", &[("options", Rule::Never)]),
    ("Config", &[("content", Rule::Without("environment"))]),
    ("Secret", &[("content", Rule::Never)]),
];

/// What a value is printed as.
type Shape = fn(Plain, Form) -> Plain;

/// Types that are printed otherwise than they are held.
const SHAPES: &[(&str, Shape)] = &[
    ("Bytes", |bytes, _| text(bytes, |bytes| bytes.to_string())),
    ("Swappiness", |percent, _| text(percent, |percent| percent.to_string())),
    ("Time", |time, _| text(time, |time| Time(time).to_string())),
    ("FileMode", |mode, _| text(mode, |mode| format!("0{mode:o}"))),
    ("Hosts", |hosts, _| hosts::join(hosts, "=")),
    ("SshKeys", |keys, form| hosts::join(keys, if form == Form::Yaml { ": " } else { "=" })),
];

/// A number as text.
fn text(number: Plain, text: impl Fn(i64) -> String) -> Plain {
    if let Plain::Int(number) = number { Plain::Text(text(number)) } else { number }
}

/// What something of the model is printed as.
pub(super) fn print(value: &impl Serialize, form: Form) -> Plain {
    value.serialize(Printer { form }).map_or(Plain::Null, |printed| printed.plain)
}

/// A value as it is printed, and whether a struct leaves it out.
struct Printed {
    plain: Plain,
    zero: bool,
}

fn printed(plain: Plain, zero: bool) -> Result<Printed, Unprintable> {
    Ok(Printed { plain, zero })
}

/// Printing cannot fail, but the traits ask for an error.
#[derive(Debug)]
pub(super) struct Unprintable(String);

impl fmt::Display for Unprintable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unprintable {}

impl serde::ser::Error for Unprintable {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

#[derive(Clone, Copy)]
struct Printer {
    form: Form,
}

/// Whole numbers, all printed alike.
macro_rules! whole {
    ($($name:ident: $type:ty),*) => {$(
        fn $name(self, number: $type) -> Result<Printed, Unprintable> {
            self.serialize_i64(i64::from(number))
        }
    )*};
}

impl Serializer for Printer {
    type Ok = Printed;
    type Error = Unprintable;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = Impossible<Printed, Unprintable>;
    type SerializeTupleVariant = Impossible<Printed, Unprintable>;
    type SerializeMap = Names;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Impossible<Printed, Unprintable>;

    whole! { serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
    serialize_u8: u8, serialize_u16: u16, serialize_u32: u32 }

    fn serialize_i64(self, number: i64) -> Result<Printed, Unprintable> {
        printed(Plain::Int(number), number == 0)
    }

    fn serialize_u64(self, number: u64) -> Result<Printed, Unprintable> {
        self.serialize_i64(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// With as many digits as tell it from its neighbours, like 0.1.
    fn serialize_f32(self, number: f32) -> Result<Printed, Unprintable> {
        self.serialize_f64(number.to_string().parse().unwrap_or_default())
    }

    fn serialize_f64(self, number: f64) -> Result<Printed, Unprintable> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let whole = self.form == Form::Json && number.fract() == 0.0 && number.abs() < EXACT;
        #[expect(clippy::cast_possible_truncation, reason = "checked here")]
        let plain = if whole { Plain::Int(number as i64) } else { Plain::Float(number) };
        printed(plain, number == 0.0)
    }

    fn serialize_bool(self, truth: bool) -> Result<Printed, Unprintable> {
        printed(Plain::Bool(truth), !truth)
    }

    fn serialize_char(self, c: char) -> Result<Printed, Unprintable> {
        self.serialize_str(c.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<Printed, Unprintable> {
        printed(Plain::Text(text.to_owned()), text.is_empty())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Printed, Unprintable> {
        self.collect_seq(bytes)
    }

    fn serialize_none(self) -> Result<Printed, Unprintable> {
        printed(Plain::Null, true)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Printed, Unprintable> {
        printed(value.serialize(self)?.plain, false)
    }

    fn serialize_unit(self) -> Result<Printed, Unprintable> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Printed, Unprintable> {
        self.serialize_none()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        word: &'static str,
    ) -> Result<Printed, Unprintable> {
        printed(Plain::Text(word.to_owned()), false)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Printed, Unprintable> {
        let Printed { plain, zero } = value.serialize(self)?;
        if let (DATE, Plain::Text(text), Form::Yaml) = (name, &plain, self.form) {
            return printed(Plain::Date(text.clone()), zero);
        }
        match SHAPES.iter().find(|(shape, _)| *shape == name) {
            Some((_, shape)) => printed(shape(plain, self.form), zero),
            None => printed(plain, zero),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<Printed, Unprintable> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List, Unprintable> {
        Ok(List { printer: self, items: Vec::new() })
    }

    fn serialize_tuple(self, _: usize) -> Result<List, Unprintable> {
        self.serialize_seq(None)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Names, Unprintable> {
        Ok(Names { printer: self, key: String::new(), entries: Vec::new() })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields, Unprintable> {
        let rules = RULES.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, rules)| rules);
        Ok(Fields { printer: self, name, rules, entries: Vec::new() })
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Unprintable> {
        Err(Unprintable(name.to_owned()))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unprintable> {
        Err(Unprintable(name.to_owned()))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unprintable> {
        Err(Unprintable(name.to_owned()))
    }
}

struct List {
    printer: Printer,
    items: Vec<Plain>,
}

impl SerializeSeq for List {
    type Ok = Printed;
    type Error = Unprintable;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Unprintable> {
        self.items.push(item.serialize(self.printer)?.plain);
        Ok(())
    }

    fn end(self) -> Result<Printed, Unprintable> {
        let zero = self.items.is_empty();
        printed(Plain::List(self.items), zero)
    }
}

impl SerializeTuple for List {
    type Ok = Printed;
    type Error = Unprintable;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Unprintable> {
        SerializeSeq::serialize_element(self, item)
    }

    fn end(self) -> Result<Printed, Unprintable> {
        SerializeSeq::end(self)
    }
}

/// A mapping by names: everything is printed, sorted.
struct Names {
    printer: Printer,
    key: String,
    entries: Vec<(Name, Plain)>,
}

impl SerializeMap for Names {
    type Ok = Printed;
    type Error = Unprintable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unprintable> {
        let Plain::Text(key) = key.serialize(self.printer)?.plain else { return Ok(()) };
        self.key = key;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unprintable> {
        let value = value.serialize(self.printer)?.plain;
        self.entries.push((std::mem::take(&mut self.key).into(), value));
        Ok(())
    }

    fn end(mut self) -> Result<Printed, Unprintable> {
        match self.printer.form {
            Form::Yaml => self.entries.sort_by(|(a, _), (b, _)| natural(a, b)),
            Form::Json => self.entries.sort_by(|(a, _), (b, _)| a.cmp(b)),
        }
        let zero = self.entries.is_empty();
        printed(Plain::Map(self.entries), zero)
    }
}

/// A struct: what is empty is left out.
struct Fields {
    printer: Printer,
    name: &'static str,
    rules: Rules,
    entries: Vec<(Name, Plain)>,
}

impl Fields {
    fn is_stack(&self) -> bool {
        self.name == "Stack"
    }

    /// Whether a field is printed, given whether it is empty, and under which name.
    fn key(&self, field: &'static str, zero: bool) -> Option<&'static str> {
        let own = self.rules.iter().find(|(key, _)| *key == field);
        let form = self.printer.form;
        let shown = match own.map(|(_, rule)| *rule) {
            None => !zero,
            Some(Rule::Always) => true,
            Some(Rule::AlwaysIn(one)) => !zero || one == form,
            Some(Rule::OnlyIn(one)) => !zero && one == form,
            Some(Rule::Never) => false,
            Some(Rule::Without(other)) => !zero && self.entries.iter().all(|(key, _)| key != other),
            Some(Rule::AlwaysAs(json)) => return Some(if form == Form::Json { json } else { field }),
        };
        shown.then_some(field)
    }
}

impl SerializeStruct for Fields {
    type Ok = Printed;
    type Error = Unprintable;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        field: &'static str,
        value: &T,
    ) -> Result<(), Unprintable> {
        let Printed { plain, zero } = value.serialize(self.printer)?;
        if field == "extensions" {
            if let Plain::Map(extensions) = plain
                && (self.is_stack() || self.printer.form == Form::Yaml)
            {
                self.entries.extend(extensions);
            }
        } else if let Some(key) = self.key(field, zero) {
            self.entries.push((key.into(), plain));
        }
        Ok(())
    }

    fn end(mut self) -> Result<Printed, Unprintable> {
        if self.is_stack() && self.printer.form == Form::Json {
            self.entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        let zero = self.printer.form == Form::Yaml && self.entries.is_empty();
        printed(Plain::Map(self.entries), zero)
    }
}
