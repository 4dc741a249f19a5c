//! Which devices the processes of a container may use, wherever their nodes are: lines for version 1, a
//! program for version 2.

use super::group::{Group, make_all, write};
use super::hierarchy::{Controller, Version};
use crate::error::{Context, Result};
use crate::sys::bpf::{self, Instruction};
use planner::desired::{Access, DeviceKind, DeviceRule};
use std::fs::File;
use std::os::fd::AsFd;

/// What every container may use: the nodes that all programs expect, terminals, and making any node.
fn usual() -> Vec<DeviceRule> {
    let make = Access { make: true, ..Access::default() };
    let any = |kind| DeviceRule { kind, major: None, minor: None, access: make };
    let character =
        |major, minor| DeviceRule { kind: DeviceKind::Char, major: Some(major), minor, access: Access::ALL };
    let memory = [3, 5, 7, 8, 9].map(|minor| character(1, Some(minor)));
    let terminals =
        [character(5, Some(0)), character(5, Some(1)), character(5, Some(2)), character(136, None)];
    [any(DeviceKind::Block), any(DeviceKind::Char)].into_iter().chain(memory).chain(terminals).collect()
}

impl Group {
    /// Lets the processes of the groups use these devices and the usual ones, and no others. The groups
    /// are there and empty.
    pub fn guard_devices(&self, further: &[DeviceRule]) -> Result<()> {
        let rules: Vec<DeviceRule> = usual().into_iter().chain(further.iter().copied()).collect();
        let doing = || format!("say which devices {} may use", self.name());
        match self.version() {
            Version::V1 => {
                let Some(folder) = self.folder_of_version1(Controller::Devices) else {
                    return Err(self.lacks(Controller::Devices, "devices.allow"));
                };
                make_all(&folder).doing(doing)?;
                write(&folder.join("devices.deny"), "a").doing(doing)?;
                let allow = folder.join("devices.allow");
                rules.iter().try_for_each(|rule| write(&allow, &rule.to_string())).doing(doing)
            }
            Version::V2 => {
                let Some(folder) = self.unified() else {
                    return Err(self.lacks(Controller::Devices, "bpf"));
                };
                let group = File::open(folder).doing(doing)?;
                let program = bpf::load_for_devices(&program(&rules)).doing(doing)?;
                bpf::attach(program.as_fd(), group.as_fd()).doing(doing)
            }
        }
    }
}

/// `struct bpf_cgroup_dev_ctx` of linux/bpf.h: access above type, then the numbers. The answer is in
/// register 0.
fn program(rules: &[DeviceRule]) -> Vec<Instruction> {
    const CONTEXT: u8 = 1;
    const KIND: u8 = 2;
    const ACCESS: u8 = 3;
    const MAJOR: u8 = 4;
    const MINOR: u8 = 5;
    let mut code = vec![
        load(KIND, CONTEXT, 0),
        with(AND, KIND, 0xffff),
        load(ACCESS, CONTEXT, 0),
        with(SHIFT_RIGHT, ACCESS, 16),
        load(MAJOR, CONTEXT, 4),
        load(MINOR, CONTEXT, 8),
    ];
    for rule in rules {
        let mut tests = Vec::new();
        let kind = match rule.kind {
            DeviceKind::Any => None,
            DeviceKind::Block => Some(1),
            DeviceKind::Char => Some(2),
        };
        tests.extend(kind.map(|kind| vec![with(UNLESS_EQUAL, KIND, kind)]));
        if rule.access != Access::ALL {
            // Register 1 is free once the context was read: what is asked for beyond the rule fails.
            let mask = i32::from(rule.access.make)
                | i32::from(rule.access.read) << 1
                | i32::from(rule.access.write) << 2;
            let between =
                |code, to, from| Instruction { code, registers: from << 4 | to, offset: 0, operand: 0 };
            tests.push(vec![
                between(COPY, CONTEXT, ACCESS),
                with(AND, CONTEXT, mask),
                between(UNLESS_SAME, CONTEXT, ACCESS),
            ]);
        }
        let number = |register, number: u32| vec![with(UNLESS_EQUAL, register, number.cast_signed())];
        tests.extend(rule.major.map(|major| number(MAJOR, major)));
        tests.extend(rule.minor.map(|minor| number(MINOR, minor)));
        code.extend(guarded(tests.concat(), answer(1)));
    }
    code.extend(answer(0));
    code
}

