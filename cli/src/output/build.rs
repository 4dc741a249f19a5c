//! How far a build is: its steps, what their programs print, and how long they took.

use super::board::Line;
use super::diagnostic;
use super::size::short_id;
use super::size::transfer;
use super::style::Ink;
use super::time::took;
use engine::build::{BuildEvent, BuildStep, Missed, StepId};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Lines of output that a terminal shows of a step that runs.
const SHOWN: usize = 4;
/// Columns in which warnings are told.
const WIDTH: usize = 110;

/// The steps of one build.
#[derive(Debug, Default)]
pub(crate) struct BuildLog {
    steps: BTreeMap<StepId, Entry>,
    /// What is done before or after the steps.
    note: String,
    warnings: usize,
}

/// One step.
#[derive(Debug)]
struct Entry {
    step: BuildStep,
    since: Option<Instant>,
    is_over: bool,
    /// How much of its image is there.
    note: String,
    /// What it last printed.
    last: VecDeque<String>,
}

impl BuildLog {
    /// Takes in what happened; the answer is what people who read a file should know of it.
    pub(crate) fn tell(&mut self, event: &BuildEvent, now: Instant) -> Vec<Line> {
        match event {
            BuildEvent::Warnings(diagnostics) => {
                self.warnings += diagnostics.items.len();
                let text = diagnostic::render(diagnostics, false, WIDTH);
                text.trim_end().lines().map(|line| vec![(Ink::Yellow, line.to_owned())]).collect()
            }
            BuildEvent::Planned(steps) => {
                let entry = |(id, step): &(StepId, BuildStep)| (*id, Entry::new(step.clone()));
                self.steps = steps.iter().map(entry).collect();
                Vec::new()
            }
            BuildEvent::Started(id, missed) => self.of(*id, |entry| {
                entry.since = Some(now);
                entry.line(Ink::Plain, &format!("{}{}", entry.step.text, why(missed)))
            }),
            BuildEvent::Cached(id) => self.of(*id, |entry| {
                entry.is_over = true;
                entry.line(Ink::Dim, &format!("{} cached", entry.step.text))
            }),
            BuildEvent::Transfer(id, progress) => {
                let note = transfer(progress.bytes.done, progress.bytes.total);
                self.of(*id, |entry| entry.note = note);
                Vec::new()
            }
            BuildEvent::Output(id, text) => self.of(*id, |entry| {
                entry.say(text);
                entry.line(Ink::Dim, &format!("│ {text}"))
            }),
            BuildEvent::Done(id, time) => self.of(*id, |entry| entry.end(Ink::Green, "done", *time)),
            BuildEvent::Failed(id, time) => self.of(*id, |entry| entry.end(Ink::Red, "failed", *time)),
            BuildEvent::Note(what) => {
                self.note.clone_from(what);
                Vec::new()
            }
            BuildEvent::Built(id) => {
                vec![vec![(Ink::Dim, format!("is {}", short_id(id)))]]
            }
        }
    }

    fn of<T: Default>(&mut self, id: StepId, act: impl FnOnce(&mut Entry) -> T) -> T {
        self.steps.get_mut(&id).map(act).unwrap_or_default()
    }

    /// `3 of 12 steps`, or what is done before and after them.
    pub(crate) fn summary(&self) -> String {
        let over = self.steps.values().filter(|entry| entry.is_over).count();
        let warnings = match self.warnings {
            0 => String::new(),
            1 => ", 1 warning".to_owned(),
            many => format!(", {many} warnings"),
        };
        match (over == self.steps.len(), self.note.is_empty()) {
            (true, false) => format!("{}{warnings}", self.note),
            _ => format!("{over} of {} steps{warnings}", self.steps.len()),
        }
    }

    /// The steps that run, and the last lines of the one that began last.
    pub(crate) fn frame(&self, now: Instant) -> Vec<Line> {
        let running = self.steps.values().filter(|entry| entry.since.is_some() && !entry.is_over);
        let mut running: Vec<&Entry> = running.collect();
        running.sort_by_key(|entry| entry.since);
        let mut lines: Vec<Line> = running.iter().map(|entry| entry.live(now)).collect();
        let newest = running.last().into_iter().flat_map(|entry| &entry.last);
        lines.extend(newest.map(|text| vec![(Ink::Dim, format!("      │ {text}"))]));
        lines
    }
}

