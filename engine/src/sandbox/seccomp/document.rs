//! Profiles that a stack brings along, in Docker's format: which calls, under which conditions, and
//! what becomes of them.

use super::table::{Architecture, named};
use super::{CapSet, NATIVE};
use crate::error::{Error, Kind, Result};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A profile. Keys that change nothing here are passed over, as Docker does.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    default_action: String,
    default_errno_ret: Option<u16>,
    #[serde(default)]
    architectures: Option<Vec<String>>,
    #[serde(default)]
    arch_map: Option<Vec<ArchitectureMap>>,
    #[serde(default)]
    syscalls: Option<Vec<Entry>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArchitectureMap {
    architecture: String,
    #[serde(default)]
    sub_architectures: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    name: String,
    #[serde(default)]
    names: Option<Vec<String>>,
    action: String,
    errno_ret: Option<u16>,
    #[serde(default)]
    args: Option<Vec<Argument>>,
    #[serde(default)]
    includes: Option<Filter>,
    #[serde(default)]
    excludes: Option<Filter>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    caps: Option<Vec<String>>,
    arches: Option<Vec<String>>,
    min_kernel: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Argument {
    index: u32,
    value: u64,
    #[serde(default)]
    value_two: u64,
    op: String,
}

/// A profile as far as it concerns one container.
#[derive(Debug)]
pub(super) struct Profile {
    /// The architectures whose programs may run.
    pub(super) architectures: Vec<Architecture>,
    /// What becomes of calls that no rule is about: `SECCOMP_RET_…`.
    pub(super) default: u32,
    /// Rules by call, in the order of the file.
    pub(super) calls: BTreeMap<&'static str, Vec<Rule>>,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// All of these must hold.
    pub(super) conditions: Vec<Condition>,
    /// `SECCOMP_RET_…` with its number.
    pub(super) action: u32,
}

/// What must hold of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// Which one, from 0.
    pub(super) argument: u32,
    /// How it is compared.
    pub(super) comparison: Comparison,
    /// With what.
    pub(super) value: u64,
}

/// How an argument is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// Equal in the bits of this mask.
    Masked(u64),
}

/// The surroundings that rules may ask about.
struct Scene {
    capabilities: CapSet,
    kernel: (u32, u32),
}

/// Reads a profile for a container that has these capabilities.
pub(super) fn read(text: &str, capabilities: CapSet) -> Result<Profile> {
    let document: Document =
        serde_json::from_str(text).map_err(|error| wrong("it is not a profile").because(error))?;
    let scene = Scene { capabilities, kernel: kernel() };
    let architectures = architectures(&document)?;
    let mut calls: BTreeMap<&'static str, Vec<Rule>> = BTreeMap::new();
    for entry in document.syscalls.iter().flatten().filter(|entry| entry.applies(&scene)) {
        let rule = Rule { conditions: entry.conditions()?, action: action(&entry.action, entry.errno_ret)? };
        for name in entry.names.iter().flatten().chain(Some(&entry.name).filter(|name| !name.is_empty())) {
            match named().find(|(known, _)| known == name) {
                Some((known, _)) => calls.entry(known).or_default().push(rule.clone()),
                // Profiles list calls of all architectures; but nothing is let through by mistake.
                None if rule.action == libc::SECCOMP_RET_ALLOW || rule.action == libc::SECCOMP_RET_LOG => {}
                None => return Err(wrong(&format!("there is no system call `{name}` to forbid"))),
            }
        }
    }
    Ok(Profile {
        architectures,
        default: action(&document.default_action, document.default_errno_ret)?,
        calls,
    })
}

impl Entry {
    /// Whether it is meant for this container and machine.
    fn applies(&self, scene: &Scene) -> bool {
        let has = |name: &String| CapSet::named(name).is_some_and(|cap| scene.capabilities.has(cap));
        let is_ours = |name: &String| OURS.contains(&name.as_str());
        let is_since = |version: &String| version_of(version) <= scene.kernel;
        let nothing = Filter::default();
        let (needs, not) =
            (self.includes.as_ref().unwrap_or(&nothing), self.excludes.as_ref().unwrap_or(&nothing));
        needs.caps.iter().flatten().all(has)
            && !not.caps.iter().flatten().any(has)
            && needs.arches.as_ref().is_none_or(|all| all.is_empty() || all.iter().any(is_ours))
            && !not.arches.iter().flatten().any(is_ours)
            && needs.min_kernel.as_ref().is_none_or(is_since)
            && !not.min_kernel.as_ref().is_some_and(is_since)
    }

    fn conditions(&self) -> Result<Vec<Condition>> {
        self.args.iter().flatten().map(Argument::condition).collect()
    }
}

