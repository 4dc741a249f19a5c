//! Numbers of system calls.

/// One line for each call: name and numbers.
const TABLE: &str = include_str!("syscalls.txt");

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
}

/// All calls of an architecture, by name and number, in the order of their names.
pub(super) fn calls(architecture: Architecture) -> impl Iterator<Item = (&'static str, u32)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(move |line| {
        let mut words = line.split(' ');
        let name = words.next()?;
        Some((name, words.nth(architecture as usize)?.parse().ok()?))
    })
}
