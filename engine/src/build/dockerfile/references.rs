//! What stages take from elsewhere: stages must be above, and names of images must be ones.

use super::ast::{Base, Dockerfile, Instruction, Place};
use crate::image::Reference;
use planner::Diagnostics;

/// Tells where a stage starts from what cannot be, or takes files from one that is not there yet.
pub(super) fn check(dockerfile: &Dockerfile, diagnostics: &mut Diagnostics) {
    for (index, stage) in dockerfile.stages.iter().enumerate() {
        base(dockerfile, index, diagnostics);
        for statement in &stage.statements {
            for (from, by_number) in sources(&statement.instruction) {
                if dockerfile.source_stage(index, from, by_number).is_none() {
                    missing(dockerfile, (index, from, by_number), &statement.place, diagnostics);
                }
            }
        }
    }
}

fn base(dockerfile: &Dockerfile, index: usize, diagnostics: &mut Diagnostics) {
    let stage = &dockerfile.stages[index];
    let written = stage.base.as_str();
    let Base::Image(name) = dockerfile.base(index, written) else { return };
    if !written.contains(['$', '"', '\'', '\\', '`']) && name.parse::<Reference>().is_err() {
        let message = format!("`{name}` is no name of an image");
        let hint = match name.contains(char::is_uppercase) {
            true => "names of images are in lower case",
            false => "it is written as `name`, `name:tag` or `registry/name:tag`",
        };
        diagnostics.error(&stage.place.span, "", message).hint(hint);
    }
}

/// What an instruction takes files from, and whether that can be a number.
fn sources(instruction: &Instruction) -> Vec<(&str, bool)> {
    match instruction {
        Instruction::Copy(copy) => copy.from.iter().map(|from| (from.as_str(), true)).collect(),
        Instruction::Run(run) => run.mounts.iter().filter_map(|mount| Some((mount.from()?, false))).collect(),
        _ => Vec::new(),
    }
}

/// No stage above is meant: then one below is a mistake, and anything else an image.
fn missing(
    dockerfile: &Dockerfile,
    (index, from, by_number): (usize, &str, bool),
    place: &Place,
    diagnostics: &mut Diagnostics,
) {
    let number = from.parse::<usize>().ok().filter(|_| by_number);
    let below = dockerfile.named(from).or(number.filter(|number| *number < dockerfile.stages.len()));
    match (below, number) {
        (Some(found), _) if found == index => {
            diagnostics.error(&place.span, "", format!("the stage `{from}` takes files from itself"));
        }
        (Some(_), _) => {
            let message = format!("the stage `{from}` is further below");
            diagnostics.error(&place.span, "", message).hint("a stage stands above those that use it");
        }
        (None, Some(_)) => {
            let message = format!("there is no stage {from}");
            diagnostics.error(&place.span, "", message).hint("stages count from 0; better give them names");
        }
        (None, None) => {}
    }
}
