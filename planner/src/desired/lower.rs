//! Stack and Goal to Desired.

use super::mounts::{self, Scene};
use super::service::capabilities;
use super::{
    ContainerSpec, Content, DependsOn, Desired, FileSpec, LogSpec, Namespaces, NetworkMode, PortSpec,
    RestartPolicy, Slot, lower_network,
};
use super::{OwnerRange, Pressure};
use crate::goal::{Goal, RunOptions, UpOptions, Verb};
use crate::graph::DependencyGraph;
use crate::live::Live;
use crate::model::{Dependency, FileMode, FileReference, HealthCheck, Hook, Port, Service, Stack};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What should exist when the goal is reached. Live is asked only for facts about images.
///
/// Total: names that mean nothing (an unknown service, network or volume) are left out here and
/// refused by validation or by [`plan`](crate::plan::plan).
pub fn lower(stack: &Stack, goal: &Goal, live: &Live) -> Desired {
    let nothing = UpOptions::default();
    let options = if let Verb::Up(options) = &goal.verb { options } else { &nothing };
    let mut desired = Desired { stack: stack.name.clone(), ..Desired::default() };
    for (name, service) in in_scope(stack, goal) {
        desired.depends_on.insert(name.to_owned(), depends_on(stack, service));
        if let Some(run) = options.run.filter(|_| goal.services.contains(name)) {
            let slot = Slot { service: name.to_owned(), index: run.number };
            desired.containers.insert(slot.clone(), one_off(container(stack, &slot, service, live), run));
            lower_network::networks(stack, service, &mut desired.networks);
            continue;
        }
        let replicas = options.scale.get(name).copied().unwrap_or_else(|| service.replicas());
        for index in 1..=replicas {
            let slot = Slot { service: name.to_owned(), index };
            let spec = container(stack, &slot, service, live);
            desired.containers.insert(slot, spec);
        }
        if replicas > 0 {
            lower_network::networks(stack, service, &mut desired.networks);
        }
    }
    desired.volumes = mounts::volumes(stack, &desired.containers, live);
    desired
}

/// What `run` makes of the container of a service. Otherwise than asked for it runs once.
fn one_off(mut spec: ContainerSpec, run: RunOptions) -> ContainerSpec {
    spec.one_off = Some(run.one_off);
    if !run.keeps_restart {
        spec.restart = RestartPolicy::No;
    }
    if !run.aliases {
        spec.networks.iter_mut().for_each(|attachment| attachment.aliases.clear());
    }
    spec
}

/// The services that the goal is about: all of active profiles, or the named ones (of inactive
/// profiles too, naming activates) with what they depend on.
pub(super) fn in_scope<'a>(stack: &'a Stack, goal: &Goal) -> BTreeMap<&'a str, &'a Service> {
    let named = |name: &&String| goal.services.contains(*name);
    let disabled = stack.disabled.iter().filter(|(name, _)| named(name));
    let all: BTreeMap<&str, &Service> =
        stack.services.iter().chain(disabled).map(|(name, service)| (name.as_str(), service)).collect();
    if goal.services.is_empty() {
        return all;
    }
    let edges = |(name, service): (&&'a str, &&'a Service)| {
        (*name, dependencies(stack, service).map(|(name, _)| name.as_str()).collect::<Vec<_>>())
    };
    let wanted = if goal.includes_dependencies() {
        DependencyGraph::new(all.iter().map(edges)).closure(goal.services.iter().map(String::as_str))
    } else {
        goal.services.clone()
    };
    all.into_iter().filter(|(name, _)| wanted.contains(*name)).collect()
}

/// The dependencies of a service but for those that need not be there and are not.
fn dependencies<'a>(
    stack: &'a Stack,
    service: &'a Service,
) -> impl Iterator<Item = (&'a String, &'a Dependency)> {
    service.depends_on.iter().filter(|(name, edge)| edge.required || stack.services.contains_key(*name))
}

/// What a service waits for.
pub(crate) fn depends_on(stack: &Stack, service: &Service) -> BTreeMap<String, DependsOn> {
    let edge = |(name, dependency): (&String, &Dependency)| {
        let Dependency { condition, restart, required, .. } = *dependency;
        let Namespaces { pid, ipc, .. } = Namespaces::of(service);
        let shared = NetworkMode::Service(name.clone());
        let shares = [lower_network::mode(service), pid, ipc].contains(&shared);
        (name.clone(), DependsOn { condition, restart: restart || shares, required, shares })
    };
    dependencies(stack, service).map(edge).collect()
}

