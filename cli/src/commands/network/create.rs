//! `sampan network create`

use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use clap::{ArgAction, Args};
use engine::net::manage;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use planner::NetworkSpec;
use planner::desired::{DirectSpec, Ipv6Spec};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Make a network that belongs to no stack, and print its name
///
/// Stacks use it with `external: true`.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Its name
    name: String,

    /// What it is: a bridge of its own, or a part of the wire that an interface of the host is on
    #[arg(short, long, value_name = "DRIVER", default_value = "bridge", value_parser = ["bridge", "macvlan", "ipvlan"])]
    driver: String,

    /// No way out of it, and none in
    #[arg(long)]
    internal: bool,

    /// Whether it has IPv4 addresses
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true)]
    #[arg(default_value = "true", default_missing_value = "true")]
    ipv4: bool,

    /// IPv6 addresses too, of a unique local range unless `--subnet` says one
    #[arg(long)]
    ipv6: bool,

    /// Range of addresses, one of each family; by default a free one
    #[arg(long = "subnet", value_name = "CIDR")]
    subnets: Vec<IpNet>,

    /// Address of the host on it, one of each family; by default the first
    #[arg(long = "gateway", value_name = "ADDRESS")]
    gateways: Vec<IpAddr>,

    /// Part of the range that containers get addresses from, one of each family
    #[arg(long = "ip-range", value_name = "CIDR")]
    ranges: Vec<IpNet>,

    /// An address that no container gets
    #[arg(long = "aux-address", value_name = "NAME=ADDRESS")]
    reserved: Vec<String>,

    /// Options of the driver, named as docker names them: `parent=eth0`
    #[arg(short = 'o', long = "opt", value_name = "KEY=VALUE")]
    options: Vec<String>,

    /// Labels
    #[arg(long = "label", value_name = "KEY[=VALUE]")]
    labels: Vec<String>,
}

pub(super) fn run(args: &CreateArgs, context: &Context) -> Result<Exit, Failure> {
    let spec = spec(args)?;
    let engine = context.engine_as_root("network create")?;
    let network = manage::make(engine.store(), &spec)?;
    context.screen.print(&format!("{}\n", network.spec.name))?;
    Ok(Exit::Done)
}

fn spec(args: &CreateArgs) -> Result<NetworkSpec, Failure> {
    let options = DirectSpec::read(&args.driver, &pairs(&args.options));
    let (direct, options) =
        options.map_err(|fault| Message::new(Exit::Usage, fault.message).hint(fault.hint))?;
    let [subnet, range] = [&args.subnets, &args.ranges].map(|nets| one_of_each(nets.iter().copied()));
    let gateway = one_of_each(args.gateways.iter().map(|address| IpNet::from(*address)));
    let (Some((four, six)), Some((range4, range6)), Some((gateway4, gateway6))) = (subnet, range, gateway)
    else {
        return Err(usage("a network has one subnet, gateway and range of each family").into());
    };
    if !args.ipv4 && (!args.ipv6 || four.is_some()) {
        return Err(usage("a network without IPv4 has IPv6, and no IPv4 subnet").into());
    }
    if let Some(net) = six.or(range6).or(gateway6).filter(|_| !args.ipv6) {
        return Err(usage(&format!("{net} needs --ipv6")).into());
    }
    let ipv6 =
        Ipv6Spec { subnet: v6(six), gateway: v6(gateway6).map(|net| net.addr()), ip_range: v6(range6) };
    Ok(NetworkSpec {
        name: args.name.clone(),
        internal: args.internal || direct.as_ref().is_some_and(|direct| direct.parent.is_none()),
        subnet: v4(four),
        gateway: v4(gateway4).map(|net| net.addr()),
        ip_range: v4(range4),
        ipv6: args.ipv6.then_some(ipv6),
        aux_addresses: reserved(&args.reserved)?,
        without_ipv4: !args.ipv4,
        direct,
        options,
        labels: pairs(&args.labels),
        ..NetworkSpec::default()
    })
}

fn v4(net: Option<IpNet>) -> Option<Ipv4Net> {
    net.and_then(|net| if let IpNet::V4(net) = net { Some(net) } else { None })
}

fn v6(net: Option<IpNet>) -> Option<Ipv6Net> {
    net.and_then(|net| if let IpNet::V6(net) = net { Some(net) } else { None })
}

fn usage(message: &str) -> Message {
    Message::new(Exit::Usage, message)
}

/// The one of IPv4 and the one of IPv6; `None` when there are two of one family.
fn one_of_each(nets: impl Iterator<Item = IpNet>) -> Option<(Option<IpNet>, Option<IpNet>)> {
    let (mut four, mut six) = (None, None);
    for net in nets {
        let place = if matches!(net, IpNet::V4(_)) { &mut four } else { &mut six };
        if place.replace(net).is_some() {
            return None;
        }
    }
    Some((four, six))
}

fn reserved(texts: &[String]) -> Result<BTreeMap<String, IpAddr>, Failure> {
    let pair = |text: &String| {
        let (name, address) = text.split_once('=')?;
        Some((name.to_owned(), address.parse().ok()?))
    };
    let read = |text: &String| {
        let message = || usage(&format!("`{}` is not a name and its address", text.escape_debug()));
        pair(text).ok_or_else(|| message().into())
    };
    texts.iter().map(read).collect()
}

fn pairs(texts: &[String]) -> BTreeMap<String, String> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (name.to_owned(), value.to_owned())
    };
    texts.iter().map(pair).collect()
}
