//! From verdicts to BPF: ranges of equal verdict, found by binary search.

use super::CapSet;
use super::profile::{
    FAMILIES_REFUSED, FORBIDDEN, NAMESPACE_FLAGS, PERSONALITIES, UNKNOWN, Verdict, verdict,
};
use super::table::{Architecture, CALLS};
use crate::error::{Error, Kind, Result};
use crate::sys::seccomp::Instruction;

/// Offsets in `struct seccomp_data` of linux/seccomp.h.
const OFFSET_NUMBER: u32 = 0;
const OFFSET_ARCHITECTURE: u32 = 4;
/// The lower half of the first argument, on little-endian machines.
pub(super) const OFFSET_ARGUMENT: u32 = 16;

/// Codes of linux/bpf_common.h.
pub(super) const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
pub(super) const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
pub(super) const IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const IF_ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
pub(super) const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// More instructions than these the kernel does not take (`BPF_MAXINSNS`).
const LENGTH_MAX: usize = 4096;

/// From this number on a verdict holds, until the next range begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range<V = Verdict> {
    pub(super) from: u32,
    pub(super) verdict: V,
}

/// The filter for programs of these architectures; those of others are killed.
pub(super) fn assemble(architectures: &[Architecture], capabilities: CapSet) -> Result<Vec<Instruction>> {
    of_all(architectures, |architecture| {
        tree(&ranges(architecture, capabilities), &|verdict| Ok(leaf(*verdict)))
    })
}

/// The filter whose part for one architecture `search` makes: with the call's number in the
/// accumulator it finds the answer.
pub(super) fn of_all(
    architectures: &[Architecture],
    search: impl Fn(Architecture) -> Result<Vec<Instruction>>,
) -> Result<Vec<Instruction>> {
    let mut filter = vec![plain(LOAD, OFFSET_ARCHITECTURE)];
    for architecture in architectures {
        let mut body = vec![plain(LOAD, OFFSET_NUMBER)];
        body.extend(search(*architecture)?);
        // The architecture in the accumulator survives a comparison that fails.
        filter.extend(unless(IF_EQUAL, architecture.audit(), body.len())?);
        filter.extend(body);
    }
    filter.push(plain(RETURN, libc::SECCOMP_RET_KILL_PROCESS));
    if filter.len() > LENGTH_MAX { Err(too_long()) } else { Ok(filter) }
}

/// The verdicts on all numbers, in ascending order. Numbers that no call has are refused, those
/// between refused calls with the same error, so that they need no range of their own.
fn ranges(architecture: Architecture, capabilities: CapSet) -> Vec<Range> {
    let known =
        CALLS.iter().filter_map(|call| Some((call.number(architecture)?, verdict(call.rule, capabilities))));
    let mut verdicts: Vec<(u32, Verdict)> = known.collect();
    verdicts.sort_unstable_by_key(|(number, _)| *number);
    let mut ranges: Vec<Range> = Vec::new();
    let mut next = 0;
    for (number, verdict) in verdicts {
        let last = ranges.last().map(|range| range.verdict);
        if number > next && !matches!(last, Some(Verdict::Refuse(_))) {
            ranges.push(Range { from: next, verdict: FORBIDDEN });
        }
        ranges.push(Range { from: number, verdict });
        next = number + 1;
    }
    ranges.push(Range { from: next, verdict: UNKNOWN });
    ranges.dedup_by_key(|range| range.verdict);
    ranges
}

/// A binary search over ranges, with the call's number in the accumulator.
pub(super) fn tree<V>(
    ranges: &[Range<V>],
    leaf: &impl Fn(&V) -> Result<Vec<Instruction>>,
) -> Result<Vec<Instruction>> {
    if let [range] = ranges {
        return leaf(&range.verdict);
    }
    let (low, high) = ranges.split_at(ranges.len() / 2);
    let low_code = tree(low, leaf)?;
    let mut code = when(IF_AT_LEAST, high[0].from, low_code.len())?;
    code.extend(low_code);
    code.extend(tree(high, leaf)?);
    Ok(code)
}

/// What ends the search.
fn leaf(verdict: Verdict) -> Vec<Instruction> {
    match verdict {
        Verdict::Allow => vec![allow()],
        Verdict::Refuse(errno) => vec![refuse(errno)],
        Verdict::CloneWithoutNamespaces => {
            vec![plain(LOAD, OFFSET_ARGUMENT), skip_one(IF_ANY_BIT, NAMESPACE_FLAGS), allow(), forbid()]
        }
        Verdict::HarmlessPersonality => any_of(&PERSONALITIES, allow(), forbid()),
        Verdict::CommonSocket => any_of(&FAMILIES_REFUSED, refuse(libc::EAFNOSUPPORT), allow()),
    }
}

/// Whether the first argument is one of a few values.
fn any_of(values: &[u32], then: Instruction, otherwise: Instruction) -> Vec<Instruction> {
    let mut code = vec![plain(LOAD, OFFSET_ARGUMENT)];
    // After a hit: over the comparisons that are left and the answer for a miss.
    let comparisons = values.iter().zip((1..=values.len() as u8).rev());
    code.extend(comparisons.map(|(value, if_true)| Instruction {
        code: IF_EQUAL,
        if_true,
        if_false: 0,
        operand: *value,
    }));
    code.extend([otherwise, then]);
    code
}

fn allow() -> Instruction {
    plain(RETURN, libc::SECCOMP_RET_ALLOW)
}

