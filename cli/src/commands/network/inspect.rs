//! `sampan network inspect`

use super::driver;
use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use clap::Args;
use engine::net::{self, NetworkRecord, manage};
use engine::store::Store;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// Print all there is to say about networks, as JSON
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// Names
    #[arg(required = true)]
    networks: Vec<String>,
}

pub(super) fn run(args: &InspectArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine()?;
    let mut values = Vec::new();
    for name in &args.networks {
        let missing = || {
            Message::new(Exit::NotReached, format!("no network `{name}`"))
                .hint("`sampan network ls` lists what is there")
        };
        let network = manage::get(engine.store(), name)?.ok_or_else(missing)?;
        values.push(value(engine.store(), &network)?);
    }
    context.screen.json(&values)?;
    Ok(Exit::Done)
}

/// Named as docker names it, with our own behind.
pub(crate) fn value(store: &Store, network: &NetworkRecord) -> Result<Value, Failure> {
    let spec = &network.spec;
    let range = spec.ip_range.map(|range| range.to_string());
    let four =
        network.four.map(|four| json!({"Subnet": four.subnet, "Gateway": four.gateway, "IPRange": range}));
    let six = network.six.map(|six| json!({"Subnet": six.subnet, "Gateway": six.gateway}));
    let ranges: Vec<Value> = four.into_iter().chain(six).collect();
    Ok(json!({
        "Name": spec.name,
        "Driver": driver(spec),
        "Scope": "local",
        "Internal": spec.internal,
        "EnableIPv4": network.four.is_some(),
        "EnableIPv6": network.six.is_some(),
        "IPAM": {
            "Driver": "default",
            "Config": ranges,
            "AuxiliaryAddresses": spec.aux_addresses,
        },
        "Options": spec.shown_options(),
        "Labels": spec.labels,
        "Containers": containers(store, network)?,
        "Stack": spec.stack,
        "Interface": network.bridge,
    }))
}

fn containers(store: &Store, network: &NetworkRecord) -> Result<Map<String, Value>, Failure> {
    let mut found = Map::new();
    for one in manage::users(store, &network.spec.name)? {
        let endpoints = net::endpoints(store, &one.id)?;
        let here = endpoints.into_iter().find(|endpoint| endpoint.network == network.spec.name);
        let address = here.as_ref().and_then(|here| here.four);
        let address = address.map(|four| format!("{}/{}", four.address, four.prefix));
        let six = here.as_ref().and_then(|here| here.six).map(|six| (IpAddr::from(six.address), six.prefix));
        let value = json!({
            "IPv4Address": address,
            "IPv6Address": six.map(|(address, prefix)| format!("{address}/{prefix}")),
            "MacAddress": here.as_ref().map(|here| here.mac.clone()),
            "Interface": here.map(|here| here.interface),
            "Running": one.state.is_running(),
        });
        found.insert(one.name(), value);
    }
    Ok(found)
}
