//! The filter of iptables in its old form, as far as forwarded packets are concerned
//! (linux/netfilter_ipv4/ip_tables.h).

use crate::sys::xtables;
use std::fs;

/// Place of `NF_INET_FORWARD` among the hooks.
const FORWARD: usize = 2;
/// Where `struct ipt_getinfo` holds which hooks there are, and where the policy of each stands.
const HOOKS: usize = 32;
const POLICIES: usize = 56;
/// Where `struct ipt_entry` and `struct ip6t_entry` say where their target is.
const TARGET: [usize; 2] = [88, 140];
/// Size of the header of a target; the verdict follows.
const TARGET_HEADER: usize = 32;
/// `-NF_DROP - 1`.
const DROP: i32 = -1;

/// The entries of the filter, when it drops forwarded packets that it does not know. One that is not
/// there is not asked for, which would make it.
pub(super) fn dropping(six: bool) -> Option<Vec<u8>> {
    let names = if six { "ip6_tables_names" } else { "ip_tables_names" };
    let names = fs::read_to_string(format!("/proc/thread-self/net/{names}")).ok()?;
    names.lines().find(|name| *name == "filter")?;
    let (info, entries) = xtables::table(six, "filter").ok()?;
    drops(six, &info, &entries)?.then_some(entries)
}

fn drops(six: bool, info: &[u8], entries: &[u8]) -> Option<bool> {
    if number(info, HOOKS)? & (1 << FORWARD) == 0 {
        return Some(false);
    }
    let policy = entries.get(number(info, POLICIES + 4 * FORWARD)? as usize..)?;
    let target = policy.get(TARGET[usize::from(six)]..)?;
    let target = usize::from(u16::from_ne_bytes(target.get(..2)?.try_into().ok()?));
    Some(number(policy, target + TARGET_HEADER)?.cast_signed() == DROP)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
