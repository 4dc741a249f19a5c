//! What variables are worth: the process environment first, then dotenv files.

use super::dotenv::{self, Dotenv, Note};
use super::explain::Origin;
use super::{Source, resolve, truth};
use crate::diagnostic::{Diagnostics, Span};
use crate::load::LoadOptions;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io;

/// The variables that one set of stack files sees.
pub(crate) struct Environment<'a> {
    source: &'a dyn Source,
    /// The environment of those who include these files. It wins.
    parent: Option<&'a Environment<'a>>,
    /// What dotenv files say. Earlier layers win.
    layers: Vec<Layer>,
    stack: Option<String>,
    /// Where stack files use variables, of those who are included too.
    uses: RefCell<Uses>,
    /// Variables whose absence was told.
    warned: RefCell<HashSet<String>>,
    /// What the dotenv files of those say who are included.
    included: RefCell<Vec<Layer>>,
}

/// Where each variable is used.
type Uses = BTreeMap<String, BTreeSet<Span>>;

/// More uses than this of one variable are not remembered.
const MOST_USES: usize = 1000;

/// What dotenv files say that are read one after the other: the last definition wins.
type Layer = HashMap<String, Vec<Definition>>;

/// One line of a dotenv file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    /// The value it gives.
    pub(crate) value: String,
    /// Where the name stands.
    pub(crate) span: Span,
}

impl<'a> Environment<'a> {
    /// Reads the dotenv files: those asked for, which must exist, or else `.env` of the directory.
    pub(crate) fn read(options: &LoadOptions, source: &'a dyn Source, diagnostics: &mut Diagnostics) -> Self {
        let mut environment = Self {
            source,
            parent: None,
            layers: Vec::new(),
            stack: None,
            uses: RefCell::default(),
            warned: RefCell::default(),
            included: RefCell::default(),
        };
        for file in &options.env_files {
            match source.read(file) {
                Ok(text) => environment.add(file, &text, diagnostics),
                Err(error) => unreadable(file, &error, diagnostics),
            }
        }
        if options.env_files.is_empty() && !is_disabled(source, diagnostics) {
            if let Some(directory) = &options.env_directory {
                environment.add_default(directory, &resolve::join(directory, ".env"), diagnostics);
                environment.layers.push(Layer::new());
            }
            environment.add_default(&options.directory, ".env", diagnostics);
        }
        environment
    }

    /// The variables of included files: what is known here wins over the dotenv files of the
    /// include, which are `files`, or else `.env` of its `directory` when there is one. Files are
    /// absolute and come with the place that names them.
    pub(crate) fn child(
        &'a self,
        directory: &str,
        files: &[(String, Span)],
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut child = Self {
            source: self.source,
            parent: Some(self),
            layers: Vec::new(),
            stack: None,
            uses: RefCell::default(),
            warned: RefCell::default(),
            included: RefCell::default(),
        };
        for (file, span) in files {
            match self.source.read(file) {
                Ok(text) => child.add(file, &text, diagnostics),
                Err(error) => {
                    let message = why_unreadable(diagnostics.shown(file), &error);
                    diagnostics.error(span, "include", message).hint("create it, or name another one");
                }
            }
        }
        if files.is_empty() {
            let file = resolve::join(directory, ".env");
            child.add_default(directory, &file, diagnostics);
        }
        self.note_included(&child.layers);
        child
    }

    /// Reads `.env` of a directory, if it is there; `name` is what messages call it.
    fn add_default(&mut self, directory: &str, name: &str, diagnostics: &mut Diagnostics) {
        match self.source.read(&resolve::join(directory, ".env")) {
            Ok(text) => self.add(name, &text, diagnostics),
            // A folder of this name is none of ours.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {}
            Err(error) => unreadable(name, &error, diagnostics),
        }
    }

    fn add(&mut self, name: &str, text: &str, diagnostics: &mut Diagnostics) {
        let file = diagnostics.add_file(name, text);
        if self.layers.is_empty() {
            self.layers.push(Layer::new());
        }
        let (last, above) = self.layers.split_last().unzip();
        let known = |key: &str| self.outer(key).or_else(|| in_layers(above?, key));
        let before = |key: &str| in_layers(std::slice::from_ref(last?), key);
        let parsed = dotenv::parse(text, &known, &before);
        let Some((dotenv, layer)) = accept(parsed, file, diagnostics).zip(self.layers.last_mut()) else {
            return;
        };
        for pair in dotenv.pairs {
            // A bare `KEY` takes the value that is known already, which wins anyway.
            if let Some(value) = pair.value {
                let span = pair.place.span(file);
                layer.entry(pair.name).or_default().push(Definition { value, span });
            }
        }
    }

