//! Commands around the life of a container.

use crate::model::{Condition, Dependency, Hook, Service, ServiceNetwork, Stack};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A command that runs in a container, beside its first process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HookSpec {
    /// Program and arguments.
    pub command: Vec<String>,
    /// `user[:group]`; `None` is the container's.
    pub user: Option<String>,
    /// Working directory; `None` is the container's.
    pub working_dir: Option<String>,
    /// Variables over those of the container.
    pub environment: BTreeMap<String, String>,
    /// It may do everything, whatever the container may.
    pub privileged: bool,
}

impl Hook {
    /// What runs in a container.
    pub(super) fn spec(&self) -> HookSpec {
        let said = |text: &String| (!text.is_empty()).then(|| text.clone());
        HookSpec {
            command: self.command.clone().unwrap_or_default(),
            user: said(&self.user),
            working_dir: said(&self.working_dir),
            environment: self.known_variables(),
            privileged: self.privileged,
        }
    }

    fn known_variables(&self) -> BTreeMap<String, String> {
        let known = |(name, value): (&String, &Option<String>)| Some((name.clone(), value.clone()?));
        self.environment.iter().filter_map(known).collect()
    }
}

/// Makes a service of each `pre_start` command: it runs to its end once, and the service that has it
/// waits for that. So it is planned, told, logged and removed as everything else. Those of services
/// that are off are on when such a one is named.
pub(crate) fn with_init_services(stack: &mut Stack, named: &[String]) {
    let (mut on, mut off) = (Vec::new(), Vec::new());
    for (key, service) in &mut stack.services {
        on.extend(init_services(&stack.name, key, service));
    }
    for (key, service) in &mut stack.disabled {
        let made = if named.contains(key) { &mut on } else { &mut off };
        made.extend(init_services(&stack.name, key, service));
    }
    stack.services.extend(on);
    stack.disabled.extend(off);
}

/// What the command number `number` of a service is called, from 1.
pub(crate) fn init_name(service: &str, number: usize) -> String {
    format!("{service}-pre-start-{number}")
}

/// The services of its commands, each behind the one before it; the service comes behind the last.
fn init_services(stack: &str, key: &str, service: &mut Service) -> Vec<(String, Service)> {
    let mut made: Vec<(String, Service)> = Vec::new();
    for (index, hook) in service.pre_start.iter().enumerate() {
        let mut init = init_service(stack, key, service, hook);
        if let Some((before, _)) = made.last() {
            init.depends_on.insert(before.clone(), completed());
        }
        made.push((init_name(key, index + 1), init));
    }
    service.depends_on.extend(made.last().map(|(name, _)| (name.clone(), completed())));
    made
}

fn completed() -> Dependency {
    let condition = Condition::ServiceCompletedSuccessfully;
    Dependency { condition, required: true, ..Dependency::default() }
}

/// The service as it is, but for what only concerns a program that stays.
fn init_service(stack: &str, key: &str, service: &Service, hook: &Hook) -> Service {
    let replicas = if hook.per_replica { service.replicas() } else { 1 };
    let own_image = hook.image.is_empty();
    let is_built = own_image && service.image.is_empty();
    let mut init = Service {
        image: if own_image { service.image_name(stack, key) } else { hook.image.clone() },
        build: None,
        // It comes here as that of the service does.
        pull_policy: match (own_image, is_built) {
            (false, _) => String::new(),
            (true, true) => "never".to_owned(),
            (true, false) => service.pull_policy.clone(),
        },
        command: hook.command.clone(),
        entrypoint: hook.command.as_ref().map(|_| Vec::new()),
        scale: Some(i64::from(replicas)),
        container_name: String::new(),
        hostname: String::new(),
        ports: Vec::new(),
        restart: String::new(),
        healthcheck: Some(Box::new(crate::model::HealthCheck { disable: true, ..Default::default() })),
        pre_start: Vec::new(),
        post_start: Vec::new(),
        pre_stop: Vec::new(),
        develop: None,
        privileged: service.privileged || hook.privileged,
        ..service.clone()
    };
    init.networks.values_mut().for_each(|presence: &mut Option<ServiceNetwork>| *presence = None);
    if let Some(deploy) = &mut init.deploy {
        deploy.replicas = Some(i64::from(replicas));
        deploy.restart_policy = None;
    }
    let known = hook.known_variables().into_iter();
    init.environment.extend(known.map(|(name, value)| (name, Some(value))));
    for (own, said) in [(&mut init.user, &hook.user), (&mut init.working_dir, &hook.working_dir)] {
        if !said.is_empty() {
            own.clone_from(said);
        }
    }
    init
}