fn refuse(errno: i32) -> Instruction {
    plain(RETURN, libc::SECCOMP_RET_ERRNO | errno.unsigned_abs())
}

fn forbid() -> Instruction {
    match FORBIDDEN {
        Verdict::Refuse(errno) => refuse(errno),
        _ => refuse(libc::EPERM),
    }
}

pub(super) fn plain(code: u16, operand: u32) -> Instruction {
    Instruction { code, if_true: 0, if_false: 0, operand }
}

/// Skips one instruction when the comparison holds.
fn skip_one(code: u16, operand: u32) -> Instruction {
    Instruction { code, if_true: 1, if_false: 0, operand }
}

/// Skips `distance` instructions when the comparison holds. Conditional jumps reach 255 far.
fn when(code: u16, operand: u32, distance: usize) -> Result<Vec<Instruction>> {
    match u8::try_from(distance) {
        Ok(if_true) => Ok(vec![Instruction { code, if_true, if_false: 0, operand }]),
        Err(_) => {
            Ok(vec![Instruction { code, if_true: 0, if_false: 1, operand }, plain(JUMP, far(distance)?)])
        }
    }
}

/// Skips `distance` instructions when the comparison does not hold.
fn unless(code: u16, operand: u32, distance: usize) -> Result<Vec<Instruction>> {
    match u8::try_from(distance) {
        Ok(if_false) => Ok(vec![Instruction { code, if_true: 0, if_false, operand }]),
        Err(_) => Ok(vec![skip_one(code, operand), plain(JUMP, far(distance)?)]),
    }
}

fn far(distance: usize) -> Result<u32> {
    u32::try_from(distance).map_err(|_| too_long())
}

fn too_long() -> Error {
    Error::new(Kind::Unsupported, "the system call filter is too long")
}

#[cfg(test)]
mod tests {
    use super::super::table::named;
    use super::*;

    const ALL: [Architecture; 3] = [Architecture::X86_64, Architecture::I386, Architecture::Aarch64];

    /// What the kernel would do: its answer to one call.
    fn ask(filter: &[Instruction], architecture: u32, number: u32, argument: u32) -> u32 {
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let Instruction { code, if_true, if_false, operand } = filter[at];
            let jump = |holds: bool| usize::from(if holds { if_true } else { if_false });
            at += 1;
            match code {
                LOAD => {
                    accumulator = match operand {
                        OFFSET_NUMBER => number,
                        OFFSET_ARCHITECTURE => architecture,
                        OFFSET_ARGUMENT => argument,
                        other => panic!("loads from {other}"),
                    }
                }
                JUMP => at += operand as usize,
                IF_EQUAL => at += jump(accumulator == operand),
                IF_AT_LEAST => at += jump(accumulator >= operand),
                IF_ANY_BIT => at += jump(accumulator & operand != 0),
                RETURN => return operand,
                other => panic!("code {other}"),
            }
        }
    }

    fn answer(verdict: Verdict, argument: u32) -> u32 {
        let refuse = |errno: i32| libc::SECCOMP_RET_ERRNO | errno as u32;
        let decide = |allowed, errno| if allowed { libc::SECCOMP_RET_ALLOW } else { refuse(errno) };
        match verdict {
            Verdict::Allow => libc::SECCOMP_RET_ALLOW,
            Verdict::Refuse(errno) => refuse(errno),
            Verdict::CloneWithoutNamespaces => decide(argument & NAMESPACE_FLAGS == 0, libc::EPERM),
            Verdict::HarmlessPersonality => decide(PERSONALITIES.contains(&argument), libc::EPERM),
            Verdict::CommonSocket => decide(!FAMILIES_REFUSED.contains(&argument), libc::EAFNOSUPPORT),
        }
    }

    #[test]
    fn the_filter_answers_every_call_of_every_architecture_as_the_profile_says() {
        let arguments = [0, 2, 8, 0x20000, u32::MAX, 17, 38, 40, 0x1000_0000, 0x8000_0000, 0x0200_0000];
        for capabilities in [CapSet::NONE, CapSet::docker(), CapSet::ALL] {
            let filter = assemble(&ALL, capabilities).unwrap();
            for architecture in ALL {
                let calls =
                    named().filter_map(|(name, call)| Some((name, call.rule, call.number(architecture)?)));
                for (name, rule, number) in calls {
                    for argument in arguments {
                        let expected = answer(verdict(rule, capabilities), argument);
                        let actual = ask(&filter, architecture.audit(), number, argument);
                        assert_eq!(actual, expected, "{architecture:?} {name}({argument:#x})");
                    }
                }
            }
        }
    }

    #[test]
    fn calls_newer_than_the_table_and_x32_calls_do_not_exist() {
        let filter = assemble(&[Architecture::X86_64], CapSet::ALL).unwrap();
        let missing = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
        for number in [900, 0x4000_0000, 0x4000_0001, u32::MAX] {
            assert_eq!(ask(&filter, Architecture::X86_64.audit(), number, 0), missing, "{number}");
        }
    }

    #[test]
    fn a_program_of_a_foreign_architecture_is_killed() {
        let filter = assemble(&[Architecture::X86_64], CapSet::ALL).unwrap();
        assert_eq!(ask(&filter, Architecture::Aarch64.audit(), 0, 0), libc::SECCOMP_RET_KILL_PROCESS);
    }

    #[test]
    fn the_default_filter_is_short() {
        let filter = assemble(&[Architecture::X86_64, Architecture::I386], CapSet::docker()).unwrap();
        assert!(filter.len() < 430, "{}", filter.len());
    }
}
