//! What variables are worth: the process environment first, then dotenv files.

use super::{Source, dotenv, resolve};
use crate::diagnostic::{Diagnostics, Span};
use crate::load::LoadOptions;
use std::collections::HashMap;
use std::io;

/// The variables of one load.
pub(crate) struct Environment<'a> {
    source: &'a dyn Source,
    files: HashMap<String, String>,
    stack: Option<String>,
}

impl<'a> Environment<'a> {
    /// Reads the dotenv files: those asked for, which must exist, or else `.env` of the directory.
    pub(crate) fn read(options: &LoadOptions, source: &'a dyn Source, diagnostics: &mut Diagnostics) -> Self {
        let mut environment = Self { source, files: HashMap::new(), stack: None };
        for file in &options.env_files {
            match source.read(file) {
                Ok(text) => environment.add(file, &text, diagnostics),
                Err(error) => unreadable(file, &error, diagnostics),
            }
        }
        let disabled = source.var("COMPOSE_DISABLE_ENV_FILE");
        let disabled = disabled.is_some_and(|value| matches!(value.as_str(), "1" | "true" | "yes"));
        if options.env_files.is_empty() && !disabled {
            let file = resolve::join(&options.directory, ".env");
            match source.read(&file) {
                Ok(text) => environment.add(".env", &text, diagnostics),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => unreadable(".env", &error, diagnostics),
            }
        }
        environment
    }

    fn add(&mut self, name: &str, text: &str, diagnostics: &mut Diagnostics) {
        match dotenv::parse(text, &|key| self.get(key)) {
            Ok(pairs) => {
                // A bare `KEY` takes the value of the process, which wins anyway.
                self.files.extend(pairs.into_iter().filter_map(|(key, value)| Some((key, value?))));
            }
            Err(fault) => report(name, text, &fault, diagnostics),
        }
    }

    /// From now on `COMPOSE_PROJECT_NAME` is the stack's name, wherever that came from.
    pub(crate) fn name_stack(&mut self, name: &str) {
        self.stack = Some(name.to_owned());
    }

    /// The value of a variable.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let stack = self.stack.clone().filter(|_| name == "COMPOSE_PROJECT_NAME");
        stack.or_else(|| self.source.var(name)).or_else(|| self.files.get(name).cloned())
    }
}

/// Reports a fault of a dotenv file at its place.
pub(crate) fn report(name: &str, text: &str, fault: &dotenv::Fault, diagnostics: &mut Diagnostics) {
    let file = diagnostics.add_file(name, text);
    diagnostics.error(&span_at(file, text, fault.offset), "", fault.message.clone());
}

/// Reports a file that cannot be read.
pub(crate) fn unreadable(name: &str, error: &io::Error, diagnostics: &mut Diagnostics) {
    diagnostics.missing_file |= error.kind() == io::ErrorKind::NotFound;
    let message = match error.kind() {
        io::ErrorKind::NotFound => format!("{name} does not exist"),
        io::ErrorKind::InvalidData => format!("{name} is not UTF-8 text"),
        _ => format!("{name} cannot be read: {error}"),
    };
    diagnostics.error_anywhere(message);
}

/// The place of one character.
fn span_at(file: usize, text: &str, offset: usize) -> Span {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let length = text[offset..].chars().next().map_or(0, char::len_utf8);
    Span {
        file,
        start: offset,
        end: offset + length,
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}
