//! `env_file` and `label_file` of services: what they say joins `environment` and `labels`.

use super::dotenv::{self, Dotenv, Lookup, Pair};
use super::environment::{Environment, accept, why_unreadable};
use super::normalise::take_over;
use super::path::Path;
use super::profiles::is_active;
use super::tree::{Entry, Map, Tree, Value};
use super::{Source, resolve, words};
use crate::diagnostic::Diagnostics;
use std::cell::Cell;
use std::collections::hash_map::Entry as MapEntry;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::rc::Rc;

/// What the files say to all services together: about 64 for each variable or label plus the
/// text. A file that says something else to each service counts as often as it is looked at.
const BUDGET: usize = 64 << 20;

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

/// The files that are read already, by place, and how much they may still say.
struct Files {
    read: HashMap<String, File>,
    left: usize,
}

struct File {
    /// Among the files of diagnostics.
    index: u32,
    text: String,
    /// What it says to every service, in the usual format and in the raw one.
    said: [Option<Rc<Dotenv>>; 2],
}

/// A service while its files are read.
struct Service<'a> {
    path: &'a Path<'a>,
    /// What its `environment` says.
    own: &'a Map,
    files: &'a mut Files,
}

impl EnvFiles<'_> {
    /// Puts the variables of its `env_file`s below each service's `environment`, and gives null
    /// entries the value that the project has for them. Labels of `label_file`s likewise. Files
    /// of services that no profile selects need not be there. The files read are the result.
    pub(crate) fn settle(&mut self, tree: &mut Tree, profiles: &[String]) -> BTreeSet<u32> {
        let Some(services) = tree.get_mut("services").and_then(Tree::as_map_mut) else {
            return BTreeSet::new();
        };
        let mut files = Files { read: HashMap::new(), left: BUDGET };
        let services = services.values_mut().filter(|(_, _, tree)| is_active(tree, profiles));
        for (name, _, tree) in services {
            let path = Path::TOP.key("services");
            let path = path.key(name);
            self.environment(tree, &path, &mut files);
            self.labels(tree, &path, &mut files);
        }
        files.read.values().map(|file| file.index).collect()
    }

    fn environment(&mut self, tree: &mut Tree, path: &Path<'_>, files: &mut Files) {
        let own = take_map(tree, "environment");
        let mut service = Service { path, own: &own, files };
        let mut all = Map::default();
        for file in take_list(tree, "env_file") {
            self.file(&file, "env_file", &mut service, &mut all);
        }
        own.into_entries().into_iter().for_each(|entry| put_over(&mut all, entry));
        take_over(&mut all, self.environment);
        put_map(tree, "environment", all);
    }

    fn labels(&mut self, tree: &mut Tree, path: &Path<'_>, files: &mut Files) {
        let named = take_list(tree, "label_file");
        if named.is_empty() {
            return;
        }
        let own = take_map(tree, "labels");
        let mut all = Map::default();
        let nothing = Map::default();
        let mut service = Service { path, own: &nothing, files };
        for file in named {
            self.file(&file, "label_file", &mut service, &mut all);
        }
        own.into_entries().into_iter().for_each(|entry| all.insert(entry));
        put_map(tree, "labels", all);
    }

    /// Adds what one file of an `env_file` or `label_file` says.
    fn file(&mut self, named: &Tree, key: &str, service: &mut Service<'_>, all: &mut Map) {
        let Some(name) = named.as_text().or_else(|| named.get("path")?.as_text()) else { return };
        if service.files.left == 0 {
            return;
        }
        let path = service.path.key(key);
        let shown = name.strip_prefix(self.directory).map_or(name, |rest| rest.trim_start_matches('/'));
        let Files { read, left } = &mut *service.files;
        let file = match self.read(name, read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if named.get("required").and_then(Tree::as_bool) != Some(false) {
                    let message = format!("{key} {shown} does not exist");
                    let optional = if key == "env_file" { ", or say `required: false`" } else { "" };
                    self.diagnostics.error(&named.span, path, message).hint(format!("create it{optional}"));
                }
                return;
            }
            Err(error) => {
                let message = format!("{key} {}", why_unreadable(shown, &error));
                self.diagnostics
                    .error(&named.span, path, message)
                    .hint("it must be a text that you can read");
                return;
            }
        };
        if let Some(format) = named.get("format")
            && let Err(fault) = words::env_file_format(format.as_text().unwrap_or_default())
        {
            self.diagnostics.error(&format.span, path.key("format"), fault.message).hint(fault.hint);
            return;
        }
        // Labels know nothing but the labels before them.
        let project = |key_name: &str| self.environment.get(key_name).filter(|_| key == "env_file");
        let text_of = |map: &Map, key: &str| map.get(key).and_then(Tree::as_text).map(str::to_owned);
        let known = |key: &str| project(key).or_else(|| text_of(service.own, key));
        let raw = named.get("format").and_then(Tree::as_text) == Some("raw");
        let said = file.said(raw, &known, &|key| text_of(all, key), self.diagnostics);
        if !file.shares(raw) {
            *left = left.saturating_sub(file.text.len());
        }
        let weight: usize = said.pairs.iter().map(weight).sum();
        *left = left.saturating_sub(weight);
        if *left == 0 {
            let message = "the files of variables and labels say too much to all services together";
            let hint = "name them in fewer services, or make them smaller";
            self.diagnostics.error(&named.span, path, message.to_owned()).hint(hint);
            return;
        }
        for pair in &said.pairs {
            let span = pair.place.span(file.index);
            // A bare `KEY` that nobody knows is dropped, unlike in `environment`.
            let Some(value) = pair.value.clone().or_else(|| known(&pair.name)) else { continue };
            if value.contains('\0') {
                let message = format!("the value of {} has a NUL character", pair.name);
                self.diagnostics.error(&span, path, message).hint("no variable can hold one: take it out");
                continue;
            }
            let value = Tree::text(value, &span);
            put_over(all, Entry::new(pair.name.as_str(), span, value));
        }
    }

    fn read<'t>(&mut self, name: &str, read: &'t mut HashMap<String, File>) -> io::Result<&'t mut File> {
        match read.entry(resolve::join(self.directory, name)) {
            MapEntry::Occupied(file) => Ok(file.into_mut()),
            MapEntry::Vacant(place) => {
                let text = self.source.read(place.key())?;
                let shown = place.key().strip_prefix(self.directory).map(|rest| rest.trim_start_matches('/'));
                let index = self.diagnostics.add_file(shown.unwrap_or(place.key()), &text);
                Ok(place.insert(File { index, text, said: [None, None] }))
            }
        }
    }
}

impl File {
    /// What the file says where these variables are known. What is wrong in it is told; then it
    /// says nothing.
    fn said(
        &mut self,
        raw: bool,
        known: Lookup<'_>,
        before: Lookup<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Rc<Dotenv> {
        if let Some(said) = &self.said[usize::from(raw)] {
            return said.clone();
        }
        let asked = Cell::new(false);
        let known = |key: &str| {
            asked.set(true);
            known(key)
        };
        let before = |key: &str| {
            asked.set(true);
            before(key)
        };
        let parsed =
            if raw { dotenv::parse_raw(&self.text) } else { dotenv::parse(&self.text, &known, &before) };
        let said = Rc::new(accept(parsed, self.index, diagnostics).unwrap_or_default());
        if !asked.get() {
            self.said[usize::from(raw)] = Some(said.clone());
        }
        said
    }

    /// Whether what it says is the same for every service.
    fn shares(&self, raw: bool) -> bool {
        self.said[usize::from(raw)].is_some()
    }
}

fn weight(pair: &Pair) -> usize {
    64 + pair.name.len() + pair.value.as_ref().map_or(0, String::len)
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
