//! `sampan attach`

use super::containers::{choose, known, select};
use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use clap::{ArgAction, Args};
use engine::LinuxEngine;
use engine::container::{AttachEnd, AttachOptions, DetachKeys};
use planner::ContainerId;

/// Be the input and output of a running container's program
#[derive(Debug, Args)]
#[command(after_help = "All who are attached see the same and type into the same program; \
    `sampan exec web sh` starts one of your own.")]
pub(crate) struct AttachArgs {
    /// The service
    #[arg(required_unless_present = "id")]
    service: Option<String>,

    /// Number of the container when there are several
    #[arg(long, value_name = "N", default_value_t = 1)]
    index: u32,

    #[command(flatten)]
    how: HowArgs,

    /// This container, for `run`, which becomes this command: every byte counts
    #[arg(long, hide = true, value_name = "ID")]
    id: Option<ContainerId>,
}

/// How to attach.
#[derive(Debug, Args)]
pub(crate) struct HowArgs {
    /// Keys that leave the container alone again; nothing turns them off
    #[arg(long, value_name = "KEYS", default_value = engine::container::detach::DEFAULT, value_parser = keys)]
    detach_keys: DetachKeys,

    /// Do not pass standard input on
    #[arg(long)]
    no_stdin: bool,

    /// Pass signals on to the program; `--sig-proxy=false` lets Ctrl-C leave it alone
    #[arg(long, default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    sig_proxy: bool,
}

impl HowArgs {
    pub(crate) fn options(&self) -> AttachOptions {
        AttachOptions {
            input: !self.no_stdin,
            signals: self.sig_proxy,
            detach: self.detach_keys.clone(),
            whole: false,
        }
    }
}

/// Keys as they are typed.
pub(crate) fn keys(text: &str) -> Result<DetachKeys, String> {
    DetachKeys::parse(text)
}

pub(crate) fn run(args: &AttachArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("attach")?;
    let id = match &args.id {
        Some(id) => id.clone(),
        None => chosen(args, context, &engine)?,
    };
    let options = AttachOptions { whole: args.id.is_some(), ..args.how.options() };
    // When it has ended it may be gone.
    let name = engine.called(&id);
    let end = engine.attach(&id, &options)?;
    left(context, &name, end)
}

/// Be that of this container.
pub(crate) fn attach(
    engine: &LinuxEngine,
    id: &ContainerId,
    how: &HowArgs,
    context: &Context,
) -> Result<Exit, Failure> {
    let name = engine.called(id);
    let end = engine.attach(id, &how.options())?;
    left(context, &name, end)
}

fn chosen(args: &AttachArgs, context: &Context, engine: &LinuxEngine) -> Result<ContainerId, Failure> {
    let target = context.target()?;
    let service = args.service.clone().unwrap_or_default();
    let containers = select(known(engine, &target)?, &target, std::slice::from_ref(&service))?;
    choose(containers, &service, args.index).map(|container| container.id)
}

/// What there is to say about how that ended, and the exit code of it.
pub(crate) fn left(context: &Context, name: &str, end: AttachEnd) -> Result<Exit, Failure> {
    match end {
        AttachEnd::Ended(code) => Ok(Exit::Program(u8::try_from(code).unwrap_or(u8::MAX))),
        AttachEnd::Detached => {
            context.screen.tell(&format!("\n{name} goes on; `sampan attach` comes back to it"));
            Ok(Exit::Done)
        }
        AttachEnd::Unread => Err(Failure::BrokenPipe),
        AttachEnd::Signalled(number) => Ok(Exit::Program(u8::try_from(128 + number).unwrap_or(u8::MAX))),
        AttachEnd::Lost => Err(Message::new(Exit::NotReached, format!("the supervisor of {name} is gone"))
            .hint("the container goes on; `sampan up -d` gives it a new one")
            .into()),
    }
}
