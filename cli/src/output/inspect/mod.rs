//! A container as `docker inspect` tells it, with our own behind. What configs and secrets hold is
//! never part of it.

mod host;

use super::status::word;
use engine::container::{Inspection, Probe};
use engine::net::Endpoint;
use jiff::Timestamp;
use planner::desired::{HealthSpec, MountKind, MountSpec, Protocol};
use planner::live::{Health, State};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// All there is to say about a container.
pub(crate) fn container(one: &Inspection) -> Value {
    let (spec, process) = (&one.record.spec, &one.record.process);
    let file = |name: &str| one.places.files.join(name);
    let (program, arguments) =
        process.argv.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
    json!({
        "Id": one.id,
        "Created": one.record.created_at,
        "Path": program,
        "Args": arguments,
        "State": state(one),
        "Image": one.record.image_id,
        "ResolvConfPath": file("resolv.conf"),
        "HostnamePath": file("hostname"),
        "HostsPath": file("hosts"),
        "LogPath": one.places.log,
        "Name": format!("/{}", spec.called(&one.id)),
        "RestartCount": one.state.restarts,
        "Driver": "overlay2",
        "Platform": "linux",
        "AppArmorProfile": spec.security.apparmor.clone().unwrap_or_default(),
        "HostConfig": host::config(&one.record),
        "GraphDriver": {
            "Name": "overlay2",
            "Data": {
                "LowerDir": joined(one.record.layers.iter().rev()),
                "UpperDir": one.places.upper,
                "WorkDir": one.places.work,
            },
        },
        "Mounts": spec.mounts.iter().zip(&one.places.volumes).map(mount).collect::<Vec<_>>(),
        "Config": config(one),
        "NetworkSettings": network(one),
        "Stack": one.id.stack,
        "Service": one.id.slot.service,
        "Index": one.id.slot.index,
        "Configs": spec.configs.iter().map(|file| &file.target).collect::<Vec<_>>(),
        "Secrets": spec.secrets.iter().map(|file| &file.target).collect::<Vec<_>>(),
    })
}

fn joined<'a>(folders: impl Iterator<Item = &'a PathBuf>) -> String {
    folders.map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(":")
}

fn state(one: &Inspection) -> Value {
    let (state, live) = (&one.state, one.live.clone());
    let health = match live {
        State::Running { health: Health::None } => None,
        State::Running { health } => Some(health),
        _ => None,
    };
    let failed = |probe: &Probe| probe.exit_code != Some(0);
    let health = health.map(|health| {
        json!({
            "Status": health,
            "Log": state.last_probe.iter().map(|probe| json!({
                "Start": probe.at, "ExitCode": probe.exit_code.unwrap_or(-1), "Output": probe.output,
                "Failed": failed(probe),
            })).collect::<Vec<_>>(),
        })
    });
    let mut value = json!({
        "Status": word(&live),
        "Running": live.is_running(),
        "Paused": live == State::Paused,
        "Restarting": live == State::Restarting,
        "OOMKilled": state.oom.as_ref().is_some_and(|oom| state.finished_at.is_some_and(|end| oom.at <= end))
            && !live.is_running(),
        "Dead": false,
        "Pid": state.process.as_ref().filter(|process| process.is_alive()).map_or(0, |process| process.pid),
        "ExitCode": state.exit_code.unwrap_or(0),
        "Error": state.reason.clone().unwrap_or_default(),
        "StartedAt": state.started_at.unwrap_or(Timestamp::UNIX_EPOCH),
        "FinishedAt": state.finished_at.unwrap_or(Timestamp::UNIX_EPOCH),
    });
    if let Some(health) = health {
        value["Health"] = health;
    }
    value
}

fn mount((mount, volume): (&MountSpec, &Option<PathBuf>)) -> Value {
    let (kind, name, source) = match &mount.kind {
        MountKind::Volume { name, .. } => ("volume", Some(name.clone()), volume.clone()),
        MountKind::Bind { source, .. } => ("bind", None, Some(source.clone())),
        MountKind::Tmpfs(_) => ("tmpfs", None, None),
        MountKind::Image { reference, .. } => ("image", Some(reference.clone()), None),
    };
    json!({
        "Type": kind,
        "Name": name,
        "Source": source.unwrap_or_default(),
        "Destination": mount.target,
        "RW": !mount.read_only,
    })
}

