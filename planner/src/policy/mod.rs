//! Pure state machines that a supervisor runs.
