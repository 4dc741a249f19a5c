//! Checks of variables that nothing sets.

use super::super::ast::{Base, Dockerfile, Files, Instruction, Statement, Word};
use super::super::fields;
use super::{Found, stages, variables_of, written};

/// `RUN` and `ENV` have these in every build.
const ALWAYS: &[&str] = &[
    "PATH",
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "FTP_PROXY",
    "ftp_proxy",
    "NO_PROXY",
    "no_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// What a stage knows.
#[derive(Clone, Default)]
struct Known {
    names: Vec<String>,
    /// Whether the image below may know more.
    image: bool,
}

pub(super) fn find(dockerfile: &Dockerfile, found: &mut Found) {
    let global = stages::declared(dockerfile);
    let mut states: Vec<Known> = Vec::new();
    for (index, stage) in dockerfile.stages.iter().enumerate() {
        let mut known = match dockerfile.base(index, stage.base.as_str()) {
            Base::Stage(base) => states[base].clone(),
            Base::Scratch => Known::default(),
            Base::Image(_) => Known { image: true, ..Known::default() },
        };
        for statement in &stage.statements {
            for name in used(&statement.instruction, dockerfile.directives.escape) {
                undefined(&name, &known, (&global, statement), found);
            }
            match &statement.instruction {
                Instruction::Arg(arguments) => {
                    known.names.extend(arguments.iter().map(|argument| argument.name.as_str().to_owned()));
                }
                Instruction::Env(pairs) => {
                    known.names.extend(pairs.iter().map(|(name, _)| name.as_str().to_owned()));
                }
                _ => {}
            }
        }
        states.push(known);
    }
}

/// The variables that building asks for; what shells ask for is theirs.
fn used(instruction: &Instruction, escape: char) -> Vec<String> {
    let words: Vec<&Word> = match instruction {
        Instruction::Arg(arguments) => {
            arguments.iter().filter_map(|argument| argument.default.as_ref()).collect()
        }
        Instruction::Env(pairs) | Instruction::Label(pairs) => pairs.iter().map(|(_, value)| value).collect(),
        Instruction::Workdir(word) | Instruction::User(word) | Instruction::StopSignal(word) => vec![word],
        Instruction::Expose(words) | Instruction::Volume(words) => words.iter().collect(),
        Instruction::Run(run) => run
            .mounts
            .iter()
            .flat_map(|mount| &mount.options)
            .filter_map(|(_, value)| value.as_ref())
            .collect(),
        Instruction::Copy(copy) => of_files(&copy.files),
        Instruction::Add(add) => of_files(&add.files).into_iter().chain(&add.checksum).collect(),
        _ => Vec::new(),
    };
    let mut names: Vec<String> =
        words.into_iter().flat_map(|word| variables_of(word, escape, true)).collect();
    if let Instruction::Copy(super::super::ast::Copy { files, .. })
    | Instruction::Add(super::super::ast::Add { files, .. }) = instruction
    {
        let bodies = files.contents.iter().filter(|heredoc| heredoc.expand);
        names.extend(
            bodies.flat_map(|heredoc| variables_of(&Word::from(heredoc.body.as_str()), escape, false)),
        );
    }
    names.sort();
    names.dedup();
    names
}

fn of_files(files: &Files) -> Vec<&Word> {
    let owners = files.chown.iter().chain(&files.chmod);
    files.sources.iter().chain([&files.destination]).chain(owners).collect()
}

/// An image may set any variable. So only what is likely to be a mistake is told: a name that is
/// nearly one that is known, or that of an `ARG` above the first `FROM`.
fn undefined(name: &str, known: &Known, (global, statement): (&[&str], &Statement), found: &mut Found) {
    if ALWAYS.contains(&name) || known.names.iter().any(|own| own == name) {
        return;
    }
    let near = fields::hint(name, &known.names.iter().map(String::as_str).collect::<Vec<_>>());
    let above = global.contains(&name);
    if known.image && near.is_none() && !above {
        return;
    }
    let hint = match above {
        true => Some(format!(
            "write `ARG {name}` behind the FROM of the stage: those above the first FROM are for FROM"
        )),
        false => near,
    };
    let message = format!("nothing sets the variable `{name}`");
    found.at("UndefinedVar", (&statement.place, &written(name)), message, hint);
}
