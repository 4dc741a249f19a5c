//! Checks of files that instructions name and the build does not see.

use super::super::ast::{Copy, Dockerfile, Instruction, Place};
use super::Found;
use crate::build::glob::is_pattern;
use crate::build::ignore::Ignore;
use std::path::Path;

pub(super) fn find(dockerfile: &Dockerfile, ignored: &Ignore, found: &mut Found) {
    if ignored.is_empty() {
        return;
    }
    for statement in dockerfile.stages.iter().flat_map(|stage| &stage.statements) {
        let (verb, files) = match &statement.instruction {
            Instruction::Copy(Copy { from: None, files, .. }) => ("COPY", files),
            Instruction::Add(add) => ("ADD", &add.files),
            _ => continue,
        };
        for source in &files.sources {
            source_of(verb, source.as_str(), &statement.place, (ignored, found));
        }
    }
}

/// A folder that an exception reaches into is seen in part, and a pattern may stand for others.
fn source_of(verb: &str, source: &str, place: &Place, (ignored, found): (&Ignore, &mut Found)) {
    let path: Vec<&str> = source.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let is_elsewhere = source.contains("://") || source.contains('$') || path.contains(&"..");
    if is_elsewhere || is_pattern(source) {
        return;
    }
    let path = path.join("/");
    let path = Path::new(&path);
    if ignored.ignores(path) && !ignored.may_see_into(path) {
        let message = format!("{verb} names `{source}`, which the ignore file leaves out");
        let hint = Some(format!("add a line `!{}` to the ignore file", path.display()));
        found.at("CopyIgnoredFile", (place, &[source.to_owned()]), message, hint);
    }
}
