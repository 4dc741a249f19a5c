//! `sampan ps`

use super::containers::{all_known, select};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::status::{health, ports, protocol, status, word};
use crate::output::table::{self, Cell, Format};
use clap::Args;
use engine::container::ContainerStatus;
use jiff::Timestamp;
use planner::live::State;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// List the containers that run or failed, and what they are doing
#[derive(Debug, Args)]
pub(crate) struct PsArgs {
    /// Only these services
    services: Vec<String>,

    /// Also those that were stopped or have completed
    #[arg(short, long)]
    all: bool,

    /// Only the ids
    #[arg(short, long)]
    quiet: bool,

    /// Only the names of the services
    #[arg(long = "services", conflicts_with = "quiet")]
    names: bool,

    /// As JSON
    #[arg(long)]
    json: bool,

    /// Form of the output; `json` is what Docker Compose prints, one object a line
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(crate) fn run(args: &PsArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.target()?;
    let engine = context.engine()?;
    let containers = select(all_known(&engine, &target)?, &target, &args.services)?;
    // One that failed is what people look for: it is shown although it does not run.
    // What was run once is shown with everything only.
    let shown = |one: &ContainerStatus| {
        args.all || !one.id.slot.is_one_off() && (one.state.is_running() || failed(&one.state))
    };
    let containers: Vec<ContainerStatus> = containers.into_iter().filter(shown).collect();
    let now = Timestamp::now();
    if args.json {
        let values: Vec<Value> = containers.iter().map(|one| value(one, now)).collect();
        context.screen.json(&values)?;
        return Ok(Exit::Done);
    }
    let text = match () {
        () if args.quiet => containers.iter().map(|one| format!("{}\n", one.id)).collect(),
        () if args.names => {
            let names: BTreeSet<&str> = containers.iter().map(|one| one.id.slot.service.as_str()).collect();
            names.into_iter().map(|name| format!("{name}\n")).collect()
        }
        () if args.format == Format::Json => {
            containers.iter().map(|one| format!("{}\n", compose_value(one, now))).collect()
        }
        () => {
            let rows: Vec<Vec<Cell>> = containers.iter().map(|one| row(one, now)).collect();
            table::render(context.screen.out, &["NAME", "SERVICE", "STATUS", "PORTS", "IMAGE"], &rows)
        }
    };
    context.screen.print(&text)?;
    Ok(Exit::Done)
}

fn failed(state: &State) -> bool {
    matches!(state, State::Exited { code, requested: false } if *code != 0)
}

fn row(container: &ContainerStatus, now: Timestamp) -> Vec<Cell> {
    let (ink, status) = status(container, now);
    vec![
        container.name().into(),
        container.id.slot.service.clone().into(),
        Cell::new(ink, status),
        ports(&container.ports).into(),
        container.spec.image.clone().into(),
    ]
}

/// One container for programs.
pub(crate) fn value(container: &ContainerStatus, now: Timestamp) -> Value {
    let ports: Vec<Value> = container
        .ports
        .iter()
        .map(|port| {
            json!({
                "host_ip": port.host_ip,
                "published": port.published,
                "target": port.target,
                "protocol": protocol(port.protocol),
            })
        })
        .collect();
    json!({
        "id": container.id,
        "name": container.name(),
        "stack": container.id.stack,
        "service": container.id.slot.service,
        "index": container.id.slot.index,
        "state": word(&container.state),
        "health": Some(health(&container.state)).filter(|word| !word.is_empty()),
        "status": status(container, now).1,
        "exit_code": container.exit_code,
        "restarts": container.restarts,
        "pid": container.pid,
        "started_at": container.started_at,
        "finished_at": container.finished_at,
        "image": container.spec.image,
        "image_id": container.image_id,
        "ports": ports,
        "addresses": container.addresses,
        "oom": container.oom,
        "last_probe": container.last_probe,
    })
}

/// One container as Docker Compose tells it.
fn compose_value(container: &ContainerStatus, now: Timestamp) -> Value {
    let publishers: Vec<Value> = container
        .ports
        .iter()
        .map(|port| {
            json!({
                "URL": port.host_ip.map_or_else(|| "0.0.0.0".to_owned(), |address| address.to_string()),
                "TargetPort": port.target,
                "PublishedPort": port.published,
                "Protocol": protocol(port.protocol),
            })
        })
        .collect();
    json!({
        "ID": container.id,
        "Name": container.name(),
        "Project": container.id.stack,
        "Service": container.id.slot.service,
        "State": word(&container.state),
        "Health": health(&container.state),
        "Status": status(container, now).1,
        "ExitCode": container.exit_code.unwrap_or(0),
        "Image": container.spec.image,
        "Ports": ports(&container.ports),
        "Publishers": publishers,
    })
}
