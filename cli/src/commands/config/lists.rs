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
        () if only.service_names => keys(&mut dependencies_first(stack).into_iter()),
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

/// The names of the services, each behind those of the services that it depends on.
fn dependencies_first(stack: &Stack) -> Vec<&String> {
    let (mut seen, mut ordered) = (BTreeSet::new(), Vec::new());
    stack.services.keys().for_each(|name| visit(name, stack, &mut seen, &mut ordered));
    ordered
}

fn visit<'a>(
    name: &'a String,
    stack: &'a Stack,
    seen: &mut BTreeSet<&'a String>,
    ordered: &mut Vec<&'a String>,
) {
    let Some(service) = stack.services.get(name).filter(|_| seen.insert(name)) else { return };
    service.depends_on.keys().for_each(|needed| visit(needed, stack, seen, ordered));
    ordered.push(name);
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
        Some(Plain::Map(entries)) => entries.iter().map(|(key, _)| key.to_string()).collect(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_stand_behind_those_that_they_need() {
        let mut stack = Stack::default();
        for (name, needed) in [("a", &["c", "b"][..]), ("b", &["z"]), ("c", &[]), ("z", &["a"])] {
            let depends_on = needed.iter().map(|name| ((*name).to_owned(), Default::default())).collect();
            stack.services.insert(name.to_owned(), Service { depends_on, ..Service::default() });
        }
        assert_eq!(dependencies_first(&stack), ["z", "b", "c", "a"]);
    }
}
