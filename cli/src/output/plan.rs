//! A plan on a terminal: the planner's text in colours.

use super::style::{Ink, Style};
use planner::plan::render::{Span, Style as Sense, Text};

/// The text with each stretch painted after what it means.
pub(crate) fn paint(style: Style, text: &Text) -> String {
    let span = |span: &Span| style.paint(ink(span.style), &span.text).into_owned();
    text.lines.iter().map(|line| line.iter().map(span).collect::<String>() + "\n").collect()
}

fn ink(sense: Sense) -> Ink {
    match sense {
        Sense::Plain => Ink::Plain,
        Sense::Create => Ink::Green,
        Sense::Remove => Ink::Red,
        Sense::Update => Ink::Yellow,
        Sense::Replace => Ink::Cyan,
        Sense::Danger => Ink::Alarm,
        Sense::Muted => Ink::Dim,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stretch_has_the_colour_of_its_meaning() {
        let span = |style, text: &str| Span { style, text: text.into() };
        let text = Text { lines: vec![vec![span(Sense::Create, "+"), span(Sense::Plain, " network a")]] };
        assert_eq!(paint(Style { colour: true }, &text), "\x1b[32m+\x1b[0m network a\n");
        assert_eq!(paint(Style::default(), &text), "+ network a\n");
    }
}
