//! `RUN`: what runs, and its mounts, network, security and devices.

use super::super::ast::{Device, Instruction, Network, Run, RunCommand, Security};
use super::super::expand::Expander;
use super::super::fields;
use super::super::flags::{Flags, Takes};
use super::super::heredoc;
use super::super::mount::Mount;
use super::super::reading::{Reading, Wrong};
use super::super::words::Part;
use super::command::exec;
use super::files::no_variables;

const FLAGS: &[(&str, Takes)] =
    &[("mount", Takes::Texts), ("network", Takes::Text), ("security", Takes::Text), ("device", Takes::Texts)];

/// `RUN [flags] command`.
pub(super) fn run(reading: &mut Reading) -> Result<Instruction, Wrong> {
    let flags = Flags::of(reading, FLAGS)?;
    let networks = [("default", Network::Default), ("none", Network::None), ("host", Network::Host)];
    let securities = [("sandbox", Security::Sandbox), ("insecure", Security::Insecure)];
    let (network, security) =
        (choice(&flags, "network", &networks)?, choice(&flags, "security", &securities)?);
    let mounts = flags.all("mount").map(|part| mount(reading, part)).collect::<Result<_, _>>()?;
    let devices = flags.all("device").map(device).collect::<Result<_, _>>()?;
    Ok(Instruction::Run(Run { command: command(reading)?, mounts, network, security, devices }))
}

fn command(reading: &Reading) -> Result<RunCommand, Wrong> {
    let text = reading.required("COMMAND")?;
    if let Some(arguments) = exec(text, &reading.rest)? {
        return match arguments.is_empty() {
            true => Err(Wrong::new(&reading.rest, "RUN has no command")),
            false => Ok(RunCommand::Exec(arguments)),
        };
    }
    // Alone, a here-document is the whole script.
    if let (Some(_), [body]) = (heredoc::mark(text), reading.heredocs) {
        let heredoc = body.heredoc();
        return Ok(match heredoc.body.starts_with("#!") {
            true => RunCommand::Script { name: heredoc.name, body: heredoc.body },
            false => RunCommand::Shell(heredoc.body),
        });
    }
    let mut whole = text.to_owned();
    for body in reading.heredocs {
        whole.push('\n');
        whole.push_str(&body.raw);
        whole.push_str(&body.mark.name);
    }
    Ok(RunCommand::Shell(whole))
}

fn choice<T: Copy>(flags: &Flags, name: &str, choices: &[(&str, T)]) -> Result<T, Wrong> {
    let (Some(text), Some(range)) = (flags.text(name), flags.place(name)) else { return Ok(choices[0].1) };
    let found = choices.iter().find(|(word, _)| *word == text);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let hint = fields::hint(text, &words).unwrap_or_else(|| format!("it is {}", fields::one_of(&words)));
        Wrong::new(range, format!("`--{name}` cannot be `{text}`")).hint(hint)
    })
}

/// Without variables it can be said at once whether it is right.
fn mount(reading: &Reading, part: &Part) -> Result<Mount, Wrong> {
    let mount = Mount::parse(&part.text).map_err(|message| Wrong::new(&part.range, message))?;
    if let Some(from) = mount.from() {
        no_variables(from, &part.range)?;
    }
    if !mount.has_variables() {
        let resolved = mount.resolve(&Expander::new(reading.escape, &|_| None));
        resolved.map_err(|error| Wrong::new(&part.range, error.message).hint(error.hint))?;
    }
    Ok(mount)
}

fn device(part: &Part) -> Result<Device, Wrong> {
    let wrong = |message: String| Wrong::new(&part.range, message);
    let mut device = Device::default();
    for field in fields::split(&part.text).map_err(wrong)? {
        match field.split_once('=') {
            None if field.eq_ignore_ascii_case("required") => device.required = true,
            Some((key, value)) if key.eq_ignore_ascii_case("required") => {
                let required = planner::source::truth(value);
                device.required =
                    required.ok_or_else(|| wrong(format!("`required` is true or false, not `{value}`")))?;
            }
            Some((key, value)) if key.eq_ignore_ascii_case("name") && device.name.is_empty() => {
                value.clone_into(&mut device.name);
            }
            // Names of devices have a `=` in them.
            _ if device.name.is_empty() => device.name = field,
            _ => return Err(wrong(format!("`--device` takes a name and `required`, not also `{field}`"))),
        }
    }
    Ok(device)
}
