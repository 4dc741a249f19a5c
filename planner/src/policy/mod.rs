//! Pure state machines that a supervisor runs, and the rules of rollouts.
//!
//! Time comes in as durations and decisions go out as values: who runs them supplies the
//! clock, so each rule can be tested without waiting.

mod health;
mod pressure;
mod restart;
pub mod rollout;

pub use health::{HealthMachine, HealthRules};
pub use pressure::{Level, PressureMachine};
pub use restart::{Decision, Restart};
