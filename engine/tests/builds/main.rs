//! Instructions of builds on a real kernel, in namespaces of their own; needs root.
//!
//! Called as `run …` this binary executes one `RUN` until it is killed. Otherwise it runs the
//! tests, one after another: all, or those whose name holds the first argument.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::exit)]

mod bench;
mod copies_tests;
mod mounts;
mod networks;
#[path = "../lab/private.rs"]
mod private;
mod runs;
mod site;
mod whole;

use bench::Bench;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;
use std::time::Instant;

/// A test is told the machine that it has to itself.
type Test = (&'static str, fn(&Bench));

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [word, root, runtime, base, script] = &args[..]
        && word == "run"
    {
        exit(bench::run_alone([root, runtime, base], script));
    }
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: builds need root");
        exit(i32::from(env::var_os("SAMPAN_REQUIRE_ROOT").is_some()));
    }
    if private::enter() {
        exit(run(args.iter().map(String::as_str).find(|arg| !arg.starts_with('-'))));
    }
}

fn run(filter: Option<&str>) -> i32 {
    let tests = [copies_tests::TESTS, runs::TESTS, mounts::TESTS, networks::TESTS, whole::TESTS].concat();
    let chosen = tests.into_iter().filter(|(name, _)| filter.is_none_or(|filter| name.contains(filter)));
    let mut failed = 0;
    for (name, test) in chosen {
        let began = Instant::now();
        let bench = Bench::new();
        let passed = catch_unwind(AssertUnwindSafe(|| {
            test(&bench);
            bench.must_be_clean();
        }));
        let word = if passed.is_ok() { "ok" } else { "FAILED" };
        println!("test {name} ... {word} ({:.2} s)", began.elapsed().as_secs_f64());
        failed += i32::from(passed.is_err());
    }
    println!("{failed} failed");
    i32::from(failed > 0)
}
