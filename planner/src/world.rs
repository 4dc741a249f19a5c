//! What each step does to Live: the one model, shared by the fake engine and the properties.
//!
//! A step is refused when what its documentation requires does not hold, so that a plan
//! whose edges are wrong fails in the model before it can fail on a machine. The model refuses
//! more than a machine does: a step that was done already, which is idempotent there, and a
//! generation that starts beside a running one of its slot, which only the order of steps prevents.

use crate::desired::{BuildContext, BuildSpec, ContainerId, ContainerSpec, MountKind};
use crate::live::{Container, Health, Image, Live, State};
use crate::plan::{Step, Until};

/// What a step requires and does not find.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// A thing that the step makes is there already.
    #[error("{0} exists already")]
    Exists(String),
    /// A thing that the step needs is not there.
    #[error("{0} does not exist")]
    Missing(String),
    /// A network or volume cannot go while a container has it.
    #[error("{resource} is used by container {by}")]
    InUse {
        /// What should go.
        resource: String,
        /// Who has it.
        by: ContainerId,
    },
    /// A thing cannot be changed like this while it exists.
    #[error("{0} cannot be changed like this in place")]
    Fixed(String),
    /// A container is in a state in which the step cannot be done.
    #[error("container {id} {problem}")]
    WrongState {
        /// Which container.
        id: ContainerId,
        /// What is wrong with its state, as a predicate.
        problem: &'static str,
    },
    /// Two generations of one slot would run at once.
    #[error("container {id} cannot start while {running} has its slot")]
    SlotTaken {
        /// Which container should start.
        id: Box<ContainerId>,
        /// Who runs.
        running: Box<ContainerId>,
    },
}

/// Does one step in the model. On an error nothing has changed.
pub fn enact(live: &mut Live, step: &Step) -> Result<(), WorldError> {
    match step {
        Step::PullImage { reference, .. } => fetch(live, reference),
        Step::BuildImage { reference, spec } => build(live, reference, spec)?,
        Step::PushImage { reference, .. } => {
            present(live.images.contains_key(reference), || format!("image {reference}"))?;
        }
        Step::CreateNetwork { spec } => {
            absent(live.networks.contains_key(&spec.name), || format!("network {}", spec.name))?;
            live.networks.insert(spec.name.clone(), spec.clone());
        }
        Step::UpdateNetwork { spec } => {
            let name = || format!("network {}", spec.name);
            let known = live.networks.get_mut(&spec.name).ok_or_else(|| WorldError::Missing(name()))?;
            if !crate::diff::network_changes_in_place(known, spec) {
                return Err(WorldError::Fixed(name()));
            }
            *known = spec.clone();
        }
        Step::RemoveNetwork { name } => {
            present(live.networks.contains_key(name), || format!("network {name}"))?;
            let on_it = |container: &Container| container.state.is_running() && container.spec.is_on(name);
            unused(live, || format!("network {name}"), on_it)?;
            live.networks.remove(name);
        }
        Step::CreateVolume { spec } => {
            absent(live.volumes.contains_key(&spec.name), || format!("volume {}", spec.name))?;
            live.volumes.insert(spec.name.clone(), spec.clone());
        }
        Step::RemoveVolume { name } => {
            present(live.volumes.contains_key(name), || format!("volume {name}"))?;
            unused(live, || format!("volume {name}"), |container| container.spec.mounts_volume(name))?;
            live.volumes.remove(name);
        }
        Step::CreateContainer { id, spec, image_id } => create(live, id, spec, image_id)?,
        Step::StartContainer { id } => start(live, id, false)?,
        Step::StartAside { id } => start(live, id, true)?,
        Step::SwitchPorts { to, from } => switch(live, to, from)?,
        Step::Drain { id, .. } => drop(find(live, id)?),
        Step::Proceed { .. } => {}
        Step::Await { id, until, .. } => reach(live, id, *until)?,
        Step::StopContainer { id, .. } => {
            let container = find(live, id)?;
            if container.state.is_running() {
                container.state = State::Exited { code: 143, requested: true };
            }
            container.aside = false;
        }
        Step::KillContainer { id, signal } => kill(live, id, signal)?,
        Step::PauseContainer { id } => pause(find(live, id)?, id)?,
        Step::UnpauseContainer { id } => unpause(find(live, id)?),
        Step::RemoveContainer { id } => {
            let container = find(live, id)?;
            refuse_when(container.state.is_running(), id, "cannot be removed while it runs")?;
            live.containers.remove(id);
        }
        Step::UpdateContainer { id, spec } => {
            networks_present(live, spec)?;
            let container = find(live, id)?;
            let in_place = crate::diff::changes_in_place(&container.spec, spec);
            refuse_when(!in_place, id, "cannot be changed like this in place")?;
            let at_rest = crate::diff::changes_at_rest(&container.spec, spec);
            refuse_when(at_rest && container.state.is_running(), id, "cannot be changed while it runs")?;
            name_free(live, id, spec)?;
            let container = find(live, id)?;
            container.spec = (**spec).clone();
        }
    }
    Ok(())
}

