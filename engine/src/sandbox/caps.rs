//! Capabilities by name, and the set that a container has by default.

use super::seccomp::table::same;
use crate::error::{Error, Kind, Result};
use planner::ContainerSpec;
use std::fmt;

/// Names in the order of their numbers, linux/capability.h.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// What Docker grants by default.
const DEFAULT: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// A set of capabilities, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapSet(u64);

impl CapSet {
    /// None.
    pub const NONE: Self = Self(0);
    /// All that have a name.
    pub const ALL: Self = Self((1 << NAMES.len()) - 1);

    /// The default set.
    pub fn docker() -> Self {
        DEFAULT.iter().filter_map(|name| Self::named(name)).fold(Self::NONE, Self::with)
    }

    /// What a spec grants: its additions over the default set without what it drops. `ALL` works
    /// on both sides: what is named beside it wins.
    pub fn of(spec: &ContainerSpec) -> Result<Self> {
        let (added, all_added) = parse(&spec.cap_add)?;
        let (dropped, all_dropped) = parse(&spec.cap_drop)?;
        Ok(match (spec.privileged, all_added, all_dropped) {
            (true, _, _) => Self::ALL,
            (_, true, _) => Self::ALL.without(dropped),
            (_, _, true) => added,
            _ => Self::docker().with(added).without(dropped),
        })
    }

    /// The capability of this name, with or without `CAP_`, in any case.
    pub fn named(name: &str) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
        NAMES.iter().position(|known| *known == bare).map(|number| Self(1 << number))
    }

    /// The capability of exactly this name, for tables that are made when this is compiled.
    pub(super) const fn exactly(name: &[u8]) -> Self {
        let mut number = 0;
        while !same(NAMES[number].as_bytes(), name) {
            number += 1;
        }
        Self(1 << number)
    }

    /// Both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` is in it.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in it.
    pub fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Bit n is capability n.
    pub fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for CapSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("all");
        }
        let names = NAMES.iter().enumerate().filter(|(number, _)| self.0 & (1 << number) != 0);
        let names: Vec<String> = names.map(|(_, name)| name.to_lowercase()).collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(" "))
    }
}

/// The named capabilities, and whether `ALL` is among the names.
fn parse(names: &[String]) -> Result<(CapSet, bool)> {
    let mut set = CapSet::NONE;
    let mut all = false;
    for name in names {
        if name.eq_ignore_ascii_case("ALL") || name.eq_ignore_ascii_case("CAP_ALL") {
            all = true;
            continue;
        }
        let unknown = || Error::new(Kind::Unsupported, format!("`{name}` is not a capability"));
        set = set.with(CapSet::named(name).ok_or_else(unknown)?);
    }
    Ok((set, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(add: &[&str], drop: &[&str]) -> CapSet {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        CapSet::of(&ContainerSpec { cap_add: owned(add), cap_drop: owned(drop), ..Default::default() })
            .unwrap()
    }

    fn cap(name: &str) -> CapSet {
        CapSet::named(name).unwrap()
    }

    #[test]
    fn the_default_set_has_the_bits_that_docker_shows_in_proc_status() {
        assert_eq!(CapSet::docker().bits(), 0xa804_25fb);
        assert_eq!(CapSet::ALL.bits(), 0x1ff_ffff_ffff);
    }

    #[test]
    fn names_are_taken_with_or_without_prefix_in_any_case() {
        assert_eq!(CapSet::named("cap_net_admin"), CapSet::named("NET_ADMIN"));
        assert_eq!(CapSet::named("NET_ADMIN").unwrap().bits(), 1 << 12);
        assert_eq!(CapSet::named("NET"), None);
    }

    #[test]
    fn added_and_dropped_capabilities_change_the_default_set() {
        assert_eq!(of(&["SYS_TIME"], &[]), CapSet::docker().with(cap("SYS_TIME")));
        assert_eq!(of(&[], &["CHOWN"]), CapSet::docker().without(cap("CHOWN")));
        assert_eq!(of(&["CHOWN"], &["ALL"]), cap("CHOWN"));
        assert_eq!(of(&["ALL"], &["SYS_ADMIN"]), CapSet::ALL.without(cap("SYS_ADMIN")));
        assert_eq!(of(&["ALL"], &[]), CapSet::ALL);
    }

    #[test]
    fn an_unknown_capability_is_refused_by_name() {
        let spec = ContainerSpec { cap_add: vec!["FLY".into()], ..Default::default() };
        assert_eq!(CapSet::of(&spec).unwrap_err().doing, "`FLY` is not a capability");
    }
}
