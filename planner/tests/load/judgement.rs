//! What makes loading fail, as in Docker Compose, and what only stands in the way of running.

use crate::Memory;

/// The first error that loading fails with, empty for none.
fn fault(text: &str) -> String {
    let told = Memory::stack(text).load().map_or_else(|told| told, |loaded| loaded.warnings);
    let error = told.items.into_iter().find(|item| item.severity == planner::Severity::Error);
    error.map_or_else(String::new, |item| item.message)
}

#[test]
fn contradictions_and_names_of_nothing_make_loading_fail() {
    for (service, expected) in [
        (
            "image: a, build: {dockerfile: d, dockerfile_inline: FROM a}",
            "`dockerfile` and `dockerfile_inline` contradict each other",
        ),
        ("platform: p, build: {platforms: [q]}", "the image is not built for the platform `p`"),
        ("build: {additional_contexts: {x: 'service:b'}}", "service `b` is not defined"),
        ("build: {additional_contexts: {x: 'service:idle'}}", "service `idle` is not defined"),
        (
            "build: {additional_contexts: {x: 'service:other'}}",
            "service `other` has no `build` whose result could be used",
        ),
        ("image: a, develop: {watch: [{path: ., action: sync}]}", "a `target` is needed to copy files to"),
        ("image: a, healthcheck: {test: [curl]}", "a test begins with CMD, CMD-SHELL or NONE, not `curl`"),
        (
            "image: a, network_mode: none, networks: [default]",
            "`network_mode` and `networks` contradict each other",
        ),
        ("image: a, container_name: aa, scale: 2", "2 containers cannot have one name"),
        ("image: a, container_name: aa, deploy: {replicas: 2}", "2 containers cannot have one name"),
        (
            "image: a, cpus: 1, deploy: {resources: {limits: {memory: 64m}}}",
            "`cpus` is not part of `deploy.resources.limits`",
        ),
        (
            "image: a, pids_limit: 1, deploy: {resources: {limits: {pids: 2}}}",
            "`pids_limit` and `deploy.resources.limits.pids` differ",
        ),
        (
            "image: a, mem_reservation: 1g, deploy: {resources: {reservations: {memory: 2g}}}",
            "`mem_reservation` and `deploy.resources.reservations.memory` differ",
        ),
        ("image: a, secrets: [s]", "secret `s` is not defined"),
        ("image: a, configs: [c]", "config `c` is not defined"),
        ("image: a, models: [m]", "model `m` is not defined"),
        ("build: {secrets: [s]}", "secret `s` is not defined"),
        (
            "image: a, depends_on: {b: {condition: service_started, required: false}}",
            "service `b` is not defined",
        ),
        ("image: a, network_mode: 'service:idle'", "service `idle` is not in an active profile"),
        ("image: a, volumes: ['/a:/x'], tmpfs: ['/x:ro']", "two mounts have the target `/x`"),
    ] {
        let others = "other: {image: o}, idle: {image: i, profiles: [p]}";
        assert_eq!(fault(&format!("services: {{web: {{{service}}}, {others}}}")), expected, "{service}");
    }
    let secret = "services: {a: {image: a}}\nsecrets: {s: {driver: d}}";
    assert_eq!(fault(secret), "`s` has no content");
}

#[test]
fn services_of_inactive_profiles_may_contradict_themselves() {
    let idle = "profiles: [p], network_mode: none, networks: [nowhere], depends_on: [idle]";
    assert_eq!(fault(&format!("services: {{idle: {{{idle}}}, web: {{image: w}}}}")), "");
}

#[test]
fn contradictions_can_be_left_out() {
    let memory = Memory::stack("services: {a: {network_mode: none, networks: [b]}}");
    assert!(memory.load().is_err());
    assert!(memory.with(|options| options.skip.consistency = true).load().is_ok());
}

/// What the engine refuses of a stack that loads.
fn refusals(memory: &Memory, services: &[&str]) -> Vec<String> {
    let loaded = memory.load().unwrap_or_else(|told| panic!("{told}"));
    let services: Vec<String> = services.iter().map(|name| (*name).to_owned()).collect();
    let told = loaded.to_run(&services).items.into_iter();
    told.filter(|item| item.severity == planner::Severity::Error).map(|item| item.message).collect()
}

