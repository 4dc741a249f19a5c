//! Waiting until a container has reached something, or has ended.
//!
//! Who waits for the health of a container that is unhealthy already has perhaps just mended what
//! it needs: the old verdict does not count, the next probe's does.

use super::logs::last_lines;
use super::record;
use super::state::{Probe, StateRecord, Status};
use super::watch;
use crate::error::{Error, Kind, Result};
use crate::store::Store;
use crate::{Progress, Tell};
use jiff::Timestamp;
use planner::ContainerId;
use planner::live::{Health, State};
use planner::plan::Until;
use std::time::Duration;

/// How many log lines explain a container that failed.
const EVIDENCE: usize = 10;

/// Waits until the container has reached `until`, fails as soon as it cannot. Dropping the
/// future ends the wait.
pub async fn wait(
    store: &Store,
    id: &ContainerId,
    until: Until,
    timeout: Option<Duration>,
    tell: &Tell,
) -> Result<()> {
    let reached = async {
        match until {
            Until::Steady(time) => steady(store, id, time, tell).await,
            _ => reach(store, id, until, tell).await,
        }
    };
    let Some(timeout) = timeout else { return reached.await };
    match tokio::time::timeout(timeout, reached).await {
        Ok(result) => result,
        Err(_) => Err(too_late(store, id, until, timeout)),
    }
}

async fn reach(store: &Store, id: &ContainerId, until: Until, tell: &Tell) -> Result<()> {
    let mut told = String::new();
    let stale = verdict_so_far(StateRecord::look(store, id)?);
    watch::until(store, id, |state, live| {
        match judge_record(&state, live, until) {
            Verdict::Reached => return Ok(Some(())),
            Verdict::Failed(Why::Unhealthy) if stale.is_some() && stale == state.last_probe => {
                tell_once(tell, &mut told, "it is unhealthy; waiting for its next probe".to_owned());
            }
            Verdict::Failed(why) => return Err(failure(store, id, &state, why)),
            Verdict::NotYet(what) => tell_once(tell, &mut told, what),
        }
        Ok(None)
    })
    .await
}

/// Without a health check it is watched for a time; an end in it is a failure, whatever comes after.
async fn steady(store: &Store, id: &ContainerId, time: Duration, tell: &Tell) -> Result<()> {
    let first = StateRecord::read(store, id)?.unwrap_or_default();
    let mut told = String::new();
    let reached = watch::until(store, id, |state, live| {
        let verdict = match judge_record(&state, live, Until::Steady(time)) {
            _ if state.restarts != first.restarts => {
                Verdict::Failed(Why::Exited(state.exit_code.unwrap_or_default()))
            }
            verdict => verdict,
        };
        match verdict {
            Verdict::Reached => return Ok(Some(())),
            Verdict::Failed(why) => return Err(failure(store, id, &state, why)),
            Verdict::NotYet(what) => tell_once(tell, &mut told, what),
        }
        Ok(None)
    });
    let ran = first.started_at.and_then(|began| Timestamp::now().duration_since(began).try_into().ok());
    let rest = time.saturating_sub(ran.unwrap_or_default());
    tokio::select! {
        biased;
        reached = reached => reached,
        () = runs_unchecked(store, id, rest) => Ok(()),
    }
}

/// Ends after this time, if the container runs then and nobody checks its health.
async fn runs_unchecked(store: &Store, id: &ContainerId, rest: Duration) {
    tokio::time::sleep(rest).await;
    if StateRecord::now(store, id).ok() != Some(State::Running { health: Health::None }) {
        // What it waits for instead, or the failure, is the other's to see.
        std::future::pending::<()>().await;
    }
}

/// Waits until it has ended for good; gives its exit code.
pub async fn ended(store: &Store, id: &ContainerId) -> Result<i32> {
    watch::until(store, id, |state, live| match live {
        State::Exited { code, .. } => Ok(Some(code)),
        State::Created => Err(failure(store, id, &state, Why::Lost)),
        State::Unsupervised => Err(failure(store, id, &state, Why::Unsupervised)),
        State::Running { .. } | State::Unprepared | State::Stopping | State::Restarting | State::Paused => {
            Ok(None)
        }
    })
    .await
}

/// The probe that made a running container unhealthy before anybody waited for it.
fn verdict_so_far((state, live): (StateRecord, State)) -> Option<Probe> {
    state.last_probe.filter(|_| live == State::Running { health: Health::Unhealthy })
}

fn tell_once(tell: &Tell, told: &mut String, what: String) {
    if *told != what {
        tell(Progress::Note(what.clone()));
        *told = what;
    }
}

/// Whether it is there, on the way, or cannot come.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Reached,
    NotYet(String),
    Failed(Why),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    Exited(i32),
    Stopped,
    Unhealthy,
    NoHealthCheck,
    Lost,
    Unsupervised,
}

/// What has ended with success has completed, although its restart policy starts it again.
fn judge_record(state: &StateRecord, live: State, until: Until) -> Verdict {
    match (until, &live) {
        (Until::Completed, State::Running { .. } | State::Restarting) if state.exit_code == Some(0) => {
            Verdict::Reached
        }
        // Whoever started it again knows how it ended.
        (Until::Steady(_), State::Restarting) if state.status == Status::Restarting => {
            Verdict::Failed(Why::Exited(state.exit_code.unwrap_or_default()))
        }
        _ => judge(live, until),
    }
}

