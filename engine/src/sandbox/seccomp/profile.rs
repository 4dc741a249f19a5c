//! What happens to each system call in a container with certain capabilities.

use super::CapSet;
use super::table::Rule;

/// What happens to a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The kernel does it.
    Allow,
    /// It fails with this error number.
    Refuse(i32),
    /// Allowed unless it makes namespaces.
    CloneWithoutNamespaces,
    /// Allowed for harmless personalities: personality(2).
    HarmlessPersonality,
    /// Allowed unless the address family is one of those that are not for containers.
    CommonSocket,
}

/// For calls that are known and not allowed.
pub(super) const FORBIDDEN: Verdict = Verdict::Refuse(libc::EPERM);

/// For calls that are newer than the table: programs then take another way.
pub(super) const UNKNOWN: Verdict = Verdict::Refuse(libc::ENOSYS);

/// Personalities that change nothing of importance: Linux, Linux on 32 bits, both with
/// `UNAME26`, and the question which one it is.
pub(super) const PERSONALITIES: [u32; 5] = [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// Address families that reach past the container: the hypervisor's sockets, the kernel's crypto.
pub(super) const FAMILIES_REFUSED: [u32; 2] = [libc::AF_ALG as u32, libc::AF_VSOCK as u32];

/// The flags of clone(2) that make namespaces.
pub(super) const NAMESPACE_FLAGS: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;

/// What a rule comes to for a container with these capabilities.
pub(super) fn verdict(rule: Rule, capabilities: CapSet) -> Verdict {
    const ADMIN: CapSet = CapSet::exactly(b"SYS_ADMIN");
    let granted = match rule {
        Rule::With(wanted) => capabilities.has_any(wanted),
        Rule::Clone | Rule::Clone3 => capabilities.has(ADMIN),
        _ => rule == Rule::Allow,
    };
    match rule {
        _ if granted => Verdict::Allow,
        Rule::Clone => Verdict::CloneWithoutNamespaces,
        Rule::Clone3 => UNKNOWN,
        Rule::Personality => Verdict::HarmlessPersonality,
        Rule::Socket => Verdict::CommonSocket,
        Rule::Allow | Rule::Deny | Rule::With(_) => FORBIDDEN,
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::{Architecture, Call, named};
    use super::*;

    fn call(name: &str) -> &'static Call {
        named().find(|(known, _)| *known == name).unwrap().1
    }

    #[test]
    fn the_table_has_the_numbers_of_the_kernel() {
        assert_eq!(call("read").number(Architecture::X86_64), Some(0));
        assert_eq!(call("accept").number(Architecture::I386), None);
        assert_eq!(call("openat").number(Architecture::Aarch64), Some(56));
        let native = [
            ("execve", libc::SYS_execve),
            ("mount", libc::SYS_mount),
            ("seccomp", libc::SYS_seccomp),
            ("clone3", libc::SYS_clone3),
            ("mseal", libc::SYS_mseal),
        ];
        for (name, number) in native {
            assert_eq!(call(name).number(super::super::NATIVE[0]).map(i64::from), Some(number), "{name}");
        }
        assert!(named().is_sorted_by_key(|(name, _)| name));
    }

    #[test]
    fn capabilities_open_their_calls_and_only_those() {
        let cap = |name: &str| CapSet::named(name).unwrap();
        for (name, without, with) in [
            ("read", Verdict::Allow, Verdict::Allow),
            ("mount", FORBIDDEN, Verdict::Allow),
            ("bpf", FORBIDDEN, Verdict::Allow),
            ("clone", Verdict::CloneWithoutNamespaces, Verdict::Allow),
            ("clone3", UNKNOWN, Verdict::Allow),
            ("socket", Verdict::CommonSocket, Verdict::CommonSocket),
            ("init_module", FORBIDDEN, FORBIDDEN),
            ("kexec_load", FORBIDDEN, FORBIDDEN),
            ("keyctl", FORBIDDEN, FORBIDDEN),
            ("io_uring_setup", FORBIDDEN, FORBIDDEN),
        ] {
            let verdicts = [CapSet::docker(), cap("SYS_ADMIN")].map(|caps| verdict(call(name).rule, caps));
            assert_eq!(verdicts, [without, with], "{name}");
        }
        assert_eq!(verdict(call("bpf").rule, cap("BPF")), Verdict::Allow);
        assert_eq!(verdict(call("chroot").rule, CapSet::docker()), Verdict::Allow);
        assert_eq!(verdict(call("chroot").rule, CapSet::NONE), FORBIDDEN);
    }
}
