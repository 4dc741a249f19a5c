//! `sampan logs`

use super::containers::{known, select};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::logs::{LogView, Look};
use clap::Args;
use engine::container::LogOptions;
use std::ops::ControlFlow;

/// Print what containers wrote
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Only these services
    services: Vec<String>,

    /// Go on with new lines until the containers end
    #[arg(short, long)]
    follow: bool,

    /// Begin with so many of the last lines of each container, or `all`
    #[arg(short = 'n', long, value_name = "N", default_value = "all", value_parser = tail)]
    tail: Tail,

    /// Print the time of each line
    #[arg(short, long)]
    timestamps: bool,

    /// Only the container with this number
    #[arg(long, value_name = "N")]
    index: Option<u32>,

    /// Names without colour
    #[arg(long)]
    no_color: bool,

    /// Lines without the container's name
    #[arg(long)]
    no_log_prefix: bool,
}

/// How many of the last lines; `None` is all.
type Tail = Option<usize>;

fn tail(text: &str) -> Result<Tail, String> {
    match text {
        "all" | "-1" => Ok(None),
        number => number.parse().map(Some).map_err(|_| "write a number of lines or `all`".to_owned()),
    }
}

pub(crate) fn run(args: &LogsArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.target()?;
    let engine = context.engine()?;
    let containers = select(known(&engine, &target)?, &target, &args.services)?;
    let wanted = |id: &planner::ContainerId| args.index.is_none_or(|index| id.slot.index == index);
    let ids: Vec<_> = containers.into_iter().map(|one| one.id).filter(wanted).collect();
    let look = Look { colour: !args.no_color, prefix: !args.no_log_prefix, timestamps: args.timestamps };
    let view = LogView::new(context.screen.out, look, &ids);
    let options = LogOptions { follow: args.follow, tail: args.tail, since: None };
    let mut failure = None;
    engine.logs(&ids, &options, &mut |id, line| match context.screen.print(&view.line(id, line)) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failure = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failure.map_or(Ok(Exit::Done), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_a_number_or_all() {
        assert_eq!(tail("5"), Ok(Some(5)));
        assert_eq!(tail("all"), Ok(None));
        assert!(tail("x").is_err());
    }
}
