//! The config of an image: as the engine uses it, and as the JSON of the image says it
//! (<https://github.com/opencontainers/image-spec/blob/main/config.md>, and Docker's `Healthcheck`).

use crate::error::{Error, Kind, Result};
use jiff::Timestamp;
use planner::desired::{HealthSpec, HealthTest};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What an image says about the containers made from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// Program and first arguments; empty is none.
    pub entrypoint: Vec<String>,
    /// More arguments, or the program when there is no entrypoint; empty is none.
    pub cmd: Vec<String>,
    /// Variables as `NAME=value`.
    pub env: Vec<String>,
    /// Absolute path.
    pub working_dir: Option<String>,
    /// `user[:group]`, names or numbers.
    pub user: Option<String>,
    /// Ports as `80/tcp`.
    pub exposed_ports: Vec<String>,
    /// Paths whose content belongs in a volume.
    pub volumes: Vec<String>,
    /// Signal that asks the process to end, as written: `SIGQUIT`, `3`.
    pub stop_signal: Option<String>,
    /// Health check.
    pub healthcheck: Option<HealthSpec>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// What runs the shell forms of a Dockerfile, when it is not `/bin/sh -c`.
    pub shell: Vec<String>,
    /// Instructions for builds that start from it.
    pub on_build: Vec<String>,
}

/// The JSON that an image's id is the digest of, as far as we read it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ConfigFile {
    #[serde(default, deserialize_with = "or_null")]
    pub(crate) architecture: String,
    #[serde(default, deserialize_with = "or_null")]
    pub(crate) os: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) variant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) author: Option<String>,
    #[serde(default, deserialize_with = "or_null")]
    pub(crate) config: RawConfig,
    pub(crate) rootfs: RootFs,
    #[serde(default, deserialize_with = "or_null")]
    pub(crate) history: Vec<History>,
    /// What other builds may use of the one that made it.
    #[serde(rename = "sampan.build-cache", default, skip_serializing_if = "Option::is_none")]
    pub(crate) build_cache: Option<serde_json::Value>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RootFs {
    #[serde(rename = "type", default, deserialize_with = "or_null")]
    pub(crate) kind: String,
    #[serde(default, deserialize_with = "or_null")]
    pub(crate) diff_ids: Vec<String>,
}

/// How one layer, or none, came to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct History {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) empty_layer: Option<bool>,
}

type Set = BTreeMap<String, serde_json::Map<String, serde_json::Value>>;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct RawConfig {
    #[serde(deserialize_with = "or_null", skip_serializing_if = "Vec::is_empty")]
    entrypoint: Vec<String>,
    #[serde(deserialize_with = "or_null", skip_serializing_if = "Vec::is_empty")]
    cmd: Vec<String>,
    #[serde(deserialize_with = "or_null", skip_serializing_if = "Vec::is_empty")]
    env: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(deserialize_with = "or_null", skip_serializing_if = "Set::is_empty")]
    exposed_ports: Set,
    #[serde(deserialize_with = "or_null", skip_serializing_if = "Set::is_empty")]
    volumes: Set,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_signal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthcheck: Option<RawHealth>,
    #[serde(deserialize_with = "or_null", skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_null", skip_serializing_if = "Vec::is_empty")]
    shell: Vec<String>,
    #[serde(deserialize_with = "or_null", skip_serializing_if = "Vec::is_empty")]
    on_build: Vec<String>,
}

/// Durations are in nanoseconds; 0 means "inherit".
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawHealth {
    #[serde(deserialize_with = "or_null")]
    test: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    interval: i64,
    #[serde(skip_serializing_if = "is_zero")]
    timeout: i64,
    #[serde(skip_serializing_if = "is_zero")]
    start_period: i64,
    #[serde(skip_serializing_if = "is_zero")]
    start_interval: i64,
    #[serde(skip_serializing_if = "is_zero")]
    retries: i64,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// Builders written in Go say `null` for what is empty.
fn or_null<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    from: D,
) -> std::result::Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl ConfigFile {
    /// Reads the JSON; says whose it is when it is damaged.
    pub(crate) fn parse(json: &[u8], whose: &str) -> Result<Self> {
        let corrupt = || Error::new(Kind::Corrupt, format!("the config of {whose} is damaged"));
        let file: Self = serde_json::from_slice(json).map_err(|error| corrupt().because(error))?;
        match file.rootfs.diff_ids.iter().find(|id| !super::digest::is_sha256(id)) {
            Some(bad) => Err(corrupt().hint(format!("`{bad}` is not a digest"))),
            None => Ok(file),
        }
    }

    /// What it runs on, as `os/arch[/variant]`.
    pub(crate) fn platform(&self) -> String {
        let parts = [Some(&self.os), Some(&self.architecture), self.variant.as_ref()];
        let said: Vec<&str> =
            parts.into_iter().flatten().map(String::as_str).filter(|part| !part.is_empty()).collect();
        said.join("/")
    }

    pub(crate) fn created_at(&self) -> Option<Timestamp> {
        self.created.as_ref().and_then(|text| text.parse().ok())
    }
}

