//! Instructions of builds on a real kernel, in namespaces of their own; needs root.
//!
//! Called as `run …` this binary executes one `RUN` until it is killed, as `build …` one build until
//! it kills itself. Otherwise it runs the tests, one after another: all, or those whose name holds the first argument.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::exit)]

mod adds;
mod bench;
mod caching;
mod copies;
mod interrupted;
mod keys;
mod mounts;
mod networks;
#[path = "../lab/private.rs"]
mod private;
mod remotes;
mod runs;
mod shared;
mod site;
#[path = "../lab/suite.rs"]
mod suite;
mod whole;

use bench::Bench;
use std::env;
use std::process::exit;

type Test = suite::Test<Bench>;

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [word, root, runtime, base, script] = &args[..]
        && word == "run"
    {
        exit(bench::run_alone([root, runtime, base], script));
    }
    if let [word, root, runtime, context, at] = &args[..]
        && word == "build"
    {
        exit(interrupted::build_alone([root, runtime, context, at]));
    }
    suite::run(
        "builds",
        &[
            copies::TESTS,
            runs::TESTS,
            mounts::TESTS,
            networks::TESTS,
            whole::TESTS,
            caching::TESTS,
            shared::TESTS,
            interrupted::TESTS,
            adds::TESTS,
            keys::TESTS,
            remotes::TESTS,
        ]
        .concat(),
    );
}
