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

use host::Host;
use std::env;
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;
use std::time::Instant;

/// A test is told the machine that it has to itself.
type Test = (&'static str, fn(&Host));

fn main() {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    match args.first().and_then(|arg| arg.to_str()) {
        Some("shim") => exit(engine::shim::main(args.into_iter().skip(1))),
        Some("exec") => exit(host::exec(&args[1..])),
        Some("steps") => exit(host::steps(&args[1..])),
        _ => {}
    }
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: containers need root");
        exit(i32::from(env::var_os("SAMPAN_REQUIRE_ROOT").is_some()));
    }
    if private::enter() {
        exit(run(args.iter().find_map(|arg| arg.to_str().filter(|arg| !arg.starts_with('-')))));
    }
}

fn run(filter: Option<&str>) -> i32 {
    let tests = [runs::TESTS, ends::TESTS, networks::TESTS, faults::TESTS].concat();
    let chosen = tests.into_iter().filter(|(name, _)| filter.is_none_or(|filter| name.contains(filter)));
    let mut failed = 0;
    for (name, test) in chosen {
        let began = Instant::now();
        let host = Host::new();
        let passed = catch_unwind(AssertUnwindSafe(|| {
            test(&host);
            host.must_be_clean();
        }));
        let word = if passed.is_ok() { "ok" } else { "FAILED" };
        println!("test {name} ... {word} ({:.2} s)", began.elapsed().as_secs_f64());
        failed += i32::from(passed.is_err());
    }
    println!("{failed} failed");
    i32::from(failed > 0)
}
