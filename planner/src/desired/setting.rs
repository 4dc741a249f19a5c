//! Names of kernel settings, as sysctl(8) takes them.

/// The path of a setting below `/proc/sys`; `None` when the name cannot be one. The separator that
/// comes first is the separator; the other one then stands for itself, as in
/// `net.ipv4.conf.eth0/5.forwarding`.
pub fn setting_path(name: &str) -> Option<String> {
    let slashed = name.find(['.', '/']).is_some_and(|at| name.as_bytes()[at] == b'/');
    let swap = |c: char| match c {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    let path: String = if slashed { name.to_owned() } else { name.chars().map(swap).collect() };
    let is_step = |step: &str| !step.is_empty() && step != "." && step != ".." && !step.contains('\0');
    path.split('/').all(is_step).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_separator_names_a_setting_and_none_leads_elsewhere() {
        let path = |name| setting_path(name).unwrap_or_default();
        assert_eq!(path("net.core.somaxconn"), "net/core/somaxconn");
        assert_eq!(path("net/core/somaxconn"), "net/core/somaxconn");
        assert_eq!(path("net.ipv4.conf.eth0/5.forwarding"), "net/ipv4/conf/eth0.5/forwarding");
        assert_eq!(path("net/ipv4/conf/eth0.5/forwarding"), "net/ipv4/conf/eth0.5/forwarding");
        for name in ["", "net..core", "net/../kernel/panic", "/net/core", "net.core."] {
            assert_eq!(path(name), "", "{name}");
        }
    }
}
