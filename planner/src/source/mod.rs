//! From files to one YAML tree: a span on every node, one stage a file.

mod advice;
pub(crate) mod canonical;
pub(crate) mod cast;
pub(crate) mod check;
mod clash;
pub(crate) mod complete;
pub(crate) mod contents;
pub(crate) mod defaults;
mod dialect;
pub(crate) mod dotenv;
pub(crate) mod env_files;
pub(crate) mod environment;
pub mod explain;
pub(crate) mod extends;
pub(crate) mod include;
pub(crate) mod interpolate;
pub(crate) mod kernel;
pub(crate) mod loader;
mod logging;
mod mended;
pub(crate) mod merge;
pub(crate) mod mounts;
pub(crate) mod name;
pub(crate) mod nets;
pub(crate) mod normalise;
mod owners;
pub(crate) mod path;
mod plain;
pub(crate) mod pressure;
pub(crate) mod profiles;
pub(crate) mod project;
pub(crate) mod resolve;
pub(crate) mod rollout;
pub(crate) mod scalar;
pub(crate) mod schema;
pub(crate) mod select;
pub(crate) mod structure;
pub(crate) mod suggest;
pub(crate) mod support;
pub(crate) mod template;
pub(crate) mod tree;
mod value;
mod variables;
pub(crate) mod visit;
pub(crate) mod words;
pub(crate) mod yaml;

pub use plain::reads_as_text;
pub use schema::stack_schema;
pub use suggest::did_you_mean;
pub use support::{Fate, Use};
pub use value::yaml_value;
pub use variables::{Variable, variables};

#[cfg(doc)]
use crate::desired::Content;
use std::io;

/// The only way of the planner to the outside: file texts and environment variables.
pub trait Source {
    /// The text of a file. `path` is as given by the user, or made from such a one.
    fn read(&self, path: &str) -> io::Result<String>;

    /// What a file holds that need not be text. More than [`Content::MAX`] bytes are not wanted: one
    /// more is enough.
    fn bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        self.read(path).map(String::into_bytes)
    }

    /// Whether a folder is there.
    fn is_folder(&self, path: &str) -> bool {
        let _ = path;
        true
    }

    /// The value of a variable of the process environment.
    fn var(&self, name: &str) -> Option<String>;

    /// An absolute path with the symbolic links in it followed; the path itself where there are
    /// none or nothing is there.
    fn real_path(&self, path: &str) -> String {
        path.to_owned()
    }
}

/// A truth value as switches of the process environment have it: `1`, `t`, `true` and their
/// opposites.
pub fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The variables that the text of a dotenv file sets, for those that stand above loading
/// (`COMPOSE_FILE`). `outer` is asked before earlier lines of the file. `None` when the text is
/// broken: loading tells where.
pub fn dotenv_variables(text: &str, outer: &dyn Fn(&str) -> Option<String>) -> Option<Vec<(String, String)>> {
    let dotenv = dotenv::parse(text, outer, &|_| None).ok()?;
    Some(dotenv.pairs.into_iter().filter_map(|pair| Some((pair.name, pair.value?))).collect())
}
