//! The one way in which a command changes the machine: observe, plan, apply.

use super::interrupt::Interrupts;
use crate::context::{Context, Target};
use crate::error::{Exit, Failure, Message};
use crate::output::progress::{Progress, Told};
use crate::output::{self, summary};
use engine::apply::{Cancel, Options, apply};
use engine::store::Lock;
use engine::{Engine, Event, LinuxEngine, Outcome, Report, Scope};
use planner::desired::Slot;
use planner::goal::{RestoreOptions, Verb};
use planner::model::Stack;
use planner::plan::{Cause, Node, Saved};
use planner::{ContainerId, Goal, Live, Plan, Step, plan};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a command asks of which stack.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// The stack.
    pub(crate) target: &'a Target,
    /// What should become of it.
    pub(crate) goal: &'a Goal,
    /// Show the plan, do nothing.
    pub(crate) dry_run: bool,
    /// Do not tell how images come and go.
    pub(crate) quiet: bool,
    /// Do exactly this, or nothing.
    pub(crate) saved: Option<&'a Saved>,
}

/// Reaches a goal about a stack whose files must be there; `verb` is what was typed.
pub(crate) fn converge_files(
    context: &Context,
    verb: &str,
    goal: &Goal,
    (dry_run, quiet): (bool, bool),
) -> Result<Exit, Failure> {
    let services: Vec<String> = goal.services.iter().cloned().collect();
    let target = context.stack_to_run(&services)?;
    let engine = Arc::new(context.engine_as_root(verb)?);
    converge(context, &engine, Ask { target: &target, goal, dry_run, quiet, saved: None })
}

/// Reaches a goal about a stack that is known by its name, with its files or without; `verb` is what
/// was typed.
pub(crate) fn converge_known(
    context: &Context,
    verb: &str,
    goal: &Goal,
    dry_run: bool,
) -> Result<Exit, Failure> {
    let target = context.target()?;
    let engine = Arc::new(context.engine_as_root(verb)?);
    converge(context, &engine, Ask { target: &target, goal, dry_run, quiet: false, saved: None })
}

/// Plans what is asked and does it. The exit code says whether the goal is reached.
pub(crate) fn converge(context: &Context, engine: &Arc<LinuxEngine>, ask: Ask) -> Result<Exit, Failure> {
    block_on(async {
        let mut interrupts = Interrupts::listen()?;
        converge_within(context, engine, ask, &mut interrupts).await
    })
}

/// Like [`converge`], for those that have a runtime and listen to Ctrl-C already.
pub(crate) async fn converge_within(
    context: &Context,
    engine: &Arc<LinuxEngine>,
    ask: Ask<'_>,
    interrupts: &mut Interrupts,
) -> Result<Exit, Failure> {
    let began = Instant::now();
    let plan = plan_as_saved(engine, ask)?;
    if ask.dry_run {
        show(context, &plan)?;
        return Ok(Exit::Done);
    }
    if plan.nodes.is_empty() && !is_left_over(engine, ask) {
        idle(context, &plan, ask.goal, began);
        return Ok(Exit::Done);
    }
    let _lock = lock(context, engine, ask, interrupts).await?;
    let exit = reach(context, engine, (ask, began), interrupts).await?;
    if takes_all_down(ask.goal) && exit == Exit::Done {
        engine.release(&ask.target.name)?;
    }
    Ok(exit)
}

