//! What the fuzz targets hold against loading, whatever the files say:
//!
//! 1. It never panics and says no more than a person could read.
//! 2. What loads prints as a stack file that loads again, and means the same.
//!
//! libFuzzer adds bounds of time and memory. `make fuzz SECONDS=1800` builds everything that is
//! needed and runs each target so long. What it finds lies in `target/fuzz/artifacts/`, and is
//! tried again by `target/fuzz/TARGET FILE`; what it came upon is kept in `target/fuzz/corpus/`.
//! The toolchain is the stable one: coverage needs only stable flags of the compiler, and there
//! is no sanitizer, because the planner has no unsafe code.
//!
//! Seeds of stacks are projects (see [`Project::read`]); a plain stack file is one too.

use planner::load::{LoadOptions, Skip, load};
use planner::model::Form;
use planner::{Source, Stack};
use serde_json::Value;
use std::cell::Cell;
use std::collections::HashMap;
use std::io;

/// The folder of every project.
const FOLDER: &str = "/srv/shop";
/// Diagnostics that one load may give.
const MOST_DIAGNOSTICS: usize = 1000;
/// Files that one load may read.
const MOST_READS: usize = 10_000;

/// Files and variables in memory, and how they are loaded.
#[derive(Default)]
pub struct Project {
    files: HashMap<String, String>,
    variables: HashMap<String, String>,
    options: LoadOptions,
    reads: Cell<usize>,
}

impl Source for Project {
    fn read(&self, path: &str) -> io::Result<String> {
        self.reads.set(self.reads.get() + 1);
        let path = path.strip_prefix(FOLDER).map_or(path, |rest| rest.trim_start_matches('/'));
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn var(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }
}

impl Project {
    /// One stack file.
    #[must_use]
    pub fn file(text: &str) -> Self {
        let mut project = Self::default();
        project.options.directory = FOLDER.to_owned();
        project.options.current = FOLDER.to_owned();
        project.options.files.push("compose.yaml".to_owned());
        project.files.insert("compose.yaml".to_owned(), text.to_owned());
        project
    }

    /// Several files in one text. What comes first is the stack file; then each line that begins
    /// with `== ` says what follows: `== NAME` a file that others may name, `== -f NAME` one more
    /// stack file, `== --env-file NAME` dotenv variables; or changes how all of it is loaded:
    /// `== $NAME=VALUE`, `== -p NAME`, `== --profile NAME`, `== --all-resources` and `== --no-…`.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut sections = format!("\n{text}");
        sections.push('\n');
        let mut sections = sections.split("\n== ");
        let mut project = Self::file(sections.next().unwrap_or_default());
        for section in sections {
            let (header, text) = section.split_once('\n').unwrap_or((section, ""));
            project.section(header, text);
        }
        project
    }

    fn section(&mut self, header: &str, text: &str) {
        let options = &mut self.options;
        let skip = &mut options.skip;
        let name = header.rsplit(' ').next().unwrap_or_default().to_owned();
        match header.split(' ').next().unwrap_or_default() {
            "--all-resources" => options.all_resources = true,
            "--no-interpolate" => skip.interpolation = true,
            "--no-normalize" => skip.normalization = true,
            "--no-path-resolution" => skip.path_resolution = true,
            "--no-consistency" => skip.consistency = true,
            "--no-env-resolution" => skip.env_resolution = true,
            "--profile" => options.profiles.push(name),
            "-p" => options.name = Some(name),
            "-f" => {
                options.files.push(name.clone());
                self.files.insert(name, text.to_owned());
            }
            "--env-file" => {
                options.env_files.push(name.clone());
                self.files.insert(name, text.to_owned());
            }
            _ => match header.strip_prefix('$').and_then(|variable| variable.split_once('=')) {
                Some((name, value)) => {
                    self.variables.insert(name.to_owned(), value.to_owned());
                }
                None => {
                    self.files.insert(header.to_owned(), text.to_owned());
                }
            },
        }
    }

    /// Loads it, prints it, loads that.
    ///
    /// # Panics
    /// When something is not as it must be.
    pub fn check(&self) {
        let loaded = load(&self.options, self);
        assert!(self.reads.get() <= MOST_READS, "{} files were read", self.reads.get());
        let told = match &loaded {
            Ok(loaded) => &loaded.warnings,
            Err(diagnostics) => diagnostics,
        };
        assert!(told.items.len() <= MOST_DIAGNOSTICS, "{} diagnostics", told.items.len());
        let Ok(loaded) = loaded else { return };
        assert!(loaded.refusals.items.len() <= MOST_DIAGNOSTICS, "{} refusals", loaded.refusals.items.len());
        if self.options.skip == Skip::default() {
            self.check_printed(&loaded.stack);
        }
    }

    fn check_printed(&self, stack: &Stack) {
        let value = value(stack);
        if is_lossy(&value) {
            return;
        }
        let printed = json(&value);
        let mut again = Self::file(&printed);
        again.options.profiles.clone_from(&self.options.profiles);
        again.options.all_resources = self.options.all_resources;
        again.variables.clone_from(&self.variables);
        match load(&again.options, &again) {
            Ok(loaded) => {
                let second = json(&self::value(&loaded.stack));
                assert_eq!(second, printed, "it became another stack");
            }
            Err(diagnostics) => panic!("what was printed does not load: {diagnostics}\n{printed}"),
        }
    }
}

/// What `config` prints, as JSON, which is YAML. The other form, that of `--format json`, leaves
/// out and renames keys as Docker Compose does, and is not for being loaded.
fn value(stack: &Stack) -> Value {
    serde_json::to_value(stack.canonical(Form::Yaml)).expect("print as JSON")
}

/// As JSON that is YAML, too: there a delete character must be escaped.
fn json(value: &Value) -> String {
    value.to_string().replace('\u{7f}', "\\u007f")
}

/// Whether printing loses something, which it does where Docker Compose's does: a `$` of a key is
/// doubled and loading does not halve it, for variables are for values; a `count: 0` of devices is
/// left out, and none means all of them, as are capabilities when there are none, a `target: 0` of
/// ports and an empty `name` of what is external; a key of `ssh` and its file are one text that no
/// reader takes apart; an entry of a list may be without a name, a key may not.
fn is_lossy(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| {
            let devices = matches!(key.as_str(), "devices" | "gpus").then(|| value.as_array()).flatten();
            let counted =
                |device: &Value| ["count", "device_ids", "source"].iter().any(|key| !device[key].is_null());
            let capable = |device: &Value| device["capabilities"].is_array() || device["source"].is_string();
            let keys = value.as_array().filter(|_| key == "ssh").is_some_and(|all| all.iter().any(has_file));
            let fewer = devices.is_some_and(|all| !all.iter().all(|one| counted(one) && capable(one)));
            let ports = value.as_array().filter(|_| key == "ports");
            let aimless = ports.is_some_and(|all| all.iter().any(|port| port["target"].is_null()));
            let nameless = value["external"] == true && value["name"].is_null();
            key.is_empty() || nameless || key.contains('$') || is_lossy(value) || keys || fewer || aimless
        }),
        Value::Array(items) => items.iter().any(is_lossy),
        _ => false,
    }
}

/// Whether an item of `ssh` names the file of a key.
fn has_file(item: &Value) -> bool {
    item.as_str().is_some_and(|text| text.contains(": "))
}