fn container(stack: &Stack, slot: &Slot, service: &Service, live: &Live) -> ContainerSpec {
    ContainerSpec {
        name: said(&service.container_name),
        image: service.image_name(&stack.name, &slot.service),
        command: service.command.clone(),
        entrypoint: service.entrypoint.clone(),
        environment: service.environment.clone(),
        working_dir: said(&service.working_dir),
        user: said(&service.user),
        group_add: service.group_add.clone(),
        hostname: said(&service.hostname),
        domainname: said(&service.domainname),
        labels: service.labels.clone(),
        annotations: service.annotations.clone(),
        mounts: Scene { stack, live }.mounts(slot, service),
        configs: files(&service.configs, "", &stack.contents.configs),
        secrets: files(&service.secrets, "/run/secrets", &stack.contents.secrets),
        network_mode: lower_network::mode(service),
        networks: lower_network::attachments(stack, slot, service),
        names: lower_network::names(service),
        ports: ports(stack, service),
        limits: service.limits(),
        pressure: service.sampan.as_deref().and_then(|own| Pressure::of(own, service.limits().memory)),
        owners: service.sampan.as_deref().map(OwnerRange::of).unwrap_or_default(),
        restarts_on_change: service.sampan.as_deref().is_some_and(|own| own.on_change == "restart"),
        restart: service.restart_policy(),
        restart_pace: service.restart_pace(),
        health: service.healthcheck.as_deref().map(HealthCheck::spec),
        init: service.init.unwrap_or_default(),
        logging: LogSpec::of(service.logging.as_deref()),
        one_off: None,
        tty: service.tty,
        stdin_open: service.stdin_open,
        read_only: service.read_only,
        privileged: service.privileged,
        cap_add: capabilities(&service.cap_add),
        cap_drop: capabilities(&service.cap_drop),
        no_new_privileges: service.no_new_privileges(),
        security: service.security(&stack.contents.profiles),
        devices: service.all_devices(),
        ulimits: service.process_limits(),
        namespaces: Namespaces::of(service),
        cgroup_parent: said(service.cgroup_parent.trim_matches('/')),
        sysctls: service.sysctls.clone(),
        oom_score_adj: service.oom_score(),
        shm_size: service.shm_size.amount(),
        stop_signal: service.end_signal(),
        stop_grace_period: service.grace(),
        post_start: service.post_start.iter().map(Hook::spec).collect(),
        pre_stop: service.pre_stop.iter().map(Hook::spec).collect(),
        depends_on: dependencies(stack, service).map(|(name, _)| name.clone()).collect(),
    }
}

/// Configs or secrets of a service; `folder` is where those are whose target is not absolute.
fn files(references: &[FileReference], folder: &str, contents: &BTreeMap<String, Content>) -> Vec<FileSpec> {
    let file = |reference: &FileReference| FileSpec {
        source: reference.source.clone(),
        target: reference.place(folder),
        uid: reference.uid.parse().unwrap_or(0),
        gid: reference.gid.parse().unwrap_or(0),
        mode: reference.mode.map_or(FileSpec::MODE, FileMode::bits),
        content: contents.get(&reference.source).cloned().unwrap_or_default(),
    };
    let mut files: Vec<FileSpec> = references.iter().map(file).collect();
    files.sort_by(|a, b| a.target.cmp(&b.target));
    files
}

/// A text that is not empty.
fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// In another's network there is nothing to publish.
fn ports(stack: &Stack, service: &Service) -> Vec<PortSpec> {
    let binding = lower_network::host_binding(stack, service);
    let published = service.ports.iter().filter(|_| lower_network::mode(service).is_own());
    published.map(|one| port(one, binding)).collect()
}

