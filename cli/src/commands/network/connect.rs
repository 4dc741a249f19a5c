//! `sampan network connect | disconnect`

use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use engine::net::manage;
use planner::desired::Attachment;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Put a container on a network, whether it runs or not
///
/// When the container is of a stack, the next `up` makes its networks those of the file again.
#[derive(Debug, Args)]
pub(super) struct ConnectArgs {
    /// The network
    network: String,

    /// The container, as `sampan ps` names it
    container: String,

    /// A fixed IPv4 address
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<Ipv4Addr>,

    /// A fixed IPv6 address
    #[arg(long, value_name = "ADDRESS")]
    ip6: Option<Ipv6Addr>,

    /// Another name of it on this network
    #[arg(long = "alias", value_name = "NAME")]
    aliases: Vec<String>,

    /// A further, link-local address
    #[arg(long = "link-local-ip", value_name = "ADDRESS")]
    link_local: Vec<IpAddr>,
}

/// Take a container off a network, whether it runs or not
#[derive(Debug, Args)]
pub(super) struct DisconnectArgs {
    /// The network
    network: String,

    /// The container, as `sampan ps` names it
    container: String,
}

pub(super) fn connect(args: &ConnectArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("network connect")?;
    let wanted = Attachment {
        network: args.network.clone(),
        aliases: args.aliases.clone(),
        ipv4: args.ip,
        ipv6: args.ip6,
        link_local: args.link_local.clone(),
        ..Attachment::default()
    };
    let id = manage::find_container(engine.store(), &args.container)?;
    manage::join(engine.store(), &id, wanted)?;
    Ok(Exit::Done)
}

pub(super) fn disconnect(args: &DisconnectArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("network disconnect")?;
    let id = manage::find_container(engine.store(), &args.container)?;
    manage::leave(engine.store(), &id, &args.network)?;
    Ok(Exit::Done)
}