/// What a registry has and what a build makes is not the plan's affair: in the model an image that
/// is here is still what it should be.
fn fetch(live: &mut Live, reference: &str) {
    let new = || Image { id: format!("sha256:{reference}"), ..Image::default() };
    let image = live.images.entry(reference.to_owned()).or_insert_with(new);
    image.tagged_at = live.now;
}

fn build(live: &mut Live, reference: &str, spec: &BuildSpec) -> Result<(), WorldError> {
    for needed in spec.additional_contexts.values().filter_map(BuildContext::image) {
        present(live.images.contains_key(needed), || format!("image {needed}"))?;
    }
    fetch(live, reference);
    let built = live.images.get(reference).cloned();
    let tags = spec.tags.iter().filter_map(|tag| Some((tag.clone(), built.clone()?)));
    live.images.extend(tags);
    Ok(())
}

fn create(live: &mut Live, id: &ContainerId, spec: &ContainerSpec, image_id: &str) -> Result<(), WorldError> {
    absent(live.containers.contains_key(id), || format!("container {id}"))?;
    networks_present(live, spec)?;
    name_free(live, id, spec)?;
    for mount in &spec.mounts {
        match &mount.kind {
            MountKind::Volume { name, .. } => {
                present(live.volumes.contains_key(name), || format!("volume {name}"))?;
            }
            MountKind::Image { reference, id, .. } => {
                let there = live.images.values().any(|image| image.id == *id);
                present(there, || format!("image {reference}"))?;
            }
            MountKind::Bind { .. } | MountKind::Tmpfs(_) => {}
        }
    }
    let image = match image_id {
        "" => live.images.get(&spec.image),
        id => live.images.values().find(|image| image.id == id),
    };
    let missing =
        || WorldError::Missing(format!("image {}", if image_id.is_empty() { &spec.image } else { image_id }));
    let image = image.ok_or_else(missing)?;
    let container = Container {
        spec: spec.clone(),
        image_id: image.id.clone(),
        checks_health: spec.checks_health(image.has_health),
        state: State::Created,
        aside: false,
    };
    live.containers.insert(id.clone(), container);
    Ok(())
}

/// A name that was chosen belongs to one place; its generations share it.
fn name_free(live: &Live, id: &ContainerId, spec: &ContainerSpec) -> Result<(), WorldError> {
    let name = spec.called(id);
    let mut others = live.containers.iter().filter(|(other, _)| other.slot != id.slot);
    let holder = others.find(|(other, there)| {
        (spec.name.is_some() || there.spec.name.is_some()) && there.spec.called(other) == name
    });
    match holder {
        Some((by, _)) => Err(WorldError::InUse { resource: format!("name {name}"), by: by.clone() }),
        None => Ok(()),
    }
}

fn networks_present(live: &Live, spec: &ContainerSpec) -> Result<(), WorldError> {
    let mut networks = spec.networks.iter().map(|attachment| &attachment.network);
    networks.try_for_each(|name| present(live.networks.contains_key(name), || format!("network {name}")))
}