fn judge(state: State, until: Until) -> Verdict {
    use Verdict::{Failed, NotYet, Reached};
    match (state, until) {
        (State::Exited { code: 0, requested: false }, Until::Completed | Until::Ready | Until::Steady(_)) => {
            Reached
        }
        (State::Exited { requested: true, .. }, _) => Failed(Why::Stopped),
        (State::Exited { code, .. }, _) => Failed(Why::Exited(code)),
        (State::Running { .. } | State::Unprepared | State::Restarting | State::Paused, Until::Completed) => {
            NotYet("waiting for it to complete".to_owned())
        }
        (State::Running { health: Health::Healthy }, _) => Reached,
        (State::Running { health: Health::None }, Until::Ready) => Reached,
        (State::Running { health: Health::None }, Until::Steady(_)) => {
            NotYet("watching whether it goes on".to_owned())
        }
        (State::Running { health: Health::None }, _) => Failed(Why::NoHealthCheck),
        (State::Running { health: Health::Starting }, _) => NotYet("waiting until it is healthy".to_owned()),
        (State::Running { health: Health::Unhealthy }, _) => Failed(Why::Unhealthy),
        (State::Unprepared, _) => NotYet("what is to run after its start has not run".to_owned()),
        (State::Stopping, _) => NotYet("it is being stopped".to_owned()),
        (State::Restarting, _) => NotYet("it ended and is started again".to_owned()),
        (State::Paused, _) => NotYet("it is paused".to_owned()),
        (State::Created, _) => Failed(Why::Lost),
        (State::Unsupervised, _) => Failed(Why::Unsupervised),
    }
}

/// The failure with what there is to say about it.
fn failure(store: &Store, id: &ContainerId, state: &StateRecord, why: Why) -> Error {
    let name = record::called(store, id);
    let error = |text: String| Error::new(Kind::Container, text);
    match why {
        Why::Exited(code) => exited(store, id, state, code),
        Why::Stopped => error(format!("container {name} was stopped")),
        Why::Unhealthy => error(format!("container {name} is unhealthy")).evidence(probe_lines(state)),
        Why::NoHealthCheck => error(format!("container {name} has no health check"))
            .hint("give the service a `healthcheck`, or depend on `service_started`"),
        Why::Lost => error(format!("container {name} does not run"))
            .hint("it was never started, or its runtime folder was lost; run the command again"),
        Why::Unsupervised => error(format!("the supervisor of container {name} is gone"))
            .hint("the container itself goes on; `up` gives it a new supervisor"),
    }
}

fn exited(store: &Store, id: &ContainerId, state: &StateRecord, code: i32) -> Error {
    let name = record::called(store, id);
    // A kill in an earlier run does not explain the end of this one.
    let oom = state.oom.as_ref().filter(|oom| Some(oom.at) >= state.started_at);
    let error = match (oom, &state.reason) {
        (Some(oom), _) => Error::new(
            Kind::Container,
            format!("container {name} exited with code {code}: {}", oom.describe()),
        )
        .hint("raise its memory limit (`mem_limit` or `deploy.resources.limits.memory`)"),
        (None, Some(reason)) => Error::new(Kind::Container, format!("container {name} failed: {reason}")),
        (None, None) => Error::new(Kind::Container, format!("container {name} exited with code {code}")),
    };
    error.evidence(last_lines(store, id, EVIDENCE))
}

fn probe_lines(state: &StateRecord) -> Vec<String> {
    let Some(probe) = &state.last_probe else { return Vec::new() };
    let code = probe.exit_code.map_or_else(|| "no exit code".to_owned(), |code| format!("exit code {code}"));
    let first = format!("the last probe ended with {code}");
    std::iter::once(first).chain(probe.output.lines().map(str::to_owned)).collect()
}

fn too_late(store: &Store, id: &ContainerId, until: Until, timeout: Duration) -> Error {
    let what = match until {
        Until::Healthy => "healthy",
        Until::Completed => "complete",
        Until::Ready | Until::Steady(_) => "ready",
    };
    let seconds = timeout.as_millis() as f64 / 1000.0;
    let error = Error::new(
        Kind::Timeout,
        format!("container {} is not {what} after {seconds} s", record::called(store, id)),
    );
    let state = StateRecord::read(store, id).ok().flatten().unwrap_or_default();
    let evidence = match state.last_probe {
        Some(_) => probe_lines(&state),
        None => last_lines(store, id, EVIDENCE),
    };
    error.evidence(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_is_judged_for_each_wish() {
        let running = |health| State::Running { health };
        let exited = |code, requested| State::Exited { code, requested };
        let not_yet = |verdict: &Verdict| matches!(verdict, Verdict::NotYet(_));
        let table = [
            (running(Health::None), ["fails", "waits", "reached"]),
            (running(Health::Starting), ["waits", "waits", "waits"]),
            (running(Health::Healthy), ["reached", "waits", "reached"]),
            (running(Health::Unhealthy), ["fails", "waits", "fails"]),
            (State::Restarting, ["waits", "waits", "waits"]),
            (State::Stopping, ["waits", "waits", "waits"]),
            (exited(0, false), ["fails", "reached", "reached"]),
            (exited(3, false), ["fails", "fails", "fails"]),
            (exited(0, true), ["fails", "fails", "fails"]),
            (State::Created, ["fails", "fails", "fails"]),
            (State::Unsupervised, ["fails", "fails", "fails"]),
        ];
        for (state, expected) in table {
            let verdicts = [Until::Healthy, Until::Completed, Until::Ready].map(|until| {
                match judge(state.clone(), until) {
                    Verdict::Reached => "reached",
                    verdict if not_yet(&verdict) => "waits",
                    _ => "fails",
                }
            });
            assert_eq!(verdicts, expected, "{state:?}");
        }
    }
}
