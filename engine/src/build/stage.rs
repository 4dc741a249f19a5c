//! One stage, from its FROM to its end.

use super::builder::Builder;
use super::cache::Spot;
use super::dockerfile::ast::{Instruction, Stage, Statement};
use super::dockerfile::{Expander, parse_trigger};
use super::event::{BuildEvent, Missed, StepId};
use super::graph::{Node, Origin, origins};
use super::sources::{CONTEXT, Folder, Source};
use super::state::State;
use super::step::Task;
use super::{base, metadata, program, transfer, workdir};
use crate::error::{Error, Kind, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Builds a stage. `done` are the stages that it needs.
pub(super) fn build(
    builder: &Builder<'_>,
    index: usize,
    node: &Node,
    done: &BTreeMap<usize, Arc<State>>,
) -> Result<State> {
    let Some(stage) = builder.dockerfile.stages.get(index) else {
        return Err(Error::new(Kind::NotFound, format!("there is no stage {index}")));
    };
    let from = builder.numbers.step(index, None);
    let (mut state, sources) =
        begin(builder, (stage, node), done, from).map_err(|error| builder.at(&stage.place, error))?;
    let mut work =
        Work { builder, index, sources: &sources, on_base: !matches!(node.base, Origin::Stage(_)), steps: 0 };
    if let Origin::Context(name) = &node.base {
        let made = work.base_of_context(&mut state, name, from);
        made.map_err(|error| builder.at(&stage.place, error))?;
    }
    for trigger in std::mem::take(&mut state.triggers) {
        let parsed = parse_trigger(&trigger).map_err(|wrong| {
            Error::new(Kind::Unsupported, format!("the base image has `ONBUILD {trigger}`")).because(wrong)
        });
        let outcome = parsed.and_then(|statement| work.statement(&mut state, &statement.instruction, from));
        outcome.map_err(|error| builder.at(&stage.place, error))?;
    }
    for (at, statement) in stage.statements.iter().enumerate() {
        let id = builder.numbers.step(index, Some(at));
        let outcome = work.statement(&mut state, &statement.instruction, id);
        outcome.map_err(|error| builder.at(&statement.place, error))?;
    }
    Ok(state)
}

/// What a stage takes files from, by the name that it uses.
type Taken = BTreeMap<String, Given>;

/// One thing that a stage takes files from.
pub(super) enum Given {
    /// Layers of a stage or image.
    Layers(Vec<String>),
    /// An additional context.
    Context(String),
}

/// The base of a stage, and what it copies from or mounts.
fn begin(
    builder: &Builder<'_>,
    (stage, node): (&Stage, &Node),
    done: &BTreeMap<usize, Arc<State>>,
    id: StepId,
) -> Result<(State, Taken)> {
    let mut pulled = false;
    let mut image = |name: &str| {
        let (config, is_new) = base::image(builder, name, id)?;
        pulled |= is_new;
        Ok::<_, Error>(config)
    };
    let of_stage = |index: &usize| {
        done.get(index).ok_or_else(|| Error::new(Kind::NotFound, format!("stage {index} was not built")))
    };
    let state = match &node.base {
        Origin::Scratch => State::scratch(),
        Origin::Stage(index) => State::of_stage(of_stage(index)?),
        Origin::Image(name) => State::of_image(&image(name)?),
        Origin::Context(_) => State::scratch(),
    };
    let mut taken = Taken::new();
    for (name, origin) in &node.sources {
        let given = match origin {
            Origin::Scratch => Given::Layers(Vec::new()),
            Origin::Stage(index) => Given::Layers(of_stage(index)?.layers.clone()),
            Origin::Image(image_name) => {
                let found = image(image_name).map_err(|error| at_its_use(builder, stage, name, error))?;
                Given::Layers(found.rootfs.diff_ids)
            }
            Origin::Context(context) => Given::Context(context.clone()),
        };
        taken.insert(name.clone(), given);
    }
    // A base that is copied from a context tells its own story.
    if !pulled && !matches!(node.base, Origin::Context(_)) {
        builder.tell(BuildEvent::Cached(id));
    }
    Ok((state, taken))
}

/// A failure of an image that files are taken from, told where that is written.
fn at_its_use(builder: &Builder<'_>, stage: &Stage, name: &str, error: Error) -> Error {
    let uses = |statement: &&Statement| origins(&statement.instruction).iter().any(|(used, _)| *used == name);
    match stage.statements.iter().find(uses) {
        Some(statement) => builder.at(&statement.place, error),
        None => error,
    }
}

/// What the statements of a stage share.
pub(super) struct Work<'a> {
    pub(super) builder: &'a Builder<'a>,
    index: usize,
    sources: &'a Taken,
    on_base: bool,
    /// Steps that changed files so far.
    steps: usize,
}

impl<'a> Work<'a> {
    fn statement(&mut self, state: &mut State, instruction: &Instruction, id: StepId) -> Result<()> {
        self.builder.cancel.check()?;
        let (globals, escape) = (&self.builder.globals, self.builder.dockerfile.directives.escape);
        metadata::apply(state, instruction, globals, escape)?;
        let variables = state.variables.clone();
        let lookup = |name: &str| variables.get(name);
        let expander = Expander::new(escape, &lookup);
        match instruction {
            Instruction::Run(run) => program::run(&self.task(id), state, run, &expander),
            Instruction::Copy(copy) => {
                transfer::copy(&self.task(id), state, &transfer::Wanted::of_copy(copy), &expander)
            }
            Instruction::Add(add) => {
                transfer::copy(&self.task(id), state, &transfer::Wanted::of_add(add), &expander)
            }
            Instruction::Workdir(_) => workdir::make(&self.task(id), state),
            _ => Ok(()),
        }
    }

    fn base_of_context(&mut self, state: &mut State, name: &str, id: StepId) -> Result<()> {
        transfer::whole(&self.task(id), state, name, folder(self.builder, name)?)
    }

    /// The next step that changes files.
    fn task(&mut self, id: StepId) -> Task<'a> {
        let number = self.steps;
        self.steps += 1;
        let spot =
            Spot { stage: self.builder.stage_name(self.index), number, on_base: self.on_base && number == 0 };
        Task {
            builder: self.builder,
            id,
            spot,
            sources: Sources { builder: self.builder, taken: self.sources },
            uncached: self.builder.is_uncached(self.index).then_some(Missed::NotAsked),
        }
    }
}

/// The folder of an additional context.
fn folder<'a>(builder: &'a Builder<'_>, name: &str) -> Result<&'a Folder> {
    let missing = || Error::new(Kind::NotFound, format!("there is no context `{name}`"));
    builder.contexts.named.get(name).ok_or_else(missing)
}

/// Finds what a stage takes files from.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    builder: &'a Builder<'a>,
    taken: &'a Taken,
}

impl<'a> Sources<'a> {
    /// By the name in the Dockerfile; without one it is the build context.
    pub(super) fn get(&self, name: Option<&str>) -> Result<Source<'a>> {
        let contexts = &self.builder.contexts;
        let Some(name) = name else {
            let none = || Error::new(Kind::NotFound, format!("{CONTEXT} is empty"));
            return contexts.main.as_ref().map(Source::Folder).ok_or_else(none);
        };
        match self.taken.get(name) {
            Some(Given::Layers(layers)) => Ok(Source::Layers(layers)),
            Some(Given::Context(context)) => folder(self.builder, context).map(Source::Folder),
            None => {
                let error = format!("an ONBUILD of the base image takes files from `{name}`");
                Err(Error::new(Kind::Unsupported, error)
                    .hint("name the stage or image in the Dockerfile itself"))
            }
        }
    }
}
