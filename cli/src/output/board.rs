//! How far a running plan is, one row for each resource: fed with events, asked for lines.

use super::build::BuildLog;
use super::resource::{Resource, STARTING, STOPPING, doing, resources};
use super::size::transfer;
use super::style::Ink;
use super::time::took;
use engine::event::Finish;
use engine::{Event, Progress};
use planner::StepId;
use planner::plan::{Node, Plan};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A line as painted pieces.
pub(crate) type Line = Vec<(Ink, String)>;

/// What a spinner shows, one after the other.
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// How long each of them stays.
const TURN: Duration = Duration::from_millis(80);

/// A stop that takes so long is worth the words of the engine about it: a program that ignores
/// its stop signal is the usual reason.
const SLOW: Duration = Duration::from_secs(1);

/// What has become of a resource whose first steps were done. The longest word that is not
/// known beforehand.
const PARTLY: &str = "skipped the rest";

/// The rows of one plan.
pub(crate) struct Board {
    stack: String,
    rows: Vec<Row>,
    row_of: Vec<usize>,
    steps: Vec<StepNote>,
    began: Instant,
    remark: &'static str,
    /// Lines for people who read a file, not taken yet.
    said: Vec<Line>,
    label_width: usize,
    result_width: usize,
}

/// What the board must remember of one step.
struct StepNote {
    doing: &'static str,
    /// Steps that must be over before it.
    waits_for: Vec<StepId>,
    /// How it ended, once it is over.
    finish: Option<Finish>,
}

/// One resource and how far it is.
struct Row {
    resource: Resource,
    /// Steps that run now, and since when.
    running: BTreeMap<StepId, Instant>,
    /// Steps that are over.
    over: usize,
    /// Time that finished steps took.
    spent: Duration,
    /// What the running step last said.
    note: String,
    /// The steps of its build.
    build: BuildLog,
    /// Why it took long, or what is odd about it, if that is known.
    remark: String,
    /// The worst end of a step.
    finish: Finish,
}

impl Row {
    fn new(resource: Resource) -> Self {
        Self {
            resource,
            running: BTreeMap::new(),
            over: 0,
            spent: Duration::ZERO,
            note: String::new(),
            build: BuildLog::default(),
            remark: String::new(),
            finish: Finish::Done,
        }
    }

    fn is_over(&self) -> bool {
        self.over == self.resource.steps.len()
    }

    fn is_failed(&self) -> bool {
        self.finish == Finish::Failed
    }

    fn elapsed(&self, now: Instant) -> Duration {
        let running = self.running.values().map(|since| now.saturating_duration_since(*since));
        self.spent + running.max().unwrap_or_default()
    }
}

/// Worse ends hide better ones.
fn rank(finish: Finish) -> u8 {
    match finish {
        Finish::Done => 0,
        Finish::Skipped => 1,
        Finish::Cancelled => 2,
        Finish::Failed => 3,
    }
}

impl Board {
    /// All rows, waiting.
    pub(crate) fn new(plan: &Plan, now: Instant) -> Self {
        let rows: Vec<Row> = resources(plan).into_iter().map(Row::new).collect();
        let mut row_of = vec![0; plan.nodes.len()];
        for (at, row) in rows.iter().enumerate() {
            row.resource.steps.iter().for_each(|step| row_of[*step] = at);
        }
        let note = |node: &Node| StepNote {
            doing: doing(&node.step),
            waits_for: node.needs.iter().chain(&node.after).copied().collect(),
            finish: None,
        };
        let steps = plan.nodes.iter().map(note).collect();
        let labels = rows.iter().map(|row| row.resource.label().chars().count());
        let label_width = labels.max().unwrap_or(0);
        let results = rows.iter().map(|row| row.resource.result().len());
        let result_width = results.chain([PARTLY.len()]).max().unwrap_or(0);
        Self {
            stack: plan.stack.clone(),
            rows,
            row_of,
            steps,
            began: now,
            remark: "",
            said: Vec::new(),
            label_width,
            result_width,
        }
    }

    /// Takes in one event; the answer is the row that is over with it.
    pub(crate) fn tell(&mut self, event: Event, now: Instant) -> Option<usize> {
        let (Event::Started(step) | Event::Progress(step, _) | Event::Finished(step, ..)) = event;
        let at = *self.row_of.get(step)?;
        let row = &mut self.rows[at];
        match event {
            Event::Started(step) => {
                row.running.insert(step, now);
            }
            Event::Progress(_, Progress::Note(note)) => row.note = note,
            Event::Progress(_, Progress::Trouble(what)) => row.remark = format!("  {what}"),
            Event::Progress(_, Progress::Build(event)) => {
                let name = &row.resource.name;
                let named = |mut line: Line| {
                    line.insert(0, (Ink::Dim, format!("{name} ")));
                    line
                };
                self.said.extend(row.build.tell(&event, now).into_iter().map(named));
                row.note = row.build.summary();
            }
            Event::Progress(_, Progress::Transfer { done, total }) => row.note = transfer(done, total),
            Event::Finished(step, finish, time) => {
                row.running.remove(&step);
                row.over += 1;
                row.spent += time;
                let note = std::mem::take(&mut row.note);
                let is_worth_it = match self.steps[step].doing {
                    STARTING => !note.is_empty(),
                    doing => doing == STOPPING && time >= SLOW,
                };
                if is_worth_it && row.remark.is_empty() {
                    row.remark = format!("  {note}");
                }
                self.steps[step].finish = Some(finish);
                if rank(finish) > rank(row.finish) {
                    row.finish = finish;
                }
                return row.is_over().then_some(at);
            }
        }
        None
    }

