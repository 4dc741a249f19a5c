//! Which stages a build needs, and what each of them needs: known before anything runs.

use super::dockerfile::ast::{Instruction, Place};
use super::dockerfile::{Dockerfile, Expander, Stage, Word};
use super::variables::Globals;
use crate::error::{Error, Kind, Result};
use crate::image::Reference;
use crate::image::platform::Platform;
use planner::Diagnostics;
use planner::desired::{BuildContext, BuildSpec};
use std::collections::{BTreeMap, BTreeSet};

/// Where a file system comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// Nothing.
    Scratch,
    /// The stage with this index.
    Stage(usize),
    /// An additional context of the build.
    Context(String),
    /// An image of this name.
    Image(String),
}

/// One stage that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// What it starts from.
    pub(super) base: Origin,
    /// Where it copies from or mounts, by the name that it uses.
    pub(super) sources: BTreeMap<String, Origin>,
}

impl Node {
    /// Stages that must be there first.
    pub(super) fn needs(&self) -> BTreeSet<usize> {
        let all = self.sources.values().chain([&self.base]);
        all.filter_map(|origin| if let Origin::Stage(index) = origin { Some(*index) } else { None }).collect()
    }
}

/// What a build needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Graph {
    /// The stages, by index. Each needs only some before it.
    pub(super) stages: BTreeMap<usize, Node>,
    /// The one that becomes the image.
    pub(super) target: usize,
}

/// Looks for what the target needs, and for what that needs. What is wrong goes to `diagnostics`.
pub(super) fn graph(
    dockerfile: &Dockerfile,
    globals: &Globals,
    spec: &BuildSpec,
    diagnostics: &mut Diagnostics,
) -> Result<Graph> {
    let target = target(dockerfile, spec.target.as_deref())?;
    let mut stages = BTreeMap::new();
    let mut ahead = BTreeSet::from([target]);
    while let Some(index) = ahead.pop_last() {
        let node = node(&Reader { dockerfile, globals, spec }, index, diagnostics);
        ahead.extend(node.needs());
        stages.insert(index, node);
    }
    Ok(Graph { stages, target })
}

fn target(dockerfile: &Dockerfile, name: Option<&str>) -> Result<usize> {
    let last = dockerfile.stages.len().checked_sub(1);
    let last = last.ok_or_else(|| Error::new(Kind::Unsupported, "the Dockerfile has no FROM"))?;
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(last) };
    dockerfile.target(name).ok_or_else(|| {
        let names: Vec<&str> = dockerfile.stages.iter().filter_map(|stage| stage.name.as_deref()).collect();
        let error = Error::new(Kind::NotFound, format!("the Dockerfile has no stage `{name}` to build"));
        match names.as_slice() {
            [] => error.hint("none of its stages has a name: write `FROM … AS name`"),
            names => error.hint(format!("its stages are {}", names.join(", "))),
        }
    })
}

struct Reader<'a> {
    dockerfile: &'a Dockerfile,
    globals: &'a Globals,
    spec: &'a BuildSpec,
}

fn node(reader: &Reader<'_>, index: usize, diagnostics: &mut Diagnostics) -> Node {
    let nothing = Node { base: Origin::Scratch, sources: BTreeMap::new() };
    let Some(stage) = reader.dockerfile.stages.get(index) else { return nothing };
    let base = base(reader, index, stage, diagnostics).unwrap_or(Origin::Scratch);
    let mut sources = BTreeMap::new();
    for statement in &stage.statements {
        for (name, by_number) in origins(&statement.instruction) {
            match reader.source(index, name, by_number) {
                Ok(origin) => drop(sources.insert(name.to_owned(), origin)),
                Err(error) => wrong(diagnostics, &statement.place, error),
            }
        }
    }
    Node { base, sources }
}

/// Names of what an instruction takes files from, and whether they may be numbers of stages.
pub(super) fn origins(instruction: &Instruction) -> Vec<(&str, bool)> {
    match instruction {
        Instruction::Copy(copy) => copy.from.iter().map(|name| (name.as_str(), true)).collect(),
        Instruction::Run(run) => {
            run.mounts.iter().filter_map(|mount| mount.from()).map(|name| (name, false)).collect()
        }
        _ => Vec::new(),
    }
}

