//! Contexts that are not folders of this machine are brought here before a build begins.

use super::cancel::Cancel;
use super::copy::{self, Add, CopyRequest, CopySource};
use super::event::BuildEvent;
use super::remote::{Reach, Remote, Said};
use super::snapshot::{Files, Snapshot};
use super::{BuildInputs, Tell};
use crate::error::{Context, Error, Kind, Result};
use crate::image::Images;
use planner::desired::{BuildContext, BuildSpec, DockerfileSource};
use std::fs;
use std::path::{Path, PathBuf};

/// What it takes to bring contexts here.
pub(super) struct Fetch<'a> {
    /// Whoever has it holds its layers.
    pub(super) images: &'a Images,
    pub(super) inputs: &'a BuildInputs,
    pub(super) cancel: &'a Cancel,
    pub(super) tell: Tell<'a>,
    /// Where they are put.
    pub(super) folder: &'a Path,
}

/// The same build, with contexts that are here.
pub(super) fn nearby(spec: &BuildSpec, fetch: &Fetch<'_>) -> Result<BuildSpec> {
    let mut spec = spec.clone();
    if let BuildContext::Url(url) = &spec.context {
        match fetch.url(url, "context")? {
            Fetched::Folder(folder) => spec.context = BuildContext::Folder(folder),
            // What is no archive is the Dockerfile itself.
            Fetched::File(path) => {
                let text = fs::read_to_string(&path).doing(|| format!("read what {url} has"))?;
                spec.context = BuildContext::Empty;
                spec.dockerfile = DockerfileSource::Inline(text);
            }
        }
    }
    if let BuildContext::Archive(path) = &spec.context {
        (fetch.tell)(BuildEvent::Note("unpack the build context".to_owned()));
        let (unpacked, name) = (fetch.folder.join("context"), "archive".to_owned());
        match fetch.unpack(path.clone(), name, &unpacked)? {
            Fetched::Folder(folder) => spec.context = BuildContext::Folder(folder),
            Fetched::File(_) => {
                return Err(Error::new(Kind::Unsupported, format!("{} is no archive", path.display())));
            }
        }
    }
    for (number, context) in spec.additional_contexts.values_mut().enumerate() {
        match context {
            BuildContext::OciLayout { folder, reference } => {
                let id = fetch.images.load_layout(folder, reference.as_deref())?;
                *context = BuildContext::Image(id);
            }
            BuildContext::Url(url) => match fetch.url(url, &format!("context-{number}"))? {
                Fetched::Folder(folder) => *context = BuildContext::Folder(folder),
                Fetched::File(_) => return Err(no_context(url)),
            },
            _ => {}
        }
    }
    Ok(spec)
}

enum Fetched {
    Folder(PathBuf),
    File(PathBuf),
}

impl Fetch<'_> {
    fn url(&self, url: &str, name: &str) -> Result<Fetched> {
        let place = self.folder.join(name);
        let reach = Reach { inputs: self.inputs, cancel: self.cancel, folder: &place };
        let remote = Remote::parse(url, &Said::default())?.ok_or_else(|| no_context(url))?;
        (self.tell)(BuildEvent::Note(format!("fetch {url}")));
        // What is known now is brought.
        remote.identity(reach)?;
        remote.bring(reach)?;
        match remote.source(&place) {
            CopySource::Folder { path, below } => inside(&path, &below).map(Fetched::Folder),
            CopySource::File { path, name } => self.unpack(path, name, &place.join("unpacked")),
            _ => Err(no_context(url)),
        }
    }

    fn unpack(&self, path: PathBuf, name: String, folder: &Path) -> Result<Fetched> {
        let snapshot = Snapshot { lower: Vec::new(), upper: folder.join("upper"), work: folder.join("work") };
        fs::create_dir_all(folder).doing(|| format!("create {}", folder.display()))?;
        let file = snapshot.upper.join(&name);
        let sources = [CopySource::File { path, name }];
        let nothing = Files::Layers(Vec::new());
        copy::copy(&CopyRequest {
            add: Some(Add { unpack: Some(true) }),
            ..CopyRequest::whole(&snapshot, &nothing, &sources, self.cancel)
        })?;
        // An archive is gone once it is unpacked.
        Ok(if file.is_file() { Fetched::File(file) } else { Fetched::Folder(snapshot.upper) })
    }
}

/// A folder of a checkout; links in it lead nowhere else.
fn inside(top: &Path, below: &str) -> Result<PathBuf> {
    let doing = || format!("find `{below}` in the repository");
    let top = top.canonicalize().doing(doing)?;
    let folder = top.join(below.trim_start_matches('/')).canonicalize().doing(doing)?;
    if folder.starts_with(&top) && folder.is_dir() {
        return Ok(folder);
    }
    Err(Error::new(Kind::NotFound, format!("`{below}` is no folder of the repository")))
}

fn no_context(url: &str) -> Error {
    Error::new(Kind::Unsupported, format!("`{url}` cannot be a build context"))
        .hint("there are folders, archives by http(s) and git repositories")
}
