//! Which containers a command is about.

use crate::context::Target;
use crate::error::{Exit, Failure, Message};
use engine::LinuxEngine;
use engine::container::ContainerStatus;
use std::collections::BTreeSet;

/// The replicas of the stack, by service, number and generation. A stack that neither files
/// nor the machine know is an error.
pub(crate) fn known(engine: &LinuxEngine, target: &Target) -> Result<Vec<ContainerStatus>, Failure> {
    let mut containers = all_known(engine, target)?;
    containers.retain(|one| !one.id.slot.is_one_off());
    Ok(containers)
}

/// The same, with the one-off containers.
pub(crate) fn all_known(engine: &LinuxEngine, target: &Target) -> Result<Vec<ContainerStatus>, Failure> {
    let mut containers = engine.list(Some(&target.name))?;
    if containers.is_empty() && target.stack.is_none() {
        return Err(Message::new(Exit::NotReached, format!("no stack `{}`", target.name))
            .hint("`sampan ls -a` lists those that there are; name one with `-p`")
            .into());
    }
    containers.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(containers)
}

/// Those of the named services; all when none is named.
pub(crate) fn select(
    containers: Vec<ContainerStatus>,
    target: &Target,
    services: &[String],
) -> Result<Vec<ContainerStatus>, Failure> {
    if services.is_empty() {
        return Ok(containers);
    }
    let mut names: BTreeSet<&str> = containers.iter().map(|one| one.id.slot.service.as_str()).collect();
    if let Some(stack) = &target.stack {
        names.extend(stack.services.keys().chain(stack.disabled.keys()).map(String::as_str));
    }
    if let Some(unknown) = services.iter().find(|name| !names.contains(name.as_str())) {
        let names: Vec<&str> = names.into_iter().collect();
        return Err(Message::new(Exit::NotReached, format!("no service `{unknown}` in {}", target.name))
            .hint(format!("there are: {}", names.join(", ")))
            .into());
    }
    let wanted = |one: &ContainerStatus| services.contains(&one.id.slot.service);
    Ok(containers.into_iter().filter(wanted).collect())
}

/// The newest running container of that number.
pub(crate) fn choose(
    containers: Vec<ContainerStatus>,
    name: &str,
    index: u32,
) -> Result<ContainerStatus, Failure> {
    let mut of_index: Vec<_> = containers.into_iter().filter(|one| one.id.slot.index == index).collect();
    let Some(newest) = of_index.pop() else {
        let message = Message::new(Exit::NotReached, format!("service `{name}` has no container {index}"));
        return Err(message.hint("`sampan up -d` creates what is missing").into());
    };
    of_index.push(newest);
    let running = of_index.iter().rposition(|one| one.state.is_running());
    match running {
        Some(at) => Ok(of_index.swap_remove(at)),
        None => Err(Message::new(Exit::NotReached, format!("container {name}-{index} does not run"))
            .hint(format!("see why: `sampan logs {name}`; start it: `sampan start {name}`"))
            .into()),
    }
}