/// What a stage starts from; `None` when it cannot be said.
fn base(reader: &Reader<'_>, index: usize, stage: &Stage, diagnostics: &mut Diagnostics) -> Option<Origin> {
    let found = reader.platform(stage).and_then(|()| {
        let name = reader.expand(&stage.base)?;
        if name.is_empty() {
            let error = Error::new(Kind::Unsupported, "what FROM names is empty");
            return Err(error.hint("give its variables a default by ARG above it, or a value by --build-arg"));
        }
        reader.origin(index, &name)
    });
    found.map_err(|error| wrong(diagnostics, &stage.place, error)).ok()
}

fn wrong(diagnostics: &mut Diagnostics, place: &Place, error: Error) {
    let told = diagnostics.error(&place.span, "", error.doing);
    if let Some(hint) = error.hint {
        told.hint(hint);
    }
}

impl Reader<'_> {
    fn expand(&self, word: &Word) -> Result<String> {
        let lookup = |name: &str| self.globals.get(name);
        let expander = Expander::new(self.dockerfile.directives.escape, &lookup);
        expander.word(word).map_err(|error| Error::new(Kind::Unsupported, error.to_string()))
    }

    fn platform(&self, stage: &Stage) -> Result<()> {
        let Some(word) = &stage.platform else { return Ok(()) };
        ensure_native(&self.expand(word)?)
    }

    fn source(&self, index: usize, name: &str, by_number: bool) -> Result<Origin> {
        match self.context(index, name)? {
            Some(origin) => self.checked(origin),
            None => match self.dockerfile.source_stage(index, name, by_number) {
                Some(stage) => Ok(Origin::Stage(stage)),
                None if self
                    .dockerfile
                    .stages
                    .get(index)
                    .is_some_and(|own| own.name.as_deref() == Some(name)) =>
                {
                    Err(Error::new(Kind::Unsupported, format!("the stage `{name}` takes files from itself")))
                }
                None => image(name),
            },
        }
    }

    fn origin(&self, index: usize, name: &str) -> Result<Origin> {
        use super::dockerfile::ast::Base;
        if let Some(origin) = self.context(index, name)? {
            return self.checked(origin);
        }
        match self.dockerfile.base(index, name) {
            Base::Scratch => Ok(Origin::Scratch),
            Base::Stage(stage) => Ok(Origin::Stage(stage)),
            Base::Image(name) => image(&name),
        }
    }

    /// An additional context takes the place of a stage or image of its name.
    fn context(&self, index: usize, name: &str) -> Result<Option<Origin>> {
        let full = |name: &str| name.parse::<Reference>().map(|reference| reference.to_string()).ok();
        let same = |other: &str| other == name || full(other).is_some_and(|other| Some(other) == full(name));
        let Some((name, context)) = self.spec.additional_contexts.iter().find(|(other, _)| same(other))
        else {
            return Ok(None);
        };
        Ok(Some(match context {
            BuildContext::Image(image) => Origin::Image(image.clone()),
            BuildContext::Empty => Origin::Scratch,
            BuildContext::Stage(stage) => {
                let found = self.dockerfile.target(stage).filter(|found| *found < index);
                let missing = || Error::new(Kind::NotFound, format!("no stage `{stage}` is above this one"));
                Origin::Stage(found.ok_or_else(missing)?)
            }
            _ => Origin::Context(name.clone()),
        }))
    }

    fn checked(&self, origin: Origin) -> Result<Origin> {
        match origin {
            Origin::Image(name) => image(&name),
            origin => Ok(origin),
        }
    }
}

fn image(name: &str) -> Result<Origin> {
    if name == "scratch" {
        return Ok(Origin::Scratch);
    }
    name.parse::<Reference>().map(|_| Origin::Image(name.to_owned()))
}

/// Only images for this machine can be built and used.
pub(super) fn ensure_native(wanted: &str) -> Result<()> {
    let host = Platform::host();
    if wanted.is_empty() || host.rank(&wanted.parse()?).is_some() {
        return Ok(());
    }
    let error = Error::new(Kind::Unsupported, format!("building for `{wanted}` is not supported"));
    Err(error.hint(format!("this machine builds for {host}; build on one of the other kind")))
}

