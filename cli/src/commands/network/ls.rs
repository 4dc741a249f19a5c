//! `sampan network ls`

use super::driver;
use crate::commands::consent;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::table::{self, Cell};
use clap::Args;
use engine::container::{ContainerStatus, list};
use engine::net::{self, NetworkRecord};
use engine::system::Filter;
use serde_json::{Value, json};

/// List networks
#[derive(Debug, Args)]
pub(super) struct LsArgs {
    /// Only the names
    #[arg(short, long)]
    quiet: bool,

    /// As JSON
    #[arg(long)]
    json: bool,

    /// Only what fits: `name=TEXT`, `dangling=true`, `driver=bridge`, `label=KEY[=VALUE]`, `label!=…`
    #[arg(short, long = "filter", value_name = "FILTER")]
    filters: Vec<String>,
}

/// A network and who is on it.
struct Used {
    network: NetworkRecord,
    by: Vec<String>,
}

pub(super) fn run(args: &LsArgs, context: &Context) -> Result<Exit, Failure> {
    let choice = Choice::read(&args.filters)?;
    let engine = context.engine()?;
    let containers = list::list(engine.store(), None)?;
    let used = |network: NetworkRecord| {
        let on_it = containers.iter().filter(|one| one.spec.is_on(&network.spec.name));
        Used { by: on_it.map(ContainerStatus::name).collect(), network }
    };
    let mut networks: Vec<Used> = net::list(engine.store())?.into_iter().map(used).collect();
    networks.retain(|used| choice.fits(used));
    if args.json {
        context.screen.json(&networks.iter().map(value).collect::<Vec<_>>())?;
    } else if args.quiet {
        let names = networks.iter().map(|used| format!("{}\n", used.network.spec.name));
        context.screen.print(&names.collect::<String>())?;
    } else {
        let rows: Vec<Vec<Cell>> = networks.iter().map(row).collect();
        context.screen.print(&table::render(
            context.screen.out,
            &["NAME", "STACK", "SUBNET", "USED BY"],
            &rows,
        ))?;
    }
    Ok(Exit::Done)
}

fn value(used: &Used) -> Value {
    let NetworkRecord { spec, bridge, four, six, .. } = &used.network;
    json!({
        "name": spec.name,
        "stack": spec.stack,
        "driver": driver(spec),
        "interface": bridge,
        "internal": spec.internal,
        "subnet": four.map(|four| four.subnet.to_string()),
        "gateway": four.map(|four| four.gateway.to_string()),
        "subnet6": six.map(|six| six.subnet.to_string()),
        "labels": spec.labels,
        "used_by": used.by,
    })
}

fn row(used: &Used) -> Vec<Cell> {
    let NetworkRecord { spec, four, six, .. } = &used.network;
    let four = four.map(|four| four.subnet.to_string());
    let subnets: Vec<String> = four.into_iter().chain(six.map(|six| six.subnet.to_string())).collect();
    let stack = spec.stack.clone().unwrap_or_default();
    vec![spec.name.clone().into(), stack.into(), subnets.join(", ").into(), used.by.join(", ").into()]
}

/// What `--filter` says.
#[derive(Default)]
struct Choice {
    /// Parts of names, any of which will do.
    names: Vec<String>,
    /// Whether no container is on it.
    dangling: Option<bool>,
    /// What it is.
    drivers: Vec<String>,
    rest: Filter,
}

impl Choice {
    fn read(texts: &[String]) -> Result<Self, Failure> {
        let mut choice = Self::default();
        let mut rest = Vec::new();
        for text in texts {
            match text.split_once('=') {
                Some(("name", name)) => choice.names.push(name.to_owned()),
                Some(("driver", driver)) => choice.drivers.push(driver.to_owned()),
                Some(("dangling", "true" | "1")) => choice.dangling = Some(true),
                Some(("dangling", "false" | "0")) => choice.dangling = Some(false),
                _ => rest.push(text.clone()),
            }
        }
        choice.rest = consent::filter(&rest)?;
        Ok(choice)
    }

    fn fits(&self, used: &Used) -> bool {
        let spec = &used.network.spec;
        let named = self.names.is_empty() || self.names.iter().any(|part| spec.name.contains(part));
        let is_kind = self.drivers.is_empty() || self.drivers.iter().any(|one| *one == driver(spec));
        let dangles = self.dangling.is_none_or(|dangling| dangling == used.by.is_empty());
        named && is_kind && dangles && self.rest.fits(None, &spec.labels)
    }
}
