//! What became of a plan: one line, and a message for each failure.

use super::resource::{Resource, Sort, resources};
use super::time::took;
use super::{Ink, Screen};
use crate::args::Telling;
use crate::error::Message;
use engine::{Outcome, Report};
use planner::goal::Verb;
use planner::plan::Plan;
use planner::{ContainerId, Goal};
use std::collections::BTreeMap;
use std::time::Duration;

/// What became of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Done,
    Skipped,
    Interrupted,
    Failed,
}

fn fate(resource: &Resource, report: &Report) -> Fate {
    let one = |step: &usize| match report.outcomes.get(*step) {
        Some((Outcome::Done, _)) => Fate::Done,
        Some((Outcome::Failed(_), _)) => Fate::Failed,
        Some((Outcome::Skipped { .. }, _)) => Fate::Skipped,
        Some((Outcome::Cancelled, _)) | None => Fate::Interrupted,
    };
    resource.steps.iter().map(one).max().unwrap_or(Fate::Done)
}

/// `shop: 6 containers started, 2 networks created in 0.31 s`
pub(crate) fn headline(plan: &Plan, report: &Report) -> String {
    let mut done: BTreeMap<(Sort, &str), usize> = BTreeMap::new();
    let mut other: BTreeMap<Fate, usize> = BTreeMap::new();
    for resource in resources(plan) {
        match fate(&resource, report) {
            Fate::Done if resource.done.is_empty() => {}
            Fate::Done => *done.entry((resource.sort, resource.done)).or_default() += 1,
            fate => *other.entry(fate).or_default() += 1,
        }
    }
    let plural = |count: &usize| if *count == 1 { "" } else { "s" };
    let mut parts: Vec<String> = done
        .iter()
        .map(|((sort, word), count)| format!("{count} {}{} {word}", sort.word(), plural(count)))
        .collect();
    for (fate, word) in
        [(Fate::Failed, "failed"), (Fate::Skipped, "skipped"), (Fate::Interrupted, "interrupted")]
    {
        parts.extend(other.get(&fate).map(|count| format!("{count} {word}")));
    }
    if parts.is_empty() {
        parts.push("as asked".to_owned());
    }
    let rest: Vec<String> = kept(plan).into_iter().filter(|text| text.contains(" container")).collect();
    let semicolon = if rest.is_empty() { "" } else { "; " };
    format!("{}: {} in {}{semicolon}{}", title(plan), parts.join(", "), took(report.took), rest.join(", "))
}

/// `shop is up to date: 6 containers unchanged (4 ms)`
pub(crate) fn idle(plan: &Plan, goal: &Goal, took_so_long: Duration) -> String {
    let parts = kept(plan);
    let nothing = match goal.verb {
        Verb::Up(_) => "is up to date",
        Verb::Down { .. } => "has nothing to remove",
        Verb::Start => "has nothing to start",
        Verb::Stop => "has nothing to stop",
        Verb::Restart => "has nothing to restart",
        Verb::Kill { .. } => "has nothing to kill",
        Verb::Pause { paused: true } => "has nothing to pause",
        Verb::Pause { paused: false } => "has nothing to unpause",
        Verb::Remove(_) => "has nothing to remove",
        Verb::Restore(_) => "has nothing to go back to",
        Verb::Pull(_) => "has nothing to pull",
        Verb::Build(_) => "has nothing to build",
        Verb::Push(_) => "has nothing to push",
    };
    let colon = if parts.is_empty() { "" } else { ": " };
    format!("{} {nothing}{colon}{} ({})", title(plan), parts.join(", "), took(took_so_long))
}

/// What the plan leaves alone, counted: `2 containers unchanged`. Containers say it all, when
/// there are any.
fn kept(plan: &Plan) -> Vec<String> {
    let mut kept: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for one in &plan.kept {
        let sort = one.resource.split(' ').next().unwrap_or_default();
        *kept.entry((sort, &one.reason)).or_default() += 1;
    }
    let containers = kept.keys().any(|(sort, _)| *sort == "container");
    kept.retain(|(sort, _), _| !containers || *sort == "container");
    let part = |((sort, reason), count): (&(&str, &str), &usize)| {
        format!("{count} {sort}{} {reason}", if *count == 1 { "" } else { "s" })
    };
    kept.iter().map(part).collect()
}

/// A message for each failure. Resources that failed in the same way share one.
fn failures(plan: &Plan, report: &Report) -> Vec<Message> {
    let mut groups: Vec<(Sort, Vec<String>, Message)> = Vec::new();
    for resource in resources(plan) {
        for step in &resource.steps {
            let Some((Outcome::Failed(error), _)) = report.outcomes.get(*step) else { continue };
            if plan.is_optional(*step) {
                continue;
            }
            let message = Message::from(error);
            let same = |(sort, _, other): &&mut (Sort, Vec<String>, Message)| {
                *sort == resource.sort && *other == message
            };
            match groups.iter_mut().find(same) {
                Some((_, names, _)) => names.push(resource.name.clone()),
                None => groups.push((resource.sort, vec![resource.name.clone()], message)),
            }
        }
    }
    groups.into_iter().map(named).collect()
}

/// What it is about: the stack, or the one container that is in none.
fn title(plan: &Plan) -> &str {
    let alone = plan.names.values().next().filter(|_| ContainerId::is_alone(&plan.stack));
    alone.map_or(&plan.stack, |name| name)
}

