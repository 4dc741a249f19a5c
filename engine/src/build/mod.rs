//! Builds: a Dockerfile becomes an image.
//!
//! - [`snapshot`] is the file system between two instructions; [`run`] and [`copy`] execute one.

pub mod cancel;
pub mod copy;
pub mod run;
pub mod snapshot;

pub use cancel::Cancel;
