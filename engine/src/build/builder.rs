//! What the steps of one build share.

use super::cache::Cache;
use super::cancel::Cancel;
use super::dockerfile::Dockerfile;
use super::dockerfile::ast::{Instruction, Place};
use super::event::{BuildEvent, BuildStep, StepId};
use super::graph::Graph;
use super::schedule::Turns;
use super::share::Takes;
use super::sources::Contexts;
use super::variables::Globals;
use super::{BuildInputs, Tell};
use crate::error::Error;
use crate::image::scratch::Scratch;
use crate::image::{Hold, Images};
use crate::store::Store;
use planner::desired::BuildSpec;
use planner::diagnostic::SourceFile;
use planner::{Diagnostic, Diagnostics, Severity};
use std::collections::BTreeMap;

/// One build.
pub(super) struct Builder<'a> {
    pub(super) store: &'a Store,
    pub(super) images: Images,
    pub(super) spec: &'a BuildSpec,
    pub(super) inputs: &'a BuildInputs,
    pub(super) tell: Tell<'a>,
    pub(super) dockerfile: &'a Dockerfile,
    /// The text, for excerpts.
    pub(super) file: SourceFile,
    pub(super) globals: Globals,
    pub(super) graph: Graph,
    pub(super) numbers: Numbers,
    pub(super) cache: Cache,
    /// Caches of other machines.
    pub(super) elsewhere: Takes<'a>,
    pub(super) contexts: Contexts,
    /// Keeps layers from being collected.
    pub(super) hold: Hold,
    /// Where steps work.
    pub(super) scratch: Scratch,
    pub(super) cancel: Cancel,
    pub(super) turns: Turns,
}

impl Builder<'_> {
    pub(super) fn tell(&self, event: BuildEvent) {
        (self.tell)(event);
    }

    /// What the stage is called.
    pub(super) fn stage_name(&self, index: usize) -> String {
        stage_name(self.dockerfile, index)
    }

    /// Whether this stage is built without the cache.
    pub(super) fn is_uncached(&self, index: usize) -> bool {
        let named = |name: &String| self.dockerfile.target(name) == Some(index);
        self.spec.no_cache || self.spec.no_cache_filter.iter().any(named)
    }

    /// A failure of what is written at a place of the Dockerfile.
    pub(super) fn at(&self, place: &Place, error: Error) -> Error {
        if error.source.as_ref().is_some_and(|source| source.is::<Diagnostics>()) {
            return error;
        }
        let mut diagnostics = Diagnostics::default();
        diagnostics.files.push(self.file.clone());
        diagnostics.items.push(Diagnostic {
            severity: Severity::Error,
            span: Some(place.span.clone()),
            path: String::new(),
            message: error.chain(),
            hint: error.hint,
        });
        let doing = format!("build {}, line {}", self.file.name, place.span.line);
        Error::new(error.kind, doing).evidence(error.evidence).because(diagnostics)
    }
}

fn stage_name(dockerfile: &Dockerfile, index: usize) -> String {
    let name = dockerfile.stages.get(index).and_then(|stage| stage.name.clone());
    name.unwrap_or_else(|| format!("stage-{index}"))
}

/// Which step is where: by stage and statement; the `FROM` has none.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    steps: BTreeMap<(usize, Option<usize>), StepId>,
}

impl Numbers {
    /// Numbers the steps of the stages that are needed.
    pub(super) fn of(dockerfile: &Dockerfile, graph: &Graph) -> (Self, Vec<(StepId, BuildStep)>) {
        let mut numbers = Self::default();
        let mut planned = Vec::new();
        for index in graph.stages.keys() {
            let Some(stage) = dockerfile.stages.get(*index) else { continue };
            let places = stage.statements.iter().enumerate();
            let doing = places.filter(|(_, statement)| is_step(&statement.instruction));
            let doing = doing.map(|(at, statement)| (Some(at), &statement.text, &statement.place));
            let all: Vec<_> = std::iter::once((None, &stage.text, &stage.place)).chain(doing).collect();
            for (number, (at, text, place)) in all.iter().enumerate() {
                let id = StepId(planned.len());
                numbers.steps.insert((*index, *at), id);
                let name = stage_name(dockerfile, *index);
                let (text, line) = ((*text).clone(), place.span.line);
                let step =
                    BuildStep { stage: name, number: number + 1, of: all.len(), text, line: line as usize };
                planned.push((id, step));
            }
        }
        (numbers, planned)
    }

    /// The step of a statement; of what a base image adds, that of the `FROM`.
    pub(super) fn step(&self, stage: usize, statement: Option<usize>) -> StepId {
        let from = || self.steps.get(&(stage, None));
        self.steps.get(&(stage, statement)).or_else(from).copied().unwrap_or(StepId(0))
    }
}

/// Whether an instruction changes files, and so is told as a step.
fn is_step(instruction: &Instruction) -> bool {
    matches!(
        instruction,
        Instruction::Run(_) | Instruction::Copy(_) | Instruction::Add(_) | Instruction::Workdir(_)
    )
}
