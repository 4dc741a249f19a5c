//! `environment` and `env_file` of services to what the container gets.

use super::environment::{Environment, report, unreadable};
use super::path::Path;
use super::tree::{Entry, Map, Tree, Value};
use super::{Source, dotenv, resolve};
use crate::diagnostic::Diagnostics;
use std::io;

/// What reading the files of services needs.
pub(crate) struct EnvFiles<'a> {
    /// Where files are read.
    pub(crate) source: &'a dyn Source,
    /// The variables of the project.
    pub(crate) environment: &'a Environment<'a>,
    /// Base of relative paths.
    pub(crate) directory: &'a str,
    /// Where problems go.
    pub(crate) diagnostics: &'a mut Diagnostics,
}

impl EnvFiles<'_> {
    /// Puts the variables of its `env_file`s below each service's `environment`, and gives null
    /// entries the value that the project has for them.
    pub(crate) fn settle(&mut self, tree: &mut Tree) {
        let Some(services) = tree.get_mut("services").and_then(Tree::as_map_mut) else { return };
        for (name, _, service) in services.values_mut() {
            let path = Path::TOP.key("services");
            self.service(service, &path.key(name));
        }
    }

    fn service(&mut self, service: &mut Tree, path: &Path<'_>) {
        let own = service.get("environment").and_then(Tree::as_map).cloned().unwrap_or_default();
        let files = service.get("env_file").map(|files| files.items().to_vec()).unwrap_or_default();
        let mut all = Map::default();
        for file in &files {
            self.file(file, path, &own, &mut all);
        }
        for entry in own.into_entries() {
            all.insert(entry);
        }
        for (key, _, value) in all.values_mut() {
            if value.value == Value::Null
                && let Some(known) = self.environment.get(key)
            {
                value.value = Value::Text(known);
            }
        }
        let span = service.span.clone();
        if let Some(map) = service.as_map_mut() {
            map.retain(|entry| entry.key != "env_file");
            let spoilt = map.get("environment").is_some_and(|value| value.value == Value::Bad);
            if !all.is_empty() && !spoilt {
                map.set("environment", Tree::new(Value::Map(all), &span));
            }
        }
    }

    fn file(&mut self, file: &Tree, path: &Path<'_>, own: &Map, all: &mut Map) {
        let Some(name) = file.get("path").and_then(Tree::as_text) else { return };
        let text = match self.source.read(&resolve::join(self.directory, name)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if file.get("required").and_then(Tree::as_bool) != Some(false) {
                    let message = format!("env_file {name} does not exist");
                    let hint = "create it, or say `required: false`";
                    self.diagnostics.error(&file.span, path.key("env_file"), message).hint(hint);
                }
                return;
            }
            Err(error) => return unreadable(name, &error, self.diagnostics),
        };
        let text_of = |map: &Map, key: &str| map.get(key).and_then(Tree::as_text).map(str::to_owned);
        let known = |key: &str| self.environment.get(key).or_else(|| text_of(own, key));
        let before = |key: &str| text_of(all, key);
        let raw = file.get("format").and_then(Tree::as_text) == Some("raw");
        let pairs = if raw { Ok(dotenv::parse_raw(&text)) } else { dotenv::parse(&text, &known, &before) };
        match pairs {
            Ok(pairs) => {
                for (key, value) in pairs {
                    // A bare `KEY` that nobody knows is dropped, unlike in `environment`.
                    let known = value.or_else(|| self.environment.get(&key));
                    if known.as_ref().is_some_and(|value| value.contains('\0')) {
                        let message = format!("the value of {key} in {name} has a NUL character");
                        self.diagnostics.error(&file.span, path.key("env_file"), message);
                    } else if let Some(value) = known {
                        let value = Tree::text(value, &file.span);
                        all.insert(Entry { key, key_span: file.span.clone(), value });
                    }
                }
            }
            Err(fault) => report(name, &text, &fault, self.diagnostics),
        }
    }
}
