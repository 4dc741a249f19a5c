//! Real containers on the real engine, in namespaces of their own; needs root.
//!
//! Called as `shim …` this binary is the supervisor of the containers that it starts, as
//! `exec …` it runs a program in one, as `steps …` it takes one up and down. Otherwise it runs the tests, one after another: all, or
//! those whose name holds the first argument.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::exit)]

mod ends;
mod faults;
mod host;
mod networks;
#[path = "../lab/private.rs"]
mod private;
mod runs;
#[path = "../lab/suite.rs"]
mod suite;

use host::Host;
use std::env;
use std::ffi::OsString;
use std::process::exit;

type Test = suite::Test<Host>;

fn main() {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    match args.first().and_then(|arg| arg.to_str()) {
        Some("shim") => exit(engine::shim::main(args.into_iter().skip(1))),
        Some("exec") => exit(host::exec(&args[1..])),
        Some("steps") => exit(host::steps(&args[1..])),
        _ => {}
    }
    suite::run("containers", &[runs::TESTS, ends::TESTS, networks::TESTS, faults::TESTS].concat());
}