impl Entry {
    fn new(step: BuildStep) -> Self {
        Self { step, since: None, is_over: false, note: String::new(), last: VecDeque::new() }
    }

    /// `build 2/5`
    fn place(&self) -> String {
        format!("[{} {}/{}]", self.step.stage, self.step.number, self.step.of)
    }

    fn line(&self, ink: Ink, text: &str) -> Vec<Line> {
        vec![vec![(Ink::Cyan, format!("{} ", self.place())), (ink, plain(text))]]
    }

    fn live(&self, now: Instant) -> Line {
        let time = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        vec![
            (Ink::Cyan, format!("    {} ", self.place())),
            (Ink::Plain, plain(&self.step.text)),
            (Ink::Dim, format!("  {}  {}", took(time), self.note).trim_end().to_owned()),
        ]
    }

    fn say(&mut self, text: &str) {
        if self.last.len() == SHOWN {
            self.last.pop_front();
        }
        self.last.push_back(plain(text));
    }

    fn end(&mut self, ink: Ink, word: &str, time: Duration) -> Vec<Line> {
        self.is_over = true;
        let mut lines = self.line(ink, word);
        lines[0].push((Ink::Dim, format!("  {}", took(time))));
        lines
    }
}

/// Why the step is not in the cache, where one would wonder.
fn why(missed: &Missed) -> String {
    match missed {
        Missed::Never | Missed::Parent => String::new(),
        surprising => format!(" ({surprising})"),
    }
}

/// Text of programs without what would move the cursor.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::style::Style;
    use super::*;

    fn step(stage: &str, number: usize, text: &str) -> BuildStep {
        BuildStep { stage: stage.into(), number, of: 2, text: text.into(), line: number }
    }

    fn planned() -> BuildEvent {
        BuildEvent::Planned(vec![
            (StepId(0), step("build", 1, "FROM alpine")),
            (StepId(1), step("build", 2, "RUN make")),
        ])
    }

    fn text(lines: Vec<Line>) -> Vec<String> {
        lines.iter().map(|line| Style::default().line(line, 200)).collect()
    }

    #[test]
    fn every_step_says_why_it_is_done_what_it_prints_and_how_long_it_took() {
        let mut log = BuildLog::default();
        let now = Instant::now();
        let mut tell = |event| text(log.tell(&event, now));
        assert!(tell(planned()).is_empty());
        assert_eq!(tell(BuildEvent::Cached(StepId(0))), ["[build 1/2] FROM alpine cached"]);
        let started = BuildEvent::Started(StepId(1), Missed::Files(vec!["a.c".into()]));
        assert_eq!(tell(started), ["[build 2/2] RUN make (changed: a.c)"]);
        assert_eq!(tell(BuildEvent::Output(StepId(1), "cc\ta.c\x1b[1m".into())), ["[build 2/2] │ cc a.c[1m"]);
        let done = BuildEvent::Done(StepId(1), Duration::from_millis(3200));
        assert_eq!(tell(done), ["[build 2/2] done  3.20 s"]);
        assert_eq!(log.summary(), "2 of 2 steps");
        log.tell(&BuildEvent::Note("write the image".into()), now);
        assert_eq!(log.summary(), "write the image");
    }

    #[test]
    fn a_terminal_shows_what_runs_with_its_last_lines() {
        let mut log = BuildLog::default();
        let now = Instant::now();
        log.tell(&planned(), now);
        log.tell(&BuildEvent::Started(StepId(1), Missed::Never), now);
        for number in 0..6 {
            log.tell(&BuildEvent::Output(StepId(1), format!("line {number}")), now);
        }
        assert_eq!(log.summary(), "0 of 2 steps");
        let lines = text(log.frame(now + Duration::from_millis(500)));
        assert_eq!(lines[0], "    [build 2/2] RUN make  0.50 s");
        assert_eq!(lines[1..], ["2", "3", "4", "5"].map(|n| format!("      │ line {n}")));
        log.tell(&BuildEvent::Failed(StepId(1), Duration::ZERO), now);
        assert!(log.frame(now).is_empty());
    }
}
