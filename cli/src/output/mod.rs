//! The only place that prints. Results go to standard output, everything about how they
//! came to be goes to standard error.

pub(crate) mod archive;
pub(crate) mod bake;
pub(crate) mod board;
mod build;
pub(crate) mod diagnostic;
mod events;
pub(crate) mod file;
pub(crate) mod inspect;
pub(crate) mod json;
pub(crate) mod logs;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod prompt;
pub(crate) mod resource;
pub(crate) mod size;
pub(crate) mod status;
mod style;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod template;
pub(crate) mod time;
pub(crate) mod usage;
pub(crate) mod yaml;

pub(crate) use style::{Ink, Style};

use crate::args::{Ansi, Cli, Telling};
use crate::context::Environment;
use crate::error::{Exit, Failure, Message};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, ValueEnum};
use planner::Diagnostics;
use serde::Serialize;
use std::io::{self, Write};

/// What the two output streams can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Screen {
    /// Standard output.
    pub(crate) out: Style,
    /// Standard error.
    pub(crate) err: Style,
    /// Standard error can show a moving picture.
    pub(crate) live: bool,
    /// How progress is told, when that was chosen.
    pub(crate) telling: Option<Telling>,
}

impl Screen {
    /// `--ansi` decides, then `COMPOSE_ANSI`, then `NO_COLOR`, then whether it is a terminal.
    pub(crate) fn new(ansi: Option<Ansi>, environment: &Environment) -> Self {
        let wish = ansi.unwrap_or(match environment.var("COMPOSE_ANSI") {
            Some("never") => Ansi::Never,
            Some("always") => Ansi::Always,
            _ if environment.var("NO_COLOR").is_some_and(|value| !value.is_empty()) => Ansi::Never,
            _ => Ansi::Auto,
        });
        let able = environment.var("TERM").is_some_and(|term| term != "dumb");
        let colour = |terminal: bool| Style {
            colour: match wish {
                Ansi::Never => false,
                Ansi::Always => true,
                Ansi::Auto => terminal && able,
            },
        };
        // Without colours a terminal still gets live progress, unless escapes are not wanted at all.
        let live = environment.terminals.err && able && ansi != Some(Ansi::Never);
        let (out, err) = (colour(environment.terminals.out), colour(environment.terminals.err));
        Self { out, err, live, telling: None }.telling(environment.var("COMPOSE_PROGRESS").and_then(known))
    }

    /// The same, with progress told in this way.
    pub(crate) fn telling(self, how: Option<Telling>) -> Self {
        match how {
            None | Some(Telling::Auto) => self,
            Some(Telling::Tty) => Self { live: true, telling: how, ..self },
            Some(_) => Self { live: false, telling: how, ..self },
        }
    }

    /// Columns and lines of the terminal; for files, a width that reads well.
    pub(crate) fn size() -> (usize, usize) {
        terminal_size::terminal_size_of(io::stderr())
            .map_or((110, 24), |(width, height)| (usize::from(width.0).max(20), usize::from(height.0).max(4)))
    }

    /// Prints a result.
    pub(crate) fn print(self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(|error| Failure::io("write to standard output", &error))
    }

    /// Prints a value for programs.
    pub(crate) fn json(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Message::new(Exit::NotReached, format!("cannot write JSON: {error}")))?;
        self.print(&(text + "\n"))
    }

    /// Tells something about what happens. A closed standard error is not worth an end.
    pub(crate) fn tell(self, text: &str) {
        let line = match self.telling {
            Some(Telling::Json) => events::remark(text).to_string(),
            _ => text.to_owned(),
        };
        Self::write(&line);
    }

    fn write(line: &str) {
        let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
    }

    /// Tells something that the user should look at.
    pub(crate) fn warn(self, text: &str) {
        self.tell(&format!("{} {text}", self.err.paint(Ink::Yellow, "warning:")));
    }

    /// Tells what is odd in a stack file.
    pub(crate) fn diagnostics(self, diagnostics: &Diagnostics) {
        if !diagnostics.items.is_empty() {
            self.tell(diagnostic::render(diagnostics, self.err.colour, Self::size().0).trim_end());
        }
    }

    /// The same for editors: a list, when there is anything to tell.
    pub(crate) fn diagnostics_as_json(self, diagnostics: &Diagnostics) {
        self.items(&diagnostic::items(diagnostics));
    }

    fn items(self, items: &[diagnostic::Item<'_>]) {
        if !items.is_empty() {
            Self::write(&serde_json::to_string_pretty(items).unwrap_or_default());
        }
    }

    /// Tells editors why a command ended; the answer is its exit code.
    pub(crate) fn failure_as_json(self, failure: &Failure) -> Exit {
        match failure {
            Failure::Invalid(diagnostics) => self.diagnostics_as_json(diagnostics),
            Failure::Message(message) => {
                let text = std::iter::once(&message.error).chain(&message.causes);
                let text = text.map(String::as_str).collect::<Vec<_>>().join(": ");
                self.items(&[diagnostic::Item::anywhere(&text, message.hint.as_deref())]);
            }
            other => drop(self.failure(other)),
        }
        failure.exit()
    }

    /// Tells why a command ended; the answer is its exit code.
    pub(crate) fn failure(self, failure: &Failure) -> Exit {
        match failure {
            Failure::Message(message) => self.tell(&render(self.err, message)),
            Failure::Invalid(diagnostics) => self.diagnostics(diagnostics),
            Failure::Refused(refusal) => {
                for problem in &refusal.problems {
                    let mut message = Message::new(failure.exit(), &problem.message);
                    message.hint.clone_from(&problem.hint);
                    self.tell(&render(self.err, &message));
                }
            }
            Failure::Said(_) | Failure::BrokenPipe => {}
        }
        failure.exit()
    }
}