impl From<&RawConfig> for ImageConfig {
    fn from(raw: &RawConfig) -> Self {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Self {
            entrypoint: raw.entrypoint.clone(),
            cmd: raw.cmd.clone(),
            env: raw.env.clone(),
            working_dir: given(&raw.working_dir),
            user: given(&raw.user),
            exposed_ports: raw.exposed_ports.keys().cloned().collect(),
            volumes: raw.volumes.keys().cloned().collect(),
            stop_signal: given(&raw.stop_signal),
            healthcheck: raw.healthcheck.as_ref().map(HealthSpec::from),
            labels: raw.labels.clone(),
            shell: raw.shell.clone(),
            on_build: raw.on_build.clone(),
        }
    }
}

impl From<&ImageConfig> for RawConfig {
    fn from(config: &ImageConfig) -> Self {
        let set = |names: &[String]| names.iter().map(|name| (name.clone(), Default::default())).collect();
        Self {
            entrypoint: config.entrypoint.clone(),
            cmd: config.cmd.clone(),
            env: config.env.clone(),
            working_dir: config.working_dir.clone(),
            user: config.user.clone(),
            exposed_ports: set(&config.exposed_ports),
            volumes: set(&config.volumes),
            stop_signal: config.stop_signal.clone(),
            healthcheck: config.healthcheck.as_ref().map(RawHealth::from),
            labels: config.labels.clone(),
            shell: config.shell.clone(),
            on_build: config.on_build.clone(),
        }
    }
}

impl From<&RawHealth> for HealthSpec {
    fn from(raw: &RawHealth) -> Self {
        let time =
            |nanos: i64| u64::try_from(nanos).ok().filter(|nanos| *nanos > 0).map(Duration::from_nanos);
        let words: Vec<&str> = raw.test.iter().map(String::as_str).collect();
        let test = match words.as_slice() {
            [] => None,
            ["NONE", ..] => Some(HealthTest::Disabled),
            ["CMD-SHELL", line @ ..] => Some(HealthTest::Shell(line.join(" "))),
            ["CMD", argv @ ..] => Some(HealthTest::Exec(argv.iter().map(ToString::to_string).collect())),
            argv => Some(HealthTest::Exec(argv.iter().map(ToString::to_string).collect())),
        };
        Self {
            test,
            interval: time(raw.interval),
            timeout: time(raw.timeout),
            retries: u32::try_from(raw.retries).ok().filter(|retries| *retries > 0),
            start_period: time(raw.start_period),
            start_interval: time(raw.start_interval),
        }
    }
}

impl From<&HealthSpec> for RawHealth {
    fn from(spec: &HealthSpec) -> Self {
        let nanos = |time: Option<Duration>| {
            time.map_or(0, |time| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
        };
        let words = |first: &str, rest: &[String]| {
            std::iter::once(first.to_owned()).chain(rest.iter().cloned()).collect()
        };
        let test = match &spec.test {
            None => Vec::new(),
            Some(HealthTest::Disabled) => words("NONE", &[]),
            Some(HealthTest::Exec(argv)) => words("CMD", argv),
            Some(HealthTest::Shell(line)) => words("CMD-SHELL", std::slice::from_ref(line)),
        };
        Self {
            test,
            interval: nanos(spec.interval),
            timeout: nanos(spec.timeout),
            start_period: nanos(spec.start_period),
            start_interval: nanos(spec.start_interval),
            retries: spec.retries.map_or(0, i64::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"architecture":"amd64","os":"linux","created":"2024-05-01T10:00:00.5Z",
        "config":{"Env":["PATH=/bin","A=b=c"],"Entrypoint":null,"Cmd":["sh"],"User":"","WorkingDir":"/w",
        "ExposedPorts":{"80/tcp":{}},"Volumes":{"/data":{}},"StopSignal":"SIGQUIT","OnBuild":null,
        "Healthcheck":{"Test":["CMD-SHELL","true"],"Interval":5000000000,"Retries":2}},
        "rootfs":{"type":"layers","diff_ids":[]},"history":null}"#;

    #[test]
    fn a_docker_config_is_read_with_its_nulls() {
        let file = ConfigFile::parse(JSON.as_bytes(), "web").unwrap();
        let config = ImageConfig::from(&file.config);
        assert_eq!(config.env, ["PATH=/bin", "A=b=c"]);
        assert_eq!((config.user.clone(), config.working_dir.as_deref()), (None, Some("/w")));
        assert_eq!((config.exposed_ports[0].as_str(), config.volumes[0].as_str()), ("80/tcp", "/data"));
        let health = config.healthcheck.clone().unwrap();
        assert_eq!(health.test, Some(HealthTest::Shell("true".into())));
        assert_eq!((health.interval, health.timeout), (Some(Duration::from_secs(5)), None));
        assert_eq!(file.created_at().unwrap().to_string(), "2024-05-01T10:00:00.5Z");
        assert_eq!(ImageConfig::from(&RawConfig::from(&config)), config);
    }

    #[test]
    fn a_damaged_config_is_refused() {
        for json in ["", "[]", "{}", r#"{"rootfs":{"diff_ids":["../../etc"]}}"#] {
            assert_eq!(ConfigFile::parse(json.as_bytes(), "web").unwrap_err().kind, Kind::Corrupt, "{json}");
        }
    }
}
