//! Words with a meaning of their own: what each may be for this engine, and its one written form.
//!
//! Docker Compose takes nearly every text here and lets the engine complain; so do we while a
//! stack is loaded. Those few that it looks at itself are [`any_pull_policy`] and
//! [`container_name`].

use super::cast::Refused;
use super::suggest::did_you_mean;
use crate::desired::{HostEntry, PullPolicy};
use crate::model::units;

type Word = Result<String, Refused>;

pub(super) fn refused(message: impl Into<String>, hint: impl Into<String>) -> Refused {
    Refused { message: message.into(), hint: hint.into(), ..Refused::default() }
}

/// What is right, but more than the engine can do.
pub(super) fn unsupported(what: &str, hint: &str) -> Refused {
    Refused { not_yet: true, ..refused(format!("{what} is not supported yet"), hint) }
}

fn not_yet(what: &str, hint: &str) -> Word {
    Err(unsupported(what, hint))
}

pub(crate) fn image(text: &str) -> Word {
    let text = text.trim();
    if text.is_empty() {
        return Err(refused("the image is empty", "for example `nginx:1.27`"));
    }
    let valid = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    let repository = text.split_once('@').map_or(text, |(name, _)| name);
    let last = repository.rsplit('/').next().unwrap_or(repository);
    let untagged = &repository[..repository.len() - last.len() + last.find(':').unwrap_or(last.len())];
    let path = untagged.split_once('/').map_or(untagged, |(host, path)| {
        if host.contains(['.', ':']) || host == "localhost" { path } else { untagged }
    });
    if path.contains(|c: char| c.is_ascii_uppercase()) {
        let hint = format!("write `{}`", text.replacen(path, &path.to_ascii_lowercase(), 1));
        return Err(refused(format!("the image name `{path}` has upper-case letters"), hint));
    }
    let empty = last.is_empty() || last.ends_with(':') || last.starts_with(':') || text.ends_with('@');
    if !text.chars().all(valid) || empty {
        let message = format!("`{}` is not an image reference", text.escape_debug());
        return Err(refused(message, "for example `registry.example.com/team/web:1.2`"));
    }
    Ok(text.to_owned())
}

pub(crate) fn env_file_format(text: &str) -> Word {
    match text {
        "" | "raw" => Ok(text.to_owned()),
        _ => Err(refused(format!("`{}` is not a format", text.escape_debug()), "write raw, or leave it out")),
    }
}

pub(crate) fn hostname(text: &str) -> Word {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    if text.len() <= 64 && text.split('.').all(label) {
        return Ok(text.to_owned());
    }
    let hint = "letters, digits, `-` and `.`, at most 64 characters";
    Err(refused(format!("`{}` is not a host name", text.escape_debug()), hint))
}

pub(crate) fn restart(text: &str) -> Word {
    const WORDS: [&str; 4] = ["no", "always", "on-failure", "unless-stopped"];
    let retries = text.strip_prefix("on-failure:");
    if WORDS.contains(&text) || retries.is_some_and(|retries| retries.parse::<u32>().is_ok()) {
        return Ok(text.to_owned());
    }
    let hint = did_you_mean(text, WORDS)
        .unwrap_or_else(|| "possible are no, always, on-failure[:retries], unless-stopped".to_owned());
    Err(refused(format!("`{}` is not a restart policy", text.escape_debug()), hint))
}

/// When `deploy` starts a container again.
pub(crate) fn restart_condition(text: &str) -> Word {
    const WORDS: [&str; 3] = ["none", "on-failure", "any"];
    if WORDS.contains(&text) {
        return Ok(text.to_owned());
    }
    let hint = did_you_mean(text, WORDS).unwrap_or_else(|| format!("possible are {}", WORDS.join(", ")));
    Err(refused(format!("`{}` is not a condition", text.escape_debug()), hint))
}

/// Users in containers are those of the host.
pub(crate) fn user_namespace(text: &str) -> Word {
    match text {
        "" | "host" => Ok(text.to_owned()),
        _ => not_yet(&format!("the namespace `{}`", text.escape_debug()), "use host"),
    }
}

/// Every network has IPv4 addresses.
pub(crate) fn pull_policy(text: &str) -> Word {
    if PullPolicy::parse(text).is_some() {
        return Ok(text.to_owned());
    }
    let hint = "possible are always, missing, never, build, daily, weekly, every_12h";
    Err(refused(format!("`{}` is not a pull policy", text.escape_debug()), hint))
}

