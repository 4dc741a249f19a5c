//! Checks of stages: their names, bases and platforms.

use super::super::ast::{Dockerfile, Instruction, Stage};
use super::super::expand::Expander;
use super::super::fields;
use super::{Found, variables_of, written};
use crate::image::Reference;
use std::collections::HashMap;

/// What `FROM` can use without an `ARG`.
const GIVEN: &[&str] = &[
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDOSVERSION",
    "BUILDARCH",
    "BUILDVARIANT",
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETOSVERSION",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETSTAGE",
];
const RESERVED: &[&str] = &["context", "scratch"];

pub(super) fn find(dockerfile: &Dockerfile, found: &mut Found) {
    let declared = declared(dockerfile);
    let defaults = defaults(dockerfile);
    for (index, stage) in dockerfile.stages.iter().enumerate() {
        name(dockerfile, index, found);
        undeclared(dockerfile, stage, &declared, found);
        default_base(dockerfile, stage, &defaults, found);
        platform(stage, found);
    }
}

/// The names of the global `ARG`s.
pub(super) fn declared(dockerfile: &Dockerfile) -> Vec<&str> {
    let arguments = dockerfile.args.iter().flat_map(|statement| match &statement.instruction {
        Instruction::Arg(arguments) => arguments.as_slice(),
        _ => &[],
    });
    arguments.map(|argument| argument.name.as_str()).collect()
}

/// The global `ARG`s without any value from outside.
fn defaults(dockerfile: &Dockerfile) -> HashMap<String, String> {
    let mut values: HashMap<String, String> = HashMap::new();
    for statement in &dockerfile.args {
        let Instruction::Arg(arguments) = &statement.instruction else { continue };
        for argument in arguments {
            let Some(default) = &argument.default else { continue };
            let lookup = |name: &str| given(name).or_else(|| values.get(name).cloned());
            let value = Expander::new(dockerfile.directives.escape, &lookup).word(default);
            values.insert(argument.name.as_str().to_owned(), value.unwrap_or_default());
        }
    }
    values
}

/// Some value of those that are always there.
fn given(name: &str) -> Option<String> {
    GIVEN.contains(&name).then(|| "x".to_owned())
}

fn name(dockerfile: &Dockerfile, index: usize, found: &mut Found) {
    let stage = &dockerfile.stages[index];
    let Some(name) = &stage.name else { return };
    if RESERVED.contains(&name.as_str()) {
        let message = format!("the name `{name}` means something else already");
        found.add("ReservedStageName", &stage.place, message, None);
    }
    if dockerfile.stages[..index].iter().any(|above| above.name.as_ref() == Some(name)) {
        let message = format!("a stage above is named `{name}` too");
        found.add("DuplicateStageName", &stage.place, message, None);
    }
}

fn undeclared(dockerfile: &Dockerfile, stage: &Stage, declared: &[&str], found: &mut Found) {
    let words = [Some(&stage.base), stage.platform.as_ref()];
    for word in words.into_iter().flatten() {
        for name in variables_of(word, dockerfile.directives.escape, true) {
            if declared.contains(&name.as_str()) || GIVEN.contains(&name.as_str()) {
                continue;
            }
            let known: Vec<&str> = declared.iter().chain(GIVEN).copied().collect();
            let hint = fields::hint(&name, &known)
                .unwrap_or_else(|| format!("write `ARG {name}` above the first FROM"));
            let message = format!("FROM uses `{name}`, for which there is no ARG above the first FROM");
            found.at("UndefinedArgInFrom", (&stage.place, &written(&name)), message, Some(hint));
        }
    }
}

fn default_base(
    dockerfile: &Dockerfile,
    stage: &Stage,
    defaults: &HashMap<String, String>,
    found: &mut Found,
) {
    if !stage.base.as_str().contains('$') {
        return;
    }
    let lookup = |name: &str| given(name).or_else(|| defaults.get(name).cloned());
    let value = Expander::new(dockerfile.directives.escape, &lookup).word(&stage.base);
    if value.is_ok_and(|value| value.parse::<Reference>().is_err()) {
        let message = format!("by default `{}` is no name of an image", stage.base.as_str());
        let hint = "give the ARG above the first FROM a default";
        let marked = [stage.base.as_str().to_owned()];
        found.at("InvalidDefaultArgInFrom", (&stage.place, &marked), message, Some(hint.to_owned()));
    }
}

fn platform(stage: &Stage, found: &mut Found) {
    let Some(platform) = stage.platform.as_ref().map(|word| word.as_str()) else { return };
    let marked = [platform.to_owned()];
    if platform == "$TARGETPLATFORM" || platform == "${TARGETPLATFORM}" {
        let message = format!("`--platform={platform}` is what happens without it");
        found.at("RedundantTargetPlatform", (&stage.place, &marked), message, None);
    }
    let name = stage.name.as_deref().unwrap_or_default();
    // A stage that is named after a platform is there for this one.
    if !platform.contains('$') && !platform.split('/').any(|part| name.contains(part)) {
        let message = format!("the stage is for `{platform}` whatever is built for");
        let hint = "use `--platform=$BUILDPLATFORM`, or a name for the stage that has the platform in it";
        found.at("FromPlatformFlagConstDisallowed", (&stage.place, &marked), message, Some(hint.to_owned()));
    }
}
