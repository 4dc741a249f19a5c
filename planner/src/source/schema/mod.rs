//! The table of every key of a stack file: what may stand there, how two versions of it become
//! one, and what this engine does with it. Checking, merging, the JSON schema and the support
//! report all read the same rows.

mod build;
mod deploy;
mod files;
mod forms;
mod healthcheck;
mod json;
mod like;
mod mount;
mod network;
mod sampan;
mod service;
mod shapes;
mod top;

pub use json::stack_schema;
pub(crate) use service::SERVICE;
pub(crate) use top::TOP;

use super::cast::{Kind, Refused};
use super::check::Context;
use super::path::Path;
use super::tree::{Tree, mark};

/// What a node may look like.
pub(crate) enum Shape {
    /// Anything: nobody reads it but the user's own tools.
    Any,
    /// One value.
    One(Kind),
    /// A list of alike items.
    List(&'static Shape),
    /// A list in which no item may stand twice.
    Set(&'static Shape),
    /// A mapping whose keys the user invents.
    Map(&'static Shape),
    /// A mapping whose keys are names of services, networks and the like.
    Named(&'static Shape),
    /// A mapping with known keys.
    Object(&'static [Key]),
    /// As `Object`, without any `x-…` keys.
    Closed(&'static [Key]),
    /// A mapping with known keys, or one value instead.
    OneOr(Kind, &'static Shape),
    /// Null means something of its own.
    Nullable(&'static Shape),
    /// Short forms are rewritten first.
    Short(Form, &'static Shape),
}

/// A short form.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    /// Makes it long.
    pub(crate) rewrite: ShortForm,
    /// How it looks.
    also: Also,
    /// When it is made long while variables stay as they are written.
    pub(crate) made: Made,
}

/// When a short form is made long while variables stay as they are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// In each document.
    First,
    /// All items of a list or none, once documents are merged.
    Joined,
    /// Never: Docker Compose makes it long at the very end, when values get their types.
    Last,
}

impl Form {
    /// Whether it can be written as a text, but only over what an earlier document says.
    pub(crate) fn is_only_over(self) -> bool {
        matches!(self.also, Also::TextOver)
    }

    /// Whether it can be written as a list too.
    pub(crate) fn is_list_too(self) -> bool {
        matches!(self.also, Also::Texts | Also::Names | Also::Pairs)
    }
}

/// What may stand in place of the long form.
#[derive(Clone, Copy)]
enum Also {
    /// Nothing but the long form written in another way.
    Nothing,
    /// A text.
    Text,
    /// A text, but only over what an earlier document says.
    TextOver,
    /// A text that looks like this regular expression.
    Like(&'static str),
    /// This text.
    Word(&'static str),
    /// A truth value.
    Truth,
    /// A list of texts.
    Texts,
    /// A list of texts that may not repeat.
    Names,
    /// A text, or a list whose items may be texts.
    TextOrTexts,
    /// A list whose items may be texts or numbers.
    Ports,
    /// A mapping of names to a text or several.
    Hosts,
    /// A list of texts, or a mapping whose values may be empty.
    Pairs,
    /// A mapping whose values may be empty.
    Empty,
    /// A mapping whose values may be single ones.
    Single,
}

/// Rewrites a short form to the long one and leaves a long one as it is.
pub(crate) type ShortForm = fn(&mut Tree, &Path<'_>, &mut Context<'_>);

/// One known key of an object.
pub(crate) struct Key {
    /// The key.
    pub(crate) name: &'static str,
    /// What tells it from most others.
    mark: u32,
    /// One sentence: meaning, unit, default.
    pub(crate) about: &'static str,
    /// What stands below it.
    pub(crate) shape: &'static Shape,
    /// How a later version of it joins an earlier one.
    pub(crate) merge: Merge,
    /// The object is wrong without it.
    pub(crate) required: bool,
    /// What the engine does with it.
    pub(crate) support: Support,
}

/// How two versions of a node become one.
#[derive(Clone, Copy)]
pub(crate) enum Merge {
    /// Mappings merge key by key, lists append, single values are replaced, null says nothing.
    Deep,
    /// The later one counts, even when it is null.
    Replace,
    /// A mapping of `KEY: value`: the later value counts, even when it is null.
    Pairs,
    /// A mapping whose entries are replaced as a whole.
    Entries,
    /// A list whose items have an identity: a later item takes the place of an earlier one.
    Unique(fn(&Tree) -> String),
    /// A mapping that merges only with one that has the same value below this key, or none.
    IfSame(&'static str),
    /// The address ranges of a network.
    Subnets,
}

/// What the engine does with a key.
#[derive(Clone, Copy)]
pub(crate) enum Support {
    /// What it says is done.
    Enforced,
    /// Done, for the values that this check lets pass.
    Checked(EngineCheck),
    /// As `Checked`, for what only makes sense as a whole.
    CheckedWhole(fn(&Tree) -> Option<Refused>),
    /// Accepted without effect; the text says why.
    PassedOn(&'static str),
    /// Leaving it out would change what the user asked for, so the stack is not brought up. The
    /// text says what to do instead, empty for nothing.
    Refused(&'static str),
}

/// Whether the engine can do what a text says. Lists are checked item by item.
pub(crate) type EngineCheck = fn(&str) -> Result<String, Refused>;

/// A key that is enforced.
pub(crate) const fn key(name: &'static str, shape: &'static Shape) -> Key {
    Key {
        name,
        mark: mark(name),
        about: "",
        shape,
        merge: Merge::Deep,
        required: false,
        support: Support::Enforced,
    }
}

impl Key {
    /// What it is about, in one sentence.
    pub(crate) const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Merged in another way than by its shape.
    pub(crate) const fn merge(mut self, merge: Merge) -> Self {
        self.merge = merge;
        self
    }

    /// The object is wrong without it.
    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Enforced for the values that `check` lets pass.
    pub(crate) const fn checked(mut self, check: EngineCheck) -> Self {
        self.support = Support::Checked(check);
        self
    }

    /// Enforced when `fault` finds none in the whole of it.
    pub(crate) const fn checked_whole(mut self, fault: fn(&Tree) -> Option<Refused>) -> Self {
        self.support = Support::CheckedWhole(fault);
        self
    }

    /// Accepted without effect.
    pub(crate) const fn passed_on(mut self, why: &'static str) -> Self {
        self.support = Support::PassedOn(why);
        self
    }

    /// Refused by `up`, with a hint or none.
    pub(crate) const fn refused(mut self, hint: &'static str) -> Self {
        self.support = Support::Refused(hint);
        self
    }
}

/// The row of a key.
pub(crate) fn row(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    let mark = mark(name);
    keys.iter().find(|key| key.mark == mark && key.name == name)
}

impl Shape {
    /// The shape without what only concerns how it may be written.
    pub(crate) fn long(&self) -> &Shape {
        match self {
            Shape::Nullable(inner) | Shape::Short(_, inner) => inner.long(),
            shape => shape,
        }
    }

    /// The known keys of an object.
    pub(crate) fn keys(&self) -> Option<&'static [Key]> {
        match self.long() {
            Shape::Object(keys) | Shape::Closed(keys) => Some(keys),
            Shape::OneOr(_, inner) => inner.keys(),
            _ => None,
        }
    }

    /// The row of a key of an object.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        row(self.keys()?, name)
    }

    /// The shape of every value of a mapping whose keys the user invents.
    pub(crate) fn entry(&self) -> Option<&'static Shape> {
        match self.long() {
            Shape::Map(entry) | Shape::Named(entry) => Some(entry),
            _ => None,
        }
    }

    /// The shape of every item of a list.
    pub(crate) fn item(&self) -> Option<&'static Shape> {
        match self.long() {
            Shape::List(item) | Shape::Set(item) => Some(item),
            _ => None,
        }
    }

    /// Whether what stands here gets its form and type at the very end only.
    pub(crate) fn is_late(&self) -> bool {
        matches!(self, Shape::One(_) | Shape::Short(Form { made: Made::Last, .. }, _))
    }

    /// Whether what stands here is as it is written in each document of its own.
    pub(crate) fn is_as_written(&self) -> bool {
        self.is_late() || matches!(self, Shape::Short(Form { made: Made::Joined, .. }, _))
    }

    /// Whether null may stand here.
    pub(crate) fn nullable(&self) -> bool {
        match self {
            Shape::Any | Shape::Nullable(_) => true,
            Shape::Short(_, inner) => inner.nullable(),
            _ => false,
        }
    }
}
