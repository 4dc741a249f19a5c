//! From files to one YAML tree: a span on every node, one stage a file.

use std::io;

/// The only way of the planner to the outside: file texts and environment variables.
pub trait Source {
    /// The text of a file. `path` is as given by the user, or made from such a one.
    fn read(&self, path: &str) -> io::Result<String>;

    /// The value of a variable of the process environment.
    fn var(&self, name: &str) -> Option<String>;
}
