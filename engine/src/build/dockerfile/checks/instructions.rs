//! Checks of instructions beside each other.

use super::super::ast::{Base, Command, Dockerfile, Instruction, Statement};
use super::Found;
use std::mem::{Discriminant, discriminant};

pub(super) fn find(dockerfile: &Dockerfile, found: &mut Found) {
    casing(dockerfile, found);
    let mut states: Vec<State> = Vec::new();
    for (index, stage) in dockerfile.stages.iter().enumerate() {
        let mut state = match dockerfile.base(index, stage.base.as_str()) {
            Base::Stage(base) => states[base],
            _ => State::default(),
        };
        once(&stage.statements, found);
        for statement in &stage.statements {
            state.step(statement, found);
        }
        states.push(state);
    }
}

/// What instructions above have done.
#[derive(Clone, Copy, Default)]
struct State {
    shell: bool,
    workdir: bool,
}

impl State {
    fn step(&mut self, statement: &Statement, found: &mut Found) {
        match &statement.instruction {
            Instruction::Shell(_) => self.shell = true,
            Instruction::Workdir(path) => {
                let path = path.as_str().trim_matches(['"', '\'']);
                if !self.workdir && !path.starts_with(['/', '$']) {
                    let message = format!("what `{path}` is in depends on the base image");
                    let hint = Some(format!("write `WORKDIR /{path}`"));
                    found.at("WorkdirRelativePath", (&statement.place, &[path.to_owned()]), message, hint);
                }
                self.workdir = true;
            }
            Instruction::Cmd(Command::Shell(text)) => self.json("CMD", text, statement, found),
            Instruction::Entrypoint(Command::Shell(text)) => self.json("ENTRYPOINT", text, statement, found),
            _ => {}
        }
    }

    /// Who chose a shell wants it.
    fn json(self, verb: &str, text: &str, statement: &Statement, found: &mut Found) {
        if self.shell {
            return;
        }
        let message = format!("{verb} in shell form: the program does not get signals");
        let almost = text.starts_with('[') && text.ends_with(']');
        let hint =
            if almost { "this is not JSON: texts stand in double quotes" } else { "write a JSON list" };
        found.add("JSONArgsRecommended", &statement.place, message, Some(hint.to_owned()));
    }
}

/// Of some instructions only the last one counts.
fn once(statements: &[Statement], found: &mut Found) {
    let mut last: Vec<(Discriminant<Instruction>, &Statement)> = Vec::new();
    for statement in statements {
        let verb = match &statement.instruction {
            Instruction::Cmd(_) => "CMD",
            Instruction::Entrypoint(_) => "ENTRYPOINT",
            Instruction::Healthcheck(_) => "HEALTHCHECK",
            _ => continue,
        };
        let kind = discriminant(&statement.instruction);
        if let Some(at) = last.iter().position(|(own, _)| *own == kind) {
            let (_, before) = last.swap_remove(at);
            let message = format!("this {verb} does nothing: there is another one below");
            found.add("MultipleInstructionsDisallowed", &before.place, message, None);
        }
        last.push((kind, statement));
    }
}

/// Instructions are written as most of them are.
fn casing(dockerfile: &Dockerfile, found: &mut Found) {
    let names: Vec<_> = dockerfile
        .stages
        .iter()
        .flat_map(|stage| {
            let statements =
                stage.statements.iter().map(|statement| (&statement.place, statement.text.as_str()));
            std::iter::once((&stage.place, stage.text.as_str())).chain(statements)
        })
        .map(|(place, text)| (place, text.split_whitespace().next().unwrap_or_default()))
        .collect();
    let is_lower = |name: &str| !name.contains(char::is_uppercase);
    let is_upper = |name: &str| !name.contains(char::is_lowercase);
    let lower = names.iter().filter(|(_, name)| is_lower(name)).count();
    let upper = names.iter().filter(|(_, name)| is_upper(name)).count();
    for (place, name) in names {
        let (alike, wanted) = match lower > upper {
            true => (is_lower(name), name.to_lowercase()),
            false => (is_upper(name), name.to_uppercase()),
        };
        if !alike {
            let message = format!("`{name}` is not written as the other instructions are");
            let hint = Some(format!("write `{wanted}`"));
            found.at("ConsistentInstructionCasing", (place, &[name.to_owned()]), message, hint);
        }
    }
}
