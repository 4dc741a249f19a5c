//! What counts as a difference, and what follows from it.

use super::*;
use crate::desired::*;
use crate::live::{Health, Image, State};
use std::time::Duration;

fn id(generation: u32) -> ContainerId {
    ContainerId { stack: "shop".into(), slot: Slot { service: "web".into(), index: 1 }, generation }
}

fn spec() -> ContainerSpec {
    ContainerSpec { image: "web:1".into(), stop_grace_period: Duration::from_secs(10), ..Default::default() }
}

const RUNNING: State = State::Running { health: Health::None };

fn live(occupants: &[(u32, ContainerSpec, State)]) -> Live {
    let container = |(generation, spec, state): &(u32, ContainerSpec, State)| {
        let image_id = "sha256:aaaaaaaaaaaaaaaa".into();
        let container = Container {
            spec: spec.clone(),
            image_id,
            checks_health: false,
            state: state.clone(),
            aside: false,
        };
        (id(*generation), container)
    };
    let image = Image { id: "sha256:aaaaaaaaaaaaaaaa".into(), ..Default::default() };
    Live {
        stack: "shop".into(),
        containers: occupants.iter().map(container).collect(),
        images: [("web:1".to_owned(), image.clone()), ("web:2".to_owned(), image)].into(),
        ..Default::default()
    }
}

fn of_slot(spec: ContainerSpec, live: &Live) -> SlotDiff {
    slot(&id(1).slot, &spec, live)
}

fn file(target: &str) -> FileSpec {
    FileSpec { target: target.into(), ..FileSpec::default() }
}

