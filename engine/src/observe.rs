//! Records and kernel truth to Live.

use crate::container::{StateRecord, hooks, record};
use crate::error::{Error, Kind, Result};
use crate::image::Images;
use crate::store::Store;
use crate::{Scope, net, volume};
use jiff::Timestamp;
use planner::desired::{HealthTest, MountKind, MountSpec};
use planner::live::{self, Container, State};
use planner::{ContainerId, Live, VolumeSpec};
use std::collections::BTreeMap;

/// One snapshot of a stack: a handful of small files for each container, no more.
pub fn observe(store: &Store, scope: &Scope) -> Result<Live> {
    let containers = containers(store, &scope.stack)?;
    let ours = |owner: &Option<String>| owner.as_deref() == Some(scope.stack.as_str());
    let networks = net::list(store)?.into_iter().map(|record| record.spec);
    let used = |name: &str| containers.values().any(|container| container.spec.is_on(name));
    let networks = networks
        .filter(|spec| ours(&spec.stack) || scope.networks.contains(&spec.name) || used(&spec.name))
        .map(|spec| (spec.name.clone(), spec))
        .collect();
    let volumes = volume::list(store)?.into_iter().map(|record| record.spec);
    let lent = lent(store, &scope.containers)?;
    let is_lent = |name: &str| lent.values().flatten().any(|mount| mount.kind.volume() == Some(name));
    let volumes = volumes.filter_map(|spec| match () {
        () if ours(&spec.stack) || scope.volumes.contains(&spec.name) => Some(spec),
        // Whoever has it keeps it.
        () => is_lent(&spec.name).then_some(VolumeSpec { external: true, anonymous: false, ..spec }),
    });
    let volumes = volumes.map(|spec| (spec.name.clone(), spec)).collect();
    Ok(Live {
        stack: scope.stack.clone(),
        now: seconds(Timestamp::now()),
        containers,
        networks,
        volumes,
        lent,
        images: images(store, &scope.images)?,
    })
}

/// What containers mount; those that do not exist are left out.
fn lent(store: &Store, names: &[String]) -> Result<BTreeMap<String, Vec<MountSpec>>> {
    let mut found = BTreeMap::new();
    for name in names {
        match net::manage::find_container(store, name) {
            Err(error) if error.kind == Kind::NotFound => {}
            id => drop(found.insert(name.clone(), record::read(store, &id?)?.spec.mounts)),
        }
    }
    Ok(found)
}

fn containers(store: &Store, stack: &str) -> Result<BTreeMap<ContainerId, Container>> {
    let ids = record::ids_of(store, stack).into_iter();
    ids.filter_map(|id| container(store, &id).map(|there| there.map(|there| (id, there))).transpose())
        .collect()
}

fn container(store: &Store, id: &ContainerId) -> Result<Option<Container>> {
    let Some(record) = record::read_or_guess(store, id)? else { return Ok(None) };
    let state = StateRecord::now(store, id)?;
    let state = match state {
        State::Running { .. } if hooks::are_pending(store, id) => State::Unprepared,
        state => state,
    };
    let checks_health = record.process.health.is_some();
    let aside = state.is_running() && net::is_aside(store, id);
    Ok(Some(Container { spec: record.spec, image_id: record.image_id, checks_health, state, aside }))
}

fn images(store: &Store, references: &[String]) -> Result<BTreeMap<String, live::Image>> {
    let images = Images::new(store);
    let mut found = BTreeMap::new();
    for reference in references {
        if let Some(image) = images.resolve(reference)? {
            let test = image.config.healthcheck.and_then(|health| health.test);
            let has_health = test.is_some_and(|test| test != HealthTest::Disabled);
            let image = live::Image {
                id: image.id,
                volumes: image.config.volumes,
                has_health,
                platform: image.platform,
                tagged_at: seconds(image.tagged_at),
            };
            found.insert(reference.clone(), image);
        }
    }
    Ok(found)
}

/// Seconds since 1970.
fn seconds(at: Timestamp) -> u64 {
    at.as_second().try_into().unwrap_or_default()
}

/// Fails when a container of any stack mounts this volume.
pub fn ensure_volume_unused(store: &Store, name: &str) -> Result<()> {
    let mounts = |kind: &MountKind| matches!(kind, MountKind::Volume { name: there, .. } if there == name);
    let user = record::find(store, |record| record.spec.mounts.iter().any(|mount| mounts(&mount.kind)));
    let conflict =
        |user| Err(Error::new(Kind::Conflict, format!("volume {name} is used by container {user}")));
    user.map_or(Ok(()), conflict)
}
