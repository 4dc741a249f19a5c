//! `sampan up`

use super::converge::{Ask, block_on, converge, converge_within};
use super::follow;
use super::interrupt::Interrupts;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::logs::Look;
use clap::Args;
use jiff::Timestamp;
use planner::Goal;
use planner::desired::PullPolicy;
use planner::goal::{BuildWhen, ImageOptions, UpOptions, Verb};
use std::sync::Arc;
use std::time::Duration;

/// Create and start what the stack says, and follow its logs
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Only these services and what they depend on
    services: Vec<String>,

    /// Do not follow the logs; containers go on in the background
    #[arg(short, long)]
    detach: bool,

    /// Wait until every service runs, is healthy or has completed; implies -d
    #[arg(long)]
    wait: bool,

    /// Seconds that all waiting may take
    #[arg(long, value_name = "SECONDS")]
    wait_timeout: Option<u64>,

    /// Create containers, start none
    #[arg(long, conflicts_with_all = ["wait", "wait_timeout"])]
    no_start: bool,

    #[command(flatten)]
    images: ImageArgs,

    #[command(flatten)]
    shape: Shape,

    /// Seconds between stop signal and kill, instead of each service's own
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<u64>,

    /// Show the plan and do nothing
    #[arg(long)]
    dry_run: bool,

    /// Log lines without colour
    #[arg(long)]
    no_color: bool,

    /// Log lines without the container's name
    #[arg(long)]
    no_log_prefix: bool,

    /// Log lines with their time
    #[arg(long)]
    timestamps: bool,

    /// Accepted for scripts: nothing is ever asked, and data is never lost without `down -v`
    #[arg(short, long)]
    yes: bool,
}

/// How images come here.
#[derive(Debug, Args)]
pub(crate) struct ImageArgs {
    /// Build images although they are here
    #[arg(long, conflicts_with = "no_build")]
    build: bool,

    /// Build no images
    #[arg(long)]
    no_build: bool,

    /// When to pull, instead of what the services say: always, missing, never
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    pull: Option<PullPolicy>,

    /// Do not tell how images come
    #[arg(long, alias = "quiet-build")]
    pub(crate) quiet_pull: bool,
}

impl ImageArgs {
    /// As the planner wants it.
    pub(crate) fn options(&self) -> ImageOptions {
        let build = match self {
            Self { build: true, .. } => BuildWhen::Always,
            Self { no_build: true, .. } => BuildWhen::Never,
            _ => BuildWhen::Policy,
        };
        ImageOptions { pull: self.pull, build, ..ImageOptions::default() }
    }
}

/// A pull policy as it is typed.
pub(crate) fn policy(text: &str) -> Result<PullPolicy, String> {
    PullPolicy::parse(text).ok_or_else(|| "possible are always, missing, never".to_owned())
}

/// The ways in which the wanted state can be varied.
#[derive(Debug, Args)]
pub(crate) struct Shape {
    /// Replace containers although nothing changed
    #[arg(long)]
    force_recreate: bool,

    /// Leave services alone that the named ones depend on
    #[arg(long)]
    no_deps: bool,

    /// Remove containers of services that left the file
    #[arg(long, env = "COMPOSE_REMOVE_ORPHANS", value_parser = clap::builder::FalseyValueParser::new())]
    remove_orphans: bool,

    /// Number of containers of a service, instead of the file's
    #[arg(long, value_name = "SERVICE=N", value_parser = scale)]
    scale: Vec<(String, u32)>,
}

impl Shape {
    /// As the planner wants it.
    pub(crate) fn options(&self) -> UpOptions {
        UpOptions {
            force_recreate: self.force_recreate,
            no_deps: self.no_deps,
            remove_orphans: self.remove_orphans,
            scale: self.scale.iter().cloned().collect(),
            ..Default::default()
        }
    }
}

fn scale(text: &str) -> Result<(String, u32), String> {
    let (service, number) = text.split_once('=').ok_or("write SERVICE=NUMBER")?;
    let number = number.parse().map_err(|_| format!("`{number}` is not a number of containers"))?;
    Ok((service.to_owned(), number))
}

pub(crate) fn run(args: &UpArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.stack_to_run(&args.services)?;
    let engine = Arc::new(context.engine_as_root("up")?);
    let options = UpOptions {
        wait: args.wait,
        wait_timeout: args.wait_timeout.map(Duration::from_secs),
        no_start: args.no_start,
        images: args.images.options(),
        ..args.shape.options()
    };
    let goal = Goal {
        verb: Verb::Up(options),
        services: args.services.iter().cloned().collect(),
        stop_timeout: super::seconds(args.timeout),
    };
    let ask = Ask { target: &target, goal: &goal, dry_run: args.dry_run, quiet: args.images.quiet_pull };
    if args.detach || args.wait || args.dry_run || args.no_start {
        return converge(context, &engine, ask);
    }
    let look = Look { colour: !args.no_color, prefix: !args.no_log_prefix, timestamps: args.timestamps };
    block_on(async {
        let mut interrupts = Interrupts::listen()?;
        let began = Timestamp::now();
        match converge_within(context, &engine, ask, &mut interrupts).await? {
            Exit::Done => follow::attached(context, &engine, ask, (look, began), &mut interrupts).await,
            exit => Ok(exit),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_names_a_service_and_a_number() {
        assert_eq!(scale("web=3"), Ok(("web".to_owned(), 3)));
        assert!(scale("web").is_err());
        assert!(scale("web=x").unwrap_err().contains("`x`"));
    }
}
