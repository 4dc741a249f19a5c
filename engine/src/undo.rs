//! Undoes half of a job when the other half fails.

/// What has been done so far, as the acts that undo it. Dropped without [`commit`](Self::commit)
/// (by an early return with an error, usually) it runs them, the last first.
#[derive(Default)]
pub struct Undo {
    acts: Vec<Box<dyn FnOnce() + Send>>,
}

impl Undo {
    /// Nothing to undo yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Something was done, and `act` undoes it as far as it can: whoever undoes has an error to
    /// report already, and a step that is tried again meets what could not be undone.
    pub fn push(&mut self, act: impl FnOnce() + Send + 'static) {
        self.acts.push(Box::new(act));
    }

    /// All is done: nothing will be undone.
    pub fn commit(mut self) {
        self.acts.clear();
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        while let Some(act) = self.acts.pop() {
            act();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn undone(commit: bool) -> Vec<u32> {
        let (sender, receiver) = mpsc::channel();
        let mut undo = Undo::new();
        for n in 1..=3 {
            let sender = sender.clone();
            undo.push(move || sender.send(n).unwrap());
        }
        if commit {
            undo.commit()
        } else {
            drop(undo)
        }
        drop(sender);
        receiver.iter().collect()
    }

    #[test]
    fn what_is_not_committed_is_undone_in_reverse() {
        assert_eq!(undone(false), [3, 2, 1]);
        assert!(undone(true).is_empty());
    }
}