#[test]
fn what_the_engine_cannot_do_is_told_apart() {
    for service in [
        "mem_limit: 4m",
        "mem_limit: 64m, memswap_limit: 32m",
        "memswap_limit: 64m",
        "healthcheck: {test: x, interval: 1us}",
        "healthcheck: {test: x, disable: true}",
        "ulimits: {nofiles: 1}",
        "ulimits: {nofile: {soft: 2, hard: 1}}",
        "image: Upper",
        "stop_signal: SIGNONE",
        "cap_add: [NONE]",
        "restart: sometimes",
        "ports: ['8080:80', '8080:81']",
        "volumes: ['/a:/x'], tmpfs: [/x/]",
        "working_dir: here",
        "network_mode: none, ports: ['80:80']",
        "network_mode: 'service:other', ports: ['80:80']",
        "network_mode: 'service:other', dns: 1.1.1.1",
        "network_mode: 'container:c', extra_hosts: [a=1.1.1.1]",
        "network_mode: host, mac_address: '02:42:ac:11:00:02'",
        "network_mode: none, extra_hosts: [me=host-gateway]",
        "network_mode: host, sysctls: {net.core.somaxconn: 1}",
        "scale: 2, mac_address: '02:42:ac:11:00:02'",
        "mac_address: '01:42:ac:11:00:02'",
        "extra_hosts: [a=b]",
        "dns: a.example",
        "dns_opt: ['a b']",
    ] {
        let image = if service.starts_with("image") { "" } else { "image: a, " };
        let memory = Memory::stack(&format!("services: {{web: {{{image}{service}}}, other: {{image: o}}}}"));
        assert_eq!(refusals(&memory, &[]).len(), 1, "{service}");
    }
}

#[test]
fn what_is_said_of_addresses_must_go_together() {
    for (network, presence, expected) in [
        ("config: [{subnet: 10.0.0.0/24}, {subnet: 10.1.0.0/24}]", "", "a network has one IPv4 subnet"),
        ("config: [{subnet: 'fd00:9::/64'}]", "", "fd00:9::/64 needs `enable_ipv6: true`"),
        ("config: [{gateway: 10.0.0.1}]", "", "`gateway` needs a `subnet`"),
        ("config: [{aux_addresses: {a: 10.0.0.1}}]", "", "`aux_addresses` needs a `subnet`"),
        (
            "config: [{subnet: 10.0.0.0/24, ip_range: 10.0.1.0/28}]",
            "",
            "the `ip_range` 10.0.1.0/28 is not part of 10.0.0.0/24",
        ),
        (
            "config: [{subnet: 10.0.0.0/24, aux_addresses: {a: 10.0.0.1}}]",
            "",
            "`a` has 10.0.0.1, which is the gateway",
        ),
        (
            "config: [{subnet: 10.0.0.0/24, aux_addresses: {a: 10.0.1.1}}]",
            "",
            "`a` has 10.0.1.1, which is not an address of 10.0.0.0/24",
        ),
        ("config: [{subnet: 10.9.0.0/16}]", "", "10.9.0.0/16 overlaps 10.9.1.0/24 of network `back`"),
        (
            "driver: default",
            "ipv4_address: 10.0.0.5",
            "10.0.0.5 can be promised only where the network has a `subnet`",
        ),
        (
            "config: [{subnet: 10.0.0.0/24}]",
            "ipv4_address: 10.0.0.1",
            "10.0.0.1 is the gateway of the network",
        ),
        (
            "config: [{subnet: 10.0.0.0/24}]",
            "ipv4_address: 10.0.0.255",
            "10.0.0.255 is not an address of 10.0.0.0/24",
        ),
        (
            "config: [{subnet: 10.0.0.0/24, aux_addresses: {a: 10.0.0.9}}]",
            "ipv4_address: 10.0.0.9",
            "10.0.0.9 is reserved for `a`",
        ),
        (
            "config: [{subnet: 10.0.0.0/24}]",
            "ipv4_address: 10.0.0.7",
            "service `other` has the address 10.0.0.7 already",
        ),
        ("config: [{subnet: 10.0.0.0/24}]", "ipv4_address: ten", "`ten` is not an IPv4 address"),
        ("driver: default", "link_local_ips: [10.0.0.1]", "`10.0.0.1` is not a link-local address"),
        ("driver: default", "interface_name: with/slash", "`with/slash` is not the name of an interface"),
    ] {
        let other = "other: {image: o, networks: {back: {}, front: {ipv4_address: 10.0.0.7}}}";
        let other = if expected.contains("`other`") { other } else { "other: {image: o, networks: [back]}" };
        let memory = Memory::stack(&format!(
            "services: {{web: {{image: a, networks: {{front: {{{presence}}}}}}}, {other}}}\nnetworks: {{back: {{ipam: {{config: [{{subnet: 10.9.1.0/24}}]}}}}, front: {{ipam: {{{network}}}}}}}"
        ));
        assert_eq!(refusals(&memory, &[]), [expected], "{network} {presence}");
    }
}

