//! What explains a failed test, in files: what was missing, what happened, what was said.

use crate::commands::ps;
use crate::error::Failure;
use engine::LinuxEngine;
use engine::container::LogOptions;
use engine::journal::JournalOptions;
use jiff::Timestamp;
use planner::Plan;
use planner::plan::render;
use std::fmt::Write;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

/// What it is made of.
pub(super) struct Bundle<'a> {
    pub(super) engine: &'a LinuxEngine,
    pub(super) stack: &'a str,
    /// When the test began.
    pub(super) began: Timestamp,
    /// What was still to be done when it failed.
    pub(super) left: Option<&'a Plan>,
}

impl Bundle<'_> {
    /// Writes the files into a folder, in place of those of an earlier failure.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Failure> {
        let failed = |error| Failure::io(format!("write into {}", folder.display()), &error);
        fs::create_dir_all(folder).map_err(failed)?;
        let files = [
            ("plan.json", self.left.map(|plan| format!("{:#}\n", render::json(plan))).unwrap_or_default()),
            ("events.jsonl", self.events()?),
            ("containers.json", self.containers()?),
            ("logs.txt", self.logs()?),
        ];
        files.iter().try_for_each(|(name, text)| fs::write(folder.join(name), text)).map_err(failed)
    }

    /// One JSON object a line.
    fn events(&self) -> Result<String, Failure> {
        let mut text = String::new();
        let options = JournalOptions { since: Some(self.began), until: Some(Timestamp::now()) };
        self.engine.events(&options, &mut |entry| {
            if entry.stack.as_deref() == Some(self.stack) {
                text.extend(serde_json::to_string(entry).map(|line| line + "\n"));
            }
            ControlFlow::Continue(())
        })?;
        Ok(text)
    }

    /// States, exit codes, the last probe of each, as `ps --json` has them.
    fn containers(&self) -> Result<String, Failure> {
        let now = Timestamp::now();
        let list = self.engine.list(Some(self.stack))?;
        let values: Vec<_> = list.iter().map(|one| ps::value(one, now)).collect();
        Ok(format!("{:#}\n", serde_json::Value::from(values)))
    }

    /// All lines of all containers in the order of time.
    fn logs(&self) -> Result<String, Failure> {
        let ids: Vec<_> = self.engine.list(Some(self.stack))?.into_iter().map(|one| one.id).collect();
        let mut text = String::new();
        self.engine.logs(&ids, &LogOptions::default(), &mut |id, line| {
            let slot = &id.slot;
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{} {}-{} | {}", line.time, slot.service, slot.index, line.text);
            ControlFlow::Continue(())
        })?;
        Ok(text)
    }
}
