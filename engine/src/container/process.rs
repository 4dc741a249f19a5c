//! Image and spec merged into the process that will run.

use super::signal;
use crate::error::{Error, Kind, Result};
use crate::image::ImageConfig;
use planner::desired::{HealthSpec, HealthTest};
use planner::{ContainerId, ContainerSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where programs are looked for when neither image nor spec says so.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The first process of a container, with everything that the image supplies filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Program and arguments; never empty.
    pub argv: Vec<String>,
    /// Environment. `HOME` is added when the process starts, from the image's user list.
    pub env: BTreeMap<String, String>,
    /// Working directory, absolute.
    pub cwd: String,
    /// `user[:group]`, names or numbers; empty is root.
    pub user: String,
    /// Host name.
    pub hostname: String,
    /// Number of the signal that asks it to end.
    pub stop_signal: i32,
    /// Health check, unless there is none.
    pub health: Option<HealthCheck>,
}

/// A health check with what the image supplies filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Times and counts.
    pub spec: HealthSpec,
}

impl Process {
    /// Merges by the rules of `docker run`.
    pub fn merge(id: &ContainerId, spec: &ContainerSpec, image: &ImageConfig) -> Result<Self> {
        let hostname = if spec.namespaces.uts_of_host {
            own_hostname()
        } else {
            spec.hostname.clone().unwrap_or_else(|| id.name())
        };
        Ok(Self {
            argv: argv(id, spec, image)?,
            env: environment(spec, image, &hostname),
            cwd: spec.working_dir.clone().or(image.working_dir.clone()).unwrap_or_else(|| "/".to_owned()),
            user: spec.user.clone().or(image.user.clone()).unwrap_or_default(),
            hostname,
            stop_signal: stop_signal(spec, image)?,
            health: health(spec.health.as_ref(), image.healthcheck.as_ref()),
        })
    }

    /// What is known of the process of a container whose record is damaged.
    pub fn unknown(id: &ContainerId) -> Self {
        Self {
            argv: Vec::new(),
            env: BTreeMap::new(),
            cwd: "/".to_owned(),
            user: String::new(),
            hostname: id.name(),
            stop_signal: nix::libc::SIGTERM,
            health: None,
        }
    }

    /// The environment as execve(2) takes it.
    pub fn env_strings(&self) -> Vec<String> {
        self.env.iter().map(|(key, value)| format!("{key}={value}")).collect()
    }
}

/// The host's name; empty where nobody knows it.
fn own_hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim_end().to_owned()
}

/// An entrypoint of the spec drops the command of the image: it was meant for another program.
fn argv(id: &ContainerId, spec: &ContainerSpec, image: &ImageConfig) -> Result<Vec<String>> {
    let (program, default_arguments) = match &spec.entrypoint {
        Some(entrypoint) => (entrypoint, &[][..]),
        None => (&image.entrypoint, &image.cmd[..]),
    };
    let arguments = spec.command.as_deref().unwrap_or(default_arguments);
    let argv: Vec<String> = program.iter().chain(arguments).cloned().collect();
    if argv.is_empty() {
        let text = format!(
            "container {} has no command: neither image {} nor the file says one",
            id.name(),
            spec.image
        );
        return Err(Error::new(Kind::Container, text).hint("set `command` or `entrypoint`"));
    }
    Ok(argv)
}

fn environment(spec: &ContainerSpec, image: &ImageConfig, hostname: &str) -> BTreeMap<String, String> {
    let mut env = BTreeMap::from([
        ("PATH".to_owned(), DEFAULT_PATH.to_owned()),
        ("HOSTNAME".to_owned(), hostname.to_owned()),
    ]);
    let of_image = image.env.iter().filter_map(|entry| entry.split_once('='));
    env.extend(of_image.map(|(key, value)| (key.to_owned(), value.to_owned())));
    for (key, value) in &spec.environment {
        match value {
            Some(value) => env.insert(key.clone(), value.clone()),
            None => env.remove(key),
        };
    }
    env
}

fn stop_signal(spec: &ContainerSpec, image: &ImageConfig) -> Result<i32> {
    let name = spec.stop_signal.as_deref().or(image.stop_signal.as_deref()).unwrap_or("TERM");
    signal::number(name).ok_or_else(|| Error::new(Kind::Unsupported, format!("`{name}` is not a signal")))
}