const LOAD_WORD: u8 = 0x61;
const AND: u8 = 0x54;
const SHIFT_RIGHT: u8 = 0x74;
const COPY: u8 = 0xbc;
const SET: u8 = 0xb7;
const UNLESS_EQUAL: u8 = 0x55;
const UNLESS_SAME: u8 = 0x5d;
const EXIT: u8 = 0x95;

fn load(to: u8, from: u8, offset: i16) -> Instruction {
    Instruction { code: LOAD_WORD, registers: from << 4 | to, offset, operand: 0 }
}

fn with(code: u8, register: u8, operand: i32) -> Instruction {
    Instruction { code, registers: register, offset: 0, operand }
}

fn answer(value: i32) -> [Instruction; 2] {
    [with(SET, 0, value), with(EXIT, 0, 0)]
}

/// Tests before an answer: those that jump do so behind it.
fn guarded(mut tests: Vec<Instruction>, answer: [Instruction; 2]) -> Vec<Instruction> {
    let length = tests.len();
    for (at, test) in tests.iter_mut().enumerate() {
        if [UNLESS_EQUAL, UNLESS_SAME].contains(&test.code) {
            test.offset = (length - at - 1 + answer.len()) as i16;
        }
    }
    tests.extend(answer);
    tests
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would do.
    fn ask(program: &[Instruction], kind: u32, access: u32, major: u32, minor: u32) -> bool {
        let memory = [access << 16 | kind, major, minor];
        let mut registers = [0_u64; 8];
        let mut at = 0;
        loop {
            let Instruction { code, registers: names, offset, operand } = program[at];
            let (to, from) = (usize::from(names & 15), usize::from(names >> 4));
            at += 1;
            match code {
                LOAD_WORD => registers[to] = memory[offset as usize / 4].into(),
                AND => registers[to] &= operand as u64,
                SHIFT_RIGHT => registers[to] >>= operand,
                COPY => registers[to] = registers[from],
                SET => registers[to] = operand as u64,
                UNLESS_EQUAL if registers[to] != operand as u64 => at += offset as usize,
                UNLESS_SAME if registers[to] != registers[from] => at += offset as usize,
                UNLESS_EQUAL | UNLESS_SAME => {}
                EXIT => return registers[0] == 1,
                other => panic!("code {other:#x}"),
            }
        }
    }

    #[test]
    fn the_program_allows_what_the_rules_allow() {
        let rules = ["c 10:229 rw", "b 254:* r", "a 7:1 rwm"].map(|text| DeviceRule::parse(text).unwrap());
        let all: Vec<DeviceRule> = usual().into_iter().chain(rules).collect();
        let program = program(&all);
        let (block, character, make, read, write) = (1, 2, 1, 2, 4);
        for (kind, access, major, minor, allowed) in [
            (character, read | write, 1, 3, true),
            (character, read, 1, 1, false),
            (character, make, 1, 1, true),
            (character, make | read, 1, 1, false),
            (character, read | write, 10, 229, true),
            (character, make | read, 10, 229, false),
            (character, read, 10, 200, false),
            (block, read, 254, 9, true),
            (block, read | write, 254, 9, false),
            (block, read | write, 7, 1, true),
            (character, write, 7, 1, true),
            (character, write, 136, 12, true),
        ] {
            let actual = ask(&program, kind, access, major, minor);
            assert_eq!(actual, allowed, "{kind} {access} {major}:{minor}");
        }
    }

    #[test]
    fn the_kernel_takes_the_program_where_it_may_be_loaded() {
        let rules: Vec<DeviceRule> = usual();
        match bpf::load_for_devices(&program(&rules)) {
            Ok(_) | Err(rustix::io::Errno::PERM) => {}
            Err(error) => panic!("{error}"),
        }
    }
}
