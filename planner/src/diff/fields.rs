//! The field tables: what each field is called in a stack file, how its value reads, and what
//! a difference means for the resource that exists.

use super::{FieldChange, format};
use crate::desired::{
    ContainerSpec, Content, DeviceRule, DeviceSpec, FileSpec, HealthSpec, HookSpec, Namespace, NetworkSpec,
    VolumeSpec,
};
use std::collections::{BTreeMap, BTreeSet};

/// What a difference in a field means. The gravest of all differences decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnChange {
    /// Nothing is done about it.
    Keep,
    /// It is changed while the resource goes on.
    UpdateInPlace,
    /// It is changed while the resource stands still, which then starts again as it is.
    Restart,
    /// The resource is made anew.
    Replace,
}

/// One field of a spec.
pub struct Field<T> {
    /// Its name in the words of the stack file.
    pub name: &'static str,
    /// How its value reads.
    get: Get<T>,
    /// What a difference means.
    pub on_change: OnChange,
}

/// How the value of a field reads.
enum Get<T> {
    /// One text; `None` when it is not set.
    One(fn(&T) -> Option<String>),
    /// One text for each key, so that a difference names the key.
    Each(fn(&T) -> BTreeMap<String, String>),
}

const fn one<T>(name: &'static str, on_change: OnChange, get: fn(&T) -> Option<String>) -> Field<T> {
    Field { name, get: Get::One(get), on_change }
}

const fn each<T>(
    name: &'static str,
    on_change: OnChange,
    get: fn(&T) -> BTreeMap<String, String>,
) -> Field<T> {
    Field { name, get: Get::Each(get), on_change }
}

use OnChange::{Keep, Replace, UpdateInPlace};

