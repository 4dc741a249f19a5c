//! Whole builds for tests: a folder with files, a base image, and what was told and came of it.

use crate::bench::{Bench, fail};
use engine::build::{BuildEvent, BuildInputs, Built, Cancel, StepId, build};
use engine::image::{Images, Input};
use engine::{Error, Result, overlay};
use planner::Diagnostics;
use planner::desired::{BuildContext, BuildSpec, DockerfileSource};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A context folder, and a store with the image `base`.
pub(crate) struct Site<'a> {
    pub(crate) bench: &'a Bench,
    pub(crate) context: PathBuf,
}

/// What was told of a build that came to its end.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) built: Built,
    /// `RUN x: cached`, or why it was not, in the order of the Dockerfile.
    pub(crate) steps: Vec<String>,
    pub(crate) output: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

impl<'a> Site<'a> {
    pub(crate) fn new(bench: &'a Bench, files: &[(&str, &str)]) -> Self {
        let site = Self { bench, context: bench.folder("context") };
        site.import("base", &bench.base, &["ENV BASE=yes", "CMD [\"sh\"]"]);
        files.iter().for_each(|(path, text)| site.write(path, text));
        site
    }

    pub(crate) fn images(&self) -> Images {
        Images::new(&self.bench.store)
    }

    /// Makes an image of a folder.
    pub(crate) fn import(&self, name: &str, folder: &Path, changes: &[&str]) {
        let mut tar = tar::Builder::new(Vec::new());
        tar.follow_symlinks(false);
        tar.append_dir_all(".", folder).unwrap();
        let tar = tar.into_inner().unwrap();
        let changes: Vec<String> = changes.iter().map(|&change| change.to_owned()).collect();
        self.images().import(Input::Stream(&mut tar.as_slice()), Some(name), &changes).unwrap();
    }

    /// Writes a file of the context.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.context.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn spec(&self, dockerfile: &str) -> BuildSpec {
        BuildSpec {
            context: BuildContext::Folder(self.context.clone()),
            dockerfile: DockerfileSource::Inline(dockerfile.to_owned()),
            tags: vec!["web".to_owned()],
            ..BuildSpec::default()
        }
    }

    pub(crate) fn build(&self, dockerfile: &str) -> Ended {
        self.build_with(dockerfile, |_| {})
    }

    pub(crate) fn build_with(&self, dockerfile: &str, change: impl FnOnce(&mut BuildSpec)) -> Ended {
        let mut spec = self.spec(dockerfile);
        change(&mut spec);
        self.try_build(&spec, &BuildInputs::default()).unwrap_or_else(|error| fail(&error))
    }

    pub(crate) fn refused(&self, dockerfile: &str) -> Refused {
        let error = self.try_build(&self.spec(dockerfile), &BuildInputs::default()).unwrap_err();
        Refused(error)
    }

    pub(crate) fn try_build(&self, spec: &BuildSpec, inputs: &BuildInputs) -> Result<Ended> {
        let told = Mutex::new(Told::default());
        let tell = |event| told.lock().unwrap().hear(event);
        let built = build(&self.bench.store, spec, inputs, &Cancel::new()?, &tell)?;
        let Told { names, became, output, warnings } = told.into_inner().unwrap();
        let line = |(id, name): (StepId, String)| {
            format!("{name}: {}", became.get(&id).map_or("never told of", String::as_str))
        };
        Ok(Ended { built, steps: names.into_iter().map(line).collect(), output, warnings })
    }

    /// The image's JSON.
    pub(crate) fn config(&self, image: &str) -> Value {
        let id = self.images().resolve(image).unwrap().unwrap().id;
        let hex = id.strip_prefix("sha256:").unwrap();
        let blob = self.bench.store.images().join("blobs/sha256").join(hex);
        serde_json::from_slice(&fs::read(blob).unwrap()).unwrap()
    }

    /// The files of an image.
    pub(crate) fn files(&self, image: &str) -> Files {
        let image = self.images().resolve(image).unwrap().unwrap();
        Files(overlay::view(&image.layers).unwrap())
    }
}

/// A look into an image.
pub(crate) struct Files(OwnedFd);

impl Files {
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd())).join(path)
    }

    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }
}

/// Why there was no image.
pub(crate) struct Refused(pub(crate) Error);

impl Refused {
    /// What is told at a place of the Dockerfile: line, message and hint.
    pub(crate) fn at(&self) -> (usize, String) {
        let found = self.0.source.as_ref().and_then(|source| source.downcast_ref::<Diagnostics>());
        let found = found.unwrap_or_else(|| panic!("no place is told: {}", self.0.chain()));
        let item = &found.items[0];
        assert!(!found.files[0].text.is_empty(), "the text is there for the excerpt");
        (
            item.span.as_ref().unwrap().line.try_into().unwrap(),
            format!("{} ({})", item.message, item.hint.as_deref().unwrap_or("")),
        )
    }
}

#[derive(Default)]
struct Told {
    names: BTreeMap<StepId, String>,
    became: BTreeMap<StepId, String>,
    output: Vec<String>,
    warnings: Vec<String>,
}

impl Told {
    fn hear(&mut self, event: BuildEvent) {
        match event {
            BuildEvent::Planned(steps) => {
                self.names.extend(steps.into_iter().map(|(id, step)| (id, step.text)));
            }
            BuildEvent::Cached(id) => drop(self.became.insert(id, "cached".to_owned())),
            BuildEvent::Started(id, why) => drop(self.became.insert(id, why.to_string())),
            BuildEvent::Output(_, line) => self.output.push(line),
            BuildEvent::Warnings(found) => {
                self.warnings.extend(found.items.into_iter().map(|item| item.message));
            }
            _ => {}
        }
    }
}
