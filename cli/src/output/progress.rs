//! Draws a [`Board`] while a plan runs: a moving picture on a terminal, otherwise one line
//! for each finished resource. The picture has a thread of its own, so that spinners turn while
//! the steps work.

use super::board::{Board, Line};
use super::events::Events;
use super::{Screen, Style};
use crate::args::Telling;
use engine::Event;
use planner::plan::Plan;
use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Time between two pictures.
const FRAME: Duration = Duration::from_millis(80);

/// What is told.
pub(crate) enum Told {
    /// How the plan gets on.
    Event(Event),
    /// Something about all of it.
    Remark(&'static str),
}

/// Progress of one plan.
pub(crate) enum Progress {
    /// A picture, drawn by a thread.
    Live {
        /// Where events go.
        events: Sender<Told>,
        /// Who draws.
        thread: JoinHandle<()>,
    },
    /// Lines, written when there is one.
    Plain(RefCell<Board>, Style),
    /// A document for each event.
    Json(Events),
    /// Nothing.
    Silent,
}

impl Progress {
    /// Begins to draw.
    pub(crate) fn start(plan: &Plan, screen: Screen) -> Self {
        match screen.telling {
            Some(Telling::Json) => return Self::Json(Events::new(plan)),
            Some(Telling::Quiet) => return Self::Silent,
            _ => {}
        }
        let board = Board::new(plan, Instant::now());
        if !screen.live {
            return Self::Plain(RefCell::new(board), screen.err);
        }
        let (events, told) = mpsc::channel();
        Self::Live { events, thread: std::thread::spawn(move || live(board, &told, screen)) }
    }

    /// Takes in what happened.
    pub(crate) fn tell(&self, told: Told) {
        match self {
            // The thread ends only when we do.
            Self::Live { events, .. } => drop(events.send(told)),
            Self::Plain(board, style) => plain(&mut board.borrow_mut(), told, *style),
            Self::Json(events) => {
                if let Some(document) = events.document(&told) {
                    let _ = writeln!(io::stderr(), "{document}");
                }
            }
            Self::Silent => {}
        }
    }

    /// Draws the rest and ends.
    pub(crate) fn finish(self) {
        if let Self::Live { events, thread } = self {
            drop(events);
            // A thread that panicked has said so; the plan's outcome does not depend on it.
            let _ = thread.join();
        }
    }
}

/// A line for each resource that is over. A closed standard error is not worth an end.
fn plain(board: &mut Board, told: Told, style: Style) {
    let line = match told {
        Told::Event(event) => {
            let row = board.tell(event, Instant::now());
            for line in board.take_said() {
                let _ = writeln!(io::stderr(), "{}", style.line(&line, usize::MAX));
            }
            row.map(|row| style.line(&board.plain(row), usize::MAX))
        }
        Told::Remark(remark) => Some(remark.to_owned()),
    };
    if let Some(line) = line {
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// A picture that is drawn over the last one.
fn live(mut board: Board, events: &Receiver<Told>, screen: Screen) {
    let mut drawn = 0;
    let mut next = Instant::now();
    loop {
        match events.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(Told::Event(event)) => {
                board.tell(event, Instant::now());
                // The picture shows it in its own way.
                board.take_said();
            }
            Ok(Told::Remark(remark)) => board.remark(remark),
            Err(RecvTimeoutError::Timeout) => {
                let (width, height) = Screen::size();
                let lines = board.frame(Instant::now(), height);
                drawn = draw(&lines, drawn, (screen.err, width));
                next = Instant::now() + FRAME;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    // The last picture stays, so it shows every row, and no headline: the summary follows.
    let lines = board.frame(Instant::now(), usize::MAX);
    draw(&lines[1..], drawn, (screen.err, Screen::size().0));
}

/// Puts lines in place of the `drawn` ones above the cursor.
fn draw(lines: &[Line], drawn: usize, (style, width): (Style, usize)) -> usize {
    let mut text = match drawn {
        0 => String::new(),
        drawn => format!("\x1b[{drawn}A\r"),
    };
    for line in lines {
        text.push_str(&style.line(line, width));
        text.push_str("\x1b[K\n");
    }
    text.push_str("\x1b[J");
    let _ = io::stderr().write_all(text.as_bytes());
    lines.len()
}
