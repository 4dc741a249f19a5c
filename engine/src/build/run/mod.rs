//! One `RUN`: a program in a sandbox of its own over a snapshot.
//!
//! It is done by a thread with mounts of its own, which a [`workspace`] in memory is among: there
//! lie the files, secrets and mounts that the program sees but that are no part of the image. The
//! program's first process is killed with that thread, however it ends, and mounts and network
//! namespace go with them. What else could stay (control group, address, network) is cleared away
//! by the next `RUN`, or by [`sweep`].

mod agent;
mod cache;
mod command;
mod etc;
mod mounts;
mod network;
mod output;
mod place;
mod program;
mod request;
mod stubs;
mod workspace;

pub use network::BuildNetwork;
pub use place::sweep;
pub use request::{
    LINE_MAX, RunCommand, RunMount, RunMountKind, RunNetwork, RunOutcome, RunRequest, Sharing, Sink, Stream,
};

use crate::error::{Error, Kind, Result};
use crate::skeleton;
use etc::Etc;
use mounts::Mounts;
use network::Network;
use place::Place;
use workspace::Workspace;

/// Runs it to its end and gives each line of output to the sink. A program that fails is an outcome;
/// one that cannot be started is an error. Once it is cancelled everything of it is killed.
pub fn run(request: &RunRequest<'_>, sink: Sink<'_>) -> Result<RunOutcome> {
    request.cancel.check()?;
    let done = std::thread::scope(|scope| scope.spawn(|| run_apart(request, sink)).join());
    done.unwrap_or_else(|_| Err(Error::new(Kind::System, "the thread of a RUN panicked")))
}

/// On a thread that ends afterwards.
fn run_apart(request: &RunRequest<'_>, sink: Sink<'_>) -> Result<RunOutcome> {
    let workspace = Workspace::enter(request.store)?;
    // Let go last, when nothing of this RUN is on it any more.
    let wants_network = request.network == RunNetwork::Default;
    let _network = wants_network.then(|| BuildNetwork::hold(request.store)).transpose()?;
    let place = Place::take(request.store)?;
    let argv = command::argv(&request.command)?;
    let mut network = Network::connect(request, &place, &workspace)?;
    let etc = Etc::write(request, &network, &workspace)?;
    let mut mounts = Mounts::prepare(request, &workspace)?;
    mounts.add_script(&request.command, &workspace)?;
    mounts.add_missing(etc.mounts());
    let skeleton = skeleton::ensure(request.store)?;
    let rootfs = stubs::mount_over(&skeleton, request.snapshot, mounts.list())?;
    let group = place.group(&request.limits)?;
    let born = program::Program { request, argv, mounts: &mounts, network: &network };
    let running = born.start(&rootfs, &group)?;
    let ended = running.follow(request.cancel, (&mut network, &mut mounts), sink);
    let out_of_memory = group.oom_kills() > 0;
    let code = ended?;
    Ok(RunOutcome { code, out_of_memory })
}
