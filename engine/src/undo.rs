//! What to take back when a step fails half way.
