//! `sampan stats`

use super::containers::{known, select};
use super::converge::block_on;
use super::interrupt::Interrupts;
use crate::context::{Context, Target};
use crate::error::{Exit, Failure};
use crate::output::table::{self, Format};
use crate::output::usage::{HEADER, Sample};
use clap::Args;
use engine::LinuxEngine;
use planner::ContainerId;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Show what containers use: processor, memory, network, processes, and what they wait for
#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// Only these services
    services: Vec<String>,

    /// Also containers that do not run
    #[arg(short, long)]
    all: bool,

    /// Once, instead of every second
    #[arg(long)]
    no_stream: bool,

    /// As JSON; once
    #[arg(long)]
    json: bool,

    /// Form of the output; `json` is what Docker Compose prints, one object a line
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Between two looks; the first two are nearer, so that there is something to see.
const INTERVAL: Duration = Duration::from_secs(1);
const FIRST: Duration = Duration::from_millis(200);

pub(crate) fn run(args: &StatsArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.target()?;
    let engine = context.engine()?;
    block_on(async {
        let mut interrupts = Interrupts::listen()?;
        let mut before = look(&engine, &target, args)?;
        let mut interval = FIRST;
        let mut lines = 0;
        loop {
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                () = interrupts.next() => return Ok(Exit::Done),
            }
            interval = INTERVAL;
            let now = look(&engine, &target, args)?;
            let samples: Vec<Sample> =
                now.values().map(|sample| sample.since(before.get(&sample.container.id))).collect();
            lines = show(context, args, &samples, lines)?;
            if args.no_stream || args.json {
                return Ok(Exit::Done);
            }
            before = now;
        }
    })
}

fn look(
    engine: &LinuxEngine,
    target: &Target,
    args: &StatsArgs,
) -> Result<BTreeMap<ContainerId, Sample>, Failure> {
    let mut samples = BTreeMap::new();
    for container in select(known(engine, target)?, target, &args.services)? {
        if args.all || container.state.is_running() {
            let usage = engine.usage(&container.id)?;
            samples.insert(container.id.clone(), Sample::new(container, usage, Instant::now()));
        }
    }
    Ok(samples)
}

/// Prints, over the `lines` that were printed before when it is a terminal. Gives the lines printed.
fn show(context: &Context, args: &StatsArgs, samples: &[Sample], lines: usize) -> Result<usize, Failure> {
    if args.json {
        context.screen.json(&samples.iter().map(Sample::value).collect::<Vec<_>>())?;
        return Ok(0);
    }
    let text: String = match args.format {
        Format::Json => samples.iter().map(|sample| format!("{}\n", sample.compose_value())).collect(),
        Format::Table => {
            let rows: Vec<_> = samples.iter().map(Sample::row).collect();
            table::render(context.screen.out, &HEADER, &rows)
        }
    };
    let over = context.environment.terminals.out && lines > 0;
    let back = if over { format!("\x1b[{lines}A\x1b[J") } else { String::new() };
    context.screen.print(&format!("{back}{text}"))?;
    Ok(text.lines().count())
}
