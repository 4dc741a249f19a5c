//! What a container asks of the machine: `HostConfig`.

use engine::container::ContainerRecord;
use planner::ContainerSpec;
use planner::desired::{MountKind, Namespace, RestartPolicy, Seccomp, Swap};
use serde_json::{Map, Value, json};

/// Docker's `HostConfig`; 0 and empty is what was not asked for.
pub(super) fn config(record: &ContainerRecord) -> Value {
    let spec = &record.spec;
    let (restart, retries) = restart(spec.restart);
    let mut config = json!({
        "Binds": binds(spec),
        "NetworkMode": network_mode(spec),
        "PortBindings": ports(spec),
        "RestartPolicy": {"Name": restart, "MaximumRetryCount": retries},
        "AutoRemove": spec.one_off.is_some_and(|one_off| one_off.remove),
        "LogConfig": {"Type": if spec.logging.none { "none" } else { "local" }, "Config": logging(spec)},
        "CapAdd": spec.cap_add,
        "CapDrop": spec.cap_drop,
        "CgroupnsMode": if spec.namespaces.cgroup_of_host { "host" } else { "private" },
        "CgroupParent": spec.cgroup_parent.clone().unwrap_or_default(),
        "Dns": spec.names.servers,
        "DnsOptions": spec.names.options,
        "DnsSearch": spec.names.search.clone().unwrap_or_default(),
        "ExtraHosts": spec.names.hosts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "GroupAdd": spec.group_add,
        "IpcMode": mode(&spec.namespaces.ipc, "private"),
        "PidMode": mode(&spec.namespaces.pid, ""),
        "UTSMode": if spec.namespaces.uts_of_host { "host" } else { "" },
        "OomScoreAdj": spec.oom_score_adj,
        "Privileged": spec.privileged,
        "ReadonlyRootfs": spec.read_only,
        "SecurityOpt": security(spec),
        "ShmSize": spec.shm_size.unwrap_or(64 << 20),
        "Sysctls": spec.sysctls,
        "Init": spec.init,
        "Tmpfs": tmpfs(spec),
    });
    for (name, value) in limits(spec) {
        config[name] = value;
    }
    config
}

/// How much it may use, and of what.
fn limits(spec: &ContainerSpec) -> Map<String, Value> {
    let limits = &spec.limits;
    let all = json!({
        "Memory": limits.memory.unwrap_or(0),
        "MemoryReservation": limits.reservation.unwrap_or(0),
        "MemorySwap": match limits.swap {
            Swap::SameAsMemory => json!(limits.memory.unwrap_or(0).saturating_mul(2)),
            Swap::Unlimited => json!(-1),
            Swap::Total(total) => json!(total),
        },
        "MemorySwappiness": limits.swappiness,
        "NanoCpus": limits.nano_cpus.unwrap_or(0),
        "CpuShares": limits.cpu_shares.unwrap_or(0),
        "CpuPeriod": limits.cpu_period.unwrap_or(0),
        "CpuQuota": limits.cpu_quota.unwrap_or(0),
        "CpusetCpus": limits.cpuset.clone().unwrap_or_default(),
        "BlkioWeight": limits.disks.weight.unwrap_or(0),
        "PidsLimit": limits.pids,
        "OomKillDisable": limits.spared,
        "Devices": spec.devices.nodes.iter().map(|node| json!({
            "PathOnHost": node.source, "PathInContainer": node.target,
            "CgroupPermissions": node.access.to_string(),
        })).collect::<Vec<_>>(),
        "DeviceCgroupRules": spec.devices.rules.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "Ulimits": spec.ulimits.iter().map(|(name, limit)| json!({
            "Name": name, "Soft": limit.soft, "Hard": limit.hard,
        })).collect::<Vec<_>>(),
    });
    if let Value::Object(all) = all { all } else { Map::new() }
}

fn binds(spec: &ContainerSpec) -> Vec<String> {
    let bind = |mount: &planner::desired::MountSpec| {
        let source = match &mount.kind {
            MountKind::Volume { name, .. } => name.clone(),
            MountKind::Bind { source, .. } => source.display().to_string(),
            MountKind::Tmpfs(_) | MountKind::Image { .. } => return None,
        };
        Some(format!("{source}:{}:{}", mount.target, if mount.read_only { "ro" } else { "rw" }))
    };
    spec.mounts.iter().filter_map(bind).collect()
}

fn tmpfs(spec: &ContainerSpec) -> Map<String, Value> {
    let memory = spec.mounts.iter().filter_map(|mount| match &mount.kind {
        MountKind::Tmpfs(memory) => Some((mount.target.clone(), memory.size)),
        _ => None,
    });
    let options = |size: Option<u64>| size.map(|size| format!("size={size}")).unwrap_or_default();
    memory.map(|(target, size)| (target, json!(options(size)))).collect()
}

fn network_mode(spec: &ContainerSpec) -> String {
    match (&spec.network_mode, spec.networks.first()) {
        (Namespace::Own, Some(first)) => first.network.clone(),
        (Namespace::Own, None) => "none".to_owned(),
        (shared, _) => shared.to_string(),
    }
}

fn mode(namespace: &Namespace, own: &str) -> String {
    if namespace.is_own() { own.to_owned() } else { namespace.to_string() }
}

fn ports(spec: &ContainerSpec) -> Map<String, Value> {
    let mut ports = Map::new();
    for port in &spec.ports {
        let key = format!("{}/{}", port.target, super::protocol(port.protocol));
        let published = match (port.published, port.published_last) {
            (Some(first), Some(last)) => format!("{first}-{last}"),
            (Some(one), None) => one.to_string(),
            (None, _) => String::new(),
        };
        let host = port.host_ip.map(|address| address.to_string()).unwrap_or_default();
        if let Value::Array(bindings) = ports.entry(key).or_insert_with(|| json!([])) {
            bindings.push(json!({"HostIp": host, "HostPort": published}));
        }
    }
    ports
}

fn restart(policy: RestartPolicy) -> (&'static str, u32) {
    match policy {
        RestartPolicy::No => ("no", 0),
        RestartPolicy::OnFailure { max_retries } => ("on-failure", max_retries.unwrap_or(0)),
        RestartPolicy::Always => ("always", 0),
        RestartPolicy::UnlessStopped => ("unless-stopped", 0),
    }
}

fn logging(spec: &ContainerSpec) -> Map<String, Value> {
    let size = spec.logging.max_size.map(|size| ("max-size".to_owned(), json!(size.to_string())));
    let files = spec.logging.max_files.map(|files| ("max-file".to_owned(), json!(files.to_string())));
    size.into_iter().chain(files).collect()
}

/// The profile itself may be long: only that there is one.
fn security(spec: &ContainerSpec) -> Vec<String> {
    let seccomp = match spec.security.seccomp {
        Seccomp::Default => None,
        Seccomp::Unconfined => Some("seccomp=unconfined".to_owned()),
        Seccomp::Profile(_) => Some("seccomp=profile".to_owned()),
    };
    let apparmor = spec.security.apparmor.as_ref().map(|profile| format!("apparmor={profile}"));
    let privileges = spec.no_new_privileges.then(|| "no-new-privileges".to_owned());
    let paths = spec.security.unmasked.then(|| "systempaths=unconfined".to_owned());
    [privileges, seccomp, apparmor, paths].into_iter().flatten().collect()
}
