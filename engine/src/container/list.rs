//! What there is to say about each container.

use super::record;
use super::state::{OomKill, Probe, StateRecord};
use crate::error::Result;
use crate::net::{self, Published};
use crate::store::Store;
use jiff::Timestamp;
use planner::live::State;
use planner::{ContainerId, ContainerSpec};
use std::net::IpAddr;

/// What there is to say about one container.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerStatus {
    /// Which one.
    pub id: ContainerId,
    /// What the stack wants.
    pub spec: ContainerSpec,
    /// The content-addressed id of its image.
    pub image_id: String,
    /// What runs in it, image and spec merged.
    pub command: Vec<String>,
    /// What it is doing.
    pub state: State,
    /// Its first process, while it runs.
    pub pid: Option<i32>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its process last started.
    pub started_at: Option<Timestamp>,
    /// When its process last ended.
    pub finished_at: Option<Timestamp>,
    /// How it last ended.
    pub exit_code: Option<i32>,
    /// How often its restart policy started it again.
    pub restarts: u32,
    /// The last kill for want of memory.
    pub oom: Option<OomKill>,
    /// Host ports that lead to it.
    pub ports: Vec<Published>,
    /// Its addresses, in the order of its networks.
    pub addresses: Vec<(String, IpAddr)>,
    /// The last health probe.
    pub last_probe: Option<Probe>,
    /// What else there is to say about its last end.
    pub reason: Option<String>,
}

impl ContainerStatus {
    /// The name that people see.
    pub fn name(&self) -> String {
        self.spec.called(&self.id)
    }
}

const DAMAGED: &str = "its record is damaged: `up` makes it anew";

/// All containers, or those of one stack, in the order of their ids.
pub fn list(store: &Store, stack: Option<&str>) -> Result<Vec<ContainerStatus>> {
    let ids = record::ids(store).into_iter().filter(|id| stack.is_none_or(|stack| id.stack == stack));
    ids.filter_map(|id| one(store, id).transpose()).collect()
}

fn one(store: &Store, id: ContainerId) -> Result<Option<ContainerStatus>> {
    let Some(record) = record::read_or_guess(store, &id)? else { return Ok(None) };
    let (state, live) = StateRecord::look(store, &id)?;
    let is_damaged = record.image_id.is_empty();
    let addresses = if live.is_running() { addresses(store, &id)? } else { Vec::new() };
    Ok(Some(ContainerStatus {
        pid: state.process.as_ref().filter(|process| process.is_alive()).map(|process| process.pid),
        ports: if live.is_running() { state.ports } else { Vec::new() },
        state: live,
        spec: record.spec,
        image_id: record.image_id,
        command: record.process.argv,
        created_at: record.created_at,
        started_at: state.started_at,
        finished_at: state.finished_at,
        exit_code: state.exit_code,
        restarts: state.restarts,
        oom: state.oom,
        addresses,
        last_probe: state.last_probe,
        reason: if is_damaged { Some(DAMAGED.to_owned()) } else { state.reason },
        id,
    }))
}

fn addresses(store: &Store, id: &ContainerId) -> Result<Vec<(String, IpAddr)>> {
    let endpoints = net::endpoints(store, id)?;
    let address = |endpoint: net::Endpoint| endpoint.address().map(|address| (endpoint.network, address));
    Ok(endpoints.into_iter().filter_map(address).collect())
}
