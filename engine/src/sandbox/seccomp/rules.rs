//! From a profile that a stack brings along to BPF.

use super::assemble::{IF_AT_LEAST, IF_EQUAL, LOAD, OFFSET_ARGUMENT, RETURN, Range, of_all, plain, tree};
use super::document::{Comparison, Condition, Profile, Rule};
use super::table::{Architecture, named};
use crate::error::Result;
use crate::sys::seccomp::Instruction;

/// Codes of linux/bpf_common.h.
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const IF_GREATER: u16 = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
/// Numbers from here on are of programs for x32, which nobody has asked for.
const X32: u32 = 0x4000_0000;

/// The filter of a profile.
pub(super) fn assemble(profile: &Profile) -> Result<Vec<Instruction>> {
    of_all(&profile.architectures, |architecture| {
        tree(&ranges(profile, architecture), &|rules: &Vec<Rule>| Ok(leaf(rules, profile.default)))
    })
}

/// The rules for all numbers, in ascending order; none where only the default holds.
fn ranges(profile: &Profile, architecture: Architecture) -> Vec<Range<Vec<Rule>>> {
    let known = named().filter_map(|(name, call)| {
        Some((call.number(architecture)?, profile.calls.get(name).cloned().unwrap_or_default()))
    });
    let mut calls: Vec<(u32, Vec<Rule>)> = known.collect();
    calls.sort_unstable_by_key(|(number, _)| *number);
    let mut ranges = vec![Range { from: 0, verdict: Vec::new() }];
    let mut next = 0;
    for (number, rules) in calls {
        if number > next {
            ranges.push(Range { from: next, verdict: Vec::new() });
        }
        ranges.push(Range { from: number, verdict: rules });
        next = number + 1;
    }
    ranges.push(Range { from: next, verdict: Vec::new() });
    if architecture == Architecture::X86_64 {
        let kill = Rule { conditions: Vec::new(), action: libc::SECCOMP_RET_KILL_PROCESS };
        ranges.push(Range { from: X32, verdict: vec![kill] });
    }
    // Of two that begin at the same number the later one counts.
    ranges.reverse();
    ranges.dedup_by_key(|range| range.from);
    ranges.reverse();
    ranges.dedup_by(|later, earlier| later.verdict == earlier.verdict);
    ranges
}

/// The first rule with conditions that hold, else the first without, else the default.
fn leaf(rules: &[Rule], default: u32) -> Vec<Instruction> {
    let (always, sometimes): (Vec<_>, Vec<_>) = rules.iter().partition(|rule| rule.conditions.is_empty());
    let mut code: Vec<Instruction> = sometimes.into_iter().flat_map(guarded).collect();
    code.push(plain(RETURN, always.first().map_or(default, |rule| rule.action)));
    code
}

/// An action that is skipped unless all conditions hold. It is made from its end, since each condition
/// jumps behind it.
fn guarded(rule: &Rule) -> Vec<Instruction> {
    let mut code = vec![plain(RETURN, rule.action)];
    for condition in rule.conditions.iter().rev() {
        let mut test = condition.test(code.len() as u8);
        test.extend(code);
        code = test;
    }
    code
}

/// What a jump is for: to go on behind the test, or behind the `rest` that the test guards.
const GO_ON: u8 = 0;

impl Condition {
    /// Goes on when it holds, else skips the `rest` that follows. Arguments have 64 bits, the
    /// accumulator 32.
    fn test(self, rest: u8) -> Vec<Instruction> {
        let low = OFFSET_ARGUMENT + 8 * self.argument;
        let [load_low, load_high] = [low, low + 4].map(|offset| plain(LOAD, offset));
        let (value_low, value_high) = halves(self.value);
        let jump = |code, operand, if_true, if_false| Instruction { code, if_true, if_false, operand };
        match self.comparison {
            Comparison::Equal => vec![
                load_high,
                jump(IF_EQUAL, value_high, GO_ON, 2 + rest),
                load_low,
                jump(IF_EQUAL, value_low, GO_ON, rest),
            ],
            Comparison::NotEqual => vec![
                load_high,
                jump(IF_EQUAL, value_high, GO_ON, 2),
                load_low,
                jump(IF_EQUAL, value_low, rest, GO_ON),
            ],
            Comparison::Masked(mask) => {
                let (mask_low, mask_high) = halves(mask);
                vec![
                    load_high,
                    plain(AND, mask_high),
                    jump(IF_EQUAL, value_high, GO_ON, 3 + rest),
                    load_low,
                    plain(AND, mask_low),
                    jump(IF_EQUAL, value_low, GO_ON, rest),
                ]
            }
            Comparison::Greater | Comparison::GreaterOrEqual => vec![
                load_high,
                jump(IF_GREATER, value_high, 3, GO_ON),
                jump(IF_EQUAL, value_high, GO_ON, 2 + rest),
                load_low,
                jump(self.comparison.at_the_end(), value_low, GO_ON, rest),
            ],
            Comparison::Less | Comparison::LessOrEqual => vec![
                load_high,
                jump(IF_GREATER, value_high, 3 + rest, GO_ON),
                jump(IF_EQUAL, value_high, GO_ON, 2),
                load_low,
                jump(self.comparison.at_the_end(), value_low, rest, GO_ON),
            ],
        }
    }
}

