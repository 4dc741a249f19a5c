//! Quantities as people write them: bytes, durations, cores, signals, capabilities.

use std::time::Duration;

/// A number as Go reads it: `5`, `+1.5`, `.5`, `5.`, `1e3`, `1_000`. Must be finite.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    let mut underscores = (0..bytes.len()).filter(|&place| bytes[place] == b'_');
    if underscores.any(|place| place == 0 || !digit(bytes.get(place - 1)) || !digit(bytes.get(place + 1))) {
        return None;
    }
    text.replace('_', "").parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Bytes of `512m`, `1.5g`, `640kb`, `1GiB`, `100b`, `4096`, `2 mb`. Powers of 1024 whatever the
/// letters say; fractions of a byte are cut off.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let split = text.rfind(|c: char| c.is_ascii_digit() || matches!(c, '.' | ' '))? + 1;
    let (number, unit) = text.split_at(split);
    let number = number.strip_suffix(' ').unwrap_or(number);
    let power = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => return None,
    };
    let factor = 1024_u64.pow(power);
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor).filter(|&bytes| i64::try_from(bytes).is_ok());
    }
    #[expect(clippy::cast_precision_loss, reason = "factor is a power of two")]
    let bytes = parse_float(number)? * factor as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked here")]
    (0.0..9e18).contains(&bytes).then_some(bytes as u64)
}

/// Bytes for people: `64 MiB`, `1000 bytes`.
pub(crate) fn show_bytes(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let exact = units.iter().find(|(shift, _)| bytes > 0 && bytes.trailing_zeros() >= *shift);
    exact.map_or_else(|| format!("{bytes} bytes"), |(shift, unit)| format!("{} {unit}", bytes >> shift))
}

/// Nanoseconds of each unit of time. Those that begin like another stand before it.
const TIME_UNITS: [(&str, u64); 10] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
];

/// Time of `1m30s`, `500ms`, `1.5h`, `2d`, `-1s`, `0` in nanoseconds: Go's form with days and
/// weeks.
pub(crate) fn parse_nanos(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let (unit, after) =
            TIME_UNITS.iter().find_map(|(name, unit)| Some((*unit, tail.strip_prefix(name)?)))?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()?.checked_mul(unit)? };
        total = total.checked_add(whole)?.checked_add(part_of(fraction, unit)?)?;
        rest = after;
    }
    // 64 bits of nanoseconds: 292 years.
    let total = i128::from(total);
    i64::try_from(if negative { -total } else { total }).ok()
}

/// `fraction` digits behind the point of a unit, in nanoseconds, cut off.
fn part_of(fraction: &str, unit: u64) -> Option<u64> {
    if fraction.is_empty() {
        return Some(0);
    }
    // More digits than this cannot be told apart.
    let digits = &fraction[..fraction.len().min(18)];
    let count = digits.parse::<u64>().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "less than a unit")]
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_wrap, reason = "as Go does it")]
    let nanos = (count as f64 * (unit as f64 / 10_f64.powi(digits.len() as i32))) as u64;
    Some(nanos)
}

/// As [`parse_nanos`]; negative times are refused.
pub fn parse_duration(text: &str) -> Option<Duration> {
    u64::try_from(parse_nanos(text)?).ok().map(Duration::from_nanos)
}

/// Nanoseconds in Go's form: `1m30s`, `-500ms`.
pub(crate) fn format_nanos(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    sign.to_owned() + &format_duration(Duration::from_nanos(nanos.unsigned_abs()))
}

/// A duration in Go's form: `1m30s`, `1.5s`, `500ms`.
pub(crate) fn format_duration(duration: Duration) -> String {
    let nanos = duration.subsec_nanos();
    let seconds = duration.as_secs();
    let decimal = |whole: u64, part: u32, digits: usize| {
        let text = format!("{whole}.{part:0digits$}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    match (seconds, nanos) {
        (0, 0) => "0s".to_owned(),
        (0, 1..1_000) => format!("{nanos}ns"),
        (0, 1_000..1_000_000) => format!("{}µs", decimal(u64::from(nanos / 1_000), nanos % 1_000, 3)),
        (0, _) => format!("{}ms", decimal(u64::from(nanos / 1_000_000), nanos % 1_000_000, 6)),
        _ => {
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let rest = decimal(seconds % 60, nanos, 9);
            match (hours, minutes) {
                (0, 0) => format!("{rest}s"),
                (0, _) => format!("{minutes}m{rest}s"),
                _ => format!("{hours}h{minutes}m{rest}s"),
            }
        }
    }
}

/// Billionths of a core of a number of cores.
pub(crate) fn nano_cpus(cores: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the schema bounds it")]
    let nano = (cores * 1e9).round() as u64;
    nano
}

/// The signal names that Linux knows, without `SIG`.
const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// A signal by name, with or without `SIG`, or by number: its name without `SIG`, or `RTMIN+n`.
pub fn signal_name(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Ok(number) = name.parse::<usize>() {
        return match number {
            1..=31 => Some(SIGNALS[number - 1].to_owned()),
            34..=64 => Some(real_time_signal(number - 34)),
            _ => None,
        };
    }
    if let Some(offset) = name.strip_prefix("RTMIN") {
        let offset = if offset.is_empty() { 0 } else { offset.strip_prefix('+')?.parse().ok()? };
        return (offset <= 30).then(|| real_time_signal(offset));
    }
    SIGNALS.contains(&name).then(|| name.to_owned())
}

fn real_time_signal(offset: usize) -> String {
    if offset == 0 { "RTMIN".to_owned() } else { format!("RTMIN+{offset}") }
}

/// The signal names, for suggestions.
pub fn signal_names() -> impl Iterator<Item = &'static str> {
    SIGNALS.into_iter()
}

