//! Waiting until nobody is connected to a container any more.
//!
//! The kernel tells nobody of a connection's end, so that this is the one place that looks again and
//! again: at the table of connections in the container's own network namespace.

use super::state::StateRecord;
use crate::error::Result;
use crate::store::Store;
use crate::{Progress, Tell};
use planner::ContainerId;
use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits until nobody is connected to it, or until so much time has passed. A connection is looked
/// for twice: what was sent before nothing led here any more may just be on its way.
pub async fn drain(store: &Store, id: &ContainerId, most: Duration, tell: &Tell) -> Result<()> {
    let (began, mut quiet, mut told) = (Instant::now(), 0, 0);
    while quiet < 2 && began.elapsed() < most {
        let count = connections(store, id)?;
        quiet = if count == 0 { quiet + 1 } else { 0 };
        if count != told && count > 0 {
            told = count;
            let plural = if count == 1 { "connection" } else { "connections" };
            tell(Progress::Note(format!("waiting for {count} {plural} to end")));
        }
        tokio::time::sleep(PAUSE).await;
    }
    if quiet < 2 && told > 0 {
        let seconds = most.as_secs_f64();
        tell(Progress::Trouble(format!("{told} still connected to {} after {seconds} s", id.name())));
    }
    Ok(())
}

/// How many connections from outside there are to what listens in a container.
fn connections(store: &Store, id: &ContainerId) -> Result<usize> {
    let state = StateRecord::read(store, id)?;
    let Some(process) = state.and_then(|state| state.process).filter(|process| process.is_alive()) else {
        return Ok(0);
    };
    let table =
        |name: &str| fs::read_to_string(format!("/proc/{}/net/{name}", process.pid)).unwrap_or_default();
    Ok(count(&[table("tcp"), table("tcp6")].concat()))
}

/// One line of /proc/net/tcp, proc_pid_net(5).
struct Line<'a> {
    address: &'a str,
    port: &'a str,
    state: &'a str,
}

/// `TCP_LISTEN` of include/net/tcp_states.h.
const LISTEN: &str = "0A";
/// Those with something still to come: established, being made, closed by one side with data that
/// is not acknowledged.
const OPEN: [&str; 6] = ["01", "03", "04", "08", "09", "0B"];

fn parse(line: &str) -> Option<Line<'_>> {
    let mut words = line.split_ascii_whitespace();
    let (address, port) = words.nth(1)?.split_once(':')?;
    Some(Line { address, port, state: words.nth(1)? })
}

fn count(table: &str) -> usize {
    let lines: Vec<Line<'_>> = table.lines().filter_map(parse).collect();
    let listening: BTreeSet<&str> =
        lines.iter().filter(|line| line.state == LISTEN).map(|line| line.port).collect();
    let is_open = |line: &&Line<'_>| {
        OPEN.contains(&line.state) && listening.contains(line.port) && !is_loopback(line.address)
    };
    lines.iter().filter(is_open).count()
}

/// Addresses are hexadecimal words in the byte order of the machine.
fn is_loopback(address: &str) -> bool {
    let four = |word: &str| u32::from_str_radix(word, 16).is_ok_and(|word| word.to_ne_bytes()[0] == 127);
    match address.len() {
        8 => four(address),
        // ::1 and ::ffff:127.0.0.0/104.
        32 => {
            address == "00000000000000000000000001000000"
                || address.starts_with("0000000000000000FFFF0000") && four(&address[24..])
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn line(local: &str, state: &str) -> String {
        format!(
            "   0: {local} 0201A8C0:D431 {state} 00000000:00000000 00:00000000 00000000     0        0 1 1\n"
        )
    }

    #[test]
    fn only_connections_to_what_listens_count() {
        let listens = line("00000000:0050", "0A");
        let table = [HEAD, &listens, &line("0300C90A:0050", "01"), &line("0300C90A:9C40", "01")].concat();
        assert_eq!(count(&table), 1);
        assert_eq!(count(&[HEAD, &line("0300C90A:0050", "01")].concat()), 0);
        assert_eq!(count("nonsense\n\n: :\n"), 0);
    }

    #[test]
    fn what_is_over_or_of_the_container_itself_does_not_count() {
        let listens = line("00000000:0050", "0A");
        let over = line("0300C90A:0050", "06");
        let own = line("0100007F:0050", "01");
        let mapped = line("0000000000000000FFFF00000100007F:0050", "01");
        let six = line("00000000000000000000000001000000:0050", "01");
        assert_eq!(count(&[HEAD, &listens, &over, &own, &mapped, &six].concat()), 0);
        let mapped = line("0000000000000000FFFF00000300C90A:0050", "08");
        assert_eq!(count(&[HEAD, &listens, &mapped].concat()), 1);
    }
}