    /// From now on `COMPOSE_PROJECT_NAME` is the stack's name, wherever that came from.
    pub(crate) fn name_stack(&mut self, name: &str) {
        self.stack = Some(name.to_owned());
    }

    /// An absolute path with the symbolic links in it followed.
    pub(crate) fn real_path(&self, path: &str) -> String {
        self.source.real_path(path)
    }

    /// The value of a variable.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.outer(name).or_else(|| in_layers(&self.layers, name))
    }

    /// What the dotenv files say, and the name of the stack.
    pub(crate) fn of_files(&self) -> BTreeMap<String, String> {
        let names = self.layers.iter().flat_map(Layer::keys);
        let mut all: BTreeMap<_, _> =
            names.filter_map(|name| Some((name.clone(), in_layers(&self.layers, name)?))).collect();
        all.extend(self.stack.iter().map(|name| ("COMPOSE_PROJECT_NAME".to_owned(), name.clone())));
        all
    }

    /// Remembers that a stack file uses a variable.
    pub(crate) fn note_use(&self, name: &str, span: &Span) {
        if let Some(parent) = self.parent {
            return parent.note_use(name, span);
        }
        let mut uses = self.uses.borrow_mut();
        if !uses.contains_key(name) {
            uses.insert(name.to_owned(), BTreeSet::new());
        }
        if let Some(places) = uses.get_mut(name).filter(|places| places.len() < MOST_USES) {
            places.insert(span.clone());
        }
    }

    /// Whether nobody was told yet, in any of the files, that a variable is not set.
    pub(crate) fn warn_of(&self, name: &str) -> bool {
        match self.parent {
            Some(parent) => parent.warn_of(name),
            None => self.warned.borrow_mut().insert(name.to_owned()),
        }
    }

    /// Remembers what the dotenv files of an include say.
    fn note_included(&self, layers: &[Layer]) {
        match self.parent {
            Some(parent) => parent.note_included(layers),
            None => self.included.borrow_mut().extend_from_slice(layers),
        }
    }

    /// Where stack files use which variables.
    pub(crate) fn uses(&self) -> Uses {
        self.uses.borrow().clone()
    }

    /// The names of all variables of dotenv files, of includes too.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let included = self.included.borrow();
        self.layers.iter().chain(included.iter()).flat_map(|layer| layer.keys().cloned()).collect()
    }

    /// Every value that a variable could have, the winner first. What includes say, counts for their
    /// files only.
    pub(crate) fn candidates(&self, name: &str) -> Vec<(Origin, String, Option<Span>)> {
        let stack = self.stack.clone().filter(|_| name == "COMPOSE_PROJECT_NAME");
        let process = self.source.var(name).filter(|_| self.parent.is_none());
        let included = self.included.borrow();
        let layers = self.layers.iter().chain(included.iter());
        let lines = layers.filter_map(|layer| layer.get(name)).flat_map(|lines| lines.iter().rev());
        let lines = lines.map(|line| (Origin::Dotenv, line.value.clone(), Some(line.span.clone())));
        let stack = stack.map(|value| (Origin::StackName, value, None));
        let process = process.map(|value| (Origin::Process, value, None));
        let outer = self.parent.map(|parent| parent.candidates(name)).unwrap_or_default();
        outer.into_iter().chain(stack).chain(process).chain(lines).collect()
    }

    /// What wins over the dotenv files.
    fn outer(&self, name: &str) -> Option<String> {
        match (self.parent, &self.stack) {
            (Some(parent), _) => parent.get(name),
            (None, Some(stack)) if name == "COMPOSE_PROJECT_NAME" => Some(stack.clone()),
            (None, _) => self.source.var(name),
        }
    }
}

fn in_layers(layers: &[Layer], name: &str) -> Option<String> {
    layers.iter().find_map(|layer| Some(layer.get(name)?.last()?.value.clone()))
}

