//! From the words of an instruction to what it says: one row a name, one function a kind.

mod command;
mod files;
mod from;
mod pairs;
mod run;
mod simple;

pub(super) use from::from;

use super::ast::{Instruction, OnBuild};
use super::fields;
use super::flags::Flags;
use super::reading::{Reading, Wrong};

type Read = fn(&mut Reading) -> Result<Instruction, Wrong>;

/// All instructions but `FROM`.
const TABLE: &[(&str, Read)] = &[
    ("ADD", files::add),
    ("ARG", pairs::arg),
    ("CMD", command::cmd),
    ("COPY", files::copy),
    ("ENTRYPOINT", command::entrypoint),
    ("ENV", pairs::env),
    ("EXPOSE", simple::expose),
    ("HEALTHCHECK", command::healthcheck),
    ("LABEL", pairs::label),
    ("MAINTAINER", simple::maintainer),
    ("ONBUILD", on_build),
    ("RUN", run::run),
    ("SHELL", command::shell),
    ("STOPSIGNAL", simple::stop_signal),
    ("USER", simple::user),
    ("VOLUME", files::volume),
    ("WORKDIR", simple::workdir),
];

/// Reads one that is not `FROM`.
pub(super) fn read(reading: &mut Reading) -> Result<Instruction, Wrong> {
    let verb = reading.verb();
    match TABLE.iter().find(|(name, _)| *name == verb) {
        Some((_, read)) => read(reading),
        None => Err(unknown(reading)),
    }
}

fn unknown(reading: &Reading) -> Wrong {
    let names: Vec<&str> = TABLE.iter().map(|(name, _)| *name).chain(["FROM"]).collect();
    let written = &reading.name.text;
    let hint = fields::hint(&reading.verb(), &names).unwrap_or_else(|| {
        let before = reading.line.lines.start > 0;
        let continued = "does the line above it miss an escape at its end?";
        if before { continued.to_owned() } else { "a Dockerfile begins with `FROM`".to_owned() }
    });
    Wrong::new(&reading.name.range, format!("there is no instruction `{written}`")).hint(hint)
}

/// Whether here-documents can follow an instruction whose line is not JSON.
pub(super) fn takes_heredocs(reading: &Reading) -> bool {
    let takes = |reading: &Reading| {
        matches!(reading.verb().as_str(), "ADD" | "COPY" | "RUN") && command::json(reading.text()).is_none()
    };
    if reading.verb() == "ONBUILD" { takes(&inner(reading)) } else { takes(reading) }
}

/// The instruction in an `ONBUILD`.
fn inner<'a>(reading: &Reading<'a>) -> Reading<'a> {
    Reading::new(reading.line, reading.rest.start, reading.escape, reading.heredocs)
}

fn on_build(reading: &mut Reading) -> Result<Instruction, Wrong> {
    Flags::of(reading, &[])?;
    let mut text = reading.required("RUN make")?.to_owned();
    let mut trigger = inner(reading);
    let verb = trigger.verb();
    if matches!(verb.as_str(), "ONBUILD" | "FROM" | "MAINTAINER") {
        return Err(Wrong::new(&trigger.name.range, format!("{verb} cannot be a trigger")));
    }
    let instruction = Box::new(read(&mut trigger)?);
    reading.remarks.append(&mut trigger.remarks);
    for body in reading.heredocs {
        text.push('\n');
        text.push_str(&body.raw);
        text.push_str(&body.mark.name);
    }
    Ok(Instruction::OnBuild(OnBuild { text, instruction }))
}