impl Comparison {
    /// How the lower halves are compared when the upper ones are equal; for `less` the other way round.
    fn at_the_end(self) -> u16 {
        match self {
            Self::Greater | Self::LessOrEqual => IF_GREATER,
            _ => IF_AT_LEAST,
        }
    }
}

fn halves(value: u64) -> (u32, u32) {
    (value as u32, (value >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::super::CapSet;
    use super::super::document::read;
    use super::*;

    /// What the kernel would do: its answer to one call.
    fn ask(filter: &[Instruction], number: u32, argument: u64) -> u32 {
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let Instruction { code, if_true, if_false, operand } = filter[at];
            let jump = |holds: bool| usize::from(if holds { if_true } else { if_false });
            at += 1;
            match code {
                LOAD => {
                    accumulator = match operand {
                        0 => number,
                        4 => super::super::NATIVE[0].audit(),
                        16 => argument as u32,
                        20 => (argument >> 32) as u32,
                        other => panic!("loads from {other}"),
                    }
                }
                AND => accumulator &= operand,
                IF_EQUAL => at += jump(accumulator == operand),
                IF_AT_LEAST => at += jump(accumulator >= operand),
                IF_GREATER => at += jump(accumulator > operand),
                RETURN => return operand,
                other if other == libc::BPF_JMP as u16 => at += operand as usize,
                other => panic!("code {other}"),
            }
        }
    }

    fn allowed(comparison: &str, value: u64, two: u64, argument: u64) -> bool {
        let text = format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{{"names": ["read"],
                "action": "SCMP_ACT_ALLOW", "args": [{{"index": 0, "value": {value}, "valueTwo": {two},
                "op": "SCMP_CMP_{comparison}"}}]}}]}}"#
        );
        let filter = assemble(&read(&text, CapSet::docker()).unwrap()).unwrap();
        let number = named().find(|(name, _)| *name == "read").unwrap().1.number(super::super::NATIVE[0]);
        ask(&filter, number.unwrap(), argument) == libc::SECCOMP_RET_ALLOW
    }

    #[test]
    fn arguments_are_compared_in_all_their_64_bits() {
        let values = [0, 1, 5, u64::from(u32::MAX), 1 << 32, (1 << 32) + 5, 7 << 32, u64::MAX];
        for value in values {
            for argument in values {
                for (name, holds) in [
                    ("EQ", argument == value),
                    ("NE", argument != value),
                    ("LT", argument < value),
                    ("LE", argument <= value),
                    ("GT", argument > value),
                    ("GE", argument >= value),
                ] {
                    assert_eq!(allowed(name, value, 0, argument), holds, "{argument:#x} {name} {value:#x}");
                }
                let holds = argument & value == 5;
                assert_eq!(allowed("MASKED_EQ", value, 5, argument), holds, "{argument:#x} & {value:#x}");
            }
        }
    }

    #[test]
    fn rules_hold_for_their_calls_and_the_default_for_all_others() {
        let text = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13},
            {"names": ["chdir"], "action": "SCMP_ACT_KILL_PROCESS"}]}"#;
        let filter = assemble(&read(text, CapSet::docker()).unwrap()).unwrap();
        for (name, call) in named() {
            let Some(number) = call.number(super::super::NATIVE[0]) else { continue };
            let expected = match name {
                "mkdir" | "mkdirat" => libc::SECCOMP_RET_ERRNO | 13,
                "chdir" => libc::SECCOMP_RET_KILL_PROCESS,
                _ => libc::SECCOMP_RET_ALLOW,
            };
            assert_eq!(ask(&filter, number, 0), expected, "{name}");
        }
        assert_eq!(ask(&filter, 900, 0), libc::SECCOMP_RET_ALLOW);
        if super::super::NATIVE[0] == Architecture::X86_64 {
            assert_eq!(ask(&filter, X32 + 1, 0), libc::SECCOMP_RET_KILL_PROCESS, "no way around by x32");
        }
    }
}
