//! One service of the checked tree to its type.

use super::decode::{flag, labels, text, texts};
use super::service::{
    Condition, Dependency, HealthCheck, MountSource, Port, Resources, Restart, Service, ServiceNetwork,
    VolumeMount,
};
use super::units;
use crate::desired::{HealthTest, Protocol, Swap, Ulimit};
use crate::source::mounts::{Tmpfs, parse_tmpfs};
use crate::source::tree::{Entry, Tree, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

const GRACE: Duration = Duration::from_secs(10);

pub(super) fn service(entry: &Entry) -> (String, Service) {
    let tree = &entry.value;
    let upper = |key: &str, name: fn(&str) -> Option<String>| -> Vec<String> {
        texts(tree, key).unwrap_or_default().iter().filter_map(|text| name(text)).collect()
    };
    let service = Service {
        span: entry.key_span.clone(),
        image: text(tree, "image").unwrap_or_default(),
        command: texts(tree, "command"),
        entrypoint: texts(tree, "entrypoint"),
        environment: environment(tree),
        working_dir: text(tree, "working_dir"),
        user: text(tree, "user"),
        hostname: text(tree, "hostname"),
        labels: labels(tree),
        ports: items(tree, "ports").iter().filter_map(port).collect(),
        volumes: mounts(tree),
        networks: entries(tree, "networks").iter().map(network).collect(),
        depends_on: entries(tree, "depends_on").iter().map(dependency).collect(),
        healthcheck: tree.get("healthcheck").map(health),
        restart: text(tree, "restart").map_or(Restart::No, |restart| self::restart(&restart)),
        replicas: replicas(tree),
        resources: resources(tree),
        init: flag(tree, "init"),
        stop_signal: text(tree, "stop_signal").and_then(|signal| units::signal_name(&signal)),
        stop_grace_period: duration(tree, "stop_grace_period").unwrap_or(GRACE),
        read_only: flag(tree, "read_only"),
        privileged: flag(tree, "privileged"),
        cap_add: upper("cap_add", units::capability_name),
        cap_drop: upper("cap_drop", units::capability_name),
        no_new_privileges: no_new_privileges(tree),
        ulimits: entries(tree, "ulimits").iter().filter_map(ulimit).collect(),
        shm_size: bytes(tree, "shm_size"),
        profiles: texts(tree, "profiles").unwrap_or_default(),
    };
    (entry.key.clone(), service)
}

fn items<'a>(tree: &'a Tree, key: &str) -> &'a [Tree] {
    tree.get(key).map_or(&[], Tree::items)
}

fn entries<'a>(tree: &'a Tree, key: &str) -> &'a [Entry] {
    tree.get(key).map_or(&[], Tree::entries)
}

fn duration(tree: &Tree, key: &str) -> Option<Duration> {
    units::parse_duration(tree.get(key)?.as_text()?)
}

/// Bytes; 0 is as good as not set.
fn bytes(tree: &Tree, key: &str) -> Option<u64> {
    tree.get(key)?.as_text()?.parse().ok().filter(|&bytes| bytes > 0)
}

fn environment(tree: &Tree) -> BTreeMap<String, Option<String>> {
    let pairs = entries(tree, "environment").iter();
    pairs.map(|entry| (entry.key.clone(), entry.value.as_text().map(str::to_owned))).collect()
}

fn port(tree: &Tree) -> Option<Port> {
    let published = text(tree, "published").filter(|published| !published.is_empty());
    Some(Port {
        span: tree.span.clone(),
        host_ip: text(tree, "host_ip").and_then(|ip| ip.parse().ok()),
        published: published.and_then(|published| published.parse().ok()),
        target: u16::try_from(tree.get("target")?.as_int()?).ok()?,
        protocol: if text(tree, "protocol").as_deref() == Some("udp") {
            Protocol::Udp
        } else {
            Protocol::Tcp
        },
    })
}

fn mounts(tree: &Tree) -> Vec<VolumeMount> {
    let volumes = items(tree, "volumes").iter().filter_map(mount);
    volumes.chain(items(tree, "tmpfs").iter().filter_map(tmpfs)).collect()
}

fn mount(tree: &Tree) -> Option<VolumeMount> {
    let source = text(tree, "source");
    let source = match text(tree, "type")?.as_str() {
        "bind" => MountSource::Bind {
            source: PathBuf::from(source?),
            // Compose makes the folder for the short form, and for the long one when told so.
            create: tree.get("bind").is_none_or(|bind| flag(bind, "create_host_path")),
        },
        "tmpfs" => {
            let tmpfs = tree.get("tmpfs");
            let mode = tmpfs.and_then(|tmpfs| tmpfs.get("mode")).and_then(Tree::as_int);
            MountSource::Tmpfs {
                size: tmpfs.and_then(|tmpfs| bytes(tmpfs, "size")),
                mode: mode.and_then(|mode| u32::try_from(mode).ok()),
            }
        }
        _ => MountSource::Volume {
            key: source.filter(|source| !source.is_empty()),
            nocopy: tree.get("volume").is_some_and(|volume| flag(volume, "nocopy")),
        },
    };
    Some(VolumeMount {
        span: tree.span.clone(),
        target: text(tree, "target")?,
        read_only: flag(tree, "read_only"),
        source,
    })
}