/// The fields of a container.
pub const CONTAINER: &[Field<ContainerSpec>] = &[
    one("container_name", UpdateInPlace, |c| c.name.clone()),
    one("image", Replace, |c| Some(c.image.clone())),
    one("command", Replace, |c| c.command.as_ref().map(|argv| format!("{argv:?}"))),
    one("entrypoint", Replace, |c| c.entrypoint.as_ref().map(|argv| format!("{argv:?}"))),
    each("environment", Replace, environment),
    one("working_dir", Replace, |c| c.working_dir.clone()),
    one("user", Replace, |c| c.user.clone()),
    one("group_add", Replace, |c| set(&c.group_add)),
    one("hostname", Replace, |c| c.hostname.clone()),
    one("domainname", Replace, |c| c.domainname.clone()),
    each("labels", Replace, |c| c.labels.clone()),
    each("annotations", UpdateInPlace, |c| c.annotations.clone()),
    each("volumes", Replace, |c| {
        c.mounts.iter().map(|mount| (mount.target.clone(), format::mount(mount))).collect()
    }),
    each("configs", Replace, |c| files(&c.configs)),
    each("secrets", Replace, |c| files(&c.secrets)),
    one("network_mode", Replace, |c| namespace(&c.network_mode)),
    each("networks", UpdateInPlace, networks),
    one("dns", UpdateInPlace, |c| list(c.names.servers.iter().map(ToString::to_string))),
    one("dns_search", UpdateInPlace, |c| c.names.search.as_ref().map(|domains| search(domains))),
    one("dns_opt", UpdateInPlace, |c| list(c.names.options.iter().cloned())),
    each("extra_hosts", UpdateInPlace, extra_hosts),
    each("links", UpdateInPlace, |c| c.names.links.clone()),
    each("ports", Replace, ports),
    one("deploy.resources.limits.memory", UpdateInPlace, |c| c.limits.memory.map(format::bytes)),
    one("memswap_limit", UpdateInPlace, |c| format::swap(c.limits.swap)),
    one("deploy.resources.limits.cpus", UpdateInPlace, |c| c.limits.nano_cpus.map(format::cpus)),
    one("deploy.resources.limits.pids", UpdateInPlace, |c| c.limits.pids.map(|pids| pids.to_string())),
    one("cpu_quota", UpdateInPlace, |c| c.limits.cpu_quota.map(|quota| quota.to_string())),
    one("cpu_period", UpdateInPlace, |c| c.limits.cpu_period.map(|period| period.to_string())),
    one("cpu_shares", UpdateInPlace, |c| c.limits.cpu_shares.map(|shares| shares.to_string())),
    one("cpuset", UpdateInPlace, |c| c.limits.cpuset.clone()),
    one("deploy.resources.reservations.memory", UpdateInPlace, |c| c.limits.reservation.map(format::bytes)),
    one("mem_swappiness", UpdateInPlace, |c| c.limits.swappiness.map(|most| most.to_string())),
    one("oom_kill_disable", UpdateInPlace, |c| flag(c.limits.spared)),
    each("blkio_config", UpdateInPlace, |c| format::disks(&c.limits.disks)),
    one("x-sampan.idmap", Replace, |c| {
        let ranges: Vec<String> = c.owners.iter().map(ToString::to_string).collect();
        (!ranges.is_empty()).then(|| ranges.join(", "))
    }),
    each("x-sampan.memory", UpdateInPlace, |c| c.pressure.as_ref().map(format::pressure).unwrap_or_default()),
    one("x-sampan.on_change", UpdateInPlace, |c| c.restarts_on_change.then(|| "restart".to_owned())),
    one("restart", UpdateInPlace, |c| Some(format::restart(c.restart))),
    each("deploy.restart_policy", UpdateInPlace, |c| format::pace(&c.restart_pace)),
    each("healthcheck", Replace, |c| c.health.as_ref().map(health).unwrap_or_default()),
    one("init", Replace, |c| flag(c.init)),
    one("logging.driver", Replace, |c| c.logging.none.then(|| "none".to_owned())),
    one("logging.options.max-size", Replace, |c| c.logging.max_size.map(log_size)),
    one("logging.options.max-file", Replace, |c| c.logging.max_files.map(|files| files.to_string())),
    one("run", Keep, |c| c.one_off.map(|_| "once".to_owned())),
    one("tty", Replace, |c| flag(c.tty)),
    one("stdin_open", Replace, |c| flag(c.stdin_open)),
    one("read_only", Replace, |c| flag(c.read_only)),
    one("privileged", Replace, |c| flag(c.privileged)),
    one("cap_add", Replace, |c| set(&c.cap_add)),
    one("cap_drop", Replace, |c| set(&c.cap_drop)),
    one("security_opt.no-new-privileges", Replace, |c| flag(c.no_new_privileges)),
    one("security_opt.seccomp", Replace, |c| c.security.seccomp.shown()),
    one("security_opt.systempaths", Replace, |c| c.security.unmasked.then(|| "unconfined".to_owned())),
    one("security_opt.apparmor", Replace, |c| c.security.apparmor.clone()),
    each("devices", Replace, |c| {
        let node = |node: &DeviceSpec| (node.target.clone(), format!("{}:{}", node.source, node.access));
        c.devices.nodes.iter().map(node).collect()
    }),
    one("device_cgroup_rules", Replace, |c| {
        set(&c.devices.rules.iter().map(DeviceRule::to_string).collect::<Vec<_>>())
    }),
    one("gpus", Replace, |c| set(&c.devices.named)),
    each("ulimits", Replace, |c| {
        let text = |(name, limit): (&String, &crate::desired::Ulimit)| {
            (name.clone(), format!("{}:{}", limit.soft, limit.hard))
        };
        c.ulimits.iter().map(text).collect()
    }),
    one("pid", Replace, |c| namespace(&c.namespaces.pid)),
    one("ipc", Replace, |c| match c.namespaces.without_memory {
        true => Some("none".to_owned()),
        false => namespace(&c.namespaces.ipc),
    }),
    one("uts", Replace, |c| c.namespaces.uts_of_host.then(|| "host".to_owned())),
    one("cgroup", Replace, |c| c.namespaces.cgroup_of_host.then(|| "host".to_owned())),
    one("cgroup_parent", Replace, |c| c.cgroup_parent.clone()),
    each("sysctls", Replace, |c| c.sysctls.clone()),
    one("oom_score_adj", Replace, |c| number(c.oom_score_adj)),
    one("shm_size", Replace, |c| c.shm_size.map(format::bytes)),
    one("stop_signal", UpdateInPlace, |c| c.stop_signal.clone()),
    one("stop_grace_period", UpdateInPlace, |c| Some(format::duration(c.stop_grace_period))),
    one("post_start", Replace, |c| hooks(&c.post_start)),
    one("pre_stop", UpdateInPlace, |c| hooks(&c.pre_stop)),
    one("depends_on", UpdateInPlace, |c| set(&c.depends_on)),
];

