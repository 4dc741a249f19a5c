//! The system calls: numbers, and what a container may do with each.
//!
//! `syscalls.txt` has one line for each call of Linux up to 6.17: its name, its numbers on x86_64,
//! i386 and aarch64 (`-` where it has none), and its rule:
//!
//! - `allow`: every container may make it; `deny`: none may.
//! - `SYS_ADMIN`, `SYS_ADMIN|BPF`: those may that have one of these capabilities.
//! - `clone`, `clone3`, `personality`, `socket`: see [`Rule`].
//!
//! The text becomes a table when this program is compiled: it costs nothing when a container starts.

use super::CapSet;

const TEXT: &[u8] = include_bytes!("syscalls.txt");
const LINES: usize = count(TEXT, b'\n');
/// In place of a number where an architecture lacks the call.
const NONE: u16 = u16::MAX;

/// All calls.
pub(super) static CALLS: [Call; LINES] = parse();

/// Whose numbers.
#[allow(dead_code, reason = "a build for one architecture does not name the others")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Architecture {
    X86_64,
    I386,
    Aarch64,
}

impl Architecture {
    /// `AUDIT_ARCH_…` of linux/audit.h.
    pub(super) fn audit(self) -> u32 {
        match self {
            Self::X86_64 => 0xc000_003e,
            Self::I386 => 0x4000_0003,
            Self::Aarch64 => 0xc000_00b7,
        }
    }

    /// What profiles call it.
    pub(super) fn name_in_profiles(self) -> &'static str {
        match self {
            Self::X86_64 => "SCMP_ARCH_X86_64",
            Self::I386 => "SCMP_ARCH_X86",
            Self::Aarch64 => "SCMP_ARCH_AARCH64",
        }
    }
}

/// One system call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    numbers: [u16; 3],
    /// What a container may do with it.
    pub(super) rule: Rule,
}

/// What a container may do with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Make it.
    Allow,
    /// Not make it.
    Deny,
    /// Make it with one of these capabilities.
    With(CapSet),
    /// clone(2): without `SYS_ADMIN` no namespaces.
    Clone,
    /// clone3: like clone, but its flags lie in memory, where a filter cannot look. Without
    /// `SYS_ADMIN` it does not exist: the C library then takes clone.
    Clone3,
    /// personality(2): harmless ones.
    Personality,
    /// socket(2): families that do not reach past the container.
    Socket,
}

impl Call {
    /// Its number, if the architecture has it.
    pub(super) fn number(&self, architecture: Architecture) -> Option<u32> {
        Some(self.numbers[architecture as usize]).filter(|number| *number != NONE).map(u32::from)
    }
}

/// All calls with their names.
pub(super) fn named() -> impl Iterator<Item = (&'static str, &'static Call)> {
    let lines = std::str::from_utf8(TEXT).unwrap_or_default().lines();
    lines.map(|line| line.split(' ').next().unwrap_or_default()).zip(&CALLS)
}

const fn count(text: &[u8], byte: u8) -> usize {
    let (mut found, mut at) = (0, 0);
    while at < text.len() {
        found += (text[at] == byte) as usize;
        at += 1;
    }
    found
}

const fn parse() -> [Call; LINES] {
    let mut calls = [Call { numbers: [NONE; 3], rule: Rule::Deny }; LINES];
    let (mut line, mut start) = (0, 0);
    while line < LINES {
        let name_end = find(start, b' ');
        let (x86_64, at) = number(name_end + 1);
        let (i386, at) = number(at);
        let (aarch64, at) = number(at);
        let end = find(at, b'\n');
        calls[line] = Call { numbers: [x86_64, i386, aarch64], rule: rule(at, end) };
        start = end + 1;
        line += 1;
    }
    calls
}

/// Where the byte stands, from `at` on.
const fn find(at: usize, byte: u8) -> usize {
    let mut at = at;
    while TEXT[at] != byte {
        at += 1;
    }
    at
}

/// The number that begins here, and where the next word begins.
const fn number(at: usize) -> (u16, usize) {
    let end = find(at, b' ');
    if TEXT[at] == b'-' {
        return (NONE, end + 1);
    }
    let (mut value, mut at) = (0, at);
    while at < end {
        assert!(TEXT[at].is_ascii_digit(), "a number is expected");
        value = value * 10 + (TEXT[at] - b'0') as u16;
        at += 1;
    }
    (value, end + 1)
}

const fn rule(start: usize, end: usize) -> Rule {
    const WORDS: [(&[u8], Rule); 6] = [
        (b"allow", Rule::Allow),
        (b"deny", Rule::Deny),
        (b"clone", Rule::Clone),
        (b"clone3", Rule::Clone3),
        (b"personality", Rule::Personality),
        (b"socket", Rule::Socket),
    ];
    let (_, after) = TEXT.split_at(start);
    let (word, _) = after.split_at(end - start);
    let mut at = 0;
    while at < WORDS.len() {
        if same(WORDS[at].0, word) {
            return WORDS[at].1;
        }
        at += 1;
    }
    Rule::With(capabilities(word))
}

/// The set that `A|B` names.
const fn capabilities(word: &[u8]) -> CapSet {
    let (mut set, mut rest) = (CapSet::NONE, word);
    loop {
        let mut end = 0;
        while end < rest.len() && rest[end] != b'|' {
            end += 1;
        }
        let (name, after) = rest.split_at(end);
        set = set.with(CapSet::exactly(name));
        match after {
            [_, more @ ..] => rest = more,
            [] => return set,
        }
    }
}

/// Whether two texts are equal.
pub(in super::super) const fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}
