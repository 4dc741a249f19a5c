//! `sampan test`: a private copy of the stack, a command against it, and nothing left.

mod bundle;
mod endpoints;
mod junit;
mod program;
mod reaper;

pub(crate) use reaper::{ReapArgs, reap};

use super::converge::{Ask, converge_within, plan_for};
use super::follow::{FollowArgs, attached};
use super::interrupt::Interrupts;
use super::wanted::ImageArgs;
use crate::context::{Context, Target};
use crate::error::{Exit, Failure, Message};
use bundle::Bundle;
use clap::Args;
use endpoints::Endpoints;
use engine::LinuxEngine;
use engine::container::ProcessKey;
use engine::store::fnv1a;
use jiff::Timestamp;
use planner::Goal;
use planner::goal::{UpOptions, Verb};
use reaper::Reaper;
use std::path::PathBuf;
use std::process::id;
use std::sync::Arc;
use std::time::Duration;

/// Bring a private copy of the stack up, run a command against it, and take everything down
///
/// The copy has a name, networks, volumes and host ports of its own, so any number of tests can run
/// at once. The command gets SAMPAN_URL_<SERVICE>_<PORT> and SAMPAN_ADDRESS_<SERVICE>_<PORT> for each
/// published port, all of them as JSON in SAMPAN_ENDPOINTS, and the name of the copy in
/// COMPOSE_PROJECT_NAME, so that `sampan exec` in it means the copy. The exit code is the command's.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// The test is this service of the stack, not a command: it starts when all others are ready
    #[arg(long, value_name = "SERVICE", conflicts_with = "command")]
    service: Option<String>,

    /// Seconds that waiting for the stack may take
    #[arg(long, value_name = "SECONDS")]
    wait_timeout: Option<u64>,

    /// Seconds between stop signal and kill at the end
    #[arg(short, long, value_name = "SECONDS", default_value_t = 0)]
    timeout: u64,

    /// Where to put what explains a failure: plan, events, logs, containers
    #[arg(long, value_name = "DIR", default_value = "sampan-test")]
    bundle: PathBuf,

    /// Where to put the result as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    #[command(flatten)]
    images: ImageArgs,

    /// The command and its arguments
    #[arg(trailing_var_arg = true, required_unless_present = "service")]
    command: Vec<String>,
}

pub(crate) fn run(args: &TestArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = Arc::new(context.engine_as_root("test")?);
    reaper::sweep(context, &engine)?;
    let target = private_copy(context, args)?;
    let mut reaper = Reaper::start(context, &target.name)?;
    let began = Timestamp::now();
    let test = Test { args, context, engine: &engine, target: &target };
    let result = super::converge::block_on(async {
        let mut interrupts = Interrupts::listen()?;
        let result = test.go(&mut reaper, &mut interrupts).await;
        if !matches!(result, Ok(Exit::Done | Exit::Interrupted)) {
            test.explain(began);
        }
        let gone = take_down(context, &engine, &target, args.timeout).await;
        result.and_then(|exit| if exit == Exit::Done { gone } else { Ok(exit) })
    });
    reaper.dismiss();
    if let Some(file) = &args.junit {
        let report = junit::Report { stack: &target.name, name: &test.name(), began, result: &result };
        report.write(&context.environment.directory.join(file))?;
    }
    result
}

/// The copy under a name that nobody else has.
fn private_copy(context: &Context, args: &TestArgs) -> Result<Target, Failure> {
    let chance = fnv1a(format!("{} {}", id(), Timestamp::now().as_nanosecond()).as_bytes());
    let mut target = context.private_copy(|original| format!("{original}-test-{chance:08x}"))?;
    target.lives_with = ProcessKey::of(id().try_into().unwrap_or_default());
    let services = target.stack.iter().flat_map(|stack| stack.services.keys());
    let is_there = |wanted: &String| services.clone().any(|service| service == wanted);
    match args.service.as_ref().filter(|wanted| !is_there(wanted)) {
        None => Ok(target),
        Some(unknown) => {
            let names: Vec<&str> = services.map(String::as_str).collect();
            Err(Message::new(Exit::NotReached, format!("no service `{unknown}` in the stack"))
                .hint(format!("there are: {}", names.join(", ")))
                .into())
        }
    }
}

