//! Instructions that take one text, and `EXPOSE`.

use super::super::ast::{Instruction, Word};
use super::super::fields;
use super::super::flags::Flags;
use super::super::reading::{Reading, Wrong};
use super::super::words::Part;
use planner::model::{signal_name, signal_names};
use std::ops::RangeInclusive;

/// `MAINTAINER name`.
pub(super) fn maintainer(reading: &mut Reading) -> Result<Instruction, Wrong> {
    let name = one(reading, "NAME")?.0;
    let wrong = Wrong::new(&reading.name.range, "MAINTAINER is deprecated");
    let hint = format!("write `LABEL org.opencontainers.image.authors={name:?}`");
    reading.remark("MaintainerDeprecated", wrong.hint(hint));
    Ok(Instruction::Maintainer(name))
}

/// `WORKDIR path`.
pub(super) fn workdir(reading: &mut Reading) -> Result<Instruction, Wrong> {
    one(reading, "/path").map(Instruction::Workdir)
}

/// `USER user[:group]`.
pub(super) fn user(reading: &mut Reading) -> Result<Instruction, Wrong> {
    one(reading, "name").map(Instruction::User)
}

/// `STOPSIGNAL signal`.
pub(super) fn stop_signal(reading: &mut Reading) -> Result<Instruction, Wrong> {
    let word = one(reading, "SIGTERM")?;
    if signal_name(word.as_str()).is_none() && !has_meaning(&word) {
        let message = format!("there is no signal `{}`", word.as_str());
        let names: Vec<String> = signal_names().map(|name| format!("SIG{name}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        return Err(Wrong::new(&reading.rest, message).hint(fields::hint(word.as_str(), &names)));
    }
    Ok(Instruction::StopSignal(word))
}

/// The whole rest of the line.
fn one(reading: &Reading, example: &str) -> Result<Word, Wrong> {
    Flags::of(reading, &[])?;
    reading.required(example).map(Word::from)
}

/// Whether a word is more than its text.
fn has_meaning(word: &Word) -> bool {
    word.as_str().contains(['$', '"', '\'', '\\', '`'])
}

/// `EXPOSE port[/protocol] …`.
pub(super) fn expose(reading: &mut Reading) -> Result<Instruction, Wrong> {
    Flags::of(reading, &[])?;
    reading.required("8080")?;
    let ports = reading.spaced();
    for part in &ports {
        if !has_meaning(&Word::from(part.text.as_str())) {
            port(reading, part)?;
        }
    }
    Ok(Instruction::Expose(ports.into_iter().map(|part| Word(part.text)).collect()))
}

fn port(reading: &mut Reading, part: &Part) -> Result<(), Wrong> {
    let (addresses, port) =
        part.text.rsplit_once(':').map_or((None, part.text.as_str()), |(a, b)| (Some(a), b));
    let (numbers, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
    let known = ["", "tcp", "udp", "sctp"].contains(&protocol.to_lowercase().as_str());
    if !known || ports(numbers).is_none() {
        let what = if known { "port" } else { "protocol" };
        let wrong = if known { numbers } else { protocol };
        return Err(Wrong::new(&part.range, format!("`{wrong}` is no {what}"))
            .hint("a port is written as `8080`, `53/udp` or `8000-8010`".to_owned()));
    }
    if addresses.is_some() {
        let wrong =
            Wrong::new(&part.range, "EXPOSE takes ports of the container, no addresses or ports of the host");
        reading.remark("ExposeInvalidFormat", wrong.hint(format!("write `EXPOSE {port}`")));
    }
    if protocol.contains(char::is_uppercase) {
        let wrong = Wrong::new(&part.range, format!("the protocol `{protocol}` should be in lower case"));
        reading.remark("ExposeProtoCasing", wrong.hint(None));
    }
    Ok(())
}

/// `8080` or `8000-8010`.
fn ports(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some(first..=last)
}
