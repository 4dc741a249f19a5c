//! `--chmod`: octal, or as chmod(1) has it. Pure.

use crate::error::{Error, Kind, Result};

/// A change of permission bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chmod {
    /// Exactly these.
    To(u32),
    /// What each clause says, one after another.
    By(Vec<Clause>),
}

/// `ug+rx`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clause {
    /// Bits of whom: 0o700, 0o070, 0o007.
    who: u32,
    sign: char,
    bits: String,
}

impl Chmod {
    /// Reads it.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let refuse = || {
            Error::new(Kind::Unsupported, format!("`{text}` is not a mode"))
                .hint("a mode is octal, such as 755, or as chmod has it, such as u=rwX,go-w")
        };
        if text.starts_with(|digit: char| digit.is_ascii_digit()) {
            let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777);
            return mode.map(Self::To).ok_or_else(refuse);
        }
        let clauses: Option<Vec<_>> = text.split(',').map(Clause::parse).collect();
        clauses.map(|clauses| Self::By(clauses.concat())).ok_or_else(refuse)
    }

    /// The mode that comes of another one.
    pub(super) fn apply(&self, mode: u32, is_folder: bool) -> u32 {
        match self {
            Self::To(mode) => *mode,
            Self::By(clauses) => {
                clauses.iter().fold(mode & 0o7777, |mode, clause| clause.apply(mode, is_folder))
            }
        }
    }
}

impl Clause {
    /// `u+r-w` is two of them.
    fn parse(text: &str) -> Option<Vec<Self>> {
        let signs = ['+', '-', '='];
        let (whom, mut rest) = text.split_at(text.find(signs)?);
        let mut who = 0;
        for letter in whom.chars() {
            who |= match letter {
                'u' => 0o700,
                'g' => 0o070,
                'o' => 0o007,
                'a' => 0o777,
                _ => return None,
            };
        }
        let mut clauses = Vec::new();
        while let Some(sign) = rest.chars().next() {
            let behind = &rest[1..];
            let (bits, next) = behind.split_at(behind.find(signs).unwrap_or(behind.len()));
            let is_copy = matches!(bits, "u" | "g" | "o");
            if !is_copy && bits.chars().any(|bit| !"rwxXst".contains(bit)) {
                return None;
            }
            clauses.push(Self { who: if who == 0 { 0o777 } else { who }, sign, bits: bits.to_owned() });
            rest = next;
        }
        Some(clauses)
    }

    fn apply(&self, mode: u32, is_folder: bool) -> u32 {
        let (mut bits, mut special) = (0, 0);
        for bit in self.bits.chars() {
            match bit {
                'r' => bits |= 0o444,
                'w' => bits |= 0o222,
                'x' => bits |= 0o111,
                'X' if is_folder || mode & 0o111 != 0 => bits |= 0o111,
                's' => special |= self.set_id(),
                't' => special |= 0o1000,
                'u' => bits |= (mode >> 6 & 7) * 0o111,
                'g' => bits |= (mode >> 3 & 7) * 0o111,
                'o' => bits |= (mode & 7) * 0o111,
                _ => {}
            }
        }
        let change = bits & self.who | special;
        match self.sign {
            '+' => mode | change,
            '-' => mode & !change,
            _ => mode & !(self.who | self.set_id()) | change,
        }
    }

    fn set_id(&self) -> u32 {
        (if self.who & 0o700 != 0 { 0o4000 } else { 0 }) | (if self.who & 0o070 != 0 { 0o2000 } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_come_out_as_chmod_makes_them() {
        let table = [
            ("755", 0o644, false, 0o755),
            ("4711", 0o644, false, 0o4711),
            ("0", 0o644, false, 0),
            ("+x", 0o644, false, 0o755),
            ("u=rwX,go=rX", 0o600, true, 0o755),
            ("u=rwX,go=rX", 0o600, false, 0o644),
            ("a+X", 0o744, false, 0o755),
            ("go-w", 0o777, false, 0o755),
            ("u+s,g+s", 0o755, false, 0o6755),
            ("u=rw", 0o4755, false, 0o655),
            ("+t", 0o777, true, 0o1777),
            ("g=u", 0o740, false, 0o770),
            ("o=", 0o777, false, 0o770),
            ("u+x-w", 0o644, false, 0o544),
        ];
        for (text, mode, is_folder, expected) in table {
            let made = Chmod::parse(text).unwrap().apply(mode, is_folder);
            assert_eq!(made, expected, "{text} of {mode:o} is {made:o}");
        }
        for text in ["", "888", "77777", "rwx", "u~x", "u+y", "x+u", "u", ","] {
            assert!(Chmod::parse(text).is_err(), "{text}");
        }
    }
}
