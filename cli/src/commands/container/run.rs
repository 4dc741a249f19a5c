//! `sampan container run | create`

use super::spec::{BRIDGE, SpecArgs};
use crate::commands::converge::{Ask, converge, do_alone};
use crate::commands::run::{become_attached, number};
use crate::commands::wanted::policy;
use crate::context::{Context, Target};
use crate::error::{Exit, Failure, Message};
use clap::Args;
use engine::LinuxEngine;
use planner::desired::{OneOff, PullPolicy};
use planner::goal::{ImageOptions, RunOptions, UpOptions, Verb};
use planner::{ContainerId, Goal, NetworkSpec, Slot, Step, VolumeSpec};
use std::path::PathBuf;
use std::sync::Arc;

/// Run a container of an image, without a stack file
#[derive(Debug, Args)]
#[command(
    after_help = "Everything behind IMAGE belongs to the command: `sampan container run --rm -it debian bash`"
)]
pub(super) struct RunArgs {
    /// Do not wait for it; print its name
    #[arg(short, long)]
    detach: bool,

    /// Remove it when it has ended, with its anonymous volumes
    #[arg(long)]
    rm: bool,

    #[command(flatten)]
    made: Made,
}

/// Make a container of an image, without starting it; print its name
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Remove it when it has ended, with its anonymous volumes
    #[arg(long)]
    rm: bool,

    #[command(flatten)]
    made: Made,
}

#[derive(Debug, Args)]
struct Made {
    /// When to pull: always, missing, never
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    pull: Option<PullPolicy>,

    /// Do not tell how the image comes
    #[arg(long)]
    quiet_pull: bool,

    #[command(flatten)]
    spec: SpecArgs,
}

pub(super) fn run(args: &RunArgs, context: &Context) -> Result<Exit, Failure> {
    let spec = &args.made.spec;
    if spec.tty && !args.detach && !context.environment.terminals.input {
        return Err(Failure::usage("standard input is no terminal", "leave `-t` out"));
    }
    let one_off = OneOff { remove: args.rm, awaited: !args.detach };
    let (exit, id, name) = make(&args.made, one_off, true, context)?;
    match exit {
        Exit::Done if args.detach => context.screen.print(&format!("{name}\n")).map(|()| Exit::Done),
        Exit::Done => {
            let input: &[&str] = if spec.interactive { &[] } else { &["--no-stdin"] };
            Err(become_attached(context, &id, input))
        }
        exit => Ok(exit),
    }
}

pub(super) fn create(args: &CreateArgs, context: &Context) -> Result<Exit, Failure> {
    let one_off = OneOff { remove: args.rm, awaited: false };
    let (exit, _, name) = make(&args.made, one_off, false, context)?;
    if exit == Exit::Done {
        context.screen.print(&format!("{name}\n"))?;
    }
    Ok(exit)
}

/// Each is a stack of its own, so that none waits for another one; gives its id and name.
fn make(
    args: &Made,
    one_off: OneOff,
    start: bool,
    context: &Context,
) -> Result<(Exit, ContainerId, String), Failure> {
    let engine =
        Arc::new(context.engine_as_root(if start { "container run" } else { "container create" })?);
    let number = number()?;
    let key = format!("{number:08x}");
    let name = args.spec.name.clone().unwrap_or_else(|| format!("{}-{key}", short(&args.spec.image)));
    let file = args.spec.file((&key, &name), &context.environment.directory);
    let mut stack = context.stack_alone(&key, file)?;
    stack.name = ContainerId::alone(&key);
    let own = stack.name.clone();
    let target = Target { stack: Some(stack), ..Target::named(own, PathBuf::from("/")) };
    let missing = missing(&args.spec, &engine)?;
    if !missing.is_empty() {
        let made = do_alone(context, &name, missing, true, |_| {})?;
        if made != Exit::Done {
            return Err(Failure::Said(made));
        }
    }
    let options = UpOptions {
        no_start: !start,
        images: ImageOptions { pull: args.pull, ..ImageOptions::default() },
        run: Some(RunOptions { number, one_off, aliases: true, keeps_restart: true }),
        ..UpOptions::default()
    };
    let goal = Goal { services: [key.clone()].into(), ..Goal::all(Verb::Up(options)) };
    let ask = Ask { target: &target, goal: &goal, dry_run: false, quiet: args.quiet_pull, saved: None };
    let exit = converge(context, &engine, ask)?;
    let slot = Slot { service: key, index: number };
    Ok((exit, ContainerId { stack: target.name.clone(), slot, generation: 1 }, name))
}

/// What a name begins with: `registry/team/app:1` is `app`.
fn short(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or_default();
    let name = last.split([':', '@']).next().unwrap_or_default();
    if name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) {
        name.to_owned()
    } else {
        "container".into()
    }
}

/// The network and the volumes that are made because they are named and not there.
fn missing(spec: &SpecArgs, engine: &LinuxEngine) -> Result<Vec<Step>, Failure> {
    let mut steps = Vec::new();
    for name in spec.networks() {
        if engine::net::manage::get(engine.store(), name)?.is_some() {
            continue;
        }
        if name != BRIDGE {
            return Err(Message::new(Exit::NotReached, format!("no network `{name}`"))
                .hint(format!("`sampan network create {name}` makes it"))
                .into());
        }
        steps.push(Step::CreateNetwork {
            spec: NetworkSpec { name: name.to_owned(), ..NetworkSpec::default() },
        });
    }
    for name in spec.volumes() {
        if engine::volume::get(engine.store(), name)?.is_none() {
            let spec = VolumeSpec { name: name.to_owned(), ..VolumeSpec::default() };
            steps.push(Step::CreateVolume { spec });
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_begins_with_that_of_the_image() {
        assert_eq!(short("registry:5000/team/app:1"), "app");
        assert_eq!(short("debian@sha256:00"), "debian");
        assert_eq!(short("_x"), "container");
    }
}
