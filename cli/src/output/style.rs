//! Colours: what is painted how, and whether at all.

use std::borrow::Cow;

/// Whether one stream gets colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Escape sequences are wanted.
    pub(crate) colour: bool,
}

/// How a piece of text is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// As it is.
    Plain,
    /// Less important.
    Dim,
    /// More important.
    Bold,
    /// Wrong.
    Red,
    /// Data is lost.
    Alarm,
    /// Well.
    Green,
    /// Changed, or to be looked at.
    Yellow,
    /// Being done.
    Cyan,
    /// One of the colours that tell services apart in logs.
    Service(usize),
}

/// SGR parameters of the colours that tell services apart: no red, which means trouble.
const SERVICES: [&str; 10] = ["36", "33", "32", "35", "34", "96", "93", "92", "95", "94"];

impl Ink {
    /// SGR parameters (ECMA-48).
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Red => "31",
            Self::Alarm => "1;31",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Cyan => "36",
            Self::Service(index) => SERVICES[index % SERVICES.len()],
        }
    }
}

impl Style {
    /// The text with its paint, when there is any.
    pub(crate) fn paint<'a>(self, ink: Ink, text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
        let text = text.into();
        if !self.colour || ink == Ink::Plain || text.is_empty() {
            return text;
        }
        Cow::Owned(format!("\x1b[{}m{text}\x1b[0m", ink.code()))
    }

    /// A line of painted pieces, cut to so many columns.
    pub(crate) fn line(self, pieces: &[(Ink, String)], width: usize) -> String {
        let mut left = width;
        let mut line = String::new();
        for (ink, text) in pieces {
            let piece: String = text.chars().take(left).collect();
            left -= piece.chars().count();
            line.push_str(&self.paint(*ink, piece));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_nothing_but_the_text_is_printed() {
        assert_eq!(Style { colour: false }.paint(Ink::Red, "no"), "no");
        assert_eq!(Style { colour: true }.paint(Ink::Red, "no"), "\x1b[31mno\x1b[0m");
    }

    #[test]
    fn a_line_is_cut_where_the_terminal_ends_and_its_paint_still_closes() {
        let pieces = [(Ink::Plain, "ab ".to_owned()), (Ink::Green, "cdef".to_owned())];
        assert_eq!(Style { colour: true }.line(&pieces, 5), "ab \x1b[32mcd\x1b[0m");
        assert_eq!(Style { colour: false }.line(&pieces, 2), "ab");
    }
}
