//! What a container is doing, in words.

use super::style::Ink;
use super::time::span;
use engine::container::ContainerStatus;
use engine::net::Published;
use jiff::Timestamp;
use planner::desired::Protocol;
use planner::live::{Health, State};
use std::net::IpAddr;
use std::time::Duration;

/// `Up 3 minutes (healthy)`, `Exited (137) 2 s ago – out of memory …`
pub(crate) fn status(container: &ContainerStatus, now: Timestamp) -> (Ink, String) {
    let up = || format!("Up {}", age(container.started_at, now));
    let ago = || format!("{} ago", age(container.finished_at, now));
    let (ink, mut text) = match container.state {
        State::Created => (Ink::Dim, "Created".to_owned()),
        State::Running { health: Health::None } => (Ink::Green, up()),
        State::Running { health: Health::Healthy } => (Ink::Green, up() + " (healthy)"),
        State::Running { health: Health::Starting } => (Ink::Yellow, up() + " (health: starting)"),
        State::Running { health: Health::Unhealthy } => (Ink::Red, up() + " (unhealthy)"),
        State::Unsupervised => (Ink::Yellow, up() + " (without supervisor: `up` brings it back)"),
        State::Paused => (Ink::Yellow, up() + " (paused)"),
        State::Restarting => {
            (Ink::Yellow, format!("Restarting ({}) {}", container.exit_code.unwrap_or(0), ago()))
        }
        State::Exited { code, requested } => {
            let ink = if code == 0 || requested { Ink::Dim } else { Ink::Red };
            (ink, format!("Exited ({code}) {}", ago()))
        }
    };
    match container.restarts {
        0 => {}
        1 => text.push_str(", restarted once"),
        restarts => text.push_str(&format!(", restarted {restarts} times")),
    }
    if let Some(oom) = &container.oom {
        text.push_str(&format!(" – {}", oom.describe()));
    }
    (ink, text)
}

/// One word for programs, as Docker Compose has them.
pub(crate) fn word(state: &State) -> &'static str {
    match state {
        State::Created => "created",
        State::Running { .. } | State::Unsupervised => "running",
        State::Restarting => "restarting",
        State::Paused => "paused",
        State::Exited { .. } => "exited",
    }
}

/// One word for the health check, empty without one.
pub(crate) fn health(state: &State) -> &'static str {
    match state {
        State::Running { health: Health::Starting } => "starting",
        State::Running { health: Health::Healthy } => "healthy",
        State::Running { health: Health::Unhealthy } => "unhealthy",
        _ => "",
    }
}

/// `0.0.0.0:8080->80/tcp, 127.0.0.1:53->53/udp`
pub(crate) fn ports(ports: &[Published]) -> String {
    let mut texts: Vec<String> = ports.iter().map(port).collect();
    texts.sort();
    texts.dedup();
    texts.join(", ")
}

fn port(port: &Published) -> String {
    let host = match port.host_ip {
        None => "0.0.0.0".to_owned(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => format!("[{address}]"),
    };
    format!("{host}:{}->{}/{}", port.published, port.target, protocol(port.protocol))
}

/// `tcp` or `udp`
pub(crate) fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

/// Time since then; nothing is known of one that never was.
fn age(since: Option<Timestamp>, now: Timestamp) -> String {
    let age = |since| Duration::try_from(now.duration_since(since)).unwrap_or_default();
    since.map_or_else(|| "some time".to_owned(), |since| span(age(since)))
}
