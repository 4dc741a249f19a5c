//! How waiting ends: reached, failed, too late.

use super::Case;
use super::bench::{Bench, container_id};
use super::steps::{create, shell};
use e2e::{eventually, patiently};
use engine::Kind;
use engine::fake::Fate;
use planner::desired::{HealthSpec, HealthTest};
use planner::live::{Health, State};
use planner::plan::Until;
use planner::{ContainerId, ContainerSpec, Step};
use std::time::Duration;

pub(super) const CASES: &[Case] =
    &[("waits end as they should", outcomes), ("an old verdict does not count", mended)];

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

/// A container, what becomes of it, and what that is to those who wait for it to be healthy, to
/// have completed, to be ready.
struct Wait {
    program: &'static str,
    probe: Option<&'static str>,
    fate: Fate,
    state: State,
    ends: [Option<Kind>; 3],
}

fn table() -> [Wait; 6] {
    let running = |health| State::Running { health };
    let exited = |code| State::Exited { code, requested: false };
    let (failed, late) = (Some(Kind::Container), Some(Kind::Timeout));
    let wait = |program, probe, fate, state, ends| Wait { program, probe, fate, state, ends };
    let sleep = "exec sleep 1000";
    [
        wait(sleep, Some("true"), Fate::Healthy, running(Health::Healthy), [None, late, None]),
        wait(sleep, Some("false"), Fate::Unhealthy, running(Health::Unhealthy), [failed, late, failed]),
        wait("exit 0", None, Fate::Exits(0), exited(0), [failed, None, None]),
        wait("exit 3", None, Fate::Exits(3), exited(3), [failed, failed, failed]),
        wait("exit 3", Some("true"), Fate::Exits(3), exited(3), [failed, failed, failed]),
        wait(sleep, Some("sleep 1000"), Fate::Hangs, running(Health::Starting), [late, late, late]),
    ]
}

fn checked(program: &str, probe: Option<&str>) -> ContainerSpec {
    let health = probe.map(|probe| HealthSpec {
        test: Some(HealthTest::Shell(probe.to_owned())),
        interval: Some(Duration::from_millis(100)),
        timeout: Some(LONG),
        retries: Some(1),
        ..HealthSpec::default()
    });
    ContainerSpec { health, ..shell(program) }
}

fn outcomes(bench: &mut Bench) {
    let id = container_id("a", 1);
    for wait in table() {
        for (until, end) in [Until::Healthy, Until::Completed, Until::Ready].into_iter().zip(wait.ends) {
            let step = create(bench, &id, checked(wait.program, wait.probe));
            bench.enact(&step).expect("create");
            bench.enact(&Step::StartContainer { id: id.clone() }).expect("start");
            bench.destine(&id, Some(wait.fate));
            if bench.linux().is_some() && matches!(wait.fate, Fate::Exits(_)) {
                // For a moment it runs, and is ready.
                comes_to(bench, &id, &wait.state);
            }
            let timeout = Some(if end == Some(Kind::Timeout) { SHORT } else { LONG });
            let ended = bench.enact(&Step::Await { id: id.clone(), until, timeout });
            let what = format!("{} until {until:?}", wait.program);
            assert_eq!(ended.err().map(|error| error.kind), end, "{what}");
            assert_eq!(bench.observe().containers[&id].state, wait.state, "{what}");
            bench.clear();
        }
    }
}

fn comes_to(bench: &Bench, id: &ContainerId, state: &State) {
    eventually(&format!("it is {state:?}"), || {
        (bench.observe().containers[id].state == *state).then_some(())
    });
}

/// The first probe fails, all others succeed.
fn mended(bench: &mut Bench) {
    let id = container_id("a", 1);
    let probe = "test -e /tmp/probed || { touch /tmp/probed; false; }";
    let mut spec = checked("mkdir -p /tmp; exec sleep 1000", Some(probe));
    if let Some(health) = &mut spec.health {
        // Not before the start was done twice.
        health.interval = Some(patiently(Duration::from_millis(500)));
    }
    let healthy = Step::Await { id: id.clone(), until: Until::Healthy, timeout: Some(LONG) };
    bench.does(create(bench, &id, spec));
    bench.does(Step::StartContainer { id: id.clone() });
    bench.destine(&id, Some(Fate::Unhealthy));
    let error = bench.enact(&healthy).expect_err("the first probe fails");
    assert_eq!(error.kind, Kind::Container, "{}", error.chain());
    bench.destine(&id, None);
    bench.does(healthy);
}