/// The fields of a network.
pub const NETWORK: &[Field<NetworkSpec>] = &[
    one("internal", Replace, |n| flag(n.internal)),
    one("driver", Replace, |n| n.direct.as_ref().map(|direct| direct.kind.to_string())),
    one("enable_ipv4", Replace, |n| n.without_ipv4.then(|| "false".to_owned())),
    one("ipam.config.subnet", Replace, |n| n.subnet.map(|subnet| subnet.to_string())),
    one("ipam.config.gateway", Replace, |n| n.gateway.map(|gateway| gateway.to_string())),
    one("ipam.config.ip_range", UpdateInPlace, |n| n.ip_range.map(|range| range.to_string())),
    each("enable_ipv6", Replace, ipv6),
    each("driver_opts", Replace, |n| n.shown_options()),
    each("ipam.config.aux_addresses", UpdateInPlace, |n| {
        n.aux_addresses.iter().map(|(name, address)| (name.clone(), address.to_string())).collect()
    }),
    each("labels", UpdateInPlace, |n| n.labels.clone()),
];

/// The fields of a volume.
pub const VOLUME: &[Field<VolumeSpec>] = &[
    each("labels", Keep, |v| v.labels.clone()),
    each("driver_opts", Keep, |v| crate::desired::shown_options(&v.driver_opts)),
];

/// How two specs differ, in the order of the table, map-valued fields key by key.
pub fn changes<T>(table: &[Field<T>], from: &T, to: &T) -> Vec<(FieldChange, OnChange)> {
    table.iter().flat_map(|field| field.changes(from, to)).collect()
}

impl<T> Field<T> {
    fn changes(&self, from: &T, to: &T) -> Vec<(FieldChange, OnChange)> {
        let (from, to) = (self.values(from), self.values(to));
        let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
        let differing = names.into_iter().filter(|name| from.get(*name) != to.get(*name));
        let change = |name: &String| FieldChange {
            field: name.clone(),
            from: from.get(name).cloned(),
            to: to.get(name).cloned(),
        };
        differing.map(|name| (change(name), self.on_change)).collect()
    }

    fn values(&self, spec: &T) -> BTreeMap<String, String> {
        match self.get {
            Get::One(get) => get(spec).map(|value| (self.name.to_owned(), value)).into_iter().collect(),
            Get::Each(get) => {
                let named = |(key, value)| (format!("{}.{key}", self.name), value);
                get(spec).into_iter().map(named).collect()
            }
        }
    }
}

/// How two containers differ. What the wish for a restart is about needs no new container.
pub fn container_changes(from: &ContainerSpec, to: &ContainerSpec) -> Vec<(FieldChange, OnChange)> {
    let mut found = changes(CONTAINER, from, to);
    for (change, on_change) in &mut found {
        if to.restarts_on_change && *on_change == Replace && change.is_given() {
            *on_change = OnChange::Restart;
        }
    }
    found
}

fn ipv6(network: &NetworkSpec) -> BTreeMap<String, String> {
    let Some(ipv6) = network.ipv6 else { return BTreeMap::new() };
    let set = [
        ("subnet", Some(ipv6.subnet.map_or_else(|| "(chosen)".to_owned(), |subnet| subnet.to_string()))),
        ("gateway", ipv6.gateway.map(|gateway| gateway.to_string())),
        ("ip_range", ipv6.ip_range.map(|range| range.to_string())),
    ];
    set.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

fn log_size(bytes: u64) -> String {
    if bytes == u64::MAX { "-1".to_owned() } else { format::bytes(bytes) }
}

fn flag(value: bool) -> Option<String> {
    value.then(|| "true".to_owned())
}

fn namespace(namespace: &Namespace) -> Option<String> {
    (!namespace.is_own()).then(|| namespace.to_string())
}

/// A number of which 0 says nothing.
fn number<T: Copy + Default + PartialEq + ToString>(value: T) -> Option<String> {
    (value != T::default()).then(|| value.to_string())
}

/// A list whose order means nothing.
fn set<'a>(items: impl IntoIterator<Item = &'a String>) -> Option<String> {
    let items: BTreeSet<&str> = items.into_iter().map(String::as_str).collect();
    (!items.is_empty()).then(|| items.into_iter().collect::<Vec<_>>().join(", "))
}

