//! Amounts of bytes in words.

/// Bytes with three digits, in powers of ten: `1.23 MB`.
pub(crate) fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut units = ["B", "kB", "MB", "GB", "TB"].iter();
    let mut unit = units.next();
    while value >= 999.5 && units.len() > 0 {
        value /= 1000.0;
        unit = units.next();
    }
    let digits = match value {
        _ if bytes < 1000 => 0,
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {}", unit.unwrap_or(&"B"))
}

/// Twelve digits of an image's id, as people know them.
pub(crate) fn short_id(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    digits.get(..12).unwrap_or(digits)
}

/// How far a transfer is: `1.20 MB of 5.30 MB`.
pub(crate) fn transfer(done: u64, total: u64) -> String {
    match total {
        0 => size(done),
        total => format!("{} of {}", size(done), size(total)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (12_340, "12.3 kB"),
            (999_700, "1.00 MB"),
            (2_054_112, "2.05 MB"),
            (123_456_789_000, "123 GB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn an_id_is_shortened_without_its_algorithm() {
        assert_eq!(short_id("sha256:0123456789abcdef"), "0123456789ab");
        assert_eq!(short_id("x"), "x");
    }

    #[test]
    fn a_transfer_says_its_end_when_that_is_known() {
        assert_eq!(transfer(1_200_000, 5_300_000), "1.20 MB of 5.30 MB");
        assert_eq!(transfer(12, 0), "12 B");
    }
}
