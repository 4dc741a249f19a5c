//! The records of a PAX extended header: `<length> <key>=<value>\n`, values may be binary.

use std::io;

/// What the names of extended attributes begin with.
pub(crate) const XATTR: &[u8] = b"SCHILY.xattr.";

/// What is used of one header.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pax {
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) link: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
    pub(crate) uid: Option<u64>,
    pub(crate) gid: Option<u64>,
    /// Seconds and nanoseconds; the second part counts forwards.
    pub(crate) mtime: Option<(i64, u32)>,
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Name and size of a file in GNU's sparse format 1.0.
    pub(crate) sparse_name: Option<Vec<u8>>,
    pub(crate) sparse_size: Option<u64>,
}

/// Reads all records. An empty value takes back what an earlier one said.
pub(crate) fn parse(mut text: &[u8]) -> io::Result<Pax> {
    let mut pax = Pax::default();
    while !text.is_empty() {
        let (key, value, rest) = record(text).ok_or_else(malformed)?;
        apply(&mut pax, key, value)?;
        text = rest;
    }
    Ok(pax)
}

/// Key, value and what follows.
fn record(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = text.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = number(&text[..space])?;
    let (record, rest) = text.split_at_checked(length)?;
    let (b'\n', body) = record.get(space + 1..)?.split_last()? else { return None };
    let equals = body.iter().position(|byte| *byte == b'=')?;
    Some((&body[..equals], &body[equals + 1..], rest))
}

fn apply(pax: &mut Pax, key: &[u8], value: &[u8]) -> io::Result<()> {
    let bytes = (!value.is_empty()).then(|| value.to_vec());
    let count = || match value {
        [] => Ok(None),
        value => number(value).map(Some).ok_or_else(malformed),
    };
    match key {
        b"path" => pax.path = bytes,
        b"linkpath" => pax.link = bytes,
        b"size" => pax.size = count()?,
        b"uid" => pax.uid = count()?,
        b"gid" => pax.gid = count()?,
        b"mtime" if value.is_empty() => pax.mtime = None,
        b"mtime" => pax.mtime = Some(time(value).ok_or_else(malformed)?),
        b"GNU.sparse.name" => pax.sparse_name = bytes,
        b"GNU.sparse.realsize" => pax.sparse_size = count()?,
        b"GNU.sparse.major" if value != b"1" => return Err(old_sparse()),
        b"GNU.sparse.map" | b"GNU.sparse.offset" | b"GNU.sparse.size" => return Err(old_sparse()),
        _ => {
            if let Some(name) = key.strip_prefix(XATTR) {
                pax.xattrs.push((name.to_vec(), value.to_vec()));
            }
        }
    }
    Ok(())
}

/// Adds a record. Its length counts its own digits.
pub(crate) fn write(records: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let digits = |number: usize| number.to_string().len();
    let mut length = rest + digits(rest);
    if digits(length) > digits(rest) {
        length = rest + digits(length);
    }
    records.extend(length.to_string().into_bytes());
    for part in [&b" "[..], key, b"=", value, b"\n"] {
        records.extend(part);
    }
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok().filter(|text| !text.starts_with('+'))?.parse().ok()
}

/// `-1.25` is 750 million nanoseconds after second -2.
fn time(value: &[u8]) -> Option<(i64, u32)> {
    let text = std::str::from_utf8(value).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let nanos: u32 = digits.parse().ok()?;
    match nanos {
        0 => Some((seconds, 0)),
        nanos if whole.starts_with('-') => Some((seconds.checked_sub(1)?, 1_000_000_000 - nanos)),
        nanos => Some((seconds, nanos)),
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "an extended header is damaged")
}

fn old_sparse() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "a sparse file is in an old format; GNU tar before 1.16 wrote it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_by_their_length() {
        let pax = parse(b"9 path=a\n13 linkpath=\n10 size=12\n20 mtime=1.000000001\n").unwrap_err();
        assert_eq!(pax.kind(), io::ErrorKind::InvalidData);
        let pax = parse(b"11 path=a\n\n13 linkpath=\n11 size=12\n21 mtime=1.000000001\n").unwrap();
        assert_eq!((pax.path.as_deref(), pax.link, pax.size), (Some(&b"a\n"[..]), None, Some(12)));
        assert_eq!(pax.mtime, Some((1, 1)));
    }

    #[test]
    fn a_record_knows_its_length_whatever_it_is() {
        for length in (0..120).chain(980..1000).chain(9980..10000) {
            let mut records = Vec::new();
            let value = vec![b'x'; length];
            write(&mut records, b"path", &value);
            write(&mut records, b"size", b"7");
            let pax = parse(&records).unwrap();
            assert_eq!((pax.path.unwrap_or_default(), pax.size), (value, Some(7)));
        }
    }

    #[test]
    fn damaged_records_are_refused() {
        let cases: [&[u8]; 9] = [
            b"x",
            b"5 a=b",
            b"99 a=b\n",
            b"3 a=b\n",
            b"0 a=b\n",
            b"6 abc\n\n",
            b"11 size=-1\n",
            b"+6 a=b\n",
            b"18446744073709551615 a=b\n",
        ];
        for text in cases {
            assert!(parse(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }
}
