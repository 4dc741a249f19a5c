//! Loading, seen from outside: files in, a stack or diagnostics out.

mod as_written;
mod extending;
mod files;
mod hostile;
mod including;
mod judgement;
mod merging;
mod mistakes;
mod stacks;
mod variables;
mod wrong_form;

use planner::load::{LoadOptions, Loaded, load};
use planner::{Diagnostics, Source};
use std::collections::HashMap;
use std::io;

/// Files and variables in memory.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    files: HashMap<String, String>,
    vars: HashMap<String, String>,
    missing_folders: Vec<String>,
    options: LoadOptions,
}

impl Source for Memory {
    fn read(&self, path: &str) -> io::Result<String> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn is_folder(&self, path: &str) -> bool {
        !self.missing_folders.iter().any(|missing| missing == path)
    }

    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).cloned()
    }
}

impl Memory {
    /// One stack file in `/srv/shop`.
    pub(crate) fn stack(text: &str) -> Self {
        let options = LoadOptions { directory: "/srv/shop".into(), details: true, ..LoadOptions::default() };
        Self { options, ..Self::default() }.and("compose.yaml", text)
    }

    /// One more stack file, merged over those before.
    pub(crate) fn and(mut self, name: &str, text: &str) -> Self {
        self.options.files.push(name.into());
        self.file(name, text)
    }

    /// A file that is there to be read.
    pub(crate) fn file(mut self, name: &str, text: &str) -> Self {
        self.files.insert(name.into(), text.into());
        self
    }

    /// A folder that is not there.
    pub(crate) fn without_folder(mut self, path: &str) -> Self {
        self.missing_folders.push(path.into());
        self
    }

    /// A variable of the process.
    pub(crate) fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(name.into(), value.into());
        self
    }

    /// Changes the options.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut LoadOptions)) -> Self {
        change(&mut self.options);
        self
    }

    pub(crate) fn load(&self) -> Result<Loaded, Diagnostics> {
        load(&self.options, self)
    }

    /// The stack, which must load without a word.
    pub(crate) fn loaded(&self) -> planner::Stack {
        let loaded = self.load().unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        assert!(loaded.warnings.items.is_empty(), "{}", loaded.warnings);
        loaded.stack
    }

    /// Everything that loading says, what is both wrong and refused once.
    pub(crate) fn told(&self) -> Diagnostics {
        self.load().map_or_else(
            |diagnostics| diagnostics,
            |Loaded { mut warnings, refusals, .. }| {
                let told = |item: &planner::Diagnostic| {
                    refusals
                        .items
                        .iter()
                        .any(|other| other.span == item.span && other.message == item.message)
                };
                warnings.items.retain(|item| !told(item));
                warnings.items.extend(refusals.items);
                warnings.sort();
                warnings
            },
        )
    }
}
