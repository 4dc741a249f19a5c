//! Instructions that change what an image says about its containers, and no file.

use super::dockerfile::Expander;
use super::dockerfile::ast::{Command, HealthCommand, Healthcheck, Instruction, Word};
use super::state::State;
use super::variables::Globals;
use crate::error::{Error, Kind, Result};
use crate::image::changes::{add, directory};
use planner::desired::{HealthSpec, HealthTest};
use planner::model::signal_name;

/// Applies an instruction to what its stage has come to. Those that change files too are only
/// applied as far as they change the rest: of `WORKDIR` the path.
pub(super) fn apply(
    state: &mut State,
    instruction: &Instruction,
    globals: &Globals,
    escape: char,
) -> Result<()> {
    let before = state.variables.clone();
    let lookup = |name: &str| before.get(name);
    let expander = Expander::new(escape, &lookup);
    if let Some(text) = variable(state, instruction, globals, &expander)? {
        state.remember(text);
    }
    if let Some(text) = setting(state, instruction, &expander)? {
        state.remember(text);
    }
    Ok(())
}

/// Instructions that set what words see, and labels. Gives what the history tells.
fn variable(
    state: &mut State,
    instruction: &Instruction,
    globals: &Globals,
    expander: &Expander<'_>,
) -> Result<Option<String>> {
    Ok(Some(match instruction {
        Instruction::Arg(arguments) => {
            for argument in arguments {
                let name = word(expander, &argument.name)?;
                let default = argument.default.as_ref().map(|default| word(expander, default)).transpose()?;
                state.variables.declare(globals, &name, default);
                let value = state.variables.get(&name).map(|value| format!("={value}")).unwrap_or_default();
                state.remember(format!("ARG {name}{value}"));
            }
            return Ok(None);
        }
        Instruction::Env(pairs) => {
            let pairs = values(expander, pairs)?;
            pairs.iter().for_each(|(name, value)| state.variables.set(name, value));
            told("ENV", &pairs)
        }
        Instruction::Label(pairs) => {
            let pairs = values(expander, pairs)?;
            state.config.labels.extend(pairs.iter().cloned());
            told("LABEL", &pairs)
        }
        _ => return Ok(None),
    }))
}

/// Instructions that set something else. Gives what the history tells.
fn setting(state: &mut State, instruction: &Instruction, expander: &Expander<'_>) -> Result<Option<String>> {
    let config = &mut state.config;
    Ok(Some(match instruction {
        Instruction::Maintainer(name) => {
            state.author = Some(name.clone());
            format!("MAINTAINER {name}")
        }
        Instruction::Workdir(path) => {
            config.working_dir =
                Some(normal(&directory(config.working_dir.as_deref(), &word(expander, path)?)));
            return Ok(None);
        }
        Instruction::User(user) => {
            let user = word(expander, user)?;
            config.user = Some(user.clone());
            format!("USER {user}")
        }
        Instruction::Shell(shell) => {
            config.shell.clone_from(shell);
            format!("SHELL [{}]", shell.join(" "))
        }
        Instruction::Expose(ports) => {
            let ports = ports_of(&words(expander, ports)?)?;
            ports.iter().for_each(|port| add(&mut config.exposed_ports, port.clone()));
            let told: Vec<String> = ports.iter().map(|port| format!("{port}:{{}}")).collect();
            format!("EXPOSE map[{}]", told.join(" "))
        }
        Instruction::Volume(paths) => {
            let paths: Vec<String> = paths.iter().map(|path| word(expander, path)).collect::<Result<_>>()?;
            paths.iter().for_each(|path| add(&mut config.volumes, path.clone()));
            format!("VOLUME [{}]", paths.join(" "))
        }
        Instruction::StopSignal(signal) => {
            let signal = word(expander, signal)?;
            if signal_name(&signal).is_none() {
                return Err(Error::new(Kind::Unsupported, format!("there is no signal `{signal}`")));
            }
            config.stop_signal = Some(signal.clone());
            format!("STOPSIGNAL {signal}")
        }
        Instruction::Cmd(command) => {
            config.cmd = argv(&config.shell, command);
            state.has_cmd = true;
            format!("CMD [{}]", quoted(&state.config.cmd))
        }
        Instruction::Entrypoint(command) => {
            config.entrypoint = argv(&config.shell, command);
            // The command was made for another program.
            if !state.has_cmd {
                config.cmd.clear();
            }
            format!("ENTRYPOINT [{}]", quoted(&config.entrypoint))
        }
        Instruction::Healthcheck(check) => {
            let spec = health(check);
            let told = match &spec.test {
                Some(HealthTest::Exec(argv)) => format!("CMD [{}]", quoted(argv)),
                Some(HealthTest::Shell(line)) => format!("CMD {line}"),
                _ => "NONE".to_owned(),
            };
            config.healthcheck = Some(spec);
            format!("HEALTHCHECK {told}")
        }
        Instruction::OnBuild(trigger) => {
            config.on_build.push(trigger.text.clone());
            format!("ONBUILD {}", trigger.text)
        }
        _ => return Ok(None),
    }))
}

