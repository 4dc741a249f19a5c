//! What the kernel says of a process in /proc/PID/stat: proc_pid_stat(5). Times are in clock ticks.

use std::fs::File;
use std::io::Read;

/// What we need of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stat {
    /// It only waits for its parent to notice: a zombie.
    pub(super) ended: bool,
    pub(super) parent: i32,
    /// Processor time that it has used.
    pub(super) cpu: u64,
    /// Since the machine started.
    pub(super) start: u64,
}

impl Stat {
    pub(super) fn read(pid: i32) -> Option<Self> {
        Self::parse(&text(pid)?)
    }

    /// The name may hold blanks and parentheses: fields are counted from its last one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
        // Fields 3, 4, 14, 15 and 22.
        let ended = matches!(fields.next()?, "Z" | "X" | "x");
        let parent = fields.next()?.parse().ok()?;
        let user: u64 = fields.nth(9)?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        let start = fields.nth(6)?.parse().ok()?;
        Some(Self { ended, parent, cpu: user + system, start })
    }
}

/// More than the longest line has.
const LONGEST: usize = 4096;

/// The whole line of a process that is there. Its name may be no text: programs choose it.
pub(super) fn text(pid: i32) -> Option<String> {
    let mut line = [0; LONGEST];
    // One call gives all of it.
    let length = File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut line).ok()?;
    Some(String::from_utf8_lossy(&line[..length]).into_owned())
}

/// The name in such a line.
pub(super) fn name(text: &str) -> Option<&str> {
    Some(text.rsplit_once(')')?.0.split_once('(')?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_behind_a_name_with_parentheses() {
        let text = "42 (a b) c) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 9731 0 0";
        assert_eq!(Stat::parse(text), Some(Stat { ended: false, parent: 1, cpu: 0, start: 9731 }));
        assert_eq!(Stat::parse(&text.replace(" S ", " Z ")).map(|stat| stat.ended), Some(true));
        assert_eq!(Stat::parse("42 (sh) S 1"), None);
    }

    #[test]
    fn numbers_are_found_behind_a_name_with_blanks_and_parentheses() {
        let text = "42 (a (b) c) S 7 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 9731 4096 12 0";
        assert_eq!(Stat::parse(text), Some(Stat { ended: false, parent: 7, cpu: 200, start: 9731 }));
        assert_eq!(name(text), Some("a (b) c"));
    }
}
