//! `env_file` and `label_file` of services: what they say joins `environment` and `labels`.

use super::environment::{Environment, accept, why_unreadable};
use super::normalise::take_over;
use super::path::Path;
use super::profiles::is_active;
use super::tree::{Entry, Map, Tree, Value};
use super::{Source, dotenv, resolve};
use crate::diagnostic::Diagnostics;
use std::collections::{BTreeSet, HashMap};
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

/// The texts of files that are read already, with their index among the files of diagnostics.
type Texts = HashMap<String, (u32, String)>;

/// A service while its files are read.
struct Service<'a> {
    path: &'a Path<'a>,
    /// What its `environment` says.
    own: &'a Map,
    texts: &'a mut Texts,
}

impl EnvFiles<'_> {
    /// Puts the variables of its `env_file`s below each service's `environment`, and gives null
    /// entries the value that the project has for them. Labels of `label_file`s likewise. Files
    /// of services that no profile selects need not be there. The files read are the result.
    pub(crate) fn settle(&mut self, tree: &mut Tree, profiles: &[String]) -> BTreeSet<u32> {
        let Some(services) = tree.get_mut("services").and_then(Tree::as_map_mut) else {
            return BTreeSet::new();
        };
        let mut texts = Texts::new();
        let services = services.values_mut().filter(|(_, _, tree)| is_active(tree, profiles));
        for (name, _, tree) in services {
            let path = Path::TOP.key("services");
            let path = path.key(name);
            self.environment(tree, &path, &mut texts);
            self.labels(tree, &path, &mut texts);
        }
        texts.values().map(|(index, _)| *index).collect()
    }

    fn environment(&mut self, tree: &mut Tree, path: &Path<'_>, texts: &mut Texts) {
        let own = take_map(tree, "environment");
        let mut service = Service { path, own: &own, texts };
        let mut all = Map::default();
        for file in take_list(tree, "env_file") {
            self.file(&file, "env_file", &mut service, &mut all);
        }
        own.into_entries().into_iter().for_each(|entry| put_over(&mut all, entry));
        take_over(&mut all, self.environment);
        put_map(tree, "environment", all);
    }

    fn labels(&mut self, tree: &mut Tree, path: &Path<'_>, texts: &mut Texts) {
        let files = take_list(tree, "label_file");
        if files.is_empty() {
            return;
        }
        let own = take_map(tree, "labels");
        let mut all = Map::default();
        let nothing = Map::default();
        let mut service = Service { path, own: &nothing, texts };
        for file in files {
            self.file(&file, "label_file", &mut service, &mut all);
        }
        own.into_entries().into_iter().for_each(|entry| all.insert(entry));
        put_map(tree, "labels", all);
    }

    /// Adds what one file of an `env_file` or `label_file` says.
    fn file(&mut self, file: &Tree, key: &str, service: &mut Service<'_>, all: &mut Map) {
        let Some(name) = file.as_text().or_else(|| file.get("path")?.as_text()) else { return };
        let path = service.path.key(key);
        let shown = name.strip_prefix(self.directory).map_or(name, |rest| rest.trim_start_matches('/'));
        let (index, text) = match self.text(name, service.texts) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if file.get("required").and_then(Tree::as_bool) != Some(false) {
                    let message = format!("{key} {shown} does not exist");
                    let optional = if key == "env_file" { ", or say `required: false`" } else { "" };
                    self.diagnostics.error(&file.span, path, message).hint(format!("create it{optional}"));
                }
                return;
            }
            Err(error) => {
                let message = format!("{key} {}", why_unreadable(shown, &error));
                self.diagnostics.error(&file.span, path, message);
                return;
            }
        };
        // Labels know nothing but the labels before them.
        let project = |key_name: &str| self.environment.get(key_name).filter(|_| key == "env_file");
        let text_of = |map: &Map, key: &str| map.get(key).and_then(Tree::as_text).map(str::to_owned);
        let known = |key: &str| project(key).or_else(|| text_of(service.own, key));
        let before = |key: &str| text_of(all, key);
        let parsed = match file.get("format").and_then(Tree::as_text) {
            Some("raw") => dotenv::parse_raw(text),
            _ => dotenv::parse(text, &known, &before),
        };
        let Some(dotenv) = accept(parsed, *index, self.diagnostics) else { return };
        for pair in dotenv.pairs {
            let span = pair.place.span(*index);
            // A bare `KEY` that nobody knows is dropped, unlike in `environment`.
            let Some(value) = pair.value.or_else(|| known(&pair.name)) else { continue };
            if value.contains('\0') {
                let message = format!("the value of {} has a NUL character", pair.name);
                self.diagnostics.error(&span, path, message);
                continue;
            }
            put_over(
                all,
                Entry { key: pair.name.into(), key_span: span.clone(), value: Tree::text(value, &span) },
            );
        }
    }

    fn text<'t>(&mut self, name: &str, texts: &'t mut Texts) -> io::Result<&'t (u32, String)> {
        let place = resolve::join(self.directory, name);
        if !texts.contains_key(&place) {
            let text = self.source.read(&place)?;
            let shown = place.strip_prefix(self.directory).map(|rest| rest.trim_start_matches('/'));
            let index = self.diagnostics.add_file(shown.unwrap_or(&place), &text);
            texts.insert(place.clone(), (index, text));
        }
        Ok(&texts[&place])
    }
}

/// Sets an entry over what an earlier file says, which is remembered.
fn put_over(all: &mut Map, mut entry: Entry) {
    if let Some(earlier) = all.get_mut(&entry.key) {
        entry.value.remember(earlier.history());
    }
    all.insert(entry);
}

/// The mapping below a key, out of the tree.
fn take_map(tree: &mut Tree, key: &str) -> Map {
    let map = tree.get_mut(key).and_then(Tree::as_map_mut);
    map.map(std::mem::take).unwrap_or_default()
}

/// The items below a key, which goes.
fn take_list(tree: &mut Tree, key: &str) -> Vec<Tree> {
    let items = tree.get(key).map(|list| list.items().to_vec()).unwrap_or_default();
    if let Some(map) = tree.as_map_mut() {
        map.retain(|entry| entry.key != key);
    }
    items
}

/// Sets a mapping, if there is anything in it and its place has not been reported.
fn put_map(tree: &mut Tree, key: &str, all: Map) {
    let span = tree.span.clone();
    let Some(map) = tree.as_map_mut() else { return };
    match map.get_mut(key).map(|node| &mut node.value) {
        Some(Value::Bad) => {}
        Some(value) => *value = Value::Map(all),
        None if all.is_empty() => {}
        None => map.set(key, Tree::new(Value::Map(all), &span)),
    }
}
