//! Names, one a line.

use super::Only;
use crate::context::Environment;
use planner::Stack;
use planner::model::{Plain, Service};
use std::collections::{BTreeMap, BTreeSet};

/// The names asked for, if only names are asked for.
pub(super) fn names(only: &Only, stack: &Stack) -> Option<Vec<String>> {
    let keys = |keys: &mut dyn Iterator<Item = &String>| Some(keys.cloned().collect());
    match () {
        () if only.service_names => keys(&mut stack.services.keys()),
        () if only.volumes => keys(&mut stack.volumes.keys()),
        () if only.networks => keys(&mut stack.networks.keys()),
        () if only.images => {
            Some(stack.services.iter().map(|(key, service)| image(stack, key, service)).collect())
        }
        () if only.models => {
            let models = stack.models.values().map(|model| model.model.clone());
            Some(models.filter(|model| !model.is_empty()).collect())
        }
        () if only.profiles => {
            let services = stack.services.values().chain(stack.disabled.values());
            let profiles: BTreeSet<&String> = services.flat_map(|service| &service.profiles).collect();
            keys(&mut profiles.into_iter())
        }
        () => None,
    }
}

/// What a service that is built has no image for is called after it.
fn image(stack: &Stack, key: &str, service: &Service) -> String {
    match service.image.as_str() {
        "" => format!("{}-{key}", stack.name),
        image => image.to_owned(),
    }
}

/// The names of files whose variables stay as they are written: they have all of them.
pub(super) fn written(only: &Only, written: &Plain) -> Option<Vec<String>> {
    let sections = [
        (only.service_names, "services"),
        (only.volumes, "volumes"),
        (only.networks, "networks"),
        (only.models, "models"),
    ];
    let keys = |section: &str| match written.get(section) {
        Some(Plain::Map(entries)) => entries.iter().map(|(key, _)| key.clone()).collect(),
        _ => BTreeSet::new(),
    };
    sections.iter().find(|(asked, _)| *asked).map(|(_, section)| keys(section).into_iter().collect())
}

/// The variables that the files see: those of the process win over those of `.env` files.
pub(super) fn environment(process: &Environment, stack: &BTreeMap<String, String>) -> String {
    let directory = process.directory.display().to_string();
    let mut all: BTreeMap<&str, &str> = [("PWD", directory.as_str())].into();
    all.extend(stack.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    all.extend(process.vars.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    if let Some(name) = stack.get("COMPOSE_PROJECT_NAME") {
        all.insert("COMPOSE_PROJECT_NAME", name);
    }
    let mut lines: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    lines.sort_unstable();
    lines.concat()
}
