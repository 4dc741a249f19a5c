//! Signals by name, and whether a process would notice one.

use nix::libc;
use nix::sys::signal::Signal;
use std::str::FromStr;

/// Number of a signal: `TERM`, `SIGTERM`, `15`, `RTMIN+3`, in any case.
pub fn number(name: &str) -> Option<i32> {
    if let Ok(number) = name.parse::<i32>() {
        return (1..=libc::SIGRTMAX()).contains(&number).then_some(number);
    }
    let name = name.to_ascii_uppercase();
    let short = name.strip_prefix("SIG").unwrap_or(&name);
    let real_time = |rest: &str, base: i32| {
        if rest.is_empty() { Some(base) } else { Some(base + rest.parse::<i32>().ok()?) }
    };
    let number = match (short.strip_prefix("RTMIN"), short.strip_prefix("RTMAX")) {
        (Some(rest), _) => real_time(rest, libc::SIGRTMIN())?,
        (_, Some(rest)) => real_time(rest, libc::SIGRTMAX())?,
        _ => return Signal::from_str(&format!("SIG{short}")).ok().map(|signal| signal as i32),
    };
    (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&number).then_some(number)
}

/// Name of a signal for people: `SIGTERM`.
pub fn name(number: i32) -> String {
    match Signal::try_from(number) {
        Ok(signal) => signal.as_str().to_owned(),
        Err(_) if number >= libc::SIGRTMIN() => format!("SIGRTMIN+{}", number - libc::SIGRTMIN()),
        Err(_) => number.to_string(),
    }
}

/// Whether the first process of a container will not notice a signal, told from its
/// /proc/PID/status. Such a process has no default actions: what it neither catches nor
/// waits for is dropped by the kernel (pid_namespaces(7)).
pub fn is_ignored(status: &str, signal: i32) -> bool {
    if signal == libc::SIGKILL || signal == libc::SIGSTOP {
        return false;
    }
    let set = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
    };
    let has = |mask: Option<u64>| mask.is_none_or(|mask| mask >> (signal - 1) & 1 == 1);
    !has(set("SigCgt:")) && !has(set("SigBlk:"))
}

/// Name of a process, told from its /proc/PID/status.
pub fn process_name(status: &str) -> &str {
    status.lines().find_map(|line| line.strip_prefix("Name:")).map_or("?", str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_known_by_name_and_number() {
        for (text, expected) in [
            ("TERM", Some(15)),
            ("SIGTERM", Some(15)),
            ("sigint", Some(2)),
            ("9", Some(9)),
            ("RTMIN+3", Some(libc::SIGRTMIN() + 3)),
            ("RTMAX-1", Some(libc::SIGRTMAX() - 1)),
            ("RTMIN", Some(libc::SIGRTMIN())),
            ("RTMIN+99", None),
            ("0", None),
            ("99", None),
            ("", None),
            ("SIG", None),
            ("FOO", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
        assert_eq!(name(15), "SIGTERM");
        assert_eq!(name(libc::SIGRTMIN() + 3), "SIGRTMIN+3");
    }

    #[test]
    fn a_first_process_ignores_what_it_neither_catches_nor_blocks() {
        let status = |blocked: &str, caught: &str| {
            format!("Name:\tsh\nSigBlk:\t{blocked}\nSigIgn:\t0000000000000000\nSigCgt:\t{caught}\n")
        };
        let none = "0000000000000000";
        let term = "0000000000004000";
        assert!(is_ignored(&status(none, none), 15));
        assert!(!is_ignored(&status(none, term), 15));
        assert!(!is_ignored(&status(term, none), 15));
        assert!(is_ignored(&status(none, term), 2));
        assert!(!is_ignored(&status(none, none), 9));
        assert!(!is_ignored("", 15));
        assert_eq!(process_name(&status(none, none)), "sh");
    }
}