/// Builds reach the outside, the host, or nothing.
/// A network of the stack or of this machine, or what stands for one. `RUN` is in no other container.
pub(crate) fn build_network(text: &str) -> Word {
    match text.split_once(':') {
        None => Ok(text.to_owned()),
        Some(_) => not_yet(
            &format!("the network `{}` for a build", text.escape_debug()),
            "use host, none or a network's name",
        ),
    }
}

/// What instructions of a build may ask for.
pub(crate) fn entitlement(text: &str) -> Word {
    const WORDS: [&str; 2] = ["network.host", "security.insecure"];
    match text {
        _ if WORDS.contains(&text) => Ok(text.to_owned()),
        _ if text == "device" || text.starts_with("device=") => {
            not_yet("a device for a build", "`security.insecure` has those of this machine")
        }
        _ => {
            let hint =
                did_you_mean(text, WORDS).unwrap_or_else(|| format!("possible are {}", WORDS.join(", ")));
            Err(refused(format!("`{}` is not an entitlement", text.escape_debug()), hint))
        }
    }
}

/// When an image is pulled, in the words of Docker Compose: one of them must be in the text.
pub(crate) fn any_pull_policy(text: &str) -> Word {
    const WORDS: [&str; 8] =
        ["always", "never", "build", "if_not_present", "missing", "refresh", "daily", "weekly"];
    let every = text.split("every_").skip(1).any(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        digits > 0 && rest[digits..].starts_with(['w', 'd', 'h', 'm', 's'])
    });
    if every || WORDS.iter().any(|word| text.contains(word)) {
        return Ok(text.to_owned());
    }
    let hint = did_you_mean(text, WORDS)
        .unwrap_or_else(|| "possible are always, missing, never, build, daily, weekly, every_12h".to_owned());
    Err(refused(format!("`{}` is not a pull policy", text.escape_debug()), hint))
}

/// A name has a letter or digit and behind it another character of a name.
pub(crate) fn container_name(text: &str) -> Word {
    let rest = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let bytes = text.as_bytes();
    if bytes.windows(2).any(|pair| pair[0].is_ascii_alphanumeric() && rest(&pair[1])) {
        return Ok(text.to_owned());
    }
    let hint = "at least two of letters, digits, `.`, `_` and `-`, beginning with a letter or digit";
    Err(refused(format!("`{}` is not a container name", text.escape_debug()), hint))
}

/// The kernel knows it as the name of a file, and others by DNS.
pub(crate) fn whole_container_name(text: &str) -> Word {
    let is_open = |letter: char| letter.is_ascii_alphanumeric();
    let fits = text.starts_with(is_open) && text.len() <= LONGEST_NAME;
    if fits && text.chars().all(|letter| is_open(letter) || "_.-".contains(letter)) {
        return Ok(text.to_owned());
    }
    let hint =
        format!("at most {LONGEST_NAME} letters, digits, `.`, `_` and `-`, beginning with a letter or digit");
    Err(refused(format!("`{}` is not a name for a container", text.escape_debug()), hint))
}

/// Longest name of a container.
const LONGEST_NAME: usize = 200;

pub(crate) fn deploy_mode(text: &str) -> Word {
    match text {
        "replicated" => Ok(text.to_owned()),
        "global" | "replicated-job" | "global-job" => {
            not_yet(&format!("deploy mode `{text}`"), "use replicated")
        }
        _ => Err(refused(format!("`{}` is not a deploy mode", text.escape_debug()), "use replicated")),
    }
}

pub(crate) fn security_option(text: &str) -> Word {
    let (name, value) = text.split_once(['=', ':']).unwrap_or((text, ""));
    match (name, value) {
        ("no-new-privileges", "" | "true" | "false") | ("systempaths", "unconfined") => Ok(text.to_owned()),
        ("seccomp" | "apparmor", value) if !value.is_empty() => Ok(text.to_owned()),
        // Nothing is labelled here anyway.
        ("label", "disable") => Ok(text.to_owned()),
        ("label" | "writable-cgroups", _) => not_yet(&format!("security option `{text}`"), "leave it out"),
        _ => {
            let hint = did_you_mean(name, ["no-new-privileges", "seccomp", "apparmor", "systempaths"])
                .unwrap_or_else(|| "for example `no-new-privileges:true`".to_owned());
            Err(refused(format!("`{}` is not a security option", text.escape_debug()), hint))
        }
    }
}

