//! Changes to a config, written as instructions of a Dockerfile: `CMD ["sh"]`, `ENV A=1`.

use super::ImageConfig;
use crate::error::{Error, Kind, Result};
use planner::desired::{HealthSpec, HealthTest};
use std::time::Duration;

/// Applies one instruction to a config.
pub(crate) fn apply(config: &mut ImageConfig, line: &str) -> Result<()> {
    let line = line.trim();
    let (instruction, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    change(config, &instruction.to_ascii_uppercase(), rest).map_err(|why| {
        Error::new(Kind::Unsupported, format!("`{line}` is not a change: {why}")).hint(
            "changes are CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, USER, VOLUME and WORKDIR",
        )
    })
}

type Change<T> = std::result::Result<T, String>;

fn change(config: &mut ImageConfig, instruction: &str, rest: &str) -> Change<()> {
    if rest.is_empty() {
        return Err("it says nothing".to_owned());
    }
    match instruction {
        "CMD" => config.cmd = command(rest)?,
        "ENTRYPOINT" => config.entrypoint = command(rest)?,
        "ENV" => {
            pairs(rest)?.into_iter().for_each(|(name, value)| set_variable(&mut config.env, &name, &value))
        }
        "LABEL" => config.labels.extend(pairs(rest)?),
        "EXPOSE" => {
            for port in words(rest)? {
                add(&mut config.exposed_ports, exposed(&port)?);
            }
        }
        "VOLUME" => {
            for path in json_list(rest)?.map_or_else(|| words(rest), Ok)? {
                add(&mut config.volumes, path);
            }
        }
        "USER" => config.user = Some(single(rest)?),
        "STOPSIGNAL" => config.stop_signal = Some(single(rest)?),
        "WORKDIR" => config.working_dir = Some(directory(config.working_dir.as_deref(), &single(rest)?)),
        "HEALTHCHECK" => config.healthcheck = Some(health(rest)?),
        other => return Err(format!("`{other}` is not an instruction that can change an image")),
    }
    Ok(())
}

/// Adds an item unless it is there.
pub(crate) fn add(list: &mut Vec<String>, item: String) {
    if !list.contains(&item) {
        list.push(item);
    }
}

fn set_variable(env: &mut Vec<String>, name: &str, value: &str) {
    env.retain(|variable| variable.split_once('=').is_none_or(|(other, _)| other != name));
    env.push(format!("{name}={value}"));
}

/// A JSON list is the arguments themselves; anything else is a line for the shell.
fn command(rest: &str) -> Change<Vec<String>> {
    let shell = || vec!["/bin/sh".to_owned(), "-c".to_owned(), rest.to_owned()];
    Ok(json_list(rest)?.unwrap_or_else(shell))
}

/// `None` when it does not look like a list at all.
fn json_list(rest: &str) -> Change<Option<Vec<String>>> {
    if !rest.starts_with('[') {
        return Ok(None);
    }
    let list = serde_json::from_str(rest);
    list.map(Some).map_err(|_| "the list must hold strings in double quotes".to_owned())
}

fn single(rest: &str) -> Change<String> {
    match words(rest)?.as_slice() {
        [word] => Ok(word.clone()),
        _ => Err("it takes one word".to_owned()),
    }
}

/// A path, seen from the working directory so far.
pub(crate) fn directory(current: Option<&str>, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    format!("{}/{path}", current.unwrap_or("").trim_end_matches('/'))
}

/// `80` is `80/tcp`.
fn exposed(port: &str) -> Change<String> {
    let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    let known = matches!(protocol.as_str(), "tcp" | "udp" | "sctp");
    let (first, last) = number.split_once('-').unwrap_or((number, number));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(1..), Ok(_)) if known && first == last => Ok(format!("{number}/{protocol}")),
        _ => Err(format!("`{port}` is not a port")),
    }
}

/// `A=1 B="two words"`, or the old form `A all the rest`.
fn pairs(rest: &str) -> Change<Vec<(String, String)>> {
    let words = words(rest)?;
    let pair = |word: &String| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let pairs: Option<Vec<_>> = words.iter().map(pair).collect();
    let pairs = match (pairs, rest.split_once(char::is_whitespace)) {
        (Some(pairs), _) => pairs,
        (None, Some((name, value))) if !name.contains('=') => {
            vec![(name.to_owned(), value.trim().to_owned())]
        }
        _ => return Err("it takes pairs such as NAME=value".to_owned()),
    };
    if pairs.iter().any(|(name, _)| name.is_empty()) { Err("a name is empty".to_owned()) } else { Ok(pairs) }
}

/// Words with quotes and backslashes taken away.
fn words(rest: &str) -> Change<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = rest.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), close) if open == close => quote = None,
            (Some('\''), letter) => word.get_or_insert_default().push(letter),
            (_, '\\') => word.get_or_insert_default().push(letters.next().unwrap_or('\\')),
            (Some(_), letter) => word.get_or_insert_default().push(letter),
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (None, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    if quote.is_some() { Err("a quote is not closed".to_owned()) } else { Ok(words) }
}