/// The value of a word.
pub(super) fn word(expander: &Expander<'_>, word: &Word) -> Result<String> {
    expander.word(word).map_err(|error| Error::new(Kind::Unsupported, error.to_string()))
}

fn words(expander: &Expander<'_>, words: &[Word]) -> Result<Vec<String>> {
    let lists = words.iter().map(|word| expander.words(word));
    let lists: std::result::Result<Vec<_>, _> = lists.collect();
    Ok(lists.map_err(|error| Error::new(Kind::Unsupported, error.to_string()))?.concat())
}

fn values(expander: &Expander<'_>, pairs: &[(Word, Word)]) -> Result<Vec<(String, String)>> {
    pairs.iter().map(|(name, value)| Ok((word(expander, name)?, word(expander, value)?))).collect()
}

fn told(instruction: &str, pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!(" {name}={value}"));
    std::iter::once(instruction.to_owned()).chain(pairs).collect()
}

/// Words in quotes, as histories have them.
pub(super) fn quoted(words: &[String]) -> String {
    words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" ")
}

/// What runs: the shell form by the shell.
fn argv(shell: &[String], command: &Command) -> Vec<String> {
    match command {
        Command::Exec(argv) => argv.clone(),
        Command::Shell(line) => shell_of(shell).into_iter().chain([line.clone()]).collect(),
    }
}

/// What runs shell forms.
pub(super) fn shell_of(shell: &[String]) -> Vec<String> {
    if shell.is_empty() { ["/bin/sh", "-c"].map(str::to_owned).to_vec() } else { shell.to_vec() }
}

fn health(check: &Healthcheck) -> HealthSpec {
    let Healthcheck::Check(command) = check else {
        return HealthSpec { test: Some(HealthTest::Disabled), ..HealthSpec::default() };
    };
    let HealthCommand { test, interval, timeout, start_period, start_interval, retries } = command.clone();
    let test = match test {
        Command::Exec(argv) => HealthTest::Exec(argv),
        Command::Shell(line) => HealthTest::Shell(line),
    };
    HealthSpec { test: Some(test), interval, timeout, retries, start_period, start_interval }
}