#[test]
fn a_service_of_an_inactive_profile_is_only_looked_at_when_it_is_named() {
    let memory = Memory::stack("services: {web: {image: w}, idle: {image: i, profiles: [p], isolation: x}}");
    assert_eq!(refusals(&memory, &[]), <[&str; 0]>::default());
    assert_eq!(refusals(&memory, &["web"]), <[&str; 0]>::default());
    assert_eq!(refusals(&memory, &["idle"]), ["`isolation` is not supported yet"]);
}

/// What becomes of the key with this path.
fn fate(text: &str, path: &str) -> planner::source::Fate {
    let loaded = Memory::stack(text).load().unwrap_or_else(|told| panic!("{told}{text}"));
    let mut found = loaded.uses.into_iter().filter(|one| one.path == path);
    found.next().unwrap_or_else(|| panic!("nothing about {path} of {text}")).fate
}

#[test]
fn every_key_that_is_written_has_a_fate() {
    use planner::source::Fate::{Enforced, PassedOn, Refused};
    let passed_on = |why: &str| PassedOn(why.to_owned());
    let refused = |why: &str| Refused(why.to_owned());
    for (service, key, expected) in [
        // Enforced whatever it says.
        ("attach: false", "attach", Enforced),
        ("build: {args: {A: b}, tags: [t], target: x}", "build.args", Enforced),
        ("build: {secrets: [s]}", "build.secrets", Enforced),
        ("platform: linux/amd64", "platform", Enforced),
        ("deploy: {restart_policy: {max_attempts: 3}}", "deploy.restart_policy.max_attempts", Enforced),
        // Enforced for what it says here.
        ("pull_policy: every_12h", "pull_policy", Enforced),
        ("restart: always", "restart", Enforced),
        (
            "restart: sometimes",
            "restart",
            refused(
                "`sometimes` is not a restart policy: possible are no, always, on-failure[:retries], unless-stopped",
            ),
        ),
        ("ipc: private", "ipc", Enforced),
        ("ipc: host", "ipc", Enforced),
        ("userns_mode: host", "userns_mode", Enforced),
        (
            "cap_add: [NET_ADMIN, NONE]",
            "cap_add",
            refused("`NONE` is not a capability: for example NET_ADMIN; capabilities(7) lists them"),
        ),
        (
            "ports: [{target: 80, protocol: dccp}]",
            "ports.0.protocol",
            refused("`dccp` is not a protocol: use tcp, udp or sctp"),
        ),
        (
            "deploy: {restart_policy: {condition: never}}",
            "deploy.restart_policy.condition",
            refused("`never` is not a condition: possible are none, on-failure, any"),
        ),
        // Enforced when it holds as a whole.
        ("healthcheck: {test: [CMD, a]}", "healthcheck.test", Enforced),
        // Without effect.
        (
            "deploy: {placement: {constraints: [a]}}",
            "deploy.placement",
            passed_on("it only means something to a cluster"),
        ),
        (
            "build: {secrets: [{source: s, uid: '5'}]}",
            "build.secrets.0.uid",
            passed_on("`RUN --mount=type=secret` says who may read it"),
        ),
        // Refused, unless it asks for nothing.
        ("isolation: x", "isolation", refused("only containers on Windows know it")),
        (
            "networks: {n: {driver_opts: {com.docker.network.endpoint.sysctls: net.ipv4.conf.IFNAME.forwarding=0}}}",
            "networks.n.driver_opts",
            Enforced,
        ),
        ("tty: true", "tty", Enforced),
        ("tty: false", "tty", Enforced),
        ("runtime: crun", "runtime", refused("sampan runs containers itself: leave it out")),
        ("devices: []", "devices", Enforced),
        ("runtime: ''", "runtime", Enforced),
    ] {
        let text = format!(
            "services: {{web: {{image: w, {service}}}}}\nsecrets: {{s: {{file: f}}}}\nnetworks: {{n: }}\n"
        );
        assert_eq!(fate(&text, &format!("services.web.{key}")), expected, "{service}");
    }
}

