//! One suite on both engines, so that `planner::world` stays true: every case is a sequence of
//! steps that the model and the engine under test do side by side. After each step what the engine
//! observes must be what the model says.
//!
//! The real engine runs as a library inside a private host: the test starts this program again
//! there, with the name of a test that is ignored otherwise.

mod bench;
mod images;
mod interrupted;
mod random;
mod steps;
mod waits;

use bench::Bench;
use e2e::{Guard, Host, Registry};

/// A sentence, and the steps that show it.
type Case = (&'static str, fn(&mut Bench));

fn all_cases(bench: &mut Bench) {
    cases(bench, &[steps::CASES, waits::CASES, interrupted::CASES].concat());
}

fn cases(bench: &mut Bench, all: &[Case]) {
    for (name, case) in all {
        bench.begin(name);
        case(bench);
        bench.clear();
    }
}

#[test]
fn the_engine_in_memory_does_what_the_model_says() {
    all_cases(&mut Bench::in_memory());
    cases(&mut Bench::in_memory(), images::CASES);
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
fn the_real_engine_does_with_images_what_the_model_says() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(_registry) = Registry::start(&host, Guard::Open) else { return };
    host.sampan(["image", "tag", bench::IMAGE, bench::PULLED]).succeeds();
    host.sampan(["image", "push", "-q", bench::PULLED]).succeeds();
    host.sampan(["image", "rm", bench::PULLED]).succeeds();
    host.test("conformance::images_on_the_real_engine").succeeds();
    host.is_clean();
}

/// Not a test by itself.
#[test]
#[ignore = "runs inside a private host"]
fn images_on_the_real_engine() {
    cases(&mut Bench::real(), images::CASES);
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