    /// What builds said since this was last asked, for people who read a file.
    pub(crate) fn take_said(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.said)
    }

    /// Says something about all of it in the headline.
    pub(crate) fn remark(&mut self, remark: &'static str) {
        self.remark = remark;
    }

    /// One line about a row that is over, for people who read a file.
    pub(crate) fn plain(&self, at: usize) -> Line {
        let row = &self.rows[at];
        let ink = match row.finish {
            Finish::Done => Ink::Green,
            Finish::Failed => Ink::Red,
            Finish::Skipped | Finish::Cancelled => Ink::Yellow,
        };
        if row.spent.is_zero() {
            return vec![(Ink::Plain, self.label(row)), (ink, self.result(row))];
        }
        let time = format!("  {}{}", took(row.spent), row.remark);
        vec![
            (Ink::Plain, self.label(row)),
            (ink, pad(&self.result(row), self.result_width)),
            (Ink::Dim, time),
        ]
    }

    /// The picture for a terminal of so many lines: a headline, then rows. When there are more
    /// rows than lines, those that are over and then those that wait are only counted.
    pub(crate) fn frame(&self, now: Instant, height: usize) -> Vec<Line> {
        let over = self.rows.iter().filter(|row| row.is_over()).count();
        let head = format!("{}: {over} of {}, {}", self.stack, self.rows.len(), took(now - self.began));
        let remark = if self.remark.is_empty() { String::new() } else { format!("  {}", self.remark) };
        let mut lines = vec![vec![(Ink::Bold, head), (Ink::Yellow, remark)]];
        let room = height.saturating_sub(3).max(1);
        let shown = self.shown(room);
        // What runs in a build is shown as long as there is room for all rows.
        let mut left = room.saturating_sub(shown.len());
        for at in &shown {
            let row = &self.rows[*at];
            lines.push(self.live(row, now));
            let inside = if row.is_over() { Vec::new() } else { row.build.frame(now) };
            lines.extend(inside.into_iter().take(left));
            left = room.saturating_sub(lines.len());
        }
        if shown.len() < self.rows.len() {
            let text = format!("  and {} more", self.rows.len() - shown.len());
            lines.push(vec![(Ink::Dim, text)]);
        }
        lines
    }

    /// The rows worth the space, in their order.
    fn shown(&self, room: usize) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..self.rows.len()).collect();
        if rows.len() > room {
            let worth = |at: &usize| match &self.rows[*at] {
                row if row.is_failed() => 0,
                row if !row.running.is_empty() => 1,
                row if row.is_over() => 3,
                _ => 2,
            };
            rows.sort_by_key(worth);
            rows.truncate(room);
            rows.sort_unstable();
        }
        rows
    }

    /// One row as it is now.
    fn live(&self, row: &Row, now: Instant) -> Line {
        let label = self.label(row);
        let word = |text: &str| pad(text, self.result_width);
        if row.is_over() {
            let (mark, ink) = match row.finish {
                Finish::Done => ("✔", Ink::Green),
                Finish::Failed => ("✘", Ink::Red),
                Finish::Skipped | Finish::Cancelled => ("–", Ink::Yellow),
            };
            let time = if row.spent.is_zero() { String::new() } else { took(row.spent) + &row.remark };
            return vec![
                (ink, format!("{mark} ")),
                (Ink::Plain, label),
                (ink, word(&self.result(row))),
                (Ink::Dim, format!("  {time}")),
            ];
        }
        let Some((step, _)) = row.running.last_key_value() else {
            return vec![(Ink::Dim, format!("· {label}{}", self.waiting(row)).trim_end().to_owned())];
        };
        let turn = (now - self.began).as_millis() / TURN.as_millis();
        let spinner = SPINNER[turn as usize % SPINNER.len()];
        vec![
            (Ink::Cyan, format!("{spinner} ")),
            (Ink::Plain, label),
            (Ink::Cyan, word(self.steps[*step].doing)),
            (Ink::Dim, format!("  {}  {}", took(row.elapsed(now)), row.note).trim_end().to_owned()),
        ]
    }

    /// What the next step of a row waits for, when that is another resource.
    fn waiting(&self, row: &Row) -> String {
        let unfinished = |step: &&StepId| self.steps[**step].finish.is_none();
        let next = row.resource.steps.iter().find(unfinished);
        let needs = next.map(|step| self.steps[*step].waits_for.iter());
        let other = needs.into_iter().flatten().filter(unfinished).map(|step| &self.rows[self.row_of[*step]]);
        let mut names =
            other.map(|other| other.resource.name.as_str()).filter(|name| *name != row.resource.name);
        names.next().map_or_else(String::new, |name| format!("waits for {name}"))
    }

    /// What has become of a row that is over.
    fn result(&self, row: &Row) -> String {
        let done = |step: &&StepId| self.steps[**step].finish == Some(Finish::Done);
        match row.finish {
            Finish::Done => row.resource.result(),
            Finish::Failed => "failed".to_owned(),
            Finish::Skipped if row.resource.steps.iter().any(|step| done(&step)) => PARTLY.to_owned(),
            Finish::Skipped => "skipped".to_owned(),
            Finish::Cancelled => "interrupted".to_owned(),
        }
    }

    fn label(&self, row: &Row) -> String {
        pad(&row.resource.label(), self.label_width) + "  "
    }
}