/// Failures that the stack says it can live with.
fn tolerated(plan: &Plan, report: &Report) -> Vec<String> {
    let text = |(step, (outcome, _)): (usize, &(Outcome, Duration))| match outcome {
        Outcome::Failed(error) if plan.is_optional(step) => Some(match plan.nodes[step].step.image() {
            Some(image) => format!("image {image}: {error}; going on without it"),
            None => format!("{error}; it is not required"),
        }),
        _ => None,
    };
    report.outcomes.iter().enumerate().filter_map(text).collect()
}

/// The message with the names of those that it is about, unless it has them already.
fn named((sort, names, mut message): (Sort, Vec<String>, Message)) -> Message {
    if !names.iter().all(|name| message.error.contains(name.as_str())) {
        let plural = if names.len() == 1 { "" } else { "s" };
        message.error = format!("{}{plural} {}: {}", sort.word(), names.join(", "), message.error);
    }
    message
}

/// For each failed resource, those that were not tried because of it.
fn skipped(plan: &Plan, report: &Report) -> Vec<String> {
    let resources = resources(plan);
    let mut because: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for resource in &resources {
        let cause = resource.steps.iter().find_map(|step| match report.outcomes.get(*step) {
            Some((Outcome::Skipped { because }, _)) => Some(*because),
            _ => None,
        });
        let culprit = cause.and_then(|step| resources.iter().position(|one| one.steps.contains(&step)));
        // What failed itself was told already.
        if resource.sort == Sort::Update {
            continue;
        }
        if let Some(culprit) = culprit.filter(|at| resources[*at].name != resource.name) {
            because.entry(culprit).or_default().push(&resource.name);
        }
    }
    let line = |(culprit, names): (usize, Vec<&str>)| {
        format!("{}, because {} failed", names.join(", "), resources[culprit].name)
    };
    because.into_iter().map(line).collect()
}

/// Tells what became of the plan; when it is `quiet`, only what went wrong.
pub(crate) fn tell(screen: Screen, (plan, quiet): (&Plan, bool), report: &Report) {
    for text in tolerated(plan, report) {
        screen.warn(&text);
    }
    for message in failures(plan, report) {
        screen.tell(&super::render(screen.err, &message));
    }
    for line in skipped(plan, report) {
        screen.tell(&format!("{} {line}", screen.err.paint(Ink::Yellow, "not tried:")));
    }
    let is_reached = report.is_reached(plan);
    let quiet = quiet || screen.telling == Some(Telling::Quiet);
    if !(quiet && is_reached) {
        let ink = if is_reached { Ink::Bold } else { Ink::Red };
        screen.tell(&screen.err.paint(ink, headline(plan, report)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::resource::tests::plan;
    use super::*;
    use engine::{Error, Kind};

    fn report(outcomes: Vec<Outcome>) -> Report {
        let outcomes = outcomes.into_iter().map(|outcome| (outcome, Duration::ZERO)).collect();
        Report { outcomes, took: Duration::from_millis(310) }
    }

    #[test]
    fn success_is_counted_by_what_became_of_each_resource() {
        let report = report((0..8).map(|_| Outcome::Done).collect());
        let line = headline(&plan(), &report);
        assert_eq!(line, "shop: 1 container replaced, 1 container started, 1 network created in 0.31 s");
    }

    #[test]
    fn a_failure_is_told_with_its_container_and_names_what_was_not_tried() {
        let failed = Outcome::Failed(Error::new(Kind::Container, "it ended with exit code 1"));
        let mut outcomes = vec![Outcome::Done, Outcome::Done, failed];
        outcomes.extend((3..8).map(|_| Outcome::Skipped { because: 2 }));
        let report = report(outcomes);
        let plan = plan();
        assert_eq!(headline(&plan, &report), "shop: 1 network created, 1 failed, 1 skipped in 0.31 s");
        assert_eq!(failures(&plan, &report)[0].error, "container shop-db-1: it ended with exit code 1");
        assert_eq!(skipped(&plan, &report), ["shop-web-1, because shop-db-1 failed"]);
    }

    #[test]
    fn those_that_fail_in_the_same_way_share_one_message() {
        let failed = || Outcome::Failed(Error::new(Kind::Container, "no such program: x"));
        let mut outcomes: Vec<Outcome> = (0..8).map(|_| Outcome::Done).collect();
        outcomes[2] = failed();
        outcomes[7] = failed();
        let messages = failures(&plan(), &report(outcomes));
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].error, "containers shop-db-1, shop-web-1: no such program: x");
    }

    #[test]
    fn nothing_to_do_is_told_with_what_is_there() {
        let kept = |resource: &str, reason: &str| planner::plan::Kept {
            resource: resource.into(),
            reason: reason.into(),
        };
        let plan = Plan {
            stack: "shop".into(),
            kept: vec![
                kept("network shop_default", "unchanged"),
                kept("container shop-web-1", "unchanged"),
                kept("container shop-web-2", "unchanged"),
                kept("container shop-job-1", "completed"),
            ],
            ..Default::default()
        };
        let goal = Goal::all(Verb::Up(Default::default()));
        assert_eq!(
            idle(&plan, &goal, Duration::from_millis(4)),
            "shop is up to date: 1 container completed, 2 containers unchanged (4 ms)"
        );
        let plan = Plan { stack: "shop".into(), ..Default::default() };
        let goal = Goal::all(Verb::Stop);
        assert_eq!(idle(&plan, &goal, Duration::ZERO), "shop has nothing to stop (0 ms)");
    }
}
