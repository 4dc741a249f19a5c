//! `extends`: a service is put over another one, of the same document or of another file, which
//! may itself extend one.

use super::canonical::forget_forms;
use super::clash;
use super::interpolate::Interpolation;
use super::loader::{Asked, Loader, Scope};
use super::mended::is_replaced;
use super::merge::{How, Tags, merge, spend};
use super::path::Path;
use super::resolve::{self, folder, join};
use super::schema;
use super::suggest::known_names;
use super::support::used_up;
use super::tree::{Entry, Map, Tag, Tree, Value};
use super::yaml::measure;
use crate::diagnostic::{Diagnostic, Span};
use std::collections::HashMap;

/// A longer chain of services that extend each other is refused; walks may recurse.
const LONGEST_CHAIN: usize = 64;

/// Applies `extends` to one document after the other of a project.
pub(crate) struct Extends<'l, 'a, 's> {
    pub(crate) loader: &'l mut Loader<'a>,
    pub(crate) scope: Scope<'s>,
    pub(crate) interpolation: &'l mut Interpolation<'s>,
    /// The services of each place that was looked at; the first is the document itself.
    places: Vec<Place>,
    /// The files among the places, by absolute path; `None` for one that cannot be used.
    files: HashMap<String, Option<usize>>,
    done: HashMap<(usize, String), Tree>,
}

struct Place {
    /// As the user would name it; empty for the document itself.
    name: String,
    services: Map,
    /// What is wrong in its services, told once one is extended.
    faults: Vec<Diagnostic>,
}

/// What a service says it extends.
struct Extended {
    service: String,
    file: Option<Tree>,
    span: Span,
}

impl<'l, 'a, 's> Extends<'l, 'a, 's> {
    pub(crate) fn new(
        loader: &'l mut Loader<'a>,
        scope: Scope<'s>,
        interpolation: &'l mut Interpolation<'s>,
    ) -> Self {
        let itself = Place { name: String::new(), services: Map::default(), faults: Vec::new() };
        Self {
            loader,
            scope,
            interpolation,
            places: vec![itself],
            files: HashMap::new(),
            done: HashMap::new(),
        }
    }

    /// Puts every service of a document over what it extends.
    pub(crate) fn apply(&mut self, document: &mut Tree) {
        let Some(services) = document.get_mut("services").and_then(Tree::as_map_mut) else { return };
        if !services.entries().iter().any(|entry| entry.value.get("extends").is_some()) {
            return;
        }
        self.places[0].services = present(services.clone());
        self.done.retain(|(place, _), _| *place != 0);
        for (name, _, service) in services.values_mut() {
            if service.get("extends").is_some() && service.tag != Some(Tag::Reset) {
                *service = self.service(0, name, &mut Vec::new());
            }
        }
    }

    /// A service with what it extends below it.
    fn service(&mut self, place: usize, name: &str, chain: &mut Vec<(usize, String)>) -> Tree {
        let here = (place, name.to_owned());
        if let Some(done) = self.done.get(&here) {
            return done.clone();
        }
        let mut service = self.places[place].services.get(name).cloned().unwrap_or_default();
        let Some(extended) = extended(&service) else { return service };
        let services = Path::TOP.key("services");
        self.loader.used.extend(used_up(&service, &services.key(name), &schema::SERVICE, &["extends"]));
        let said = take(&mut service, "extends");
        if chain.contains(&here) || chain.len() >= LONGEST_CHAIN {
            self.circle(&extended, &here, chain);
            unknown_image(&mut service, &extended.span);
            return service;
        }
        chain.push(here.clone());
        match self.base(place, name, &extended, chain) {
            // A service that says nothing is not found, and still stands there to be extended.
            Some((Tree { value: Value::Null, .. }, _)) => {
                if let Some((map, said)) = service.as_map_mut().zip(said) {
                    map.insert(said);
                }
            }
            Some((mut base, place)) => {
                take(&mut base, "extends");
                if all_gpus(&base) && service.get("gpus").is_some_and(|gpus| !gpus.is_null()) {
                    take(&mut base, "gpus");
                }
                spend(&mut base);
                clash::extended(&base, &service, &services.key(name), self.loader.context.diagnostics);
                // `!override` on the whole service is about earlier files, not about its base.
                let tag = service.tag.take();
                merge(&mut base, service, &schema::SERVICE, self.how());
                service = Tree { tag, ..base };
                self.tell(place, &extended.service, &service);
            }
            None => unknown_image(&mut service, &extended.span),
        }
        chain.pop();
        self.done.insert(here, service.clone());
        service
    }

    /// Tags reach the earlier files too.
    fn how(&self) -> How {
        How { tags: Tags::Kept, written: self.loader.skip.interpolation }
    }

    /// The service that is extended, and its place.
    fn base(
        &mut self,
        place: usize,
        name: &str,
        extended: &Extended,
        chain: &mut Vec<(usize, String)>,
    ) -> Option<(Tree, usize)> {
        if self.loader.copies_left == 0 {
            return None;
        }
        let base = match &extended.file {
            Some(file) => self.open(file, name)?,
            None => place,
        };
        if self.places[base].services.get(&extended.service).is_none() {
            self.unknown(base, name, extended);
            return None;
        }
        let found = self.service(base, &extended.service, chain);
        self.afford(&found, name, extended).then_some((found, base))
    }