#[cfg(test)]
mod tests {
    use super::super::dockerfile::parse;
    use super::*;

    fn graph_of(text: &str, spec: &BuildSpec) -> (Graph, Diagnostics) {
        let mut parsed = parse(text, "Dockerfile");
        let mut globals = Globals::new(spec);
        super::super::declare(&mut globals, &parsed.dockerfile.args, '\\').unwrap();
        let graph = graph(&parsed.dockerfile, &globals, spec, &mut parsed.diagnostics).unwrap();
        (graph, parsed.diagnostics)
    }

    fn needed(text: &str, target: Option<&str>) -> Vec<usize> {
        let spec = BuildSpec { target: target.map(str::to_owned), ..BuildSpec::default() };
        graph_of(text, &spec).0.stages.into_keys().collect()
    }

    const STAGES: &str = "FROM a AS one\nRUN x\nFROM b AS two\nCOPY --from=one /x /\nFROM c AS three\n\
        RUN --mount=type=bind,from=two,target=/two y\nFROM one\nRUN z\n";

    #[test]
    fn only_the_stages_that_the_target_needs_are_built() {
        assert_eq!(needed(STAGES, None), [0, 3]);
        assert_eq!(needed(STAGES, Some("three")), [0, 1, 2]);
        assert_eq!(needed(STAGES, Some("0")), [0]);
    }

    #[test]
    fn a_target_that_is_not_there_is_refused_with_those_that_are() {
        let spec = BuildSpec { target: Some("tow".into()), ..BuildSpec::default() };
        let parsed = parse(STAGES, "Dockerfile");
        let result = graph(&parsed.dockerfile, &Globals::new(&spec), &spec, &mut parsed.diagnostics.clone());
        let error = result.unwrap_err();
        assert!(error.hint.unwrap().contains("one, two, three"));
    }

    #[test]
    fn variables_of_from_come_from_arguments_above() {
        let text = "ARG TAG=1\nFROM base:$TAG\nCOPY --from=tools:2 /a /b\n";
        let args = [("TAG".to_owned(), "7".to_owned())].into();
        let (graph, _) = graph_of(text, &BuildSpec { args, ..BuildSpec::default() });
        let node = &graph.stages[&0];
        assert_eq!(node.base, Origin::Image("base:7".into()));
        assert_eq!(node.sources["tools:2"], Origin::Image("tools:2".into()));
    }

    #[test]
    fn contexts_take_the_place_of_images_and_stages() {
        let contexts = [
            ("base".to_owned(), BuildContext::Image("other:1".into())),
            ("one".to_owned(), BuildContext::Folder("/srv".into())),
        ];
        let spec = BuildSpec { additional_contexts: contexts.into(), ..BuildSpec::default() };
        let text = "FROM x AS one\nRUN a\nFROM base:latest\nCOPY --from=one /a /\n";
        let (graph, _) = graph_of(text, &spec);
        assert_eq!(graph.stages.keys().collect::<Vec<_>>(), [&1]);
        assert_eq!(graph.stages[&1].base, Origin::Image("other:1".into()));
        assert_eq!(graph.stages[&1].sources["one"], Origin::Context("one".into()));
    }

    #[test]
    fn what_cannot_be_is_told_at_its_line() {
        let cases = [
            ("FROM $NONE\n", 1, "empty"),
            ("FROM a\nFROM --platform=linux/s390x b\n", 2, "linux/s390x"),
            ("FROM Bad:Name:x\n", 1, "Bad"),
            ("FROM a AS me\nCOPY --from=me /a /b\n", 2, "itself"),
        ];
        for (text, line, word) in cases {
            let (_, diagnostics) = graph_of(text, &BuildSpec::default());
            let found = diagnostics.items.iter().find(|item| item.message.contains(word));
            let found = found.unwrap_or_else(|| panic!("{text}: {diagnostics}"));
            assert_eq!(found.span.as_ref().map(|span| span.line), Some(line), "{text}");
        }
    }

    #[test]
    fn the_platform_of_this_machine_has_several_names() {
        for name in ["", "linux", &Platform::host().to_string()] {
            ensure_native(name).unwrap();
        }
        assert!(ensure_native("windows/amd64").is_err() && ensure_native("linux/riscv64").is_err());
    }
}