fn tmpfs(tree: &Tree) -> Option<VolumeMount> {
    let Tmpfs { target, size, mode, read_only } = parse_tmpfs(tree.as_text()?).ok()?;
    Some(VolumeMount {
        span: tree.span.clone(),
        target,
        read_only,
        source: MountSource::Tmpfs { size, mode },
    })
}

fn network(entry: &Entry) -> ServiceNetwork {
    ServiceNetwork { key: entry.key.clone(), aliases: texts(&entry.value, "aliases").unwrap_or_default() }
}

fn dependency(entry: &Entry) -> (String, Dependency) {
    let tree = &entry.value;
    let condition = match text(tree, "condition").as_deref() {
        Some("service_healthy") => Condition::ServiceHealthy,
        Some("service_completed_successfully") => Condition::ServiceCompletedSuccessfully,
        _ => Condition::ServiceStarted,
    };
    let dependency = Dependency {
        span: entry.key_span.clone(),
        condition,
        restart: flag(tree, "restart"),
        required: tree.get("required").and_then(Tree::as_bool) != Some(false),
    };
    (entry.key.clone(), dependency)
}

fn health(tree: &Tree) -> HealthCheck {
    let retries = tree.get("retries").and_then(Tree::as_int).filter(|&retries| retries > 0);
    let set = |key: &str| duration(tree, key).filter(|duration| !duration.is_zero());
    HealthCheck {
        test: if flag(tree, "disable") { Some(HealthTest::Disabled) } else { health_test(tree) },
        interval: set("interval"),
        timeout: set("timeout"),
        retries: retries.and_then(|retries| u32::try_from(retries).ok()),
        start_period: set("start_period"),
        start_interval: set("start_interval"),
    }
}

fn health_test(tree: &Tree) -> Option<HealthTest> {
    let mut words = texts(tree, "test")?;
    match words.first()?.as_str() {
        "NONE" => Some(HealthTest::Disabled),
        "CMD-SHELL" => words.pop().map(HealthTest::Shell),
        _ => Some(HealthTest::Exec(words.split_off(1))),
    }
}

fn restart(text: &str) -> Restart {
    match text.split_once(':').unwrap_or((text, "")) {
        ("always", _) => Restart::Always,
        ("unless-stopped", _) => Restart::UnlessStopped,
        ("on-failure", retries) => {
            Restart::OnFailure { max_retries: retries.parse().ok().filter(|&retries| retries > 0) }
        }
        _ => Restart::No,
    }
}

fn replicas(tree: &Tree) -> u32 {
    let count = tree.get("scale").or_else(|| tree.at(&["deploy", "replicas"])).and_then(Tree::as_int);
    count.and_then(|count| u32::try_from(count).ok()).unwrap_or(1)
}

fn resources(tree: &Tree) -> Resources {
    let empty = Tree::default();
    let limits = tree.at(&["deploy", "resources", "limits"]).unwrap_or(&empty);
    let cores = |tree: &Tree, key: &str| match tree.get(key)?.value {
        Value::Float(cores) => Some(cores),
        Value::Int(cores) => u32::try_from(cores).ok().map(f64::from),
        _ => None,
    };
    let count = |tree: &Tree, key: &str| u64::try_from(tree.get(key)?.as_int()?).ok();
    let swap = match text(tree, "memswap_limit").as_deref() {
        None | Some("0") => Swap::SameAsMemory,
        Some("-1") => Swap::Unlimited,
        Some(total) => total.parse().map_or(Swap::SameAsMemory, Swap::Total),
    };
    Resources {
        memory: bytes(limits, "memory").or_else(|| bytes(tree, "mem_limit")),
        swap,
        nano_cpus: cores(limits, "cpus")
            .or_else(|| cores(tree, "cpus"))
            .map(units::nano_cpus)
            .filter(|&nano| nano > 0),
        pids: count(limits, "pids").or_else(|| count(tree, "pids_limit")).filter(|&pids| pids > 0),
    }
}

fn no_new_privileges(tree: &Tree) -> bool {
    let options = texts(tree, "security_opt").unwrap_or_default();
    options.iter().any(|option| {
        let (name, value) = option.split_once(['=', ':']).unwrap_or((option, ""));
        name == "no-new-privileges" && value != "false"
    })
}

fn ulimit(entry: &Entry) -> Option<(String, Ulimit)> {
    let tree = &entry.value;
    let part = |key| tree.get(key).and_then(Tree::as_int);
    let limit = match tree.as_int() {
        Some(both) => Ulimit { soft: both, hard: both },
        None => Ulimit { soft: part("soft")?, hard: part("hard")? },
    };
    Some((entry.key.clone(), limit))
}
