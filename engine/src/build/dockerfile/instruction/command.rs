//! Commands: `CMD`, `ENTRYPOINT`, `SHELL`, `HEALTHCHECK`, and the exec form as JSON.

use super::super::ast::{Command, HealthCommand, Healthcheck, Instruction};
use super::super::flags::{Flags, Takes};
use super::super::reading::{Reading, Wrong};
use super::super::words;
use serde_json::Value;
use std::ops::Range;
use std::time::Duration;

/// The exec form. `None` is text for the shell, be it JSON with a mistake.
pub(in super::super) fn json(text: &str) -> Option<Vec<Value>> {
    text.starts_with('[').then(|| serde_json::from_str(text).ok()).flatten()
}

/// The exec form as texts, which all of its elements must be.
pub(super) fn exec(text: &str, range: &Range<usize>) -> Result<Option<Vec<String>>, Wrong> {
    let Some(values) = json(text) else { return Ok(None) };
    let texts = values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
    if let Some(wrong) = values.iter().find(|value| !value.is_string()) {
        let message = format!("in a JSON list only texts may stand, not `{wrong}`");
        return Err(
            Wrong::new(range, message).hint(format!("write `\"{}\"`", wrong.to_string().replace('"', "'")))
        );
    }
    Ok(texts)
}

fn command(reading: &Reading, range: &Range<usize>) -> Result<Command, Wrong> {
    let text = &reading.line.text[range.clone()];
    Ok(match exec(text, range)? {
        Some(arguments) => Command::Exec(arguments),
        None => Command::Shell(text.to_owned()),
    })
}

/// `CMD`.
pub(super) fn cmd(reading: &mut Reading) -> Result<Instruction, Wrong> {
    start(reading).map(Instruction::Cmd)
}

/// `ENTRYPOINT`.
pub(super) fn entrypoint(reading: &mut Reading) -> Result<Instruction, Wrong> {
    start(reading).map(Instruction::Entrypoint)
}

/// What a container starts with. Nothing at all is the shell with nothing to do.
fn start(reading: &mut Reading) -> Result<Command, Wrong> {
    Flags::of(reading, &[])?;
    command(reading, &reading.rest)
}

/// `SHELL ["program", …]`.
pub(super) fn shell(reading: &mut Reading) -> Result<Instruction, Wrong> {
    Flags::of(reading, &[])?;
    let text = reading.required("[\"/bin/bash\", \"-c\"]")?;
    match exec(text, &reading.rest)? {
        Some(arguments) if !arguments.is_empty() => Ok(Instruction::Shell(arguments)),
        Some(_) => Err(Wrong::new(&reading.rest, "SHELL has no program")),
        None => {
            let wrong = Wrong::new(&reading.rest, "SHELL takes a JSON list");
            Err(wrong.hint("write `SHELL [\"/bin/bash\", \"-c\"]`".to_owned()))
        }
    }
}

const HEALTH: &[(&str, Takes)] = &[
    ("interval", Takes::Text),
    ("timeout", Takes::Text),
    ("start-period", Takes::Text),
    ("start-interval", Takes::Text),
    ("retries", Takes::Text),
];

/// `HEALTHCHECK NONE` or `HEALTHCHECK [flags] CMD command`.
pub(super) fn healthcheck(reading: &mut Reading) -> Result<Instruction, Wrong> {
    let flags = Flags::of(reading, HEALTH)?;
    let example = "CMD [\"curl\", \"-f\", \"http://localhost/\"]";
    reading.required(example)?;
    let (kind, rest) = words::first(&reading.line.text, reading.rest.clone());
    match (kind.text.to_uppercase().as_str(), rest.is_empty()) {
        ("NONE", true) => Ok(Instruction::Healthcheck(Healthcheck::None)),
        ("NONE", false) => Err(Wrong::new(&rest, "behind HEALTHCHECK NONE nothing may follow")),
        ("CMD", false) => {
            let test = command(reading, &rest)?;
            if test == Command::Exec(Vec::new()) {
                return Err(Wrong::new(&rest, "HEALTHCHECK CMD has no command"));
            }
            let check = HealthCommand {
                test,
                interval: time(&flags, "interval")?,
                timeout: time(&flags, "timeout")?,
                start_period: time(&flags, "start-period")?,
                start_interval: time(&flags, "start-interval")?,
                retries: retries(&flags)?,
            };
            Ok(Instruction::Healthcheck(Healthcheck::Check(check)))
        }
        ("CMD", true) => Err(Wrong::new(&kind.range, "HEALTHCHECK CMD has no command")
            .hint(format!("write `HEALTHCHECK {example}`"))),
        _ => Err(Wrong::new(&kind.range, format!("HEALTHCHECK takes CMD or NONE, not `{}`", kind.text))
            .hint(format!("write `HEALTHCHECK CMD {}`", reading.text()))),
    }
}

/// A time. 0 means that it is not said; below a millisecond there is none.
fn time(flags: &Flags, name: &str) -> Result<Option<Duration>, Wrong> {
    let (Some(text), Some(range)) = (flags.text(name), flags.place(name)) else { return Ok(None) };
    match planner::model::parse_duration(text) {
        Some(Duration::ZERO) => Ok(None),
        Some(time) if time >= Duration::from_millis(1) => Ok(Some(time)),
        Some(_) => Err(Wrong::new(range, format!("`--{name}` is shorter than a millisecond"))),
        None => Err(Wrong::new(range, format!("`--{name}` is a time, not `{text}`"))
            .hint("a time is written as `30s`, `1m30s` or `500ms`".to_owned())),
    }
}

fn retries(flags: &Flags) -> Result<Option<u32>, Wrong> {
    let (Some(text), Some(range)) = (flags.text("retries"), flags.place("retries")) else { return Ok(None) };
    match text.parse::<u32>() {
        Ok(0) => Ok(None),
        Ok(count) if i32::try_from(count).is_ok() => Ok(Some(count)),
        _ => Err(Wrong::new(range, format!("`--retries` is a number, not `{text}`"))),
    }
}
