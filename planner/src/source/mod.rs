//! From files to one YAML tree: a span on every node, one stage a file.

#[allow(dead_code, unused_imports, reason = "the rows of the table take these up one by one")]
pub(crate) mod canonical;
pub(crate) mod cast;
pub(crate) mod check;
pub(crate) mod defaults;
pub(crate) mod dotenv;
pub(crate) mod env_files;
pub(crate) mod environment;
pub(crate) mod interpolate;
pub(crate) mod merge;
pub(crate) mod mounts;
pub(crate) mod name;
pub(crate) mod path;
mod plain;
pub(crate) mod ports;
pub(crate) mod profiles;
pub(crate) mod resolve;
pub(crate) mod scalar;
pub(crate) mod schema;
pub(crate) mod suggest;
pub(crate) mod template;
pub(crate) mod tree;
#[allow(dead_code, reason = "the rows of the table take these up one by one")]
pub(crate) mod words;
pub(crate) mod yaml;

pub use plain::reads_as_text;

use std::io;

/// The only way of the planner to the outside: file texts and environment variables.
pub trait Source {
    /// The text of a file. `path` is as given by the user, or made from such a one.
    fn read(&self, path: &str) -> io::Result<String>;

    /// The value of a variable of the process environment.
    fn var(&self, name: &str) -> Option<String>;
}

/// The variables that the text of a dotenv file sets, for those that stand above loading
/// (`COMPOSE_FILE`). `outer` is asked before earlier lines of the file. `None` when the text is
/// broken: loading tells where.
pub fn dotenv_variables(text: &str, outer: &dyn Fn(&str) -> Option<String>) -> Option<Vec<(String, String)>> {
    let dotenv = dotenv::parse(text, outer, &|_| None).ok()?;
    Some(dotenv.pairs.into_iter().filter_map(|pair| Some((pair.name, pair.value?))).collect())
}