pub(crate) fn signal(text: &str) -> Word {
    if units::signal_name(text).is_some() {
        return Ok(text.to_owned());
    }
    let bare = text.to_ascii_uppercase();
    let hint = did_you_mean(bare.strip_prefix("SIG").unwrap_or(&bare), units::signal_names());
    let hint = hint.unwrap_or_else(|| "for example SIGTERM, INT or 15".to_owned());
    Err(refused(format!("`{}` is not a signal", text.escape_debug()), hint))
}

pub(crate) fn capability(text: &str) -> Word {
    if units::capability_name(text).is_some() {
        return Ok(text.to_owned());
    }
    let bare = text.to_ascii_uppercase();
    let hint = did_you_mean(bare.strip_prefix("CAP_").unwrap_or(&bare), units::CAPABILITIES);
    let hint = hint.unwrap_or_else(|| "for example NET_ADMIN; capabilities(7) lists them".to_owned());
    Err(refused(format!("`{}` is not a capability", text.escape_debug()), hint))
}

pub(crate) fn real_name(text: &str) -> Word {
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(rest) && text.len() <= 128 {
        return Ok(text.to_owned());
    }
    let hint = "letters, digits, `.`, `_` and `-`, beginning with a letter or digit, at most 128";
    Err(refused(format!("`{}` is not a valid name", text.escape_debug()), hint))
}

pub(crate) fn protocol(text: &str) -> Word {
    match text.to_ascii_lowercase().as_str() {
        protocol @ ("tcp" | "udp" | "sctp") => Ok(protocol.to_owned()),
        _ => Err(refused(format!("`{}` is not a protocol", text.escape_debug()), "use tcp, udp or sctp")),
    }
}

/// Whose network a service is in, or which one.
pub(crate) fn network_mode(text: &str) -> Word {
    let possible = "possible are none, host, bridge, service:NAME, container:NAME and the name of a network";
    match text.split_once(':') {
        Some(("service" | "container", name)) if !name.is_empty() => Ok(text.to_owned()),
        None if real_name(text).is_ok() => Ok(text.to_owned()),
        _ => Err(refused(format!("`{}` is not a network mode", text.escape_debug()), possible)),
    }
}

/// A domain in which names are looked for; `.` alone is none.
pub(crate) fn search_domain(text: &str) -> Word {
    if !text.is_empty() && !text.contains(char::is_whitespace) {
        return Ok(text.to_owned());
    }
    Err(refused(format!("`{}` is not a domain", text.escape_debug()), "for example example.org"))
}

/// One word on the line `options` of resolv.conf(5).
pub(crate) fn resolver_option(text: &str) -> Word {
    if !text.is_empty() && !text.contains(char::is_whitespace) {
        return Ok(text.to_owned());
    }
    Err(refused(format!("`{}` is not a resolver option", text.escape_debug()), "for example ndots:2"))
}

/// An entry of the hosts file.
pub(crate) fn extra_host(text: &str) -> Word {
    if HostEntry::parse(text).is_some() {
        return Ok(text.to_owned());
    }
    let message = format!("`{}` is not a name and its address", text.escape_debug());
    Err(refused(message, "for example db=10.9.0.5, or me=host-gateway"))
}

/// A port number from 1 to 65535.
pub(crate) fn port(text: &str) -> Result<u16, Refused> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if port > 0 && digits => Ok(port),
        _ if digits => Err(refused(format!("port {text} is not between 1 and 65535"), "for example 8080")),
        _ => Err(refused(format!("`{}` is not a port", text.escape_debug()), "for example 8080")),
    }
}

pub(crate) fn published_port(text: &str) -> Word {
    if let Some((from, to)) = text.split_once('-')
        && let (Ok(from), Ok(to)) = (port(from), port(to))
    {
        if from > to {
            return Err(refused(format!("the range {text} runs backwards"), format!("write {to}-{from}")));
        }
        return Ok(text.to_owned());
    }
    // Compose prints and accepts 0 for "choose one".
    if text == "0" || text.is_empty() { Ok(String::new()) } else { port(text).map(|port| port.to_string()) }
}