#[test]
fn keys_of_builds_are_enforced_or_told() {
    use planner::source::Fate::{Enforced, PassedOn, Refused};
    let refused = |why: &str| Refused(why.to_owned());
    let passed_on = |why: &str| PassedOn(why.to_owned());
    for (service, key, expected) in [
        ("build: {provenance: false, sbom: 'false'}", "build.provenance", Enforced),
        ("build: {provenance: false, sbom: 'false'}", "build.sbom", Enforced),
        (
            "build: {provenance: mode=max}",
            "build.provenance",
            passed_on("images have no attestations; leave it out or say false"),
        ),
        (
            "build: {sbom: true}",
            "build.sbom",
            passed_on("images have no attestations; leave it out or say false"),
        ),
        (
            "build: {isolation: hyperv}",
            "build.isolation",
            passed_on("only Windows has several kinds of isolation"),
        ),
        ("build: {cache_from: [a], cache_to: ['type=local,dest=c']}", "build.cache_to", Enforced),
        ("build: {network: back}", "build.network", Enforced),
        (
            "build: {network: 'service:web'}",
            "build.network",
            refused(
                "the network `service:web` for a build is not supported yet: use host, none or a network's name",
            ),
        ),
        ("build: {entitlements: [network.host]}", "build.entitlements", Enforced),
        (
            "build: {entitlements: [network.hots]}",
            "build.entitlements",
            refused("`network.hots` is not an entitlement: did you mean `network.host`?"),
        ),
    ] {
        let text = format!("services: {{web: {{image: w, {service}}}}}\n");
        assert_eq!(fate(&text, &format!("services.web.{key}")), expected, "{service}");
    }
}

#[test]
fn what_stands_beside_services_has_a_fate() {
    use planner::source::Fate::{Enforced, PassedOn, Refused};
    let cluster = || PassedOn("it only means something to a cluster".to_owned());
    for (text, path, expected) in [
        ("secrets: {s: {file: f}}", "secrets.s.file", Enforced),
        ("secrets: {s: {file: f, labels: [a]}}", "secrets.s.labels", cluster()),
        (
            "secrets: {s: {external: true}}",
            "secrets.s.external",
            Refused("nobody else keeps these on this machine: give it a `file` or an `environment`".into()),
        ),
        ("configs: {c: {content: x}}", "configs.c.content", Enforced),
        ("networks: {n: {enable_ipv4: true}}", "networks.n.enable_ipv4", Enforced),
        ("networks: {n: {enable_ipv4: false}}", "networks.n.enable_ipv4", Enforced),
        ("networks: {n: {driver: macvlan}}", "networks.n.driver", Enforced),
        ("networks: {n: {driver_opts: {ipvlan_mode: l3}}}", "networks.n.driver_opts", Enforced),
        (
            "networks: {n: {driver_opts: {ipvlan_mode: l4}}}",
            "networks.n.driver_opts",
            Refused("`l4` is no value for `ipvlan_mode`: possible are l2, l3, l3s".into()),
        ),
        ("networks: {n: {attachable: true}}", "networks.n.attachable", cluster()),
        ("volumes: {v: {external: true}}", "volumes.v.external", Enforced),
        ("volumes: {v: {driver_opts: {type: tmpfs}}}", "volumes.v.driver_opts", Enforced),
        ("models: {m: {model: m}}", "models", Refused("sampan runs no models: run one in a service".into())),
    ] {
        let text = format!("services: {{web: {{image: w}}}}\n{text}\n");
        assert_eq!(fate(&text, path), expected, "{text}");
    }
}

