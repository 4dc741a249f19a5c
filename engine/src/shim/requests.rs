//! What a supervisor does when it is asked: stop, signal, stand still, take note of a change.

use super::control::ConnectionId;
use super::supervisor::Supervisor;
use super::wire::{Reply, Request};
use crate::container::signal;
use crate::container::stop::Advice;
use crate::error::{Error, Kind, Result};
use crate::net;
use std::time::Duration;

impl Supervisor {
    /// Somebody asks something.
    pub(super) fn serve(&mut self, from: ConnectionId, request: Request) {
        match request {
            Request::Ping => self.control.reply(from, &Reply::Done),
            Request::Watch | Request::Follow => {}
            Request::Attach { .. } => self.awaits = None,
            Request::Stop { grace } => {
                self.stoppers.push(from);
                self.stop(grace);
            }
            Request::Signal { name } => {
                let reply = match (signal::number(&name), &self.first) {
                    (None, _) => Reply::Failed(format!("`{name}` is not a signal")),
                    (_, None) => Reply::Failed(format!("container {} is not running", self.id.name())),
                    (Some(number), Some(_)) => {
                        self.send(number);
                        Reply::Done
                    }
                };
                self.control.reply(from, &reply);
            }
            Request::Moved => {
                let reply = self.moved().map_or_else(|error| Reply::Failed(error.chain()), |()| Reply::Done);
                self.control.reply(from, &reply);
            }
            Request::Pause { paused } => {
                let done = if paused { self.pause() } else { self.unpause() };
                let reply = done.map_or_else(|error| Reply::Failed(error.chain()), |()| Reply::Done);
                self.control.reply(from, &reply);
            }
        }
    }

    /// Answers names, passes connections on and watches memory as the record says now.
    pub(super) fn moved(&mut self) -> Result<()> {
        self.reread();
        self.watch_pressure();
        if let Some(names) = &mut self.names {
            names.move_to(&self.store, &self.record.spec)?;
        }
        self.move_doors()
    }

    /// Doors are open as long as something is to lead to the container.
    fn move_doors(&mut self) -> Result<()> {
        let aside = net::is_aside(&self.store, &self.id);
        match &mut self.proxy {
            Some(proxy) if aside => proxy.close_doors(),
            Some(proxy) if !proxy.is_closed() => {
                proxy.lead_to(net::published_address(&self.store, &self.id)?);
            }
            _ if aside => {}
            _ => self.proxy = net::open_doors(&self.store, &self.id, &self.ports)?,
        }
        Ok(())
    }

    /// Lets everything stand still. What ends must not: it could not take the signal.
    pub(super) fn pause(&mut self) -> Result<()> {
        if self.first.is_none() || self.machine.is_stopping() {
            let problem = format!("container {} is not running", self.id.name());
            return Err(Error::new(Kind::Container, problem));
        }
        self.group.freeze()?;
        let now = self.now();
        self.paused_at.get_or_insert(now);
        self.state.paused = true;
        self.save();
        self.happened("pause").tell(&self.store);
        Ok(())
    }

    /// Lets it go on. Idempotent.
    pub(super) fn unpause(&mut self) -> Result<()> {
        let Some(since) = self.paused_at else { return Ok(()) };
        self.group.thaw()?;
        self.paused_at = None;
        let time = self.now().saturating_sub(since);
        self.monitor.iter_mut().for_each(|monitor| monitor.stood_still(time));
        self.state.paused = false;
        self.save();
        self.happened("unpause").tell(&self.store);
        Ok(())
    }

    /// Stops the container for good.
    pub(super) fn stop(&mut self, grace: Duration) {
        self.reread();
        let number = self.record.process.stop_signal;
        let advice = self.first.as_ref().map(|first| Advice::of(first.pid(), number));
        if let Some(advice) = advice.as_ref().filter(|_| !grace.is_zero()) {
            let note = Reply::Note(advice.waiting(grace));
            let stoppers = &self.stoppers;
            stoppers.iter().for_each(|to| self.control.reply(*to, &note));
        }
        self.stop = Some((grace, advice));
        // Told before it is done: a command that comes meanwhile must not take it for running.
        // What cannot go on is killed when its time is over.
        let _ = self.unpause();
        self.state.requested = true;
        self.save();
        let action = self.machine.stop(self.now(), grace);
        self.perform(action);
    }
}