    /// Tells what is wrong with a service of another file, but not in what is replaced.
    fn tell(&mut self, place: usize, base: &str, service: &Tree) {
        let path = format!("services.{base}");
        let counts = |item: &mut Diagnostic| {
            below(&item.path, &path).is_some_and(|rest| !is_replaced(service, &schema::SERVICE, rest))
        };
        let faults = self.places[place].faults.extract_if(.., counts);
        self.loader.context.diagnostics.items.extend(faults);
    }

    /// Whether a service may still take over this much. That it may not is told once.
    fn afford(&mut self, base: &Tree, name: &str, extended: &Extended) -> bool {
        let (weight, _) = measure(base);
        let left = self.loader.copies_left.checked_sub(weight);
        if left.is_none() && self.loader.copies_left > 0 {
            let message = "the services of this stack take over too much from those that they extend";
            let hint = "let fewer services extend this one, or make it smaller";
            let path = format!("services.{name}.extends");
            self.loader.context.diagnostics.error(&extended.span, path, message.to_owned()).hint(hint);
        }
        self.loader.copies_left = left.unwrap_or(0);
        left.is_some()
    }

    /// The place of a file's services, which is read when it is not yet known.
    fn open(&mut self, file: &Tree, service: &str) -> Option<usize> {
        let services = Path::TOP.key("services");
        let path = services.key(service);
        let path = path.key("extends");
        let name = file.as_text()?;
        let absolute = join(self.scope.directory, name);
        if let Some(known) = self.files.get(&absolute) {
            return *known;
        }
        let asked = Asked { span: &file.span, path: &path };
        let documents = self.loader.documents(&absolute, Some(asked));
        let place = documents.map(|documents| {
            let mut all = Tree::empty_map(&Span::default());
            let (how, mut faults) = (self.how(), Vec::new());
            for mut document in documents {
                faults.extend(self.loader.prepare_quietly(&mut document, self.interpolation));
                merge(&mut all, document, &schema::TOP, how);
            }
            forget_forms(&mut all);
            resolve::paths(&mut all, folder(name), self.scope.environment);
            let services = all.get_mut("services").and_then(Tree::as_map_mut).map(std::mem::take);
            let services = present(services.unwrap_or_default());
            self.places.push(Place { name: name.to_owned(), services, faults });
            self.places.len() - 1
        });
        self.files.insert(absolute, place);
        place
    }

    fn unknown(&mut self, base: usize, name: &str, extended: &Extended) {
        let Place { name: file, services, .. } = &self.places[base];
        let shown = extended.service.escape_debug();
        let message = match file.as_str() {
            "" => format!("there is no service `{shown}` to extend in this file"),
            file => format!("there is no service `{shown}` to extend in {file}"),
        };
        let known = services.entries().iter().map(|entry| entry.key.as_str());
        let known = known.filter(|known| *known != name || base != 0);
        let hint =
            known_names(&extended.service, known, "name its file with `file:` if it is in another one");
        let path = format!("services.{name}.extends");
        self.loader.context.diagnostics.error(&extended.span, path, message).hint(hint);
    }

    fn circle(&mut self, extended: &Extended, here: &(usize, String), chain: &[(usize, String)]) {
        let shown = |(place, name): &(usize, String)| match self.places[*place].name.as_str() {
            "" => name.clone(),
            file => format!("{name} of {file}"),
        };
        let start = chain.iter().position(|one| one == here).unwrap_or(0);
        let circle: Vec<String> = chain[start..].iter().chain([here]).map(shown).collect();
        let message = match chain.contains(here) {
            true => format!("services extend each other in a circle: {}", circle.join(" → ")),
            false => format!("more than {LONGEST_CHAIN} services extend each other"),
        };
        let path = format!("services.{}.extends", here.1);
        let hint = "take one of these `extends` out";
        self.loader.context.diagnostics.error(&extended.span, path, message).hint(hint);
    }
}

/// The rest of a path below another.
fn below<'a>(path: &'a str, top: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(top)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
}

/// Takes a key out of a service.
fn take(service: &mut Tree, key: &str) -> Option<Entry> {
    let map = service.as_map_mut()?;
    let entry = map.entry(key)?.clone();
    map.retain(|entry| entry.key != key);
    Some(entry)
}

/// Whether its `gpus` are written as `all`, which any list replaces.
fn all_gpus(service: &Tree) -> bool {
    service.get("gpus").is_some_and(clash::all_gpus)
}

/// Without the services that `!reset` takes away.
fn present(mut services: Map) -> Map {
    services.retain(|service| service.value.tag != Some(Tag::Reset));
    services
}

/// What cannot be extended may have had an image: that none is there is no mistake of its own.
fn unknown_image(service: &mut Tree, span: &Span) {
    if let Some(map) = service.as_map_mut()
        && map.get("image").is_none()
    {
        map.set("image", Tree::new(Value::Bad, span));
    }
}

fn extended(service: &Tree) -> Option<Extended> {
    let there = |node: &&Tree| node.tag != Some(Tag::Reset);
    let node = service.get("extends").filter(there)?;
    let service = node.get("service")?;
    let (name, span) = (service.as_text()?.to_owned(), service.span.clone());
    Some(Extended { service: name, file: node.get("file").filter(there).cloned(), span })
}