fn port(port: &Port, binding: Option<IpAddr>) -> PortSpec {
    PortSpec {
        host_ip: port.host_address().or(binding),
        published: port.host_port(),
        published_last: port.last_host_port(),
        target: port.container_port(),
        protocol: port.transport(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::Image;
    use crate::model::{Mount, Network, ServiceNetwork, Volume};

    fn service() -> Service {
        let presence = ServiceNetwork { aliases: vec!["www".into()], ..Default::default() };
        let networks = [("default".to_owned(), Some(presence))].into();
        Service { image: "web:1".into(), networks, ..Default::default() }
    }

    fn after(mut service: Service, dependency: &str) -> Service {
        let edge = Dependency { required: true, ..Default::default() };
        service.depends_on.insert(dependency.into(), edge);
        service
    }

    fn stack() -> Stack {
        let network = Network { name: "shop_default".into(), ..Default::default() };
        let volume = Volume { name: "shop_data".into(), ..Default::default() };
        let services = [
            ("web".to_owned(), after(service(), "db")),
            ("db".to_owned(), service()),
            ("mail".to_owned(), service()),
        ];
        Stack {
            name: "shop".into(),
            services: services.into(),
            disabled: [("debug".to_owned(), service())].into(),
            networks: [("default".to_owned(), network)].into(),
            volumes: [("data".to_owned(), volume)].into(),
            ..Default::default()
        }
    }

    fn up(services: &[&str], options: UpOptions) -> Goal {
        let services = services.iter().map(|name| (*name).to_owned()).collect();
        Goal { services, ..Goal::all(Verb::Up(options)) }
    }

    fn slots(goal: &Goal) -> Vec<String> {
        let desired = lower(&stack(), goal, &Live::default());
        desired.containers.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn the_scope_is_the_named_services_and_what_they_need() {
        assert_eq!(slots(&up(&[], UpOptions::default())), ["db/1", "mail/1", "web/1"]);
        assert_eq!(slots(&up(&["web"], UpOptions::default())), ["db/1", "web/1"]);
        assert_eq!(slots(&up(&["web"], UpOptions { no_deps: true, ..Default::default() })), ["web/1"]);
        assert_eq!(slots(&up(&["debug"], UpOptions::default())), ["debug/1"]);
    }

    #[test]
    fn what_need_not_be_there_and_is_not_is_not_waited_for() {
        let mut stack = stack();
        let optional = Dependency { required: false, ..Default::default() };
        let web = stack.services.get_mut("web").unwrap();
        web.depends_on.insert("debug".into(), optional.clone());
        web.depends_on.insert("mail".into(), optional);
        let desired = lower(&stack, &up(&[], UpOptions::default()), &Live::default());
        assert_eq!(desired.depends_on["web"].keys().collect::<Vec<_>>(), ["db", "mail"]);
    }

    #[test]
    fn scale_overrides_the_number_of_replicas() {
        let scale = [("web".to_owned(), 2), ("mail".to_owned(), 0)].into();
        let goal = up(&["web", "mail"], UpOptions { scale, no_deps: true, ..Default::default() });
        assert_eq!(slots(&goal), ["web/1", "web/2"]);
        let desired = lower(&stack(), &goal, &Live::default());
        assert!(desired.depends_on.contains_key("mail"));
    }

    #[test]
    fn names_on_a_network_begin_with_the_service() {
        let desired = lower(&stack(), &up(&["mail"], UpOptions::default()), &Live::default());
        let spec = desired.containers.values().next().unwrap();
        assert_eq!(spec.networks[0].network, "shop_default");
        assert_eq!(spec.networks[0].aliases, ["mail", "www"]);
        assert_eq!(desired.networks["shop_default"].stack.as_deref(), Some("shop"));
    }

    #[test]
    fn volumes_without_a_name_get_one_from_slot_and_target() {
        let mut stack = stack();
        let mount = |target: &str, key: &str| Mount {
            target: target.into(),
            source: key.into(),
            ..Default::default()
        };
        let volumes = vec![mount("/var/lib/db", "data"), mount("/cache", "")];
        stack.services.get_mut("db").unwrap().volumes = volumes;
        let image = Image { volumes: vec!["/var/lib/db".into(), "/logs".into()], ..Default::default() };
        let live = Live { images: [("web:1".to_owned(), image)].into(), ..Default::default() };
        let desired = lower(&stack, &up(&["db"], UpOptions::default()), &live);
        let spec = desired.containers.values().next().unwrap();
        let targets: Vec<_> = spec.mounts.iter().map(|mount| mount.target.as_str()).collect();
        assert_eq!(targets, ["/cache", "/logs", "/var/lib/db"]);
        let names: Vec<_> = spec.volumes().collect();
        assert_eq!(names, ["shop_db-1_c681ccdc", "shop_db-1_941e5b45", "shop_data"]);
        assert!(desired.volumes["shop_db-1_c681ccdc"].anonymous);
        assert!(!desired.volumes["shop_data"].anonymous);
    }
}
