//! All end-to-end tests in one binary. Each scenario says what must be true of a real stack
//! on a private host, and looks at the kernel rather than at our own output.

mod config;
mod conformance;
mod corpus;
mod crash;
mod examples;
mod scenarios;
mod tidy;
