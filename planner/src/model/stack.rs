//! The whole.

use super::print::{Form, print};
use super::{Config, Extensions, Model, Network, Plain, Secret, Service, Volume};
use crate::desired::Content;
use crate::source::schema::{self, Shape};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A whole stack: every file merged, interpolated, canonical, valid.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stack {
    /// The stack's name: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// The services of active profiles.
    pub services: BTreeMap<String, Service>,
    /// Services that no active profile selects; they exist for the file but are not started.
    #[serde(skip)]
    pub disabled: BTreeMap<String, Service>,
    /// Networks by key: those that an enabled service is on.
    pub networks: BTreeMap<String, Network>,
    /// Volumes by key: those that an enabled service mounts.
    pub volumes: BTreeMap<String, Volume>,
    /// Secrets by key: those that an enabled service gets.
    pub secrets: BTreeMap<String, Secret>,
    /// Configs by key: those that an enabled service gets.
    pub configs: BTreeMap<String, Config>,
    /// AI models by key: those that an enabled service uses.
    pub models: BTreeMap<String, Model>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
    /// What its configs and secrets hold; read only for those who make containers.
    #[serde(skip)]
    pub contents: Contents,
    /// All that was said, when variables were left as they are written: these fit no type.
    #[serde(skip)]
    pub untyped: Option<Plain>,
}

/// What configs and secrets hold, by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// Of configs.
    pub configs: BTreeMap<String, Content>,
    /// Of secrets.
    pub secrets: BTreeMap<String, Content>,
    /// Texts of system call profiles, by the path that a service names.
    pub profiles: BTreeMap<String, String>,
}

impl Stack {
    /// Takes out what no enabled service uses.
    pub(crate) fn keep_used(&mut self) {
        let services = || self.services.values();
        keep(&mut self.networks, services().flat_map(|service| service.networks.keys().map(String::as_str)));
        keep(&mut self.volumes, services().flat_map(Service::mounted_volumes));
        keep(&mut self.secrets, services().flat_map(Service::named_secrets));
        let configs = services().flat_map(|service| &service.configs);
        keep(&mut self.configs, configs.map(|file| file.source.as_str()));
        keep(&mut self.models, services().flat_map(|service| service.models.keys().map(String::as_str)));
    }

    /// Whether a path leads to a network, volume, secret or config that is there, or to anything
    /// else.
    pub(crate) fn has(&self, path: &str) -> bool {
        let Some((kind, rest)) = path.split_once('.') else { return true };
        // Names have dots too.
        let leads_to = |name: &String| {
            rest.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        match kind {
            "networks" => self.networks.keys().any(leads_to),
            "volumes" => self.volumes.keys().any(leads_to),
            "secrets" => self.secrets.keys().any(leads_to),
            "configs" => self.configs.keys().any(leads_to),
            _ => true,
        }
    }

    /// Says what `scale` says below `deploy` too, where there is one.
    pub(crate) fn share_scale(&mut self) {
        for service in self.services.values_mut() {
            if let (Some(scale), Some(deploy)) = (service.scale, &mut service.deploy) {
                deploy.replicas = Some(scale);
            }
        }
    }

    /// The canonical form: what Docker Compose prints for the same files. Every `$` is doubled,
    /// so that loading it gives the same stack again. Of a stack that was loaded without
    /// interpolation it is what the files say, keys sorted and `$` as written.
    pub fn canonical(&self, form: Form) -> Plain {
        if let Some(said) = &self.untyped {
            let mut printed = print(said, form);
            if form == Form::Json {
                empty_lists_as_null(&mut printed, &schema::TOP, &LATE_LISTS);
                for section in ["volumes", "secrets", "configs"] {
                    let said = printed.get_mut(section);
                    let shape = schema::TOP.key(section).map(|row| row.shape);
                    if let Some((said, shape)) = said.zip(shape) {
                        empty_lists_as_null(said, shape, &["labels"]);
                    }
                }
            }
            return printed;
        }
        let mut plain = print(self, form);
        plain.escape();
        plain
    }

    /// The canonical form as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self.canonical(Form::Json)).unwrap_or_default()
    }
}

/// Lists that Docker Compose makes anew after it looked for duplicates.
const LATE_LISTS: [&str; 3] = ["environment", "args", "extra_hosts"];

/// Takes out of a section what is not among these names.
fn keep<'a, T>(section: &mut BTreeMap<String, T>, used: impl Iterator<Item = &'a str>) {
    let mut unused: BTreeSet<String> = section.keys().cloned().collect();
    used.for_each(|name| {
        unused.remove(name);
    });
    section.retain(|key, _| !unused.contains(key));
}

/// As it is written, Docker Compose prints a list of nothing as null in JSON, unless it looked for
/// duplicates in it at last.
fn empty_lists_as_null(said: &mut Plain, shape: &Shape, never: &[&str]) {
    match said {
        Plain::List(items) if items.is_empty() => *said = Plain::Null,
        Plain::List(items) => {
            let below = shape.item().unwrap_or(&Shape::Any);
            items.iter_mut().for_each(|item| empty_lists_as_null(item, below, never));
        }
        Plain::Map(entries) => {
            for (key, value) in entries {
                let row = shape.key(key);
                let late = never.contains(&&**key);
                let distinct = row.is_some_and(|row| row.merge.identity().is_some() && !late);
                if *value == Plain::List(Vec::new()) && distinct {
                    continue;
                }
                let below = row.map(|row| row.shape).or_else(|| shape.entry());
                empty_lists_as_null(value, below.unwrap_or(&Shape::Any), never);
            }
        }
        _ => {}
    }
}