fn pad(text: &str, width: usize) -> String {
    format!("{text:width$}")
}

#[cfg(test)]
mod tests {
    use super::super::resource::tests::plan;
    use super::super::style::Style;
    use super::*;

    fn text(line: &Line) -> String {
        Style::default().line(line, 200)
    }

    fn finish(board: &mut Board, step: StepId, how: Finish, ms: u64) -> Option<usize> {
        board.tell(Event::Finished(step, how, Duration::from_millis(ms)), Instant::now())
    }

    #[test]
    fn a_resource_is_told_once_when_its_last_step_is_over() {
        let mut board = Board::new(&plan(), Instant::now());
        assert_eq!(finish(&mut board, 1, Finish::Done, 5), None);
        assert_eq!(finish(&mut board, 2, Finish::Done, 7), None);
        assert_eq!(finish(&mut board, 3, Finish::Done, 300), Some(1));
        assert_eq!(text(&board.plain(1)), "container shop-db-1   started, healthy  0.31 s");
    }

    #[test]
    fn a_failure_marks_its_row_and_what_was_not_tried_has_no_time() {
        let mut board = Board::new(&plan(), Instant::now());
        finish(&mut board, 1, Finish::Done, 5);
        finish(&mut board, 2, Finish::Failed, 7);
        assert_eq!(finish(&mut board, 3, Finish::Skipped, 0), Some(1));
        assert_eq!(text(&board.plain(1)), "container shop-db-1   failed            12 ms");
        for step in 4..7 {
            finish(&mut board, step, Finish::Skipped, 0);
        }
        assert_eq!(finish(&mut board, 7, Finish::Skipped, 0), Some(2));
        assert_eq!(text(&board.plain(2)), "container shop-web-1  skipped");
    }

    #[test]
    fn a_slow_stop_says_why() {
        let mut board = Board::new(&plan(), Instant::now());
        board.tell(Event::Progress(4, Progress::Note("it ignores SIGTERM".into())), Instant::now());
        finish(&mut board, 4, Finish::Done, 10_000);
        for step in 5..7 {
            finish(&mut board, step, Finish::Done, 1);
        }
        assert_eq!(finish(&mut board, 7, Finish::Done, 1), Some(2));
        assert_eq!(
            text(&board.plain(2)),
            "container shop-web-1  replaced          10.0 s  it ignores SIGTERM"
        );
    }

    #[test]
    fn the_picture_shows_what_runs_what_is_over_and_what_waits() {
        let now = Instant::now();
        let mut board = Board::new(&plan(), now);
        finish(&mut board, 0, Finish::Done, 3);
        board.tell(Event::Started(1), now);
        board.tell(Event::Progress(1, Progress::Note("copying".into())), now);
        let lines: Vec<_> = board.frame(now + Duration::from_millis(200), 24).iter().map(text).collect();
        assert_eq!(
            lines,
            [
                "shop: 1 of 3, 0.20 s",
                "✔ network shop_default  created           3 ms",
                "⠹ container shop-db-1   creating          0.20 s  copying",
                "· container shop-web-1  waits for shop-db-1",
            ]
        );
    }

    #[test]
    fn a_low_terminal_shows_what_runs_and_counts_the_rest() {
        let now = Instant::now();
        let mut board = Board::new(&plan(), now);
        finish(&mut board, 0, Finish::Done, 3);
        board.tell(Event::Started(4), now);
        let lines: Vec<_> = board.frame(now, 4).iter().map(text).collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[1].contains("shop-web-1  stopping"), "{lines:?}");
        assert_eq!(lines[2], "  and 2 more");
    }
}
