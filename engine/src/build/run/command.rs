//! What a `RUN` executes: arguments, and perhaps a script. Pure.

use super::request::RunCommand;
use crate::error::{Error, Kind, Result};

/// Where a script is put.
pub(super) const SCRIPTS: &str = "/dev/pipes";

/// Program and arguments.
pub(super) fn argv(command: &RunCommand) -> Result<Vec<String>> {
    let with_shell = |shell: &[String], text: String| shell.iter().cloned().chain([text]).collect();
    match command {
        RunCommand::Exec(argv) => Ok(argv.clone()),
        RunCommand::Shell { shell, text } => Ok(with_shell(shell, text.clone())),
        RunCommand::Script { name, .. } if name.contains('/') || matches!(&**name, "" | "." | "..") => {
            Err(Error::new(Kind::Unsupported, format!("`{name}` cannot be the name of a script")))
        }
        RunCommand::Script { shell, name, .. } => Ok(with_shell(shell, format!("{SCRIPTS}/{name}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell() -> Vec<String> {
        vec!["/bin/sh".into(), "-c".into()]
    }

    #[test]
    fn the_shell_gets_the_text_and_exec_form_is_as_it_is() {
        let text = "echo a".to_owned();
        assert_eq!(argv(&RunCommand::Shell { shell: shell(), text }).unwrap(), ["/bin/sh", "-c", "echo a"]);
        let exec = vec!["echo".to_owned(), "$HOME".to_owned()];
        assert_eq!(argv(&RunCommand::Exec(exec.clone())).unwrap(), exec);
    }

    #[test]
    fn a_script_is_executed_by_its_name_which_is_that_of_a_file() {
        let script = |name: &str| {
            argv(&RunCommand::Script {
                shell: shell(),
                name: name.into(),
                body: "#!/usr/bin/env python3\n".into(),
            })
        };
        assert_eq!(script("EOF").unwrap(), ["/bin/sh", "-c", "/dev/pipes/EOF"]);
        for name in ["../x", "", ".."] {
            assert!(script(name).is_err(), "{name}");
        }
    }
}