/// Whether `.env` is not to be read.
fn is_disabled(source: &dyn Source, diagnostics: &mut Diagnostics) -> bool {
    let Some(text) = source.var("COMPOSE_DISABLE_ENV_FILE") else { return false };
    truth(&text).unwrap_or_else(|| {
        let message =
            format!("COMPOSE_DISABLE_ENV_FILE is `{}`, neither true nor false", text.escape_debug());
        diagnostics.error_anywhere(message).hint("set it to 1 or unset it");
        false
    })
}

/// What a dotenv file says, when it could be read. What is wrong or odd about it is told.
pub(crate) fn accept(
    parsed: Result<Dotenv, Note>,
    file: u32,
    diagnostics: &mut Diagnostics,
) -> Option<Dotenv> {
    match parsed {
        Ok(dotenv) => {
            for note in &dotenv.notes {
                diagnostics.warning(&note.place.span(file), "", note.message.clone()).hint(&note.hint);
            }
            Some(dotenv)
        }
        Err(fault) => {
            diagnostics.error(&fault.place.span(file), "", fault.message).hint(fault.hint);
            None
        }
    }
}

/// Reports a file that cannot be read.
pub(crate) fn unreadable(name: &str, error: &io::Error, diagnostics: &mut Diagnostics) {
    diagnostics.missing_file |= error.kind() == io::ErrorKind::NotFound;
    let message = why_unreadable(diagnostics.shown(name), error);
    diagnostics.error_anywhere(message).hint("create it, or name another one");
}

pub(crate) fn why_unreadable(name: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("{name} does not exist"),
        io::ErrorKind::IsADirectory => format!("{name} is a folder, not a file"),
        io::ErrorKind::InvalidData => format!("{name} is not UTF-8 text"),
        _ => format!("{name} cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files and variables in memory.
    struct Texts(&'static [(&'static str, &'static str)], &'static [(&'static str, &'static str)]);

    impl Source for Texts {
        fn read(&self, path: &str) -> io::Result<String> {
            let file = self.0.iter().find(|(name, _)| *name == path);
            file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
        }

        fn var(&self, name: &str) -> Option<String> {
            self.1.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        }
    }

    fn options(env_files: &[&str]) -> LoadOptions {
        let env_files = env_files.iter().map(|file| (*file).to_owned()).collect();
        LoadOptions { directory: "/srv".into(), env_files, ..LoadOptions::default() }
    }

    #[test]
    fn the_process_wins_over_files_and_later_files_over_earlier_ones() {
        let source = Texts(&[("a.env", "A=1\nB=1\nP=1\n"), ("b.env", "B=2\nC=$A$B$P\n")], &[("P", "os")]);
        let mut diagnostics = Diagnostics::default();
        let environment = Environment::read(&options(&["a.env", "b.env"]), &source, &mut diagnostics);
        let get = |name| environment.get(name).unwrap_or_default();
        assert_eq!(
            (get("A"), get("B"), get("C"), get("P")),
            ("1".into(), "2".into(), "12os".into(), "os".into())
        );
    }

    #[test]
    fn included_files_have_defaults_of_their_own_below_what_is_known() {
        let files =
            &[("/srv/.env", "A=outer\n"), ("/srv/db/.env", "A=inner\nB=$A-$P\n"), ("/srv/x.env", "B=x\n")];
        let source = Texts(files, &[("P", "os")]);
        let mut diagnostics = Diagnostics::default();
        let mut parent = Environment::read(&options(&[]), &source, &mut diagnostics);
        parent.name_stack("shop");
        let child = parent.child("/srv/db", &[], &mut diagnostics);
        let of = |environment: &Environment<'_>, name| environment.get(name);
        assert_eq!(of(&child, "A").as_deref(), Some("outer"));
        assert_eq!(of(&child, "B").as_deref(), Some("outer-os"));
        assert_eq!(of(&child, "COMPOSE_PROJECT_NAME").as_deref(), Some("shop"));
        assert_eq!(of(&parent, "B"), None);
        let named = parent.child("/srv/db", &[("/srv/x.env".into(), Span::default())], &mut diagnostics);
        assert_eq!(of(&named, "B").as_deref(), Some("x"));
        let grandchild = child.child("/srv/none", &[], &mut diagnostics);
        assert_eq!(of(&grandchild, "B").as_deref(), Some("outer-os"));
        assert!(diagnostics.items.is_empty());
        parent.child("/srv/db", &[("/srv/no.env".into(), Span::default())], &mut diagnostics);
        assert!(diagnostics.to_string().contains("/srv/no.env does not exist"));
    }
}