/// Plans, and does what the plan says, images first: what is made from them, and whether anything
/// is, is known only when they are here. Then it plans again. The lock is held.
async fn reach(
    context: &Context,
    engine: &Arc<LinuxEngine>,
    (ask, began): (Ask<'_>, Instant),
    interrupts: &mut Interrupts,
) -> Result<Exit, Failure> {
    let mut goal = ask.goal.clone();
    let is_new = !engine.is_claimed(&ask.target.name);
    loop {
        let ask = Ask { goal: &goal, ..ask };
        let whole = plan_as_saved(engine, ask)?;
        if whole.nodes.is_empty() {
            idle(context, &whole, &goal, began);
            return Ok(Exit::Done);
        }
        let Some(images) = whole.images_first() else {
            let (exit, report) = change(context, engine, (ask, &whole), interrupts).await?;
            go_back(context, engine, (ask, report.goes_back(&whole)), interrupts).await?;
            return Ok(exit);
        };
        let able = LinuxEngine::clone(engine).with_registries(context.registries()?);
        let engine = Arc::new(able.with_caller(context.caller()));
        let (exit, report) = change(context, &engine, (ask, &images), interrupts).await?;
        if !matches!(goal.verb, Verb::Up(_)) {
            return Ok(exit);
        }
        if exit != Exit::Done {
            // Nothing of the stack was made, so it is nobody's again.
            if is_new {
                engine.release(&ask.target.name)?;
            }
            return Ok(exit);
        }
        for (node, (outcome, _)) in images.nodes.iter().zip(&report.outcomes) {
            goal.settle(&node.step, matches!(outcome, Outcome::Done));
        }
    }
}

/// Gives these slots their older containers back: an update of them failed. What became of it is told;
/// that the goal was not reached remains.
async fn go_back(
    context: &Context,
    engine: &Arc<LinuxEngine>,
    (ask, slots): (Ask<'_>, BTreeSet<Slot>),
    interrupts: &mut Interrupts,
) -> Result<(), Failure> {
    if slots.is_empty() {
        return Ok(());
    }
    let verb = Verb::Restore(RestoreOptions { slots });
    let goal = Goal { stop_timeout: ask.goal.stop_timeout, ..Goal::all(verb) };
    let ask = Ask { goal: &goal, saved: None, ..ask };
    let plan = plan_for(engine, ask)?;
    let services: Vec<&str> = plan.rollouts.iter().map(|rollout| rollout.service.as_str()).collect();
    if plan.nodes.is_empty() {
        return Ok(());
    }
    context.screen.warn(&format!("the update failed: {} goes back to what it was", services.join(", ")));
    change(context, engine, (ask, &plan), interrupts).await.map(drop)
}

/// Whether the goal is that nothing of the stack is left.
fn takes_all_down(goal: &Goal) -> bool {
    matches!(goal.verb, Verb::Down { .. }) && goal.services.is_empty()
}

/// Whether a stack that is to be gone is gone but for the note of whose it was.
fn is_left_over(engine: &LinuxEngine, ask: Ask) -> bool {
    takes_all_down(ask.goal) && engine.is_claimed(&ask.target.name)
}

/// Does what the plan says. The lock is held.
async fn change(
    context: &Context,
    engine: &Arc<LinuxEngine>,
    (ask, plan): (Ask<'_>, &Plan),
    interrupts: &mut Interrupts,
) -> Result<(Exit, Report), Failure> {
    // What is in no stack file belongs to no folder.
    if matches!(ask.goal.verb, Verb::Up(_)) && !ContainerId::is_alone(&ask.target.name) {
        engine.claim(&ask.target.name, &owner(ask.target))?;
    }
    told(context, plan, ask.goal);
    let quiet = ask.quiet && plan.nodes.iter().all(|node| node.step.image().is_some());
    let report = run(context, engine, (plan, quiet), interrupts, |_| {}).await?;
    Ok((told_end(context, (plan, quiet), &report), report))
}

/// Does steps of images that belong to no stack; `name` says what they are about. The events
/// are given to `heard`, too.
pub(crate) fn do_alone(
    context: &Context,
    name: &str,
    steps: Vec<Step>,
    quiet: bool,
    heard: impl Fn(&Event),
) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("image")?.with_registries(context.registries()?);
    let engine = Arc::new(engine.with_caller(context.caller()));
    let node = |step| Node { step, cause: Cause::Asked, needs: Vec::new(), after: Vec::new() };
    let nodes = steps.into_iter().map(node).collect();
    let plan = Plan { stack: name.to_owned(), nodes, ..Plan::default() };
    block_on(async {
        let mut interrupts = Interrupts::listen()?;
        let report = run(context, &engine, (&plan, quiet), &mut interrupts, heard).await?;
        Ok(told_end(context, (&plan, quiet), &report))
    })
}

/// Does steps about containers, each one's in their order, whatever stacks they are of.
pub(crate) fn do_steps(
    context: &Context,
    engine: LinuxEngine,
    all: Vec<(ContainerId, Vec<Step>)>,
) -> Result<Exit, Failure> {
    let stacks: BTreeSet<String> = all.iter().map(|(id, _)| id.stack.clone()).collect();
    let names: BTreeMap<ContainerId, String> =
        all.iter().map(|(id, _)| (id.clone(), engine.called(id))).collect();
    let title = names.values().cloned().collect::<Vec<_>>().join(", ");
    let mut plan = Plan { stack: title, names, ..Plan::default() };
    for steps in all.into_iter().map(|(_, steps)| steps) {
        for (at, step) in steps.into_iter().enumerate() {
            let before = plan.nodes.len().checked_sub(1).filter(|_| at > 0);
            let needs = before.into_iter().collect();
            plan.nodes.push(Node { step, cause: Cause::Asked, needs, after: Vec::new() });
        }
    }
    let engine = Arc::new(engine);
    block_on(async {
        let mut interrupts = Interrupts::listen()?;
        let owned = engine.clone();
        // Each in its turn, always in the same order.
        let locking =
            move || stacks.iter().map(|stack| owned.lock_stack(stack)).collect::<engine::Result<Vec<_>>>();
        let locking = tokio::task::spawn_blocking(locking);
        let failed = |error| Failure::io("wait for the lock", &std::io::Error::other(error));
        let _locks = tokio::select! {
            locks = locking => locks.map_err(failed)??,
            () = interrupts.next() => return Err(Failure::Said(Exit::Interrupted)),
        };
        let report = run(context, &engine, (&plan, false), &mut interrupts, |_| {}).await?;
        Ok(told_end(context, (&plan, false), &report))
    })
}

/// Tells what became of the plan.
fn told_end(context: &Context, (plan, quiet): (&Plan, bool), report: &Report) -> Exit {
    summary::tell(context.screen, (plan, quiet), report);
    match () {
        () if report.is_reached(plan) => Exit::Done,
        () if report.is_cancelled() => Exit::Interrupted,
        () => Exit::NotReached,
    }
}

/// How long to wait for the lock before telling what is waited for.
const PATIENCE: Duration = Duration::from_millis(300);

/// Waits until the stack is ours alone, or until Ctrl-C.
async fn lock(
    context: &Context,
    engine: &Arc<LinuxEngine>,
    ask: Ask<'_>,
    interrupts: &mut Interrupts,
) -> Result<Lock, Failure> {
    let (owned, stack) = (engine.clone(), ask.target.name.clone());
    let mut locking = tokio::task::spawn_blocking(move || owned.lock_stack(&stack));
    let mut patience = std::pin::pin!(tokio::time::sleep(PATIENCE));
    let mut told = false;
    loop {
        tokio::select! {
            biased;
            locked = &mut locking => {
                let failed = |error| Failure::io("wait for the lock", &std::io::Error::other(error));
                return Ok(locked.map_err(failed)??);
            }
            () = &mut patience, if !told => {
                told = true;
                context.screen.tell(&format!("waiting for another command that works on {}", ask.target.name));
            }
            () = interrupts.next() => return Err(Failure::Said(Exit::Interrupted)),
        }
    }
}

/// Observes and plans; what was saved must be what comes of it.
fn plan_as_saved(engine: &LinuxEngine, ask: Ask) -> Result<Plan, Failure> {
    let (plan, live) = survey(engine, ask)?;
    let moved = ask.saved.map(|saved| saved.moved(&plan, &live)).unwrap_or_default();
    if moved.is_empty() {
        return Ok(plan);
    }
    let mut message = Message::new(Exit::Refused, "the plan cannot be done as it was saved");
    message.causes = moved;
    Err(message.hint("make another one: `sampan plan -o FILE`").into())
}

/// Observes and plans. Changes nothing and takes no lock.
pub(crate) fn plan_for(engine: &LinuxEngine, ask: Ask) -> Result<Plan, Failure> {
    survey(engine, ask).map(|(plan, _)| plan)
}

/// Observes and plans; gives what was seen, too.
pub(crate) fn survey(engine: &LinuxEngine, ask: Ask) -> Result<(Plan, Live), Failure> {
    let stack = ask.target.stack.as_ref();
    let mut scope = scope(&ask.target.name, stack);
    if ends(&ask.goal.verb) {
        // What ends needs no image: a damaged image store must not keep things running.
        scope.images.clear();
    }
    let live = engine.observe(&scope)?;
    let mut plan = plan::plan(stack, ask.goal, &live)?;
    if plan
        .nodes
        .iter()
        .any(|node| matches!(node.step, Step::StartContainer { .. } | Step::StartAside { .. }))
    {
        // Whoever may not look at the firewall cannot bring anything up either.
        let made = plan.nodes.iter().filter_map(|node| match &node.step {
            Step::CreateNetwork { spec } => Some(spec),
            _ => None,
        });
        let six = made.chain(live.networks.values()).any(|network| network.ipv6.is_some());
        let firewalls = engine::net::foreign::stopping(six).unwrap_or_default();
        plan.notes.extend(firewalls.iter().map(engine::net::foreign::Firewall::advice));
    }
    Ok((plan, live))
}

/// Whether nothing is started or made.
fn ends(verb: &Verb) -> bool {
    matches!(verb, Verb::Down { .. } | Verb::Stop | Verb::Kill { .. } | Verb::Pause { .. } | Verb::Remove(_))
}

/// What to look at: the stack, and what it uses that belongs to nobody or to others.
fn scope(name: &str, stack: Option<&Stack>) -> Scope {
    let Some(stack) = stack else { return Scope { stack: name.to_owned(), ..Default::default() } };
    let services = stack.services.iter().chain(&stack.disabled);
    let mounted = services.clone().flat_map(|(_, spec)| spec.mounted_images().map(str::to_owned));
    let names = services.clone().map(|(service, spec)| spec.image_name(name, service));
    let mut images: Vec<String> = names.chain(mounted).filter(|image| !image.is_empty()).collect();
    images.sort();
    images.dedup();
    Scope {
        stack: name.to_owned(),
        images,
        networks: stack.external_networks().collect(),
        volumes: stack.volumes.values().filter(|one| one.external).map(|one| one.name.clone()).collect(),
        containers: stack.lenders().map(str::to_owned).collect(),
    }
}

fn owner(target: &Target) -> engine::stacks::Owner {
    engine::stacks::Owner {
        directory: target.directory.clone(),
        files: target.files.iter().map(Into::into).collect(),
        lives_with: target.lives_with.clone(),
    }
}

/// Prints a plan.
pub(crate) fn show(context: &Context, plan: &Plan) -> Result<(), Failure> {
    let text = plan::render::text(plan);
    context.screen.print(&output::plan::paint(context.screen.out, &text))
}

/// Tells what the user should know about a plan that is about to run.
fn told(context: &Context, plan: &Plan, goal: &Goal) {
    plan.notes.iter().for_each(|note| context.screen.warn(note));
    // Data that stays is worth a word at a moment when people expect everything to go.
    let goes = matches!(goal.verb, Verb::Down { .. });
    for kept in &plan.kept {
        if context.verbose || goes && kept.resource.starts_with("volume ") {
            context.screen.tell(&format!("kept {}  {}", kept.resource, kept.reason));
        }
    }
}

/// Tells that there is nothing to do.
fn idle(context: &Context, plan: &Plan, goal: &Goal, began: Instant) {
    told(context, plan, goal);
    context.screen.tell(&output::summary::idle(plan, goal, began.elapsed()));
}

const INTERRUPTED: &str = "finishing what has begun; Ctrl-C again leaves at once";

/// Walks a plan, with progress. The first Ctrl-C lets what has begun end, the second does not.
async fn run(
    context: &Context,
    engine: &Arc<LinuxEngine>,
    (plan, quiet): (&Plan, bool),
    interrupts: &mut Interrupts,
    heard: impl Fn(&Event),
) -> Result<Report, Failure> {
    let cancel = Cancel::new();
    let progress = if quiet { Progress::Silent } else { Progress::start(plan, context.screen) };
    let mut options = Options::default();
    options.parallel = context.parallel().unwrap_or(options.parallel);
    let report = {
        let tell = |event| {
            heard(&event);
            progress.tell(Told::Event(event));
        };
        let walk = apply(engine.clone(), plan, &options, tell, cancel.clone());
        let mut walk = std::pin::pin!(walk);
        loop {
            tokio::select! {
                biased;
                report = &mut walk => break Some(report),
                () = interrupts.next() => match cancel.is_cancelled() {
                    false => {
                        cancel.cancel();
                        progress.tell(Told::Remark(INTERRUPTED));
                    }
                    true => break None,
                },
            }
        }
    };
    progress.finish();
    report.ok_or_else(|| {
        let hint = match plan.nodes.iter().all(|node| node.step.image().is_some()) {
            true => "the next time it goes on from there",
            false => "the next `up` or `down` goes on from there",
        };
        Message::new(Exit::Interrupted, format!("{} was left in the middle of a change", plan.stack))
            .hint(hint)
            .into()
    })
}

/// Runs a future on a runtime of its own. What still blocks after that is left behind.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io("start the runtime", &error))?;
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use planner::model::Network;
    use planner::model::{Service, Volume};

    #[test]
    fn images_are_asked_for_once_and_networks_and_volumes_only_when_they_are_of_others() {
        let service = |image: &str| Service { image: image.into(), ..Default::default() };
        let network = |name: &str, external| Network { name: name.into(), external, ..Default::default() };
        let volume = |name: &str, external| Volume { name: name.into(), external, ..Default::default() };
        let stack = Stack {
            services: [("a".into(), service("x")), ("b".into(), service("x"))].into(),
            networks: [("n".into(), network("shop_n", false)), ("e".into(), network("e", true))].into(),
            volumes: [("v".into(), volume("shop_v", false)), ("w".into(), volume("w", true))].into(),
            ..Default::default()
        };
        let scope = scope("shop", Some(&stack));
        assert_eq!(scope.images, ["x"]);
        assert_eq!((scope.networks, scope.volumes), (vec!["e".to_owned()], vec!["w".to_owned()]));
    }
}
