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
        State::Unprepared => (Ink::Yellow, up() + " (`post_start` is pending)"),
        State::Stopping => (Ink::Yellow, up() + " (stopping)"),
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
    if let Some(reason) = &container.reason {
        text.push_str(&format!(" – {reason}"));
    }
    (ink, text)
}

/// One word for programs, as Docker Compose has them.
pub(crate) fn word(state: &State) -> &'static str {
    match state {
        State::Created => "created",
        State::Running { .. } | State::Unsupervised | State::Unprepared | State::Stopping => "running",
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
    format!("{}->{}/{}", socket(port), port.target, protocol(port.protocol))
}

/// `0.0.0.0:8080`, `[::1]:8080`
pub(crate) fn socket(port: &Published) -> String {
    match port.host_ip {
        None => format!("0.0.0.0:{}", port.published),
        Some(IpAddr::V4(address)) => format!("{address}:{}", port.published),
        Some(IpAddr::V6(address)) => format!("[{address}]:{}", port.published),
    }
}

/// `tcp` or `udp`
pub(crate) fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Sctp => "sctp",
    }
}

/// Time since then; nothing is known of one that never was.
fn age(since: Option<Timestamp>, now: Timestamp) -> String {
    let age = |since| Duration::try_from(now.duration_since(since)).unwrap_or_default();
    since.map_or_else(|| "some time".to_owned(), |since| span(age(since)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use planner::ContainerSpec;

    /// One that exists, of this id.
    pub(in crate::output) fn status_of(id: &str, state: State) -> ContainerStatus {
        let at = |text: &str| Some(text.parse().unwrap());
        ContainerStatus {
            id: id.parse().unwrap(),
            spec: ContainerSpec::default(),
            image_id: String::new(),
            command: Vec::new(),
            state,
            pid: None,
            created_at: Timestamp::UNIX_EPOCH,
            started_at: at("2026-01-01T00:00:00Z"),
            finished_at: at("2026-01-01T00:02:58Z"),
            exit_code: Some(137),
            restarts: 0,
            oom: None,
            ports: Vec::new(),
            addresses: Vec::new(),
            last_probe: None,
            reason: None,
        }
    }

    fn container(state: State) -> ContainerStatus {
        status_of("shop.web.1.1", state)
    }

    fn words(container: &ContainerStatus) -> String {
        status(container, "2026-01-01T00:03:00Z".parse().unwrap()).1
    }

    #[test]
    fn a_running_container_says_since_when_and_how_it_feels() {
        let running = |health| words(&container(State::Running { health }));
        assert_eq!(running(Health::None), "Up 3 minutes");
        assert_eq!(running(Health::Healthy), "Up 3 minutes (healthy)");
        assert_eq!(running(Health::Unhealthy), "Up 3 minutes (unhealthy)");
        let restarted = ContainerStatus { restarts: 2, ..container(State::Restarting) };
        assert_eq!(words(&restarted), "Restarting (137) 2 s ago, restarted 2 times");
    }

    #[test]
    fn an_ended_container_says_how_and_why() {
        let mut ended = container(State::Exited { code: 137, requested: false });
        assert_eq!(words(&ended), "Exited (137) 2 s ago");
        ended.reason = Some("the stop signal was ignored".into());
        assert_eq!(words(&ended), "Exited (137) 2 s ago – the stop signal was ignored");
    }

    #[test]
    fn ports_are_told_once_each_with_their_host_address() {
        let port = |host_ip, published| Published { host_ip, published, target: 80, protocol: Protocol::Tcp };
        let all = [port(None, 8080), port(None, 8080), port(Some("::1".parse().unwrap()), 81)];
        assert_eq!(ports(&all), "0.0.0.0:8080->80/tcp, [::1]:81->80/tcp");
    }
}
