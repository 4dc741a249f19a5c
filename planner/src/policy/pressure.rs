//! When a container is told that its memory runs short.

use std::time::Duration;

/// After it was passed the amount is looked at this often at least, and at most, for it is to be
/// noticed when it fell: at first often, for a program that frees memory fills it again.
const LOOK: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));
/// Files that the kernel keeps in memory hide how the rest grows: it is looked at in time for a
/// program that fills so many bytes in a millisecond, about as fast as one can.
const FASTEST: u64 = 100_000;
/// But not more often than this, and not less.
const GLANCE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));
/// A container that does not get below is told again, at first after this time.
const AGAIN: Duration = Duration::from_secs(1);
/// And later seldom: it has heard.
const SELDOM: Duration = Duration::from_secs(60);

/// How much of its memory a container uses, against the amount at which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Less.
    Below,
    /// More, but the kernel can take back what is too much: files that it keeps in memory.
    Reclaimable {
        /// How much less is in use without them, in bytes.
        room: u64,
    },
    /// More.
    Above,
}

/// Decides when to tell. All times are those of one clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PressureMachine {
    /// When it was told last.
    told: Option<Duration>,
    /// How long after that it is told again.
    patience: Duration,
    /// When to look again, while too much is in use or was a moment ago.
    look: Option<Duration>,
}

impl PressureMachine {
    /// The kernel says that the amount was passed. Whether to look at it now: when it is passed
    /// all the time, by pages that the kernel takes back, it is looked at now and then only.
    pub fn woken(&self, now: Duration) -> bool {
        self.look.is_none_or(|look| look <= now)
    }

    /// When to look without being woken.
    pub fn due(&self) -> Option<Duration> {
        self.look
    }

    /// It has done what it was told to do: what came of it is to be looked at now.
    pub fn answered(&mut self, now: Duration) {
        self.look = self.told.map(|_| now).or(self.look);
    }

    /// What was seen. Whether to tell the container.
    pub fn seen(&mut self, now: Duration, level: Level) -> bool {
        let since = self.told.map_or(Duration::ZERO, |told| now.saturating_sub(told));
        self.look = match level {
            // Once more, for it may have been passed in this moment.
            Level::Below => (self.told.is_some() || self.look.is_none()).then(|| now + LOOK.0),
            Level::Reclaimable { room } => {
                Some(now + Duration::from_millis(room / FASTEST).clamp(GLANCE.0, GLANCE.1))
            }
            Level::Above => Some(now + (since / 4).clamp(LOOK.0, LOOK.1)),
        };
        if level != Level::Above {
            self.told = None;
            return false;
        }
        match self.told {
            Some(told) if now < told + self.patience => return false,
            Some(_) => self.patience = (self.patience * 2).min(SELDOM),
            None => self.patience = AGAIN,
        }
        self.told = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_container_is_told_at_once_and_then_more_and_more_seldom() {
        let mut machine = PressureMachine::default();
        assert!(machine.woken(ms(0)) && machine.due().is_none());
        let told: Vec<u64> =
            (0..2000).map(|n| n * 100).filter(|n| machine.seen(ms(*n), Level::Above)).collect();
        assert_eq!(told, [0, 1000, 3000, 7000, 15_000, 31_000, 63_000, 123_000, 183_000]);
        assert_eq!(machine.due(), Some(ms(200_400)));
        machine.answered(ms(200_001));
        assert_eq!(machine.due(), Some(ms(200_001)));
    }

    #[test]
    fn one_that_fell_below_is_told_at_once_again() {
        let mut machine = PressureMachine::default();
        assert!(machine.seen(ms(0), Level::Above));
        assert!(!machine.seen(ms(100), Level::Above), "it is just about to free memory");
        assert!(!machine.seen(ms(200), Level::Below));
        assert!(machine.seen(ms(300), Level::Above));
    }

    #[test]
    fn nothing_is_looked_at_while_nothing_happens() {
        let mut machine = PressureMachine::default();
        machine.seen(ms(0), Level::Above);
        machine.seen(ms(100), Level::Below);
        machine.seen(ms(110), Level::Below);
        assert_eq!(machine.due(), None);
        machine.seen(ms(5000), Level::Below);
        assert_eq!(machine.due(), Some(ms(5010)), "files that the kernel keeps passed it");
        assert!(!machine.woken(ms(5005)));
        machine.seen(ms(5010), Level::Below);
        machine.answered(ms(5011));
        assert!(machine.woken(ms(5015)) && machine.due().is_none());
        for (room, due) in [(0, 6010), (3_000_000, 6030), (1 << 40, 6500)] {
            machine.seen(ms(6000), Level::Reclaimable { room });
            assert_eq!(machine.due(), Some(ms(due)));
        }
    }
}
