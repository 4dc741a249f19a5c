//! Which system calls a container may make, as a BPF program.
//!
//! - `table` knows the calls, their numbers on each architecture and the rule for each.
//! - `profile` says what a rule comes to for a container's capabilities.
//! - `document` reads a profile that a stack brings along, `rules` makes a program of that.
//! - `assemble` makes a program of it: the numbers fall into ranges of equal verdict, found by
//!   binary search, about 420 instructions in all. The kernel runs it once for each call number
//!   that is always allowed and remembers the answer.

mod assemble;
mod document;
mod profile;
mod rules;
pub(super) mod table;

use super::CapSet;
use crate::error::Result;
use crate::sys::seccomp::Instruction;
use table::Architecture;

/// The architectures whose programs run on this machine. On x86_64 that is i386 too; x32 numbers
/// have bit 30 set and are answered like calls that nobody knows.
#[cfg(target_arch = "x86_64")]
const NATIVE: &[Architecture] = &[Architecture::X86_64, Architecture::I386];
/// The architectures whose programs run on this machine.
#[cfg(target_arch = "aarch64")]
const NATIVE: &[Architecture] = &[Architecture::Aarch64];

/// The filter of a profile in Docker's format, for a container that has these capabilities.
pub(super) fn own_filter(text: &str, capabilities: CapSet) -> Result<Vec<Instruction>> {
    rules::assemble(&document::read(text, capabilities)?)
}

/// The filter for a container that has these capabilities.
pub(super) fn filter(capabilities: CapSet) -> Result<Vec<Instruction>> {
    assemble::assemble(NATIVE, capabilities)
}
