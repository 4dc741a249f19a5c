//! Stages that do not need each other are built at the same time, a few steps at a time.

use super::builder::Builder;
use super::state::State;
use super::{cancel::Cancel, stage};
use crate::error::{Error, Kind, Result};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What has become of the stages so far.
#[derive(Debug, Default)]
struct Board {
    done: BTreeMap<usize, Arc<State>>,
    failed: Option<Error>,
}

/// Stages that are finished, for those that wait for them.
#[derive(Debug, Default)]
struct Stages {
    board: Mutex<Board>,
    changed: Condvar,
}

impl Stages {
    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until these are done; `None` when one of all has failed.
    fn wait(&self, needs: &[usize]) -> Option<BTreeMap<usize, Arc<State>>> {
        let waits = |board: &mut Board| {
            board.failed.is_none() && !needs.iter().all(|index| board.done.contains_key(index))
        };
        let board = self.changed.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner);
        if board.failed.is_some() {
            return None;
        }
        Some(needs.iter().filter_map(|index| Some((*index, board.done.get(index)?.clone()))).collect())
    }

    fn enter(&self, index: usize, result: Result<State>, cancel: &Cancel) {
        let mut board = self.lock();
        match result {
            Ok(state) => drop(board.done.insert(index, Arc::new(state))),
            Err(error) => {
                // The first failure is why the others were cancelled.
                board.failed.get_or_insert(error);
                cancel.cancel();
            }
        }
        drop(board);
        self.changed.notify_all();
    }
}

/// Builds all stages that are needed; gives the one that becomes the image.
pub(super) fn stages(builder: &Builder<'_>) -> Result<Arc<State>> {
    let stages = Stages::default();
    thread::scope(|scope| {
        for (index, node) in &builder.graph.stages {
            let stages = &stages;
            scope.spawn(move || {
                let needs: Vec<usize> = node.needs().into_iter().collect();
                if let Some(done) = stages.wait(&needs) {
                    stages.enter(*index, stage::build(builder, *index, node, &done), &builder.cancel);
                }
            });
        }
    });
    let Board { mut done, failed } = stages.board.into_inner().unwrap_or_else(PoisonError::into_inner);
    let lost = || Error::new(Kind::System, "the thread of a stage panicked");
    match failed {
        Some(error) => Err(error),
        None => done.remove(&builder.graph.target).ok_or_else(lost),
    }
}

/// How many steps may still begin.
#[derive(Debug)]
pub(super) struct Turns {
    free: Mutex<usize>,
    changed: Condvar,
}

/// Held while a step runs.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(super) fn new(steps: usize) -> Self {
        Self { free: Mutex::new(steps.max(1)), changed: Condvar::new() }
    }

    /// Waits for a turn.
    pub(super) fn take(&self) -> Turn<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free =
            self.changed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn no_more_steps_than_turns_run_at_a_time() {
        let turns = Turns::new(2);
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _turn = turns.take();
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::yield_now();
                    running.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert!(most.into_inner() <= 2 && running.into_inner() == 0);
    }

    #[test]
    fn who_waits_learns_of_what_is_done_and_of_failures() {
        let (stages, cancel) = (Stages::default(), Cancel::new().unwrap());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| stages.wait(&[0, 1]).map(|done| done.len()));
            stages.enter(0, Ok(State::default()), &cancel);
            stages.enter(1, Ok(State::default()), &cancel);
            assert_eq!(waiting.join().unwrap(), Some(2));
        });
        assert!(!cancel.is_cancelled());
        stages.enter(2, Err(Error::new(Kind::Container, "first")), &cancel);
        stages.enter(3, Err(Error::new(Kind::Cancelled, "second")), &cancel);
        assert!(stages.wait(&[0]).is_none() && cancel.is_cancelled());
        assert_eq!(stages.lock().failed.as_ref().unwrap().doing, "first");
    }
}
