//! Tables: left-aligned columns, three blanks apart, as wide as their content.

use super::style::{Ink, Style};
use clap::ValueEnum;

/// A list is told as a table for people, or as JSON for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[value(help = None)]
    Table,
    #[value(help = None)]
    Json,
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    ink: Ink,
    text: String,
}

impl Cell {
    /// A cell in this colour.
    pub(crate) fn new(ink: Ink, text: impl Into<String>) -> Self {
        Self { ink, text: text.into() }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(Ink::Plain, text)
    }
}

/// The table as text. The last column is not filled up, so that no line ends in blanks.
pub(crate) fn render(style: Style, header: &[&str], rows: &[Vec<Cell>]) -> String {
    let head = header.iter().map(|title| Cell::new(Ink::Dim, *title)).collect();
    let rows: Vec<&Vec<Cell>> = std::iter::once(&head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].text.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    rows.iter().map(|row| line(style, row, &widths) + "\n").collect()
}

fn line(style: Style, row: &[Cell], widths: &[usize]) -> String {
    let mut line = String::new();
    let mut blanks = 0;
    for (cell, width) in row.iter().zip(widths) {
        if !cell.text.is_empty() {
            line.extend(std::iter::repeat_n(' ', blanks));
            line.push_str(&style.paint(cell.ink, &cell.text));
            blanks = 0;
        }
        blanks += width + 3 - cell.text.chars().count();
    }
    line
}

/// The beginning of a text, in one line.
pub(crate) fn cut(text: &str, width: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(width) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_to_one_line_of_bounded_length() {
        assert_eq!(cut("RUN a \\\n   b", 60), "RUN a \\ b");
        assert_eq!(cut(&"ä".repeat(70), 60), format!("{}…", "ä".repeat(60)));
    }

    #[test]
    fn columns_line_up_and_no_line_ends_in_blanks() {
        let rows = vec![
            vec!["shop-web-1".into(), "Up 3 minutes".into(), "80/tcp".into()],
            vec!["shop-db-1".into(), Cell::new(Ink::Red, "Exited (1)"), "".into()],
        ];
        let text = render(Style::default(), &["NAME", "STATUS", "PORTS"], &rows);
        assert_eq!(
            text,
            "NAME         STATUS         PORTS\nshop-web-1   Up 3 minutes   80/tcp\nshop-db-1    Exited (1)\n"
        );
    }

    #[test]
    fn paint_does_not_move_columns() {
        let rows = vec![vec![Cell::new(Ink::Red, "a"), "b".into()]];
        let text = render(Style { colour: true }, &["X", "Y"], &rows);
        assert!(text.ends_with("\x1b[31ma\x1b[0m   b\n"), "{text:?}");
    }
}