fn health(spec: Option<&HealthSpec>, image: Option<&HealthSpec>) -> Option<HealthCheck> {
    let none = HealthSpec::default();
    let (ours, theirs) = (spec.unwrap_or(&none), image.unwrap_or(&none));
    let argv = match ours.test.as_ref().or(theirs.test.as_ref())? {
        HealthTest::Disabled => return None,
        HealthTest::Exec(argv) if argv.is_empty() => return None,
        HealthTest::Exec(argv) => argv.clone(),
        HealthTest::Shell(line) => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
    };
    let spec = HealthSpec {
        test: None,
        interval: ours.interval.or(theirs.interval),
        timeout: ours.timeout.or(theirs.timeout),
        retries: ours.retries.or(theirs.retries),
        start_period: ours.start_period.or(theirs.start_period),
        start_interval: ours.start_interval.or(theirs.start_interval),
    };
    Some(HealthCheck { argv, spec })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn id() -> ContainerId {
        "shop.web.1.1".parse().unwrap()
    }

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn program_and_arguments_follow_the_rules_of_docker() {
        // image entrypoint, image cmd, spec entrypoint, spec command, result
        let table = [
            ("e1 e2", "c", None, None, "e1 e2 c"),
            ("", "c d", None, None, "c d"),
            ("e", "c", None, Some("x y"), "e x y"),
            ("e", "c", None, Some(""), "e"),
            ("e", "c", Some("p"), None, "p"),
            ("e", "c", Some("p"), Some("x"), "p x"),
            ("e", "c", Some(""), Some("x"), "x"),
            ("e", "c", Some(""), None, ""),
            ("", "", None, None, ""),
        ];
        for (entrypoint, cmd, ours, command, expected) in table {
            let image =
                ImageConfig { entrypoint: words(entrypoint), cmd: words(cmd), ..ImageConfig::default() };
            let spec = ContainerSpec {
                entrypoint: ours.map(words),
                command: command.map(words),
                ..ContainerSpec::default()
            };
            let result = argv(&id(), &spec, &image).unwrap_or_default();
            assert_eq!(result, words(expected), "{entrypoint} {cmd} {ours:?} {command:?}");
        }
    }

    #[test]
    fn a_container_without_a_command_is_refused_with_a_hint() {
        let spec = ContainerSpec { image: "empty".into(), ..ContainerSpec::default() };
        let error = Process::merge(&id(), &spec, &ImageConfig::default()).unwrap_err();
        assert_eq!(error.kind, Kind::Container);
        assert!(error.doing.contains("shop-web-1") && error.doing.contains("empty"), "{error}");
    }

    #[test]
    fn the_environment_is_image_then_spec_and_null_removes() {
        let image = ImageConfig {
            env: words("PATH=/opt/bin A=1 B=x=y C=3"),
            cmd: words("c"),
            ..ImageConfig::default()
        };
        let spec = ContainerSpec {
            environment: BTreeMap::from([("A".into(), Some("2".into())), ("C".into(), None)]),
            ..ContainerSpec::default()
        };
        let process = Process::merge(&id(), &spec, &image).unwrap();
        assert_eq!(process.env_strings(), ["A=2", "B=x=y", "HOSTNAME=shop-web-1", "PATH=/opt/bin"]);
        let bare = ImageConfig { env: Vec::new(), ..image };
        let process = Process::merge(&id(), &spec, &bare).unwrap();
        assert_eq!(process.env["PATH"], DEFAULT_PATH);
    }

    #[test]
    fn user_directory_and_signal_come_from_the_spec_before_the_image() {
        let image = ImageConfig {
            cmd: words("c"),
            user: Some("www".into()),
            working_dir: Some("/srv".into()),
            stop_signal: Some("SIGQUIT".into()),
            ..ImageConfig::default()
        };
        let process = Process::merge(&id(), &ContainerSpec::default(), &image).unwrap();
        assert_eq!((process.user.as_str(), process.cwd.as_str(), process.stop_signal), ("www", "/srv", 3));
        let spec = ContainerSpec {
            user: Some("0".into()),
            working_dir: Some("/".into()),
            stop_signal: Some("INT".into()),
            ..ContainerSpec::default()
        };
        let process = Process::merge(&id(), &spec, &image).unwrap();
        assert_eq!((process.user.as_str(), process.cwd.as_str(), process.stop_signal), ("0", "/", 2));
        let bad = ContainerSpec { stop_signal: Some("NOPE".into()), ..spec };
        assert!(Process::merge(&id(), &bad, &image).is_err());
    }

    #[test]
    fn a_health_check_is_merged_key_by_key() {
        let image = HealthSpec {
            test: Some(HealthTest::Shell("true".into())),
            interval: Some(Duration::from_secs(5)),
            retries: Some(7),
            ..HealthSpec::default()
        };
        let ours = HealthSpec { retries: Some(2), ..HealthSpec::default() };
        let check = health(Some(&ours), Some(&image)).unwrap();
        assert_eq!(check.argv, ["/bin/sh", "-c", "true"]);
        assert_eq!((check.spec.interval, check.spec.retries), (Some(Duration::from_secs(5)), Some(2)));
        let off = HealthSpec { test: Some(HealthTest::Disabled), ..HealthSpec::default() };
        assert_eq!(health(Some(&off), Some(&image)), None);
        assert_eq!(health(None, None), None);
    }
}