type Mutation = (&'static str, fn(&mut ContainerSpec));

fn process() -> Vec<Mutation> {
    vec![
        ("group_add", |c| c.group_add.push("log".into())),
        ("domainname", |c| c.domainname = Some("example".into())),
        ("annotations.note", |c| drop(c.annotations.insert("note".into(), "a".into()))),
        ("oom_score_adj", |c| c.oom_score_adj = 500),
        ("sysctls.net.core.somaxconn", |c| {
            c.sysctls.insert("net.core.somaxconn".into(), "64".into());
        }),
        ("deploy.restart_policy.delay", |c| c.restart_pace.delay = Some(Duration::from_secs(5))),
        ("cgroup_parent", |c| c.cgroup_parent = Some("web.slice".into())),
        ("security_opt.seccomp", |c| c.security.seccomp = Seccomp::Unconfined),
        ("security_opt.systempaths", |c| c.security.unmasked = true),
        ("security_opt.apparmor", |c| c.security.apparmor = Some("web".into())),
        ("devices./dev/fuse", |c| {
            let path = "/dev/fuse".to_owned();
            c.devices.nodes.push(DeviceSpec { source: path.clone(), target: path, access: Access::ALL });
        }),
        ("device_cgroup_rules", |c| c.devices.rules.push(DeviceRule::parse("c 1:3 r").unwrap())),
        ("gpus", |c| c.devices.named.push("gpu=all".into())),
        ("pid", |c| c.namespaces.pid = Namespace::Host),
        ("ipc", |c| c.namespaces.ipc = Namespace::Service("db".into())),
        ("uts", |c| c.namespaces.uts_of_host = true),
        ("cgroup", |c| c.namespaces.cgroup_of_host = true),
    ]
}

fn limits() -> Vec<Mutation> {
    vec![
        ("deploy.resources.limits.memory", |c| c.limits.memory = Some(64 << 20)),
        ("memswap_limit", |c| c.limits.swap = Swap::Unlimited),
        ("deploy.resources.limits.cpus", |c| c.limits.nano_cpus = Some(500_000_000)),
        ("deploy.resources.limits.pids", |c| c.limits.pids = Some(10)),
        ("cpu_quota", |c| c.limits.cpu_quota = Some(50_000)),
        ("cpu_period", |c| c.limits.cpu_period = Some(20_000)),
        ("cpu_shares", |c| c.limits.cpu_shares = Some(512)),
        ("cpuset", |c| c.limits.cpuset = Some("0".into())),
        ("deploy.resources.reservations.memory", |c| c.limits.reservation = Some(1 << 20)),
        ("mem_swappiness", |c| c.limits.swappiness = Some(5)),
        ("oom_kill_disable", |c| c.limits.spared = true),
        ("blkio_config.device_write_bps./dev/vda", |c| {
            let disk = Disk { write_bps: Some(1 << 20), ..Disk::default() };
            c.limits.disks.devices.insert("/dev/vda".into(), disk);
        }),
    ]
}

fn network() -> Vec<Mutation> {
    vec![
        ("network_mode", |c| c.network_mode = NetworkMode::Host),
        ("networks.shop_default", |c| {
            c.networks.push(Attachment {
                network: "shop_default".into(),
                aliases: vec!["web".into()],
                ..Default::default()
            });
        }),
        ("dns", |c| c.names.servers.push([192, 0, 2, 53].into())),
        ("dns_search", |c| c.names.search = Some(Vec::new())),
        ("dns_opt", |c| c.names.options.push("ndots:2".into())),
        ("extra_hosts.db", |c| c.names.hosts.extend(HostEntry::parse("db=10.0.0.1"))),
        ("links.db", |c| drop(c.names.links.insert("db".into(), "postgres".into()))),
        ("ports.80/tcp", |c| {
            let port = PortSpec { target: 80, ..Default::default() };
            c.ports.push(port);
        }),
    ]
}

#[test]
fn every_field_of_a_container_has_its_row() {
    let mut mutations: Vec<Mutation> = vec![
        ("image", |c| c.image = "web:2".into()),
        ("command", |c| c.command = Some(vec!["run".into()])),
        ("entrypoint", |c| c.entrypoint = Some(Vec::new())),
        ("environment.MODE", |c| drop(c.environment.insert("MODE".into(), Some("prod".into())))),
        ("working_dir", |c| c.working_dir = Some("/srv".into())),
        ("user", |c| c.user = Some("app".into())),
        ("hostname", |c| c.hostname = Some("front".into())),
        ("labels.team", |c| drop(c.labels.insert("team".into(), "a".into()))),
        ("volumes./tmp", |c| {
            let kind = MountKind::Tmpfs(Memory::default());
            c.mounts.push(MountSpec { target: "/tmp".into(), read_only: false, kind });
        }),
        ("configs./etc/a", |c| c.configs.push(file("/etc/a"))),
        ("secrets./run/secrets/s", |c| c.secrets.push(file("/run/secrets/s"))),
        ("x-sampan.idmap", |c| c.owners = OwnerRange::parse("0:1000").into_iter().collect()),
        ("x-sampan.on_change", |c| c.restarts_on_change = true),
        ("x-sampan.memory.high", |c| c.pressure = Some(Pressure { at: 1, tell: Tell::Log })),
        ("restart", |c| c.restart = RestartPolicy::Always),
        ("healthcheck.retries", |c| {
            c.health = Some(HealthSpec { retries: Some(1), ..Default::default() });
        }),
        ("init", |c| c.init = true),
        ("logging.driver", |c| c.logging.none = true),
        ("logging.options.max-size", |c| c.logging.max_size = Some(1)),
        ("logging.options.max-file", |c| c.logging.max_files = Some(1)),
        ("run", |c| c.one_off = Some(crate::desired::OneOff::default())),
        ("container_name", |c| c.name = Some("site".into())),
        ("tty", |c| c.tty = true),
        ("stdin_open", |c| c.stdin_open = true),
        ("read_only", |c| c.read_only = true),
        ("privileged", |c| c.privileged = true),
        ("cap_add", |c| c.cap_add.push("NET_ADMIN".into())),
        ("cap_drop", |c| c.cap_drop.push("ALL".into())),
        ("security_opt.no-new-privileges", |c| c.no_new_privileges = true),
        ("ulimits.nofile", |c| {
            c.ulimits.insert("nofile".into(), Ulimit { soft: 1, hard: 2 });
        }),
        ("shm_size", |c| c.shm_size = Some(1 << 20)),
        ("stop_signal", |c| c.stop_signal = Some("QUIT".into())),
        ("stop_grace_period", |c| c.stop_grace_period = Duration::from_secs(1)),
        ("post_start", |c| c.post_start.push(HookSpec::default())),
        ("pre_stop", |c| c.pre_stop.push(HookSpec::default())),
        ("depends_on", |c| {
            c.depends_on.insert("db".into());
        }),
    ];
    mutations.extend(limits());
    mutations.extend(network());
    mutations.extend(process());
    assert_eq!(mutations.len(), CONTAINER.len());
    for (field, mutate) in &mutations {
        let mut other = spec();
        mutate(&mut other);
        let found: Vec<_> = changes(CONTAINER, &spec(), &other).into_iter().map(|(c, _)| c.field).collect();
        assert_eq!(found[..1], [*field]);
    }
    // A new field of the spec must get a row, or a difference in it would go unseen.
    let serde_json::Value::Object(all) = serde_json::to_value(spec()).unwrap() else { panic!() };
    // Limits and names are one field each, with a row for each of what they hold.
    let limits = all["limits"].as_object().unwrap().len() - 1;
    let grouped = ["namespaces", "security", "devices"].map(|name| all[name].as_object().unwrap().len() - 1);
    let namespaces: usize = grouped.iter().sum();
    let names_have_more_rows_than_fields = 4;
    let logging = all["logging"].as_object().unwrap().len() - 1;
    assert_eq!(all.len() + limits + namespaces + logging + names_have_more_rows_than_fields, CONTAINER.len());
}

#[test]
fn a_container_whose_record_is_damaged_is_made_anew() {
    let state = State::Created;
    let container =
        Container { spec: spec(), image_id: String::new(), checks_health: false, state, aside: false };
    let Change::Replace(fields) = container_change(&spec(), &container, &Live::default()) else { panic!() };
    assert_eq!((fields.len(), fields[0].field.as_str()), (1, "record"));
}

#[test]
fn limits_networks_restart_and_stopping_change_in_place_and_the_rest_replaces() {
    let in_place: Vec<_> = CONTAINER.iter().filter(|f| f.on_change == OnChange::UpdateInPlace).collect();
    let names: Vec<_> = in_place.iter().map(|field| field.name).collect();
    assert_eq!(
        names,
        [
            "container_name",
            "annotations",
            "networks",
            "dns",
            "dns_search",
            "dns_opt",
            "extra_hosts",
            "links",
            "deploy.resources.limits.memory",
            "memswap_limit",
            "deploy.resources.limits.cpus",
            "deploy.resources.limits.pids",
            "cpu_quota",
            "cpu_period",
            "cpu_shares",
            "cpuset",
            "deploy.resources.reservations.memory",
            "mem_swappiness",
            "oom_kill_disable",
            "blkio_config",
            "x-sampan.memory",
            "x-sampan.on_change",
            "restart",
            "deploy.restart_policy",
            "stop_signal",
            "stop_grace_period",
            "pre_stop",
            "depends_on",
        ]
    );
}

#[test]
fn a_changed_variable_is_named_with_both_values() {
    let with = |mode: &str| {
        let mut spec = spec();
        spec.environment.insert("MODE".into(), Some(mode.into()));
        spec
    };
    let live = live(&[(1, with("dev"), RUNNING)]);
    let change =
        FieldChange { field: "environment.MODE".into(), from: Some("dev".into()), to: Some("prod".into()) };
    assert_eq!(of_slot(with("prod"), &live).change, Change::Replace(vec![change]));
    assert_eq!(of_slot(with("dev"), &live).change, Change::Keep);
}

#[test]
fn who_asks_for_it_is_started_again_when_only_what_it_is_given_changes() {
    let with = |mode: &str, user: Option<&str>| {
        let mut spec = ContainerSpec { restarts_on_change: true, user: user.map(str::to_owned), ..spec() };
        spec.environment.insert("MODE".into(), Some(mode.into()));
        spec.secrets
            .push(FileSpec { content: Content::of(mode.as_bytes().to_vec()), ..file("/run/secrets/s") });
        spec
    };
    let live = live(&[(1, with("dev", None), RUNNING)]);
    let Change::Restart(fields) = of_slot(with("prod", None), &live).change else { panic!() };
    let fields: Vec<_> = fields.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["environment.MODE", "secrets./run/secrets/s.content"]);
    assert!(matches!(of_slot(with("prod", Some("app")), &live).change, Change::Replace(_)));
    assert!(changes_in_place(&with("a", None), &with("b", None)));
    assert!(changes_at_rest(&with("a", None), &with("b", None)));
    let plain = ContainerSpec { restarts_on_change: false, ..with("b", None) };
    assert!(!changes_in_place(&with("a", None), &plain));
}

