//! The store as a whole: what it holds, whether it is sound, what of it nobody needs.

pub mod filter;

pub use filter::{Filter, LabelFilter};