fn config(one: &Inspection) -> Value {
    let (spec, process) = (&one.record.spec, &one.record.process);
    let ports: Map<String, Value> = spec
        .ports
        .iter()
        .map(|port| (format!("{}/{}", port.target, protocol(port.protocol)), json!({})))
        .collect();
    json!({
        "Hostname": process.hostname,
        "Domainname": spec.domainname.clone().unwrap_or_default(),
        "User": process.user,
        "Tty": spec.tty,
        "OpenStdin": spec.stdin_open,
        "ExposedPorts": ports,
        "Env": process.env_strings(),
        "Cmd": spec.command,
        "Entrypoint": spec.entrypoint,
        "Image": spec.image,
        "WorkingDir": process.cwd,
        "Labels": spec.labels,
        "Annotations": spec.annotations,
        "StopSignal": process.stop_signal.to_string(),
        "StopTimeout": spec.stop_grace_period.as_secs(),
        "Healthcheck": process.health.as_ref().map(|check| health(&check.argv, &check.spec)),
    })
}

/// Times in nanoseconds, as docker has them.
fn health(argv: &[String], spec: &HealthSpec) -> Value {
    let nanoseconds = |time: Option<Duration>| time.map_or(0, |time| time.as_nanos());
    let test: Vec<&str> = std::iter::once("CMD").chain(argv.iter().map(String::as_str)).collect();
    json!({
        "Test": test,
        "Interval": nanoseconds(spec.interval),
        "Timeout": nanoseconds(spec.timeout),
        "StartPeriod": nanoseconds(spec.start_period),
        "StartInterval": nanoseconds(spec.start_interval),
        "Retries": spec.retries,
    })
}

fn network(one: &Inspection) -> Value {
    let mut ports = Map::new();
    for port in one.state.ports.iter().filter(|_| one.live.is_running()) {
        let key = format!("{}/{}", port.target, protocol(port.protocol));
        let host = port.host_ip.map_or_else(|| "0.0.0.0".to_owned(), |address| address.to_string());
        let binding = json!({"HostIp": host, "HostPort": port.published.to_string()});
        match ports.entry(key).or_insert_with(|| json!([])) {
            Value::Array(bindings) => bindings.push(binding),
            _ => continue,
        }
    }
    let networks: Map<String, Value> = one
        .record
        .spec
        .networks
        .iter()
        .map(|wanted| {
            let here = one.endpoints.iter().find(|endpoint| endpoint.network == wanted.network);
            (wanted.network.clone(), presence(here, &wanted.aliases))
        })
        .collect();
    json!({"SandboxKey": one.places.netns, "Ports": ports, "Networks": networks})
}

fn presence(here: Option<&Endpoint>, aliases: &[String]) -> Value {
    let four = here.and_then(|here| here.four);
    let six = here.and_then(|here| here.six);
    json!({
        "IPAddress": four.map(|four| four.address.to_string()).unwrap_or_default(),
        "IPPrefixLen": four.map_or(0, |four| four.prefix),
        "Gateway": four.map(|four| four.gateway.to_string()).unwrap_or_default(),
        "GlobalIPv6Address": six.map(|six| six.address.to_string()).unwrap_or_default(),
        "GlobalIPv6PrefixLen": six.map_or(0, |six| six.prefix),
        "IPv6Gateway": six.map(|six| six.gateway.to_string()).unwrap_or_default(),
        "MacAddress": here.map(|here| here.mac.clone()).unwrap_or_default(),
        "Interface": here.map(|here| here.interface.clone()).unwrap_or_default(),
        "Aliases": aliases,
    })
}

fn protocol(protocol: Protocol) -> &'static str {
    super::status::protocol(protocol)
}