#[test]
fn order_of_ports_and_capabilities_is_no_difference() {
    let port = |target| PortSpec { target, ..Default::default() };
    let caps = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let one = ContainerSpec { ports: vec![port(1), port(2)], cap_add: caps(&["A", "B"]), ..spec() };
    let other = ContainerSpec { ports: vec![port(2), port(1)], cap_add: caps(&["B", "A"]), ..spec() };
    assert!(changes(CONTAINER, &one, &other).is_empty());
}

#[test]
fn the_same_reference_to_another_image_replaces() {
    let mut live = live(&[(1, spec(), RUNNING)]);
    live.images.get_mut("web:1").unwrap().id = "sha256:bbbbbbbbbbbbbbbb".into();
    let Change::Replace(fields) = of_slot(spec(), &live).change else { panic!() };
    assert_eq!(fields[0].from.as_deref(), Some("web:1 (aaaaaaaaaaaa)"));
    assert_eq!(fields[0].to.as_deref(), Some("web:1 (bbbbbbbbbbbb)"));
}

#[test]
fn the_newest_occupant_that_fits_wins_and_the_others_are_left_over() {
    let other = ContainerSpec { user: Some("app".into()), ..spec() };
    let of = |occupants: &[(u32, ContainerSpec, State)]| {
        let found = of_slot(spec(), &live(occupants));
        let leftovers: Vec<_> = found.leftovers.iter().map(|id| id.generation).collect();
        (found.occupant.unwrap().generation, found.change, leftovers)
    };
    let interrupted = of(&[(1, other.clone(), RUNNING), (2, spec(), State::Created)]);
    assert_eq!(interrupted, (2, Change::Start, vec![1]));
    let reverted = of(&[(1, spec(), RUNNING), (2, other.clone(), State::Created)]);
    assert_eq!(reverted, (1, Change::Keep, vec![2]));
    let forced = of(&[(1, spec(), RUNNING), (2, spec(), State::Created)]);
    assert_eq!(forced, (2, Change::Start, vec![1]));
    let neither = of(&[(1, other.clone(), RUNNING), (2, other, State::Created)]);
    assert_eq!((neither.0, neither.2), (1, vec![2]));
    assert!(matches!(neither.1, Change::Replace(_)));
}