impl Argument {
    fn condition(&self) -> Result<Condition> {
        let (comparison, value) = match self.op.as_str() {
            "SCMP_CMP_EQ" => (Comparison::Equal, self.value),
            "SCMP_CMP_NE" => (Comparison::NotEqual, self.value),
            "SCMP_CMP_LT" => (Comparison::Less, self.value),
            "SCMP_CMP_LE" => (Comparison::LessOrEqual, self.value),
            "SCMP_CMP_GT" => (Comparison::Greater, self.value),
            "SCMP_CMP_GE" => (Comparison::GreaterOrEqual, self.value),
            "SCMP_CMP_MASKED_EQ" => (Comparison::Masked(self.value), self.value_two),
            other => return Err(wrong(&format!("`{other}` is not a comparison"))),
        };
        if self.index > 5 {
            return Err(wrong(&format!("a call has no argument {}", self.index)));
        }
        Ok(Condition { argument: self.index, comparison, value })
    }
}

/// This machine, in the words of Go.
#[cfg(target_arch = "x86_64")]
const OURS: [&str; 2] = ["amd64", "x86_64"];
/// This machine, in the words of Go.
#[cfg(target_arch = "aarch64")]
const OURS: [&str; 2] = ["arm64", "aarch64"];

/// The architectures of a profile that this machine runs; without any, the machine's own.
fn architectures(document: &Document) -> Result<Vec<Architecture>> {
    let map = document.arch_map.iter().flatten();
    let mapped = map.flat_map(|map| map.sub_architectures.iter().flatten().chain([&map.architecture]));
    let names: Vec<&str> =
        document.architectures.iter().flatten().chain(mapped).map(String::as_str).collect();
    if names.is_empty() {
        return Ok(NATIVE.iter().copied().take(1).collect());
    }
    let listed: Vec<Architecture> =
        NATIVE.iter().copied().filter(|one| names.contains(&one.name_in_profiles())).collect();
    if listed.is_empty() { Err(wrong("no program of this machine could run")) } else { Ok(listed) }
}

/// `SECCOMP_RET_…` for a word.
fn action(word: &str, number: Option<u16>) -> Result<u32> {
    let number = u32::from(number.unwrap_or(libc::EPERM as u16));
    Ok(match word {
        "SCMP_ACT_ALLOW" => libc::SECCOMP_RET_ALLOW,
        "SCMP_ACT_ERRNO" => libc::SECCOMP_RET_ERRNO | number,
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => libc::SECCOMP_RET_KILL_THREAD,
        "SCMP_ACT_KILL_PROCESS" => libc::SECCOMP_RET_KILL_PROCESS,
        "SCMP_ACT_LOG" => libc::SECCOMP_RET_LOG,
        "SCMP_ACT_TRAP" => libc::SECCOMP_RET_TRAP,
        "SCMP_ACT_TRACE" => libc::SECCOMP_RET_TRACE | number,
        "SCMP_ACT_NOTIFY" => return Err(wrong("nobody here answers for calls (SCMP_ACT_NOTIFY)")),
        other => return Err(wrong(&format!("`{other}` is not an action"))),
    })
}

fn kernel() -> (u32, u32) {
    version_of(&std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default())
}

/// The first two numbers of a version.
fn version_of(text: &str) -> (u32, u32) {
    let mut numbers = text.split(['.', '-']).map(|number| number.trim().parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn wrong(why: &str) -> Error {
    Error::new(Kind::Unsupported, format!("the system call profile cannot be used: {why}"))
        .hint("the format is that of Docker; `seccomp=unconfined` goes without")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        read(text, CapSet::docker())
            .unwrap_err()
            .doing
            .replace("the system call profile cannot be used: ", "")
    }

    #[test]
    fn entries_count_for_the_containers_that_they_are_meant_for() {
        let text = r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
            {"names": ["read", "no_such_call"], "action": "SCMP_ACT_ALLOW", "args": null},
            {"name": "mount", "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]},
             "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
            {"names": ["write"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390x"]}},
            {"names": ["chdir"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "99.1"}}]}"#;
        let plain = read(text, CapSet::docker()).unwrap();
        assert_eq!(plain.default, libc::SECCOMP_RET_ERRNO | 38);
        assert_eq!(plain.calls.keys().collect::<Vec<_>>(), [&"clone", &"read"]);
        let condition = Condition { argument: 0, comparison: Comparison::Masked(2_114_060_288), value: 0 };
        assert_eq!(plain.calls["clone"][0].conditions, [condition]);
        let admin = read(text, CapSet::named("SYS_ADMIN").unwrap()).unwrap();
        assert_eq!(admin.calls.keys().collect::<Vec<_>>(), [&"mount", &"read"]);
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        assert_eq!(fault("[]"), "it is not a profile");
        assert_eq!(fault(r#"{"defaultAction": "ALLOW"}"#), "`ALLOW` is not an action");
        let with = |entry: &str| format!(r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{entry}]}}"#);
        let told = fault(&with(r#"{"names": ["opn"], "action": "SCMP_ACT_ERRNO"}"#));
        assert_eq!(told, "there is no system call `opn` to forbid");
        let told = fault(&with(
            r#"{"names": ["open"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}"#,
        ));
        assert_eq!(told, "a call has no argument 6");
        assert_eq!(
            fault(r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_S390X"]}"#),
            "no program of this machine could run"
        );
        assert!(fault(&with(r#"{"names": ["open"], "action": "SCMP_ACT_NOTIFY"}"#)).contains("NOTIFY"));
    }
}