#[test]
fn what_no_service_uses_is_in_nobodys_way() {
    let text = |uses: &str| {
        format!("services: {{web: {{image: w{uses}}}}}\nnetworks: {{a.b: {{driver: overlay}}}}\n")
    };
    let told = ["network driver `overlay` is not supported yet"];
    assert_eq!(refusals(&Memory::stack(&text(", networks: [a.b]")), &[]), told);
    assert_eq!(refusals(&Memory::stack(&text("")), &[]), <[&str; 0]>::default());
    let all = Memory::stack(&text("")).with(|options| options.all_resources = true);
    assert_eq!(refusals(&all, &[]), told);
}

#[test]
fn keys_are_told_by_place() {
    let text = "services:\n  web:\n    image: w\n    ports: [80]\n    tty: true\n";
    let loaded = Memory::stack(text).load().unwrap_or_else(|told| panic!("{told}"));
    let uses: Vec<_> = loaded.uses.iter().map(|one| (one.span.line, one.path.as_str())).collect();
    assert_eq!(
        uses,
        [(1, "services"), (3, "services.web.image"), (4, "services.web.ports"), (5, "services.web.tty"),]
    );
}

#[test]
fn keys_that_loading_uses_up_are_told_too() {
    use planner::source::Fate::{Enforced, PassedOn};
    let loaded = Memory::stack(
        "version: '3'\ninclude: [more.yaml]\nservices:\n  web:\n    extends: base\n    env_file: a.env\n    label_file: a.env\n  base: {image: i}\n",
    )
    .file("/srv/shop/more.yaml", "include: [none.yaml]\n")
    .file("/srv/shop/none.yaml", "volumes: {}\n")
    .file("/srv/shop/a.env", "A=1\n")
    .load()
    .unwrap_or_else(|told| panic!("{told}"));
    let fate = |path: &str| {
        let mut all = loaded.uses.iter().filter(|one| one.path == path);
        all.next().map(|one| one.fate.clone())
    };
    assert_eq!(fate("version"), Some(PassedOn("it is obsolete".to_owned())));
    for path in ["services.web.extends", "services.web.env_file", "services.web.label_file"] {
        assert_eq!(fate(path), Some(Enforced), "{path}");
    }
    assert_eq!(loaded.uses.iter().filter(|one| one.path == "include").count(), 2);
}

#[test]
fn a_value_that_no_engine_knows_is_a_warning_until_the_stack_is_run() {
    let memory = Memory::stack("services: {web: {image: x, restart: allways, runtime: runc}}");
    let told = "compose.yaml:1:37: `allways` is not a restart policy\n";
    let loaded = memory.load().unwrap_or_else(|told| panic!("{told}"));
    assert_eq!(loaded.warnings.to_string(), told);
    assert_eq!(loaded.warnings.items[0].hint.as_deref(), Some("did you mean `always`?"));
    let run = loaded.to_run(&[]);
    assert!(run.to_string().starts_with(told) && run.has_errors());
    assert_eq!(run.items.len(), 2, "{run}");
}

#[test]
fn two_services_cannot_name_their_containers_the_same() {
    let text = "services: {a: {image: i, container_name: one}, b: {image: i, container_name: one}}";
    let told = Memory::stack(text).told().to_string();
    assert_eq!(told, "compose.yaml:1:78: service `a` has the container name `one` already\n");
    let apart = Memory::stack(text).with(|options| options.skip.consistency = true);
    assert!(apart.load().is_ok());
}

#[test]
fn a_network_is_shared_with_a_service_that_is_there() {
    let memory = Memory::stack("services: {web: {image: x, network_mode: 'service:missing'}}")
        .with(|options| options.skip.normalization = true);
    assert_eq!(memory.told().to_string(), "compose.yaml:1:42: service `missing` is not defined\n");
    assert!(memory.with(|options| options.skip.consistency = true).load().is_ok());
}

#[test]
fn a_secret_without_a_file_has_no_content_unless_that_is_the_folder() {
    let secret = || Memory::stack("services: {web: {image: x, secrets: [s]}}\nsecrets: {s: {file: ''}}");
    assert!(secret().load().is_ok());
    let told = secret().with(|options| options.skip.path_resolution = true).told().to_string();
    assert_eq!(told, "compose.yaml:2:11: `s` has no content\n");
}

