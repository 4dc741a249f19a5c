//! `sampan port`

use super::containers::{known, select};
use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use crate::output::status::{protocol, socket};
use clap::Args;
use engine::container::ContainerStatus;
use planner::desired::Protocol;

/// Say where on the host a port of a service is
#[derive(Debug, Args)]
pub(crate) struct PortArgs {
    /// Transport protocol: tcp or udp
    #[arg(long, default_value = "tcp", value_parser = transport)]
    protocol: Protocol,

    /// Number of the container when there are several
    #[arg(long, value_name = "N", default_value_t = 1)]
    index: u32,

    /// The service
    service: String,

    /// The port inside the container
    #[arg(value_name = "PORT")]
    target: u16,
}

fn transport(text: &str) -> Result<Protocol, String> {
    match text.to_ascii_lowercase().as_str() {
        "tcp" => Ok(Protocol::Tcp),
        "udp" => Ok(Protocol::Udp),
        "sctp" => Ok(Protocol::Sctp),
        _ => Err("protocols are tcp, udp and sctp".to_owned()),
    }
}

pub(crate) fn run(args: &PortArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.target()?;
    let engine = context.engine()?;
    let containers = select(known(&engine, &target)?, &target, std::slice::from_ref(&args.service))?;
    let of_index = |one: &&ContainerStatus| one.id.slot.index == args.index;
    let ports: Vec<_> = containers.iter().filter(of_index).flat_map(|one| &one.ports).collect();
    let wanted = ports.iter().find(|port| port.target == args.target && port.protocol == args.protocol);
    if let Some(port) = wanted {
        context.screen.print(&format!("{}\n", socket(port)))?;
        return Ok(Exit::Done);
    }
    let (service, port, protocol_word) = (&args.service, args.target, protocol(args.protocol));
    let problem = format!("service `{service}` publishes no port {port}/{protocol_word} now");
    let there: Vec<_> =
        ports.iter().map(|port| format!("{}/{}", port.target, protocol(port.protocol))).collect();
    let hint = match there.as_slice() {
        [] => "only containers that run publish ports: see `sampan ps`".to_owned(),
        there => format!("it publishes {}", there.join(", ")),
    };
    Err(Message::new(Exit::NotReached, problem).hint(hint).into())
}