/// The capabilities of capabilities(7), without `CAP_`.
pub(crate) const CAPABILITIES: [&str; 42] = [
    "ALL",
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

/// A capability in upper case without `CAP_`.
pub(crate) fn capability_name(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
    CAPABILITIES.contains(&name).then(|| name.to_owned())
}

/// The limits of setrlimit(2), as `ulimits` names them.
pub(crate) const ULIMITS: [&str; 16] = [
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_in_every_usual_form() {
        for (text, expected) in [
            ("4096", Some(4096)),
            ("1b", Some(1)),
            ("512m", Some(512 << 20)),
            ("640kb", Some(640 << 10)),
            ("1GiB", Some(1 << 30)),
            ("1.5g", Some(3 << 29)),
            ("2 mb", Some(2 << 20)),
            ("5 ", Some(5)),
            ("+5", Some(5)),
            (".5k", Some(512)),
            ("5.", Some(5)),
            ("1e3", Some(1000)),
            ("1_000k", Some(1_024_000)),
            (" 5", None),
            ("5  m", None),
            ("_5", None),
            ("0x10", None),
            ("5bb", None),
            ("inf", None),
            ("1t", Some(1 << 40)),
            ("", None),
            ("m", None),
            ("-1", None),
            ("1x", None),
            ("1.2.3m", None),
            ("99999999999999999999g", None),
            ("9000000p", None),
        ] {
            assert_eq!(parse_bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn durations_are_read_and_printed_in_go_form() {
        for (text, millis, printed) in [
            ("1m30s", 90_000, "1m30s"),
            ("500ms", 500, "500ms"),
            ("1.5s", 1_500, "1.5s"),
            ("2m", 120_000, "2m0s"),
            ("1h1ms", 3_600_001, "1h0m0.001s"),
            ("0", 0, "0s"),
            ("90s", 90_000, "1m30s"),
            ("1d", 86_400_000, "24h0m0s"),
            ("1w1s", 604_801_000, "168h0m1s"),
            ("+.5s", 500, "500ms"),
            ("1.s", 1_000, "1s"),
        ] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(duration, Duration::from_millis(millis), "{text}");
            assert_eq!(format_duration(duration), printed, "{text}");
        }
        assert_eq!(format_duration(Duration::from_nanos(1_500)), "1.5µs");
        assert_eq!(parse_nanos("1.5ns").map(format_nanos).as_deref(), Some("1ns"));
        assert_eq!(parse_nanos("-5m").map(format_nanos).as_deref(), Some("-5m0s"));
        assert_eq!(parse_nanos("1.0000000000000000000000001s"), Some(1_000_000_000));
        for wrong in
            ["", "-", "10", "s", "-1s", "1x", "1m30", "..s", "99999999999999999999h", "300000h300000000h"]
        {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn signals_and_capabilities_have_one_name() {
        for (text, expected) in [
            ("SIGTERM", Some("TERM")),
            ("term", Some("TERM")),
            ("9", Some("KILL")),
            ("SIGRTMIN+3", Some("RTMIN+3")),
            ("37", Some("RTMIN+3")),
            ("RTMIN", Some("RTMIN")),
            ("SIGFOO", None),
            ("0", None),
            ("32", None),
        ] {
            assert_eq!(signal_name(text).as_deref(), expected, "{text}");
        }
        assert_eq!(capability_name("cap_net_admin").as_deref(), Some("NET_ADMIN"));
        assert_eq!(capability_name("all").as_deref(), Some("ALL"));
        assert_eq!(capability_name("NET"), None);
    }
}