/// `80` is `80/tcp`, and `8000-8002` three ports.
fn ports_of(words: &[String]) -> Result<Vec<String>> {
    let mut ports = Vec::new();
    for text in words {
        let (numbers, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let protocol = protocol.to_ascii_lowercase();
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let known = matches!(protocol.as_str(), "tcp" | "udp" | "sctp");
        match (first.parse::<u16>(), last.parse::<u16>()) {
            (Ok(first @ 1..), Ok(last)) if known && first <= last => {
                ports.extend((first..=last).map(|port| format!("{port}/{protocol}")));
            }
            _ => {
                let error = Error::new(Kind::Unsupported, format!("`{text}` is not a port"));
                return Err(error.hint("ports are written 80, 53/udp or 8000-8010"));
            }
        }
    }
    ports.sort();
    Ok(ports)
}

/// Without `.`, `..` and doubled slashes.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::dockerfile::parse;
    use super::*;

    fn after(text: &str) -> Result<State> {
        let parsed = parse(&format!("FROM scratch\n{text}"), "Dockerfile");
        assert!(!parsed.diagnostics.has_errors(), "{}", parsed.diagnostics);
        let mut state = State::default();
        for statement in &parsed.dockerfile.stages[0].statements {
            apply(&mut state, &statement.instruction, &Globals::default(), '\\')?;
        }
        Ok(state)
    }

    #[test]
    fn instructions_change_what_the_image_says() {
        let text = "ENV A=1 B=$A\nENV C=\"$A$B\"\nLABEL a.b=\"x y\"\nMAINTAINER me\nWORKDIR /srv/./x\nWORKDIR ../$C\n\
            USER ${A}:2\nEXPOSE 80 8000-8001/UDP\nVOLUME /a /b\nVOLUME [\"/b\", \"/c d\"]\nSTOPSIGNAL SIGQUIT\n\
            SHELL [\"/bin/bash\", \"-ec\"]\nCMD echo $A\nHEALTHCHECK --interval=5s --retries=2 CMD true\n\
            ONBUILD COPY . /x\n";
        let state = after(text).unwrap();
        assert_eq!(state.variables.env(), ["A=1", "B=", "C=1"]);
        let config = &state.config;
        assert_eq!(config.labels["a.b"], "x y");
        assert_eq!(state.author.as_deref(), Some("me"));
        assert_eq!((config.working_dir.as_deref(), config.user.as_deref()), (Some("/srv/1"), Some("1:2")));
        assert_eq!(config.exposed_ports, ["80/tcp", "8000/udp", "8001/udp"]);
        assert_eq!(config.volumes, ["/a", "/b", "/c d"]);
        assert_eq!(config.stop_signal.as_deref(), Some("SIGQUIT"));
        assert_eq!(config.cmd, ["/bin/bash", "-ec", "echo $A"]);
        let health = config.healthcheck.clone().unwrap();
        assert_eq!((health.test, health.retries), (Some(HealthTest::Shell("true".into())), Some(2)));
        assert_eq!(config.on_build, ["COPY . /x"]);
    }

    #[test]
    fn an_entrypoint_drops_the_command_of_the_base_but_not_its_own() {
        let mut state = State::default();
        state.config.cmd = vec!["of the base".into()];
        let exec = |word: &str| Command::Exec(vec![word.to_owned()]);
        let mut with = |instruction| apply(&mut state, &instruction, &Globals::default(), '\\').unwrap();
        with(Instruction::Entrypoint(exec("first")));
        with(Instruction::Cmd(exec("own")));
        with(Instruction::Entrypoint(exec("second")));
        assert_eq!((state.config.entrypoint, state.config.cmd), (vec!["second".into()], vec!["own".into()]));
        let mut state = State::default();
        state.config.cmd = vec!["of the base".into()];
        apply(&mut state, &Instruction::Entrypoint(exec("x")), &Globals::default(), '\\').unwrap();
        assert!(state.config.cmd.is_empty());
    }

    #[test]
    fn the_history_tells_them_as_other_builders_do() {
        let text = "ARG X=1\nENV A=b\nLABEL a=b c=d\nEXPOSE 443 80\nVOLUME /a\nCMD [\"sh\", \"-c\"]\nENTRYPOINT run it\nUSER u\n";
        let told: Vec<String> =
            after(text).unwrap().history.into_iter().filter_map(|entry| entry.created_by).collect();
        let expected = [
            "ARG X=1",
            "ENV A=b",
            "LABEL a=b c=d",
            "EXPOSE map[443/tcp:{} 80/tcp:{}]",
            "VOLUME [/a]",
            "CMD [\"sh\" \"-c\"]",
            "ENTRYPOINT [\"/bin/sh\" \"-c\" \"run it\"]",
            "USER u",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_variables_say_is_looked_at_too() {
        for port in ["http", "0", "9-8", "80/icmp"] {
            let error = after(&format!("ENV PORT={port}\nEXPOSE $PORT\n")).unwrap_err();
            assert!(error.doing.contains("not a port"), "{port}");
        }
        for signal in ["", "SIGFOO"] {
            let error = after(&format!("ENV S={signal}\nSTOPSIGNAL $S\n")).unwrap_err();
            assert_eq!(error.doing, format!("there is no signal `{signal}`"));
        }
    }
}