pub(crate) fn exposed_port(text: &str) -> Word {
    let (range, name) = text.split_once('/').unwrap_or((text, "tcp"));
    let (from, to) = range.split_once('-').unwrap_or((range, range));
    port(from)?;
    port(to)?;
    protocol(name)?;
    Ok(text.to_owned())
}

pub(crate) fn absolute_path(text: &str) -> Word {
    if text.starts_with('/') && !text.contains('\0') {
        return Ok(text.to_owned());
    }
    Err(refused(format!("`{}` is not an absolute path", text.escape_debug()), "it must begin with `/`"))
}

pub(crate) fn mount_target(text: &str) -> Word {
    let path = super::resolve::clean(&absolute_path(text)?);
    if path == "/" {
        return Err(refused("nothing can be mounted over `/`", "mount below it"));
    }
    Ok(path)
}

/// Where a config or secret is: absolute, or below the folder of its kind.
pub(crate) fn file_target(text: &str) -> Word {
    let climbs = text.split('/').any(|part| part == "..");
    match text {
        "" => Ok(String::new()),
        _ if ["/proc/", "/sys/"].iter().any(|folder| text.starts_with(folder)) => {
            let message = format!("`{}` would be a file of the kernel's", text.escape_debug());
            Err(refused(message, "put it elsewhere, for example in /etc"))
        }
        _ if climbs || text.ends_with('/') || text.contains('\0') => {
            let message = format!("`{}` cannot be the path of a file", text.escape_debug());
            Err(refused(message, "for example `/etc/app.conf`, or a bare name"))
        }
        _ => Ok(text.to_owned()),
    }
}

/// Who owns a file: a number, as no image is asked what names mean.
pub(crate) fn owner(text: &str) -> Word {
    if text.is_empty() || text.parse::<u32>().is_ok_and(|id| id != u32::MAX) {
        return Ok(text.to_owned());
    }
    Err(refused(
        format!("`{}` is not the number of a user or group", text.escape_debug()),
        "for example 1000",
    ))
}

const MOUNT_TYPES: &str = "use volume, bind, tmpfs or image";

/// A file or folder in a volume or image.
pub(crate) fn subpath(text: &str) -> Word {
    let climbs = text.split('/').any(|part| part == "..");
    if text.starts_with('/') || climbs || text.contains('\0') {
        let message = format!("`{}` is not a path below the top", text.escape_debug());
        return Err(refused(message, "for example `data/web`"));
    }
    Ok(text.to_owned())
}

/// Whose mounts a service gets too.
pub(crate) fn volumes_from(text: &str) -> Word {
    let name = text.strip_prefix("container:").unwrap_or(text);
    let (name, mode) = name.split_once(':').unwrap_or((name, ""));
    match (name, mode) {
        ("", _) => {
            Err(refused(format!("`{}` names nobody", text.escape_debug()), "for example container:shop-db-1"))
        }
        (_, "" | "ro" | "rw") => Ok(text.to_owned()),
        _ => Err(refused(
            format!("`{}` is not a way to mount", mode.escape_debug()),
            "write ro, rw or nothing behind the service",
        )),
    }
}

pub(crate) fn mount_type(text: &str) -> Word {
    match text {
        "volume" | "bind" | "tmpfs" | "image" => Ok(text.to_owned()),
        "npipe" => Err(refused("only Windows has mounts of type `npipe`", MOUNT_TYPES)),
        "cluster" => Err(refused("only a cluster has mounts of type `cluster`", MOUNT_TYPES)),
        _ => Err(refused(format!("`{}` is not a type of mount", text.escape_debug()), MOUNT_TYPES)),
    }
}

pub(crate) fn propagation(text: &str) -> Word {
    match text {
        "rprivate" | "private" | "rshared" | "shared" | "rslave" | "slave" => Ok(text.to_owned()),
        _ => Err(refused(
            format!("`{}` is not a mount propagation", text.escape_debug()),
            "possible are private, rprivate, slave, rslave, shared, rshared",
        )),
    }
}

pub(crate) fn volume_driver(text: &str) -> Word {
    match text {
        "" | "local" => Ok(text.to_owned()),
        _ => not_yet(&format!("volume driver `{}`", text.escape_debug()), "use local"),
    }
}

