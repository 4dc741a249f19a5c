//! `sampan top`

use super::containers::{known, select};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::size::size;
use crate::output::table::{self, Cell};
use crate::output::time::{processor, span};
use clap::Args;
use engine::container::ContainerStatus;
use engine::container::top::ProcessStatus;
use jiff::Timestamp;
use serde_json::json;
use std::time::Duration;

/// List the processes in containers, as the host sees them
#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    /// Only these services
    services: Vec<String>,

    /// As JSON
    #[arg(long)]
    json: bool,
}

const HEADER: [&str; 9] = ["SERVICE", "#", "PID", "PPID", "UID", "AGE", "CPU", "MEMORY", "COMMAND"];

pub(crate) fn run(args: &TopArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.target()?;
    let engine = context.engine()?;
    let mut processes = Vec::new();
    for container in select(known(&engine, &target)?, &target, &args.services)? {
        let found = engine.processes(&container.id)?;
        processes.extend(found.into_iter().map(|process| (container.clone(), process)));
    }
    if args.json {
        let values: Vec<_> = processes.iter().map(|(container, process)| value(container, process)).collect();
        context.screen.json(&values)?;
    } else {
        let now = Timestamp::now();
        let rows: Vec<Vec<Cell>> =
            processes.iter().map(|(container, process)| row(container, process, now)).collect();
        context.screen.print(&table::render(context.screen.out, &HEADER, &rows))?;
    }
    Ok(Exit::Done)
}

fn row(container: &ContainerStatus, process: &ProcessStatus, now: Timestamp) -> Vec<Cell> {
    let age = Duration::try_from(now.duration_since(process.started_at)).unwrap_or_default();
    vec![
        container.id.slot.service.clone().into(),
        container.id.slot.index.to_string().into(),
        process.pid.to_string().into(),
        process.parent.to_string().into(),
        process.uid.to_string().into(),
        span(age).into(),
        processor(process.cpu).into(),
        size(process.memory).into(),
        process.command.clone().into(),
    ]
}

fn value(container: &ContainerStatus, process: &ProcessStatus) -> serde_json::Value {
    json!({
        "container": container.name(),
        "service": container.id.slot.service,
        "index": container.id.slot.index,
        "pid": process.pid,
        "parent": process.parent,
        "uid": process.uid,
        "started_at": process.started_at,
        "cpu_ms": u64::try_from(process.cpu.as_millis()).unwrap_or(u64::MAX),
        "memory": process.memory,
        "command": process.command,
    })
}
