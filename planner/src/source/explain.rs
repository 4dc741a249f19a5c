//! Where the value of a variable comes from: every place that has a say, the winner first.

use super::environment::Environment;
use super::tree::Tree;
use crate::diagnostic::{Diagnostics, Span};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the variables of a load are, and why.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    /// Those that files use or dotenv files set.
    project: BTreeMap<String, Vec<Candidate>>,
    uses: BTreeMap<String, Vec<Place>>,
    services: BTreeMap<String, BTreeMap<String, Vec<Candidate>>>,
}

/// The story of one variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The variable.
    pub name: String,
    /// Its value: that of the first candidate.
    pub value: Option<String>,
    /// Every place that has a say, the winner first.
    pub candidates: Vec<Candidate>,
    /// Where stack files use it, for a variable of the project.
    pub uses: Vec<Place>,
}

/// One place that has a say about a variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// What kind of place it is.
    pub origin: Origin,
    /// The value it gives; none when it passes on what the project has.
    pub value: Option<String>,
    /// Where it stands, when that is in a file.
    pub place: Option<Place>,
}

/// Kinds of places that give variables values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The stack's name, which is `COMPOSE_PROJECT_NAME`.
    StackName,
    /// The environment of the command.
    Process,
    /// A file of `--env-file`, or `.env`.
    Dotenv,
    /// `environment` of a service.
    Environment,
    /// A file of a service's `env_file`.
    EnvFile,
    /// The image of a service.
    Image,
}

/// A place in a file, shown as `file:line:column`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The name of the file, as in diagnostics.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl Explanation {
    /// The story of a variable about which nobody says anything.
    pub fn unset(name: &str) -> Self {
        Self::new(name, Vec::new())
    }

    fn new(name: &str, candidates: Vec<Candidate>) -> Self {
        let value = candidates.first().and_then(|candidate| candidate.value.clone());
        Self { name: name.to_owned(), value, candidates, uses: Vec::new() }
    }

    /// Adds what an image says, which loses to everything else. A variable that is passed on
    /// without a value is taken away from the image's.
    pub fn add_image(&mut self, value: &str) {
        if self.candidates.is_empty() {
            self.value = Some(value.to_owned());
        }
        let value = Some(value.to_owned());
        self.candidates.push(Candidate { origin: Origin::Image, value, place: None });
    }
}

impl Variables {
    /// The variables that the stack files use, by name.
    pub fn used(&self) -> Vec<Explanation> {
        self.uses.keys().map(|name| self.of_project(name, None)).collect()
    }

    /// A variable of the project. `process` is its value in the environment of the command, for
    /// one that no file knows.
    pub fn of_project(&self, name: &str, process: Option<String>) -> Explanation {
        let process =
            process.map(|value| Candidate { origin: Origin::Process, value: Some(value), place: None });
        let candidates = self.project.get(name).cloned().unwrap_or_else(|| process.into_iter().collect());
        let uses = self.uses.get(name).cloned().unwrap_or_default();
        Explanation { uses, ..Explanation::new(name, candidates) }
    }

    /// The variables that the stack gives to the containers of a service, by name; `None` when
    /// there is no such service.
    pub fn of_service(&self, service: &str) -> Option<Vec<Explanation>> {
        let variables = self.services.get(service)?;
        Some(variables.iter().map(|(name, candidates)| Explanation::new(name, candidates.clone())).collect())
    }

    /// One variable of a service's containers; `None` when there is no such service.
    pub fn in_service(&self, service: &str, name: &str) -> Option<Explanation> {
        let variables = self.services.get(service)?;
        Some(Explanation::new(name, variables.get(name).cloned().unwrap_or_default()))
    }

    /// Gathers them from a tree whose `env_file`s have been read: those files are `env_files`.
    pub(crate) fn gather(
        tree: &Tree,
        env_files: &BTreeSet<u32>,
        environment: &Environment<'_>,
        diagnostics: &Diagnostics,
    ) -> Self {
        let gathering = Gathering { env_files, environment, diagnostics };
        let uses: BTreeMap<_, _> = environment
            .uses()
            .into_iter()
            .map(|(name, spans)| (name, spans.iter().map(|span| gathering.place(span)).collect()))
            .collect();
        let names = uses.keys().cloned().chain(environment.names());
        let project = names.map(|name| (name.clone(), gathering.project(&name))).collect();
        let services = tree.get("services").map(Tree::entries).unwrap_or_default().iter();
        let services = services.map(|service| (service.key.to_string(), gathering.service(&service.value)));
        Self { project, uses, services: services.collect() }
    }
}

struct Gathering<'a> {
    env_files: &'a BTreeSet<u32>,
    environment: &'a Environment<'a>,
    diagnostics: &'a Diagnostics,
}

impl Gathering<'_> {
    fn place(&self, span: &Span) -> Place {
        let file = self.diagnostics.file(span).map(|file| file.name.clone());
        Place { file: file.unwrap_or_default(), line: span.line, column: span.column }
    }

    fn project(&self, name: &str) -> Vec<Candidate> {
        let found = self.environment.candidates(name).into_iter();
        let candidate = |(origin, value, span): (Origin, String, Option<Span>)| Candidate {
            origin,
            value: Some(value),
            place: span.map(|span| self.place(&span)),
        };
        found.map(candidate).collect()
    }

    fn service(&self, service: &Tree) -> BTreeMap<String, Vec<Candidate>> {
        let entries = service.get("environment").map(Tree::entries).unwrap_or_default();
        entries.iter().map(|entry| (entry.key.to_string(), self.variable(&entry.key, &entry.value))).collect()
    }

    fn variable(&self, name: &str, node: &Tree) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        // What is passed on is won by whatever the project has.
        let passed_on = node.was().last().filter(|null| null.is_null() && null.span == node.span);
        let mut project = self.project(name).into_iter().filter(|_| passed_on.is_some());
        candidates.extend(project.next());
        candidates.push(self.written(passed_on.unwrap_or(node)));
        candidates.extend(project);
        let earlier = node.was().iter().rev().skip(usize::from(passed_on.is_some()));
        candidates.extend(earlier.map(|version| self.written(version)));
        candidates
    }

    fn written(&self, node: &Tree) -> Candidate {
        let from_file = self.env_files.contains(&node.span.file);
        let origin = if from_file { Origin::EnvFile } else { Origin::Environment };
        let value = (!node.is_null()).then(|| super::cast::loose(&node.value).into_owned());
        Candidate { origin, value, place: Some(self.place(&node.span)) }
    }
}
