//! What reading the files of one load shares: where they come from, how much they may be, and
//! which of them lead to which.

use super::check::{Context, check};
use super::environment::{Environment, unreadable, why_unreadable};
use super::interpolate::Interpolation;
use super::path::Path;
use super::support::Use;
use super::tree::Tree;
use super::{Source, schema, yaml};
use crate::diagnostic::{Diagnostic, Span};
use crate::load::Skip;

/// How many files one load may read. Includes can lead to each other in more ways than that.
const MOST_FILES: usize = 1000;
/// How many bytes these may have together, a file as often as it is read.
const MOST_TEXT: usize = 16 << 20;
/// How many documents these may have.
const MOST_DOCUMENTS: usize = 10_000;
/// What services may take over from those that they extend, all together: about 64 per node plus
/// the text.
const MOST_COPIED: usize = 64 << 20;
/// How many ports the ranges of one stack may mean.
const MOST_PORTS: usize = 1 << 17;

const SMALLER: &str = "make it smaller: a stack file says what runs, it does not carry data";

/// One load.
pub(crate) struct Loader<'a> {
    /// Where files and variables are.
    pub(crate) source: &'a dyn Source,
    /// Where problems go, and budgets.
    pub(crate) context: Context<'a>,
    /// Stages that are left out.
    pub(crate) skip: Skip,
    /// Absolute paths of the files that led to the one that is read now.
    pub(crate) trail: Vec<String>,
    /// What services may still take over from those that they extend.
    pub(crate) copies_left: usize,
    /// Keys that are used up before the files are one tree.
    pub(crate) used: Vec<Use>,
    files_left: usize,
    text_left: usize,
    documents_left: usize,
}

/// Where the files of a project stand: the stack itself, or one that it includes.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The folder that paths in these files are relative to, absolute.
    pub(crate) directory: &'a str,
    /// The variables of the project.
    pub(crate) environment: &'a Environment<'a>,
}

/// What asked for a file, when that was another file.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Where.
    pub(crate) span: &'a Span,
    /// In which node.
    pub(crate) path: &'a Path<'a>,
}

impl<'a> Loader<'a> {
    /// A load that leaves out what `skip` says.
    pub(crate) fn new(source: &'a dyn Source, diagnostics: &'a mut crate::Diagnostics, skip: Skip) -> Self {
        let context = Context { diagnostics, ports_left: MOST_PORTS, variables: skip.interpolation };
        Self {
            source,
            context,
            skip,
            trail: Vec::new(),
            copies_left: MOST_COPIED,
            used: Vec::new(),
            files_left: MOST_FILES,
            text_left: MOST_TEXT,
            documents_left: MOST_DOCUMENTS,
        }
    }

    /// The documents of a file that say something; `None` when it cannot be read or parsed.
    pub(crate) fn documents(&mut self, name: &str, asked: Option<Asked<'_>>) -> Option<Vec<Tree>> {
        let text = self.text(name, asked)?;
        let file = self.context.diagnostics.add_file(name, &text);
        let mut documents = yaml::parse(file, &text, self.context.diagnostics)?;
        documents.retain(|tree| !tree.is_null());
        if documents.len() > self.documents_left {
            let shown = self.context.diagnostics.shown(name);
            let message = format!("{shown} brings the documents to more than {MOST_DOCUMENTS}");
            self.context.diagnostics.error_anywhere(message);
            return None;
        }
        self.documents_left -= documents.len();
        Some(documents)
    }

    fn text(&mut self, name: &str, asked: Option<Asked<'_>>) -> Option<String> {
        let shown = self.context.diagnostics.shown(name).to_owned();
        let (message, hint) = if self.files_left == 0 {
            (format!("more than {MOST_FILES} files belong together"), "let fewer files include others")
        } else {
            self.files_left -= 1;
            match (self.source.read(name), asked) {
                (Ok(text), _) if text.len() > yaml::LARGEST_FILE => {
                    (format!("{shown} is larger than {} MiB", yaml::LARGEST_FILE >> 20), SMALLER)
                }
                (Ok(text), _) if text.len() > self.text_left => {
                    let most = MOST_TEXT >> 20;
                    (format!("{shown} brings the files of this stack to more than {most} MiB"), SMALLER)
                }
                (Ok(text), _) => {
                    self.text_left -= text.len();
                    return Some(text);
                }
                (Err(error), None) => {
                    unreadable(name, &error, self.context.diagnostics);
                    return None;
                }
                (Err(error), Some(_)) => (why_unreadable(&shown, &error), "create it, or name another one"),
            }
        };
        match asked {
            Some(asked) => self.context.diagnostics.error(asked.span, asked.path, message),
            None => self.context.diagnostics.error_anywhere(message),
        }
        .hint(hint);
        None
    }

    /// Replaces variables in a document, holds it against the table and makes short forms long.
    pub(crate) fn prepare(&mut self, document: &mut Tree, interpolation: &mut Interpolation<'_>) {
        self.interpolate(document, interpolation);
        check(document, &Path::TOP, &schema::TOP, &mut self.context);
    }

    fn interpolate(&mut self, document: &mut Tree, interpolation: &mut Interpolation<'_>) {
        if !self.skip.interpolation {
            interpolation.walk(document, &Path::TOP, self.context.diagnostics);
        }
    }

    /// As [`Loader::prepare`]; what is wrong is not told, for perhaps nobody uses it.
    pub(crate) fn prepare_quietly(
        &mut self,
        document: &mut Tree,
        interpolation: &mut Interpolation<'_>,
    ) -> Vec<Diagnostic> {
        self.interpolate(document, interpolation);
        let told = self.context.diagnostics.items.len();
        check(document, &Path::TOP, &schema::TOP, &mut self.context);
        let found = &mut self.context.diagnostics.items;
        found.split_off(told.min(found.len()))
    }
}