/// A number of cores that can be limited to.
pub(crate) fn cores(text: &str) -> Word {
    match units::parse_float(text) {
        Some(cores) if (0.0..=100_000.0).contains(&cores) => Ok(text.to_owned()),
        _ => Err(refused(format!("`{}` is not a number of cores", text.escape_debug()), "for example 0.5")),
    }
}

/// Bytes, none of them owed.
pub(crate) fn size(text: &str) -> Word {
    if units::parse_bytes(text).is_some() {
        return Ok(text.to_owned());
    }
    Err(refused(format!("`{}` is not a size", text.escape_debug()), "for example 64m"))
}

/// Bytes, or -1 for unlimited.
pub(crate) fn size_or_unlimited(text: &str) -> Word {
    if text == "-1" { Ok(text.to_owned()) } else { size(text) }
}

/// A duration that passes.
pub(crate) fn time(text: &str) -> Word {
    if units::parse_duration(text).is_some() {
        return Ok(text.to_owned());
    }
    Err(refused(format!("`{}` lies in the past", text.escape_debug()), "for example 30s"))
}

/// A limit of a kernel: -1 is none.
pub(crate) fn limit(text: &str) -> Word {
    whole(text, -1, i64::MAX)
}

/// How many containers a service can have.
pub(crate) fn replicas(text: &str) -> Word {
    whole(text, 0, 10_000)
}

/// A port within a container.
pub(crate) fn target_port(text: &str) -> Word {
    port(text).map(|port| port.to_string())
}

/// File permissions.
pub(crate) fn file_mode(text: &str) -> Word {
    match text.parse::<i64>() {
        Ok(0..=0o7777) => Ok(text.to_owned()),
        _ => Err(refused(format!("`{}` is not a file mode", text.escape_debug()), "from 0 to 07777")),
    }
}

fn whole(text: &str, least: i64, most: i64) -> Word {
    match text.parse::<i64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(text.to_owned()),
        _ if most == i64::MAX => Err(refused(
            format!("`{}` is not a whole number from {least}", text.escape_debug()),
            "for example 1",
        )),
        _ => {
            let message = format!("`{}` is not a whole number from {least} to {most}", text.escape_debug());
            Err(refused(message, "for example 1"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: fn(&str) -> Word, accepted: &[&str], refused: &[(&str, &str)]) {
        for text in accepted {
            assert_eq!(word(text).as_deref(), Ok(*text), "{text}");
        }
        for (text, expected) in refused {
            let fault = word(text).unwrap_err();
            assert_eq!(format!("{} [{}]", fault.message, fault.hint), *expected, "{text}");
        }
    }

    #[test]
    fn what_docker_compose_looks_at_itself() {
        check(
            any_pull_policy,
            &["always", "every_12h", "every_1d12h", "if_not_present", "refresh"],
            &[
                ("alway", "`alway` is not a pull policy [did you mean `always`?]"),
                (
                    "every_h",
                    "`every_h` is not a pull policy [possible are always, missing, never, build, daily, weekly, every_12h]",
                ),
            ],
        );
        check(
            container_name,
            &["web", "a1", "-web"],
            &[(
                "a",
                "`a` is not a container name [at least two of letters, digits, `.`, `_` and `-`, beginning with a letter or digit]",
            )],
        );
    }

    #[test]
    fn what_no_engine_can_do() {
        check(cores, &["0.5", "4"], &[("-1", "`-1` is not a number of cores [for example 0.5]")]);
        check(size, &["64", "5m"], &[("-1", "`-1` is not a size [for example 64m]")]);
        check(size_or_unlimited, &["-1", "5m"], &[("-2", "`-2` is not a size [for example 64m]")]);
        check(time, &["1m0s"], &[("-5m0s", "`-5m0s` lies in the past [for example 30s]")]);
        check(limit, &["-1", "5"], &[("-2", "`-2` is not a whole number from -1 [for example 1]")]);
        check(
            replicas,
            &["0", "10000"],
            &[("-1", "`-1` is not a whole number from 0 to 10000 [for example 1]")],
        );
        check(target_port, &["80"], &[("0", "port 0 is not between 1 and 65535 [for example 8080]")]);
        check(file_mode, &["292"], &[("-1", "`-1` is not a file mode [from 0 to 07777]")]);
    }
}