/// `NONE`, or `[--interval=5s …] CMD …`.
fn health(rest: &str) -> Change<HealthSpec> {
    let mut spec = HealthSpec::default();
    let mut rest = rest;
    while let Some(option) = rest.strip_prefix("--") {
        let (option, after) = option.split_once(char::is_whitespace).ok_or("it runs nothing")?;
        let (name, value) = option.split_once('=').ok_or("options are written --name=value")?;
        health_option(&mut spec, name, value)?;
        rest = after.trim_start();
    }
    let (word, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    spec.test = Some(match (word.to_ascii_uppercase().as_str(), argument.trim()) {
        ("NONE", "") => HealthTest::Disabled,
        ("CMD", "") => return Err("it runs nothing".to_owned()),
        ("CMD", line) => match json_list(line)? {
            Some(argv) => HealthTest::Exec(argv),
            None => HealthTest::Shell(line.to_owned()),
        },
        _ => return Err("it takes NONE or CMD".to_owned()),
    });
    Ok(spec)
}

fn health_option(spec: &mut HealthSpec, name: &str, value: &str) -> Change<()> {
    let time = || duration(value).ok_or_else(|| format!("`{value}` is not a time such as 1m30s"));
    match name {
        "interval" => spec.interval = Some(time()?),
        "timeout" => spec.timeout = Some(time()?),
        "start-period" => spec.start_period = Some(time()?),
        "start-interval" => spec.start_interval = Some(time()?),
        "retries" => spec.retries = Some(value.parse().map_err(|_| format!("`{value}` is not a number"))?),
        other => return Err(format!("there is no option --{other}")),
    }
    Ok(())
}

/// Go's form: `1h2m3.5s`, `200ms`.
fn duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(number_end);
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(lines: &[&str]) -> ImageConfig {
        let mut config = ImageConfig::default();
        lines.iter().for_each(|line| apply(&mut config, line).unwrap());
        config
    }

    #[test]
    fn instructions_change_the_config() {
        let config = applied(&[
            r#"CMD ["a", "b c"]"#,
            "entrypoint exec top -b",
            "ENV A=1 B=\"two words\" C='it''s' D=x\\ y",
            "ENV A=2",
            "ENV OLD form of it",
            "LABEL a.b=c",
            "EXPOSE 80 53/UDP 80/tcp",
            r#"VOLUME ["/a b", "/c"]"#,
            "VOLUME /c /d",
            "USER 7:8",
            "WORKDIR /srv",
            "WORKDIR app",
            "STOPSIGNAL SIGQUIT",
            "HEALTHCHECK --interval=1m30s --timeout=200ms --retries=2 CMD wget -q localhost",
        ]);
        assert_eq!(config.cmd, ["a", "b c"]);
        assert_eq!(config.entrypoint, ["/bin/sh", "-c", "exec top -b"]);
        assert_eq!(config.env, ["B=two words", "C=its", "D=x y", "A=2", "OLD=form of it"]);
        assert_eq!(config.labels["a.b"], "c");
        assert_eq!(config.exposed_ports, ["80/tcp", "53/udp"]);
        assert_eq!(config.volumes, ["/a b", "/c", "/d"]);
        assert_eq!((config.user.as_deref(), config.working_dir.as_deref()), (Some("7:8"), Some("/srv/app")));
        assert_eq!(config.stop_signal.as_deref(), Some("SIGQUIT"));
        let health = config.healthcheck.unwrap();
        assert_eq!(health.test, Some(HealthTest::Shell("wget -q localhost".into())));
        assert_eq!(health.interval, Some(Duration::from_secs(90)));
        assert_eq!((health.timeout, health.retries), (Some(Duration::from_millis(200)), Some(2)));
        assert_eq!(applied(&["HEALTHCHECK NONE"]).healthcheck.unwrap().test, Some(HealthTest::Disabled));
    }

    #[test]
    fn what_cannot_be_understood_is_refused_with_the_reason() {
        let cases = [
            ("RUN make", "`RUN`"),
            ("CMD", "says nothing"),
            ("CMD [sh]", "double quotes"),
            ("ENV A", "pairs"),
            ("ENV =1", "empty"),
            ("ENV A=\"x", "not closed"),
            ("EXPOSE http", "`http`"),
            ("EXPOSE 0", "`0`"),
            ("USER a b", "one word"),
            ("HEALTHCHECK CMD", "nothing"),
            ("HEALTHCHECK --interval=5 CMD true", "`5`"),
            ("HEALTHCHECK --pace=5s CMD true", "--pace"),
            ("HEALTHCHECK true", "NONE or CMD"),
        ];
        for (line, why) in cases {
            let error = apply(&mut ImageConfig::default(), line).unwrap_err();
            assert!(error.doing.contains(why), "{line}: {}", error.doing);
        }
    }
}
