//! The surroundings of the process, read once.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;

/// What the process finds around it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// Variables; those that are no text are left out.
    pub(crate) vars: BTreeMap<String, String>,
    /// The current directory.
    pub(crate) directory: PathBuf,
    /// Which standard streams are terminals.
    pub(crate) terminals: Terminals,
}

/// Which standard streams are terminals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terminals {
    /// Standard input.
    pub(crate) input: bool,
    /// Standard output.
    pub(crate) out: bool,
    /// Standard error.
    pub(crate) err: bool,
}

impl Environment {
    /// Reads the surroundings.
    pub(crate) fn read() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let terminals = Terminals {
            input: std::io::stdin().is_terminal(),
            out: std::io::stdout().is_terminal(),
            err: std::io::stderr().is_terminal(),
        };
        let mut vars: BTreeMap<String, String> = std::env::vars_os().filter_map(text).collect();
        let directory = current_directory(vars.get("PWD"));
        // Stack files may count on it, also where no shell has set it.
        vars.entry("PWD".to_owned()).or_insert_with(|| directory.display().to_string());
        Self { vars, directory, terminals }
    }

    /// A variable.
    pub(crate) fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str)
    }

    /// A variable that says something.
    pub(crate) fn set(&self, name: &str) -> Option<&str> {
        self.var(name).filter(|value| !value.is_empty())
    }
}

/// The current directory by the name under which it was entered, if that is known, as it may be
/// a symbolic link. One that is gone reads as `/`.
fn current_directory(entered: Option<&String>) -> PathBuf {
    let real = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let entered = entered.map(PathBuf::from).filter(|path| path.is_absolute());
    entered.filter(|path| path.canonicalize().is_ok_and(|path| path == real)).unwrap_or(real)
}