fn environment(spec: &ContainerSpec) -> BTreeMap<String, String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "(removed)".to_owned());
    spec.environment.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

/// By target, what they hold apart: that is not to be shown.
fn files(files: &[FileSpec]) -> BTreeMap<String, String> {
    let file = |file: &FileSpec| {
        let FileSpec { source, target, uid, gid, mode, .. } = file;
        let held = (format!("{target}{CONTENT}"), file.content.digest().to_owned());
        [(target.clone(), format!("{source} {uid}:{gid} {mode:04o}")), held]
    };
    files.iter().flat_map(file).collect()
}

/// Variables by their names alone: their values may be secrets, but count.
fn hooks(hooks: &[HookSpec]) -> Option<String> {
    let hook = |hook: &HookSpec| {
        let mut text = format!("{:?}", hook.command);
        let options = [("user", &hook.user), ("in", &hook.working_dir)];
        for (name, value) in options.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            text += &format!(" {name} {value}");
        }
        let digest = |value: &String| Content::of(value.clone().into_bytes()).digest()[7..15].to_owned();
        let variables = hook.environment.iter().map(|(name, value)| format!(" {name}=#{}", digest(value)));
        text.extend(variables);
        text + if hook.privileged { " privileged" } else { "" }
    };
    (!hooks.is_empty()).then(|| hooks.iter().map(hook).collect::<Vec<_>>().join("; "))
}

/// Ends the name of a field that tells whether content is the same.
pub(super) const CONTENT: &str = ".content";
/// A list whose order means something.
fn list(items: impl Iterator<Item = String>) -> Option<String> {
    let items: Vec<String> = items.collect();
    (!items.is_empty()).then(|| items.join(", "))
}

/// No domain at all is written as `.`.
fn search(domains: &[String]) -> String {
    if domains.is_empty() { ".".to_owned() } else { domains.join(", ") }
}

/// By name, because one name can have several addresses.
fn extra_hosts(spec: &ContainerSpec) -> BTreeMap<String, String> {
    let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in &spec.names.hosts {
        let address = entry.address.map_or_else(|| "host-gateway".to_owned(), |address| address.to_string());
        by_name.entry(entry.name.clone()).or_default().push(address);
    }
    by_name.into_iter().map(|(name, addresses)| (name, addresses.join(", "))).collect()
}

/// The order of networks matters: the first one has the default route.
fn networks(spec: &ContainerSpec) -> BTreeMap<String, String> {
    let text = |(position, attachment): (usize, &crate::desired::Attachment)| {
        (attachment.network.clone(), format::attachment(position, attachment))
    };
    spec.networks.iter().enumerate().map(text).collect()
}

/// By container port, because that is what a port is for.
fn ports(spec: &ContainerSpec) -> BTreeMap<String, String> {
    let mut by_target: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for port in &spec.ports {
        let target = format!("{}/{}", port.target, format::protocol(port.protocol));
        by_target.entry(target).or_default().insert(format::published(port));
    }
    by_target.into_iter().map(|(target, hosts)| (target, set(&hosts).unwrap_or_default())).collect()
}

fn health(health: &HealthSpec) -> BTreeMap<String, String> {
    let pairs = [
        ("test", health.test.as_ref().map(format::health_test)),
        ("interval", health.interval.map(format::duration)),
        ("timeout", health.timeout.map(format::duration)),
        ("retries", health.retries.map(|retries| retries.to_string())),
        ("start_period", health.start_period.map(format::duration)),
        ("start_interval", health.start_interval.map(format::duration)),
    ];
    pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