fn start(live: &mut Live, id: &ContainerId, aside: bool) -> Result<(), WorldError> {
    let leads = |there: &Container| there.state.is_running() && !there.aside;
    let rival = live.occupants(&id.slot).find(|(other, there)| *other != id && leads(there));
    if let Some((running, _)) = rival.filter(|_| !aside) {
        return Err(WorldError::SlotTaken { id: Box::new(id.clone()), running: Box::new(running.clone()) });
    }
    let spec = find(live, id)?.spec.clone();
    networks_present(live, &spec)?;
    owners_run(live, id, &spec)?;
    let container = find(live, id)?;
    let startable = matches!(container.state, State::Unsupervised | State::Unprepared | State::Stopping);
    refuse_when(container.state.is_running() && !startable, id, "runs already")?;
    let health = if container.checks_health { Health::Starting } else { Health::None };
    // Who runs already is only adopted, as it is.
    container.aside = if container.state.is_running() { container.aside } else { aside };
    container.state = State::Running { health };
    Ok(())
}

/// From now on names and ports lead to the one.
fn switch(live: &mut Live, to: &ContainerId, from: &[ContainerId]) -> Result<(), WorldError> {
    refuse_when(find(live, to)?.state == State::Created, to, "was never started")?;
    find(live, to)?.aside = false;
    for id in from {
        let container = find(live, id)?;
        container.aside = container.state.is_running();
    }
    Ok(())
}

/// A namespace that is shared is there only while its owner runs.
fn owners_run(live: &Live, id: &ContainerId, spec: &ContainerSpec) -> Result<(), WorldError> {
    let runs = |name: &str| {
        let mut owners = live.containers.iter().filter(|(owner, _)| owner.slot.service == name);
        owners.any(|(_, owner)| owner.state.is_running())
    };
    refuse_when(!spec.hosts().all(runs), id, "is in a namespace of a service that does not run")
}

/// Waiting succeeds in the model whenever it can: what a container does by itself is not
/// the plan's affair.
fn reach(live: &mut Live, id: &ContainerId, until: Until) -> Result<(), WorldError> {
    let container = find(live, id)?;
    refuse_when(container.state == State::Created, id, "was never started")?;
    let completed = State::Exited { code: 0, requested: false };
    let healthy = State::Running { health: Health::Healthy };
    match (until, &container.state) {
        (Until::Completed, State::Exited { .. }) if container.state != completed => {
            return refuse_when(true, id, "ended without success");
        }
        (Until::Completed, _) => (container.state, container.aside) = (completed, false),
        (Until::Healthy, State::Exited { .. } | State::Running { health: Health::None }) => {
            return refuse_when(true, id, "cannot become healthy");
        }
        (Until::Healthy, _) => container.state = healthy,
        (Until::Ready | Until::Steady(_), State::Exited { .. }) if container.state != completed => {
            return refuse_when(true, id, "ended without success");
        }
        (Until::Ready | Until::Steady(_), State::Exited { .. } | State::Running { health: Health::None }) => {
        }
        (Until::Ready | Until::Steady(_), _) => container.state = healthy,
    }
    Ok(())
}

fn kill(live: &mut Live, id: &ContainerId, signal: &str) -> Result<(), WorldError> {
    let container = find(live, id)?;
    let (runs, ends) = (container.state.is_running(), signal == "KILL");
    refuse_when(!runs && !ends, id, "does not run")?;
    if runs && ends {
        container.state = State::Exited { code: 137, requested: true };
        container.aside = false;
    }
    Ok(())
}

fn pause(container: &mut Container, id: &ContainerId) -> Result<(), WorldError> {
    let runs = matches!(container.state, State::Running { .. } | State::Paused);
    refuse_when(!runs, id, "does not run")?;
    container.state = State::Paused;
    Ok(())
}

fn unpause(container: &mut Container) {
    let health = if container.checks_health { Health::Starting } else { Health::None };
    if container.state == State::Paused {
        container.state = State::Running { health };
    }
}

fn find<'a>(live: &'a mut Live, id: &ContainerId) -> Result<&'a mut Container, WorldError> {
    live.containers.get_mut(id).ok_or_else(|| WorldError::Missing(format!("container {id}")))
}

fn absent(exists: bool, what: impl FnOnce() -> String) -> Result<(), WorldError> {
    if exists { Err(WorldError::Exists(what())) } else { Ok(()) }
}