/// Whatever happened: containers, networks, volumes and the claim of the name go.
async fn take_down(
    context: &Context,
    engine: &Arc<LinuxEngine>,
    target: &Target,
    grace: u64,
) -> Result<Exit, Failure> {
    let goal =
        Goal { stop_timeout: Some(Duration::from_secs(grace)), ..Goal::all(Verb::Down { volumes: true }) };
    let ask = Ask { target, goal: &goal, dry_run: false, quiet: false, saved: None };
    converge_within(context, engine, ask, &mut Interrupts::never()).await
}

struct Test<'a> {
    args: &'a TestArgs,
    context: &'a Context,
    engine: &'a Arc<LinuxEngine>,
    target: &'a Target,
}

impl Test<'_> {
    /// How people call it.
    fn name(&self) -> String {
        self.args.service.clone().unwrap_or_else(|| self.args.command.join(" "))
    }

    /// Brings up what is tested, then tests.
    async fn go(&self, reaper: &mut Reaper, interrupts: &mut Interrupts) -> Result<Exit, Failure> {
        let goal = self.goal();
        let all = self.target.stack.iter().flat_map(|stack| stack.services.keys()).count();
        if self.args.service.is_none() || all > 1 {
            match converge_within(self.context, self.engine, self.ask(&goal), interrupts).await? {
                Exit::Done => {}
                exit => return Ok(exit),
            }
        }
        match &self.args.service {
            Some(service) => self.service(service, interrupts).await,
            None => {
                let endpoints = Endpoints::of(self.engine.list(Some(&self.target.name))?);
                let command = program::start(&self.args.command, endpoints.variables(&self.target.name))?;
                let failed = |error| Failure::io("tell who ends the command after a kill", &error);
                reaper.add(command.id()).map_err(failed)?;
                program::wait(command, interrupts).await
            }
        }
    }

    fn ask<'a>(&'a self, goal: &'a Goal) -> Ask<'a> {
        let quiet = self.args.images.quiet_pull;
        Ask { target: self.target, goal, dry_run: false, quiet, saved: None }
    }

    /// Everything but the test is ready.
    fn goal(&self) -> Goal {
        let options = UpOptions {
            wait: true,
            wait_timeout: self.args.wait_timeout.map(Duration::from_secs),
            images: self.args.images.options(),
            ..UpOptions::default()
        };
        let mut goal = Goal::all(Verb::Up(options));
        if let Some(test) = &self.args.service {
            let all = self.target.stack.iter().flat_map(|stack| stack.services.keys());
            goal.services = all.filter(|service| *service != test).cloned().collect();
        }
        goal
    }

    async fn service(&self, service: &str, interrupts: &mut Interrupts) -> Result<Exit, Failure> {
        let options = UpOptions { images: self.args.images.options(), ..UpOptions::default() };
        let services = [service.to_owned()].into();
        let goal = Goal { services, ..Goal::all(Verb::Up(options)) };
        let began = Timestamp::now();
        match converge_within(self.context, self.engine, self.ask(&goal), interrupts).await? {
            Exit::Done => {
                let follow = FollowArgs::of_one(service);
                attached(self.context, self.engine, self.ask(&goal), (&follow, began), interrupts).await
            }
            exit => Ok(exit),
        }
    }

    /// Puts what explains a failure where people can look at it. That this fails is no reason to
    /// leave anything behind, so it is only told.
    fn explain(&self, began: Timestamp) {
        let folder = self.context.environment.directory.join(&self.args.bundle);
        let goal = self.goal();
        let plan = plan_for(self.engine, self.ask(&goal)).ok();
        let bundle = Bundle { engine: self.engine, stack: &self.target.name, began, left: plan.as_ref() };
        match bundle.write(&folder) {
            Ok(()) => self.context.screen.tell(&format!("what explains it is in {}", folder.display())),
            Err(failure) => drop(self.context.screen.failure(&failure)),
        }
    }
}
