//! One suite on both engines, so that `planner::world` stays true: every case is a sequence of
//! steps that the model and the engine under test do side by side. After each step what the engine
//! observes must be what the model says.
//!
//! The real engine runs as a library inside a private host: the test starts this program again
//! there, with the name of a test that is ignored otherwise.

mod bench;
mod interrupted;
mod random;
mod steps;
mod waits;

use bench::Bench;
use e2e::Host;

/// A sentence, and the steps that show it.
type Case = (&'static str, fn(&mut Bench));

fn all_cases(bench: &mut Bench) {
    for (name, case) in [steps::CASES, waits::CASES, interrupted::CASES].concat() {
        bench.begin(name);
        case(bench);
        bench.clear();
    }
}

#[test]
fn the_engine_in_memory_does_what_the_model_says() {
    all_cases(&mut Bench::in_memory());
}

#[test]
fn the_real_engine_does_what_the_model_says() {
    let Some(host) = Host::with_busybox() else { return };
    host.test("conformance::on_the_real_engine").succeeds();
    host.is_clean();
}

/// Not a test by itself.
#[test]
#[ignore = "runs inside a private host"]
fn on_the_real_engine() {
    all_cases(&mut Bench::real());
}

#[test]
fn random_stacks_converge_and_leave_nothing() {
    let Some(host) = Host::with_busybox() else { return };
    host.test("conformance::random_stacks").succeeds();
    host.is_clean();
}

/// Not a test by itself.
#[test]
#[ignore = "runs inside a private host"]
fn random_stacks() {
    random::all(&mut Bench::real());
}
