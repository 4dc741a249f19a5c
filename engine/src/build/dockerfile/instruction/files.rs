//! `COPY`, `ADD` and `VOLUME`: lists of paths.

use super::super::ast::{Add, Copy, Files, Instruction, Word};
use super::super::flags::{Flags, Takes};
use super::super::heredoc;
use super::super::reading::{Reading, Wrong};
use super::super::words::Part;
use super::command;

const COPY: &[(&str, Takes)] = &[
    ("from", Takes::Text),
    ("chown", Takes::Text),
    ("chmod", Takes::Text),
    ("link", Takes::Truth),
    ("parents", Takes::Truth),
    ("exclude", Takes::Texts),
];
const ADD: &[(&str, Takes)] = &[
    ("chown", Takes::Text),
    ("chmod", Takes::Text),
    ("link", Takes::Truth),
    ("exclude", Takes::Texts),
    ("checksum", Takes::Text),
    ("keep-git-dir", Takes::Truth),
    ("unpack", Takes::Truth),
];

/// `COPY [flags] source … destination`.
pub(super) fn copy(reading: &mut Reading) -> Result<Instruction, Wrong> {
    let flags = Flags::of(reading, COPY)?;
    let from = flags.text("from").filter(|from| !from.is_empty());
    if let (Some(from), Some(range)) = (from, flags.place("from")) {
        no_variables(from, range)?;
    }
    let parents = flags.truth("parents").unwrap_or(false);
    let from = from.map(str::to_owned);
    Ok(Instruction::Copy(Copy { from, parents, files: files(reading, &flags)? }))
}

/// Stages are known before any variable has a value.
pub(super) fn no_variables(from: &str, range: &std::ops::Range<usize>) -> Result<(), Wrong> {
    // Alone at the end it is no sign of a variable.
    if from.strip_suffix('$').unwrap_or(from).contains('$') {
        let hint = "begin a stage with `FROM $NAME AS name` and take files from that";
        return Err(Wrong::new(range, "`from` cannot have variables").hint(hint.to_owned()));
    }
    Ok(())
}

/// `ADD [flags] source … destination`.
pub(super) fn add(reading: &mut Reading) -> Result<Instruction, Wrong> {
    let flags = Flags::of(reading, ADD)?;
    let files = files(reading, &flags)?;
    let checksum = flags.text("checksum").map(Word::from);
    if let (Some(range), true) = (flags.place("checksum"), files.sources.len() != 1) {
        return Err(Wrong::new(range, "`--checksum` is for one source"));
    }
    Ok(Instruction::Add(Add {
        checksum,
        keep_git_dir: flags.truth("keep-git-dir"),
        unpack: flags.truth("unpack"),
        files,
    }))
}

/// The words of a list, which can be JSON.
fn list(reading: &Reading) -> Result<Vec<Part>, Wrong> {
    Ok(match command::exec(reading.text(), &reading.rest)? {
        Some(texts) => texts.into_iter().map(|text| Part { text, range: reading.rest.clone() }).collect(),
        None => reading.spaced(),
    })
}

fn files(reading: &Reading, flags: &Flags) -> Result<Files, Wrong> {
    let verb = reading.verb();
    let mut parts = list(reading)?;
    let example = format!("write `{verb} SOURCE DESTINATION`");
    let Some(destination) = parts.pop().filter(|_| !parts.is_empty()) else {
        let place = if reading.rest.is_empty() { &reading.name.range } else { &reading.rest };
        return Err(Wrong::new(place, format!("{verb} needs a source and a destination")).hint(example));
    };
    if heredoc::mark(&destination.text).is_some() {
        return Err(Wrong::new(&destination.range, "a here-document cannot be the destination").hint(example));
    }
    // The last of several with one name is meant, as in the shell.
    let body = |mark: &heredoc::Mark| reading.heredocs.iter().rfind(|body| body.mark.name == mark.name);
    let (mut sources, mut contents) = (Vec::new(), Vec::new());
    for part in parts {
        match heredoc::mark(&part.text).as_ref().and_then(body) {
            Some(body) => contents.push(body.heredoc()),
            None if part.text.is_empty() => return Err(Wrong::new(&part.range, "a source is empty")),
            None => sources.push(Word(part.text)),
        }
    }
    let word = |name: &str| flags.text(name).filter(|text| !text.is_empty()).map(Word::from);
    Ok(Files {
        chown: word("chown"),
        chmod: word("chmod"),
        link: flags.truth("link").unwrap_or(false),
        exclude: flags.all("exclude").map(|part| part.text.clone()).collect(),
        sources,
        contents,
        destination: Word(destination.text),
    })
}

/// `VOLUME path …` or `VOLUME ["path", …]`.
pub(super) fn volume(reading: &mut Reading) -> Result<Instruction, Wrong> {
    Flags::of(reading, &[])?;
    reading.required("/path")?;
    let paths = list(reading)?;
    match paths.iter().find(|part| part.text.trim().is_empty()) {
        Some(empty) => Err(Wrong::new(&empty.range, "the path of a volume is empty")),
        None if paths.is_empty() => Err(Wrong::new(&reading.rest, "VOLUME has no path")),
        None => Ok(Instruction::Volume(paths.iter().map(|part| Word::from(part.text.trim())).collect())),
    }
}
