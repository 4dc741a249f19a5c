//! What a `RUN` reaches: the network of builds or one of containers, nothing, or all that the host
//! reaches.

use super::place::Place;
use super::request::{RunNetwork, RunRequest};
use super::workspace::Workspace;
use crate::error::{Context, Result};
use crate::net::{self, dns::Responder};
use crate::sandbox::Netns;
use crate::store::{Lock, LockKind, Store};
use planner::desired::Attachment;
use planner::{ContainerSpec, NetworkSpec};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, BorrowedFd};

/// Name of the network that builds share.
const NAME: &str = "sampan-build";
/// Held by all who use it, and alone by who removes it.
const LOCK: &str = "build-network";
/// Host name inside.
pub(super) const HOSTNAME: &str = "sampan-build";

/// Keeps the network of builds: it is removed with the last of these. A build of several `RUN`s
/// holds one, so that it is not made anew for each.
#[derive(Debug)]
pub struct BuildNetwork {
    store: Store,
    lock: Option<Lock>,
}

impl BuildNetwork {
    /// Makes it when it is not there.
    pub fn hold(store: &Store) -> Result<Self> {
        let lock = Lock::take(store, LOCK, LockKind::Shared)?;
        let held = Self { store: store.clone(), lock: Some(lock) };
        // What is missing of one that has a record is made when something is connected to it.
        if !store.network(NAME).exists() {
            net::create(store, &NetworkSpec { name: NAME.to_owned(), ..NetworkSpec::default() })?;
        }
        Ok(held)
    }
}

impl Drop for BuildNetwork {
    fn drop(&mut self) {
        self.lock = None;
        // What stays is removed by who holds it next.
        let _ = sweep(&self.store);
    }
}

/// Removes the network unless somebody holds it.
pub(super) fn sweep(store: &Store) -> Result<()> {
    match Lock::try_take(store, LOCK)? {
        Some(_alone) if store.network(NAME).exists() => net::remove(store, NAME),
        _ => Ok(()),
    }
}

/// The network of one `RUN`.
#[derive(Debug)]
pub(super) struct Network {
    /// Where its process is put.
    pub(super) netns: Netns,
    /// Text of /etc/hosts.
    pub(super) hosts: String,
    /// Text of /etc/resolv.conf.
    pub(super) resolv_conf: String,
    /// This host, as seen from there.
    pub(super) gateway: IpAddr,
    names: Option<Responder>,
}

impl Network {
    /// Makes it ready. The network of builds must be held if that is what is wanted.
    pub(super) fn connect(request: &RunRequest<'_>, place: &Place, workspace: &Workspace) -> Result<Self> {
        let (netns, resolv_conf) = match &request.network {
            RunNetwork::Default => return Self::bridge(request.store, place, NAME),
            RunNetwork::Named(name) => return Self::bridge(request.store, place, name),
            RunNetwork::None => {
                let path = workspace.fresh();
                net::isolate(&path)?;
                (Netns::Bound(path), String::new())
            }
            RunNetwork::Host => (Netns::Own, of_the_host()?),
        };
        let gateway = Ipv4Addr::LOCALHOST.into();
        let hosts = net::hosts_file(HOSTNAME, &[], &[]);
        Ok(Self { netns, hosts, resolv_conf, gateway, names: None })
    }

    fn bridge(store: &Store, place: &Place, network: &str) -> Result<Self> {
        let attachment = Attachment { network: network.to_owned(), ..Default::default() };
        let spec = ContainerSpec {
            networks: vec![attachment],
            hostname: Some(HOSTNAME.to_owned()),
            ..ContainerSpec::default()
        };
        let connected = net::connect(store, &place.id, &spec)?;
        let gateway = connected.endpoints.first().and_then(net::Endpoint::gateway);
        Ok(Self {
            netns: Netns::Bound(connected.netns),
            hosts: connected.hosts,
            resolv_conf: connected.resolv_conf,
            gateway: gateway.unwrap_or(Ipv4Addr::LOCALHOST.into()),
            names: Some(Responder::open(store, &place.id, &spec)?),
        })
    }

    /// To poll for reading; then call [`Network::answer`].
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.names.as_ref().map(AsFd::as_fd)
    }

    /// Answers questions for names that have come.
    pub(super) fn answer(&mut self) {
        self.names.iter_mut().for_each(Responder::handle);
    }
}

fn of_the_host() -> Result<String> {
    match fs::read_to_string("/etc/resolv.conf") {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        text => text.doing(|| "read /etc/resolv.conf".to_owned()),
    }
}
