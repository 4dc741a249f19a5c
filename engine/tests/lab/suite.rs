//! Tests that need root: one after another, each with a machine that it has to itself.

use crate::private;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;
use std::time::Instant;

/// What a test has to itself.
pub(crate) trait Machine {
    /// Nothing has happened on it.
    fn new() -> Self;
    /// Nothing may be left of what a test did.
    fn must_be_clean(&self);
}

/// Its name, and what it does on a machine.
pub(crate) type Test<M> = (&'static str, fn(&M));

/// Runs tests in namespaces of their own and exits: all, or those whose name holds the first
/// argument. `what` cannot be tested without root.
pub(crate) fn run<M: Machine>(what: &str, tests: &[Test<M>]) -> ! {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: {what} need root");
        exit(i32::from(env::var_os("SAMPAN_REQUIRE_ROOT").is_some()));
    }
    private::enter();
    let filter = env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let is_chosen = |name: &str| filter.as_deref().is_none_or(|filter| name.contains(filter));
    let chosen = tests.iter().filter(|(name, _)| is_chosen(name));
    let failed = chosen.filter(|test| !passes(test)).count();
    println!("{failed} failed");
    exit(i32::from(failed > 0))
}

fn passes<M: Machine>((name, test): &Test<M>) -> bool {
    let began = Instant::now();
    let machine = M::new();
    let passed = catch_unwind(AssertUnwindSafe(|| {
        test(&machine);
        machine.must_be_clean();
    }));
    let word = if passed.is_ok() { "ok" } else { "FAILED" };
    println!("test {name} ... {word} ({:.2} s)", began.elapsed().as_secs_f64());
    passed.is_ok()
}