#[test]
fn a_completed_container_is_kept_and_one_that_was_stopped_or_failed_is_started() {
    let of =
        |code, requested| of_slot(spec(), &live(&[(1, spec(), State::Exited { code, requested })])).change;
    assert_eq!(of(0, false), Change::Keep);
    assert_eq!(of(1, false), Change::Start);
    assert_eq!(of(0, true), Change::Start);
    let probe = HealthSpec { test: Some(HealthTest::Shell("true".into())), ..HealthSpec::default() };
    let server = ContainerSpec { health: Some(probe), ..spec() };
    let ended = live(&[(1, server.clone(), State::Exited { code: 0, requested: false })]);
    assert_eq!(of_slot(server, &ended).change, Change::Start, "what is probed is meant to go on");
    assert_eq!(of_slot(spec(), &live(&[(1, spec(), State::Unsupervised)])).change, Change::Start);
}

#[test]
fn values_of_secret_variables_are_known_as_such() {
    let secret = |field: &str, to: &str| {
        FieldChange { field: field.into(), from: None, to: Some(to.into()) }.is_secret()
    };
    assert!(secret("environment.DB_PASSWORD", "x"));
    assert!(secret("environment.api_token", "x"));
    assert!(secret("environment.DATABASE_URL", "postgres://app:hunter2@db/app"));
    assert!(!secret("volumes./run/secrets", "shop_data"));
    assert!(!secret("environment.MODE", "http://db:80/a@b"));
}
