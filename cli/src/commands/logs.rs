//! `sampan logs`

use super::containers::{known, select};
use super::moment::moment;
use crate::context::{Context, Target};
use crate::error::{Exit, Failure};
use crate::output::logs::{LogView, Look};
use clap::Args;
use engine::LinuxEngine;
use engine::container::{ContainerStatus, LogOptions};
use jiff::Timestamp;
use std::ops::ControlFlow;

/// Print what containers wrote
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Only these services
    services: Vec<String>,

    /// Only the container with this number
    #[arg(long, value_name = "N")]
    index: Option<u32>,

    /// Lines without the container's name
    #[arg(long)]
    no_log_prefix: bool,

    #[command(flatten)]
    how: How,
}

/// Which lines, and how they are printed.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// Go on with new lines until the containers end
    #[arg(short, long)]
    follow: bool,

    /// Begin with so many of the last lines of each container, or `all`
    #[arg(short = 'n', long, value_name = "N", default_value = "all", value_parser = tail)]
    tail: Tail,

    /// Only lines from this time on: `2026-11-21T05:34:49Z`, `2026-11-21` (in UTC), `10m` ago, or seconds since 1970
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,

    /// Only lines up to this time; with -f it ends then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,

    /// Print the time of each line
    #[arg(short, long)]
    timestamps: bool,

    /// Names without colour
    #[arg(long)]
    no_color: bool,
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
    args.how.print(context, &engine, !args.no_log_prefix, &|| containers(args, &engine, &target))
}

impl How {
    /// Prints the lines of what `find` gives, and while following of what it gives later.
    pub(crate) fn print(
        &self,
        context: &Context,
        engine: &LinuxEngine,
        prefix: bool,
        find: &dyn Fn() -> Result<Vec<ContainerStatus>, Failure>,
    ) -> Result<Exit, Failure> {
        let shown = find()?;
        let look = Look { colour: !self.no_color, prefix, timestamps: self.timestamps };
        let view = LogView::new(context.screen.out, look, &shown);
        let How { follow, tail, since, until, .. } = *self;
        let options = LogOptions { follow, tail, since, until };
        let mut printer = Printer { context, text: String::new(), most: if follow { 0 } else { BUNDLE } };
        let mut failure = None;
        let found = || {
            let ids = |found: &[ContainerStatus]| found.iter().map(|one| one.id.clone()).collect();
            Ok(find().map_or_else(|_| ids(&shown), |found| ids(&found)))
        };
        engine.logs_of(&found, &options, &mut |id, line| match printer.print(&view.line(id, line)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        })?;
        failure.map_or(Ok(()), Err)?;
        printer.flush()?;
        Ok(Exit::Done)
    }
}

fn containers(
    args: &LogsArgs,
    engine: &LinuxEngine,
    target: &Target,
) -> Result<Vec<ContainerStatus>, Failure> {
    let mut containers = select(known(engine, target)?, target, &args.services)?;
    containers.retain(|one| args.index.is_none_or(|index| one.id.slot.index == index));
    Ok(containers)
}

/// Bytes that are printed at once when nobody waits for each line.
const BUNDLE: usize = 64 << 10;

/// Prints lines, many at once.
struct Printer<'a> {
    context: &'a Context,
    text: String,
    most: usize,
}

impl Printer<'_> {
    fn print(&mut self, line: &str) -> Result<(), Failure> {
        self.text.push_str(line);
        if self.text.len() > self.most { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let text = std::mem::take(&mut self.text);
        if text.is_empty() { Ok(()) } else { self.context.screen.print(&text) }
    }
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