#[test]
fn what_the_engine_cannot_do_is_told_with_the_mistakes_to_those_who_run_the_stack() {
    let memory = Memory::stack(
        "services:\n  web: {image: w, isolation: x, imag: x}\n  idle: {image: i, profiles: [p], isolation: x}\n",
    );
    let unknown = "compose.yaml:2:33: unknown key `imag`\n";
    assert_eq!(memory.told().to_string(), unknown);
    let memory = memory.with(|options| options.to_run = Some(Vec::new()));
    assert_eq!(
        memory.told().to_string(),
        format!("compose.yaml:2:19: `isolation` is not supported yet\n{unknown}")
    );
}

/// A service with a secret and a config of each origin.
const GIVEN: &str = "
services:
  web:
    image: w
    configs: [inline, {source: var, target: etc/var, uid: '7', gid: '8', mode: 0400}]
    secrets: [file, {source: name, target: db}]
configs:
  inline: {content: 'a ${WHO} of $$'}
  var: {environment: VAR}
  idle: {file: nowhere}
secrets:
  file: {file: ./secret}
  name: {environment: NAME}
";

fn given() -> Memory {
    let memory = Memory::stack(GIVEN).file("/srv/shop/secret", "hunter2").var("WHO", "user");
    memory.with(|options| options.to_run = Some(Vec::new()))
}

#[test]
fn what_configs_and_secrets_hold_is_read_for_those_who_run_the_stack_and_compared_by_digest() {
    use planner::desired::{Content, FileSpec, lower};
    let loaded = given().var("VAR", "").var("NAME", "n").load().unwrap_or_else(|told| panic!("{told}"));
    assert!(!loaded.to_run(&[]).has_errors(), "{}", loaded.refusals);
    let goal = planner::Goal::all(planner::goal::Verb::Up(planner::goal::UpOptions::default()));
    let desired = lower(&loaded.stack, &goal, &planner::Live::default());
    let spec = desired.containers.values().next().unwrap();
    let file = |source: &str, target: &str, owner: (u32, u32), mode, bytes: &str| FileSpec {
        source: source.into(),
        target: target.into(),
        uid: owner.0,
        gid: owner.1,
        mode,
        content: Content::of(bytes.into()),
    };
    let inline = file("inline", "/inline", (0, 0), 0o444, "a user of $");
    assert_eq!(spec.configs, [file("var", "/etc/var", (7, 8), 0o400, ""), inline]);
    let name = file("name", "/run/secrets/db", (0, 0), 0o444, "n");
    assert_eq!(spec.secrets, [name, file("file", "/run/secrets/file", (0, 0), 0o444, "hunter2")]);
    let all =
        format!("{:?} {}", desired, serde_json::to_string(&desired.containers.values().next()).unwrap());
    assert!(!all.contains("hunter2"), "{all}");
    let printed = loaded.stack.to_json().to_string();
    assert!(!printed.contains("hunter2") && !printed.contains("\"n\""), "{printed}");
}

#[test]
fn what_configs_and_secrets_lack_is_told_to_those_who_run_the_stack() {
    let memory = given().var("NAME", "n");
    assert_eq!(refusals(&memory, &[]), ["the variable `VAR` is not set"]);
    let elsewhere = Memory::stack(&GIVEN.replace("./secret", "/gone")).var("VAR", "v").var("NAME", "n");
    assert_eq!(refusals(&elsewhere, &[]), <[&str; 0]>::default(), "only looked at");
    let elsewhere = elsewhere.with(|options| options.to_run = Some(Vec::new()));
    assert_eq!(refusals(&elsewhere, &[]), ["/gone does not exist"]);
    for (reference, message) in [
        ("{source: file, uid: www}", "`www` is not the number of a user or group"),
        ("{source: file, gid: '-1'}", "`-1` is not the number of a user or group"),
        ("{source: file, mode: 0o17777}", "`8191` is not a file mode"),
        ("{source: file, target: ../up}", "`../up` cannot be the path of a file"),
        ("{source: file, target: /inline}", "something else has the target `/inline`"),
        ("{source: file, target: /proc/x}", "`/proc/x` would be a file of the kernel's"),
    ] {
        let memory = Memory::stack(&GIVEN.replace("[file,", &format!("[{reference},")));
        assert_eq!(refusals(&memory, &[]), [message], "{reference}");
    }
}