fn present(exists: bool, what: impl FnOnce() -> String) -> Result<(), WorldError> {
    if exists { Ok(()) } else { Err(WorldError::Missing(what())) }
}

fn unused(
    live: &Live,
    resource: impl FnOnce() -> String,
    uses: impl Fn(&Container) -> bool,
) -> Result<(), WorldError> {
    match live.containers.iter().find(|(_, container)| uses(container)) {
        Some((by, _)) => Err(WorldError::InUse { resource: resource(), by: by.clone() }),
        None => Ok(()),
    }
}

fn refuse_when(wrong: bool, id: &ContainerId, problem: &'static str) -> Result<(), WorldError> {
    if wrong { Err(WorldError::WrongState { id: id.clone(), problem }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::{Attachment, NetworkSpec, Slot};
    use crate::live::Image;
    use std::time::Duration;

    fn id(generation: u32) -> ContainerId {
        ContainerId { stack: "shop".into(), slot: Slot { service: "web".into(), index: 1 }, generation }
    }

    fn create_step(generation: u32) -> Step {
        let networks = vec![Attachment { network: "shop_default".into(), ..Default::default() }];
        let spec = Box::new(ContainerSpec { image: "web:1".into(), networks, ..Default::default() });
        Step::CreateContainer { id: id(generation), spec, image_id: "sha256:1".into() }
    }

    fn world() -> Live {
        let image = Image { id: "sha256:1".into(), ..Default::default() };
        Live { stack: "shop".into(), images: [("web:1".into(), image)].into(), ..Default::default() }
    }

    fn network() -> Step {
        Step::CreateNetwork { spec: NetworkSpec { name: "shop_default".into(), ..Default::default() } }
    }

    fn enact_all(live: &mut Live, steps: &[Step]) -> Result<(), WorldError> {
        steps.iter().try_for_each(|step| enact(live, step))
    }

    #[test]
    fn a_container_needs_its_network_and_its_image() {
        let missing = |text: &str| Err(WorldError::Missing(text.into()));
        assert_eq!(enact(&mut world(), &create_step(1)), missing("network shop_default"));
        let mut live = world();
        live.images.clear();
        assert_eq!(enact_all(&mut live, &[network(), create_step(1)]), missing("image sha256:1"));
    }

    #[test]
    fn a_slot_runs_one_generation_at_a_time() {
        let mut live = world();
        let start = |generation| Step::StartContainer { id: id(generation) };
        enact_all(&mut live, &[network(), create_step(1), start(1), create_step(2)]).unwrap();
        let taken = WorldError::SlotTaken { id: Box::new(id(2)), running: Box::new(id(1)) };
        assert_eq!(enact(&mut live, &start(2)), Err(taken));
        let stop = Step::StopContainer { id: id(1), grace: Duration::ZERO };
        enact_all(&mut live, &[stop, start(2), Step::RemoveContainer { id: id(1) }]).unwrap();
        assert_eq!(live.containers.len(), 1);
    }

    #[test]
    fn a_network_outlives_its_containers_and_a_running_container_is_not_removed() {
        let mut live = world();
        let start = Step::StartContainer { id: id(1) };
        enact_all(&mut live, &[network(), create_step(1), start]).unwrap();
        let remove = Step::RemoveNetwork { name: "shop_default".into() };
        assert!(matches!(enact(&mut live, &remove), Err(WorldError::InUse { .. })));
        let error = enact(&mut live, &Step::RemoveContainer { id: id(1) }).unwrap_err();
        assert_eq!(error.to_string(), "container shop.web.1.1 cannot be removed while it runs");
    }

    #[test]
    fn waiting_for_health_fails_without_a_health_check() {
        let mut live = world();
        enact_all(&mut live, &[network(), create_step(1), Step::StartContainer { id: id(1) }]).unwrap();
        let wait = |until| Step::Await { id: id(1), until, timeout: None };
        assert!(enact(&mut live, &wait(Until::Healthy)).is_err());
        enact(&mut live, &wait(Until::Ready)).unwrap();
        enact(&mut live, &wait(Until::Completed)).unwrap();
        assert_eq!(live.containers[&id(1)].state, State::Exited { code: 0, requested: false });
    }
}
