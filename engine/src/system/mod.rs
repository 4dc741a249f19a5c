//! The store as a whole: what it holds, whether it is sound, what of it nobody needs.

pub mod check;
mod disk;
pub mod filter;
pub mod prune;
pub mod usage;

pub use filter::{Filter, LabelFilter};
