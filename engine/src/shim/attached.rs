//! What passes between the process and those who are attached to it.

use super::control::Said;
use super::frame::Typed;
use super::supervisor::Supervisor;
use std::time::Duration;

/// How long somebody who is about to attach is waited for.
const COMPANY: Duration = Duration::from_secs(10);

impl Supervisor {
    /// The process has just started: if somebody is about to attach, nothing of it must be missed.
    pub(super) fn await_company(&mut self) {
        if self.is_awaited() {
            self.awaits = Some(self.now() + COMPANY);
        }
    }

    /// Who has not come until now was killed on the way.
    pub(super) fn await_no_longer_than(&mut self, now: Duration) {
        self.awaits = self.awaits.filter(|until| *until > now);
    }

    /// Passes on what the process wrote to one stream: to those that are attached, and to the log.
    pub(super) fn pump(&mut self, stream: usize) {
        let control = &mut self.control;
        if self.pump.pump(stream, &mut |stream, text| control.show_text(stream, text)) {
            self.control.logged();
        }
    }

    /// The process is dead: passes on all that it left. It reads nothing any more.
    pub(super) fn drain(&mut self) {
        let control = &mut self.control;
        self.pump.drain(&mut |stream, text| control.show_text(stream, text));
        self.input.close();
    }

    /// Somebody says something.
    pub(super) fn hear(&mut self) {
        for (from, said) in self.control.hear(self.input.has_room()) {
            match said {
                Said::Asked(request) => self.serve(from, request),
                Said::Typed(typed) => self.typed(typed),
            }
        }
    }

    /// Nothing that is typed reaches a process whose input is not open.
    fn typed(&mut self, typed: Typed) {
        match typed {
            Typed::Text(text) if self.has_input() => self.input.take(&text),
            Typed::End if self.has_input() => self.input.end(),
            Typed::Size(size) => self.input.resize(size),
            Typed::Text(_) | Typed::End => {}
        }
    }
}