/// A word that says how progress is told.
fn known(word: &str) -> Option<Telling> {
    Telling::from_str(word, true).ok()
}

/// A message: `error:`, `caused by:`, the evidence, `hint:`.
fn render(style: Style, message: &Message) -> String {
    let mut text = format!("{} {}", style.paint(Ink::Red, "error:"), message.error);
    for cause in &message.causes {
        text.push_str(&format!("\n{} {cause}", style.paint(Ink::Red, "caused by:")));
    }
    if let Some(places) = &message.places {
        text.push('\n');
        text.push_str(diagnostic::render(places, style.colour, Screen::size().0).trim_end());
    }
    for line in &message.evidence {
        text.push_str(format!("\n  {} {line}", style.paint(Ink::Dim, "│")).trim_end());
    }
    if let Some(hint) = &message.hint {
        text.push_str(&format!("\n{} {hint}", style.paint(Ink::Cyan, "hint:")));
    }
    text
}

/// Tells what was wrong with the command line, or prints the help asked for.
pub(crate) fn usage(mut error: clap::Error) -> Exit {
    if let Some(tip) = misplaced(&error) {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    match error.print() {
        Ok(()) if error.use_stderr() => Exit::Usage,
        _ => Exit::Done,
    }
}

/// Advice for those who wrote an option of every command behind the command.
fn misplaced(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else { return None };
    let written = option.split('=').next()?;
    let command = Cli::command();
    let known = |argument: &clap::Arg| {
        let long = argument.get_long().is_some_and(|long| written == format!("--{long}"));
        long || argument.get_short().is_some_and(|short| written == format!("-{short}"))
    };
    let known = error.kind() == ErrorKind::UnknownArgument && command.get_arguments().any(known);
    known.then(|| format!("`{written}` stands before the command: `sampan {written} … up`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Terminals;

    fn environment(vars: &[(&str, &str)], terminal: bool) -> Environment {
        let mut environment = Environment::default();
        environment.vars.insert("TERM".into(), "xterm".into());
        environment.vars.extend(vars.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        environment.terminals = Terminals { input: false, out: terminal, err: terminal };
        environment
    }

    #[test]
    fn colours_follow_the_flag_then_the_variables_then_the_terminal() {
        let colour = |ansi, vars: &[_], terminal| Screen::new(ansi, &environment(vars, terminal)).out.colour;
        assert!(colour(None, &[], true));
        assert!(!colour(None, &[], false));
        assert!(!colour(None, &[("NO_COLOR", "1")], true));
        assert!(!colour(None, &[("TERM", "dumb")], true));
        assert!(colour(None, &[("NO_COLOR", "1"), ("COMPOSE_ANSI", "always")], false));
        assert!(!colour(Some(Ansi::Never), &[("COMPOSE_ANSI", "always")], true));
    }

    #[test]
    fn an_option_in_the_wrong_place_is_told_its_place() {
        use clap::Parser;
        let error = Cli::try_parse_from(["sampan", "version", "--root", "/x"]).unwrap_err();
        assert_eq!(misplaced(&error).unwrap(), "`--root` stands before the command: `sampan --root … up`");
        let error = Cli::try_parse_from(["sampan", "version", "--nonsense"]).unwrap_err();
        assert_eq!(misplaced(&error), None);
    }

    #[test]
    fn a_message_shows_cause_evidence_and_hint() {
        let mut message = Message::new(Exit::NotReached, "container shop-db-1 ended").hint("see its log");
        message.causes.push("exit code 1".into());
        message.evidence.push("no space left".into());
        assert_eq!(
            render(Style::default(), &message),
            "error: container shop-db-1 ended\ncaused by: exit code 1\n  │ no space left\nhint: see its log"
        );
    }
}
