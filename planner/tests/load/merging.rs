//! Several files, variables and names: who wins.

use crate::Memory;
use proptest::prelude::*;
use serde_json::{Value, json};

/// What loading a stack file and another over it says.
fn told(base: &str, over: &str) -> String {
    Memory::stack(&format!("services: {{web: {{image: x, {base}}}}}"))
        .and("over.yaml", &format!("services: {{web: {{{over}}}}}"))
        .load()
        .map_or_else(|told| told.to_string(), |loaded| loaded.warnings.to_string())
}

#[test]
fn how_something_was_written_matters_where_it_does_in_docker_compose() {
    for (base, over, key, expected) in [
        // Docker Compose looks for the key in what was written, and a list has none.
        (
            "environment: [A=1]",
            "environment: {A: !reset null, B: 2}",
            "environment",
            json!({"A": "1", "B": "2"}),
        ),
        ("labels: {a: 1}", "labels: {a: !reset null, b: 2}", "labels", json!({"b": "2"})),
        ("extra_hosts: [a=1.1.1.1]", "extra_hosts: {a: !reset null}", "extra_hosts", json!(["a=1.1.1.1"])),
        (
            "scale: 2",
            "deploy: {mode: global}",
            "deploy",
            json!({"mode": "global", "replicas": 2, "resources": {}, "placement": {}}),
        ),
        // A number is not the text of it, and an address is compared as it is written.
        ("group_add: [1, a]", "group_add: ['1', b]", "group_add", json!(["1", "a", "1", "b"])),
        (
            "extra_hosts: ['a:1.1.1.1', b=2.2.2.2]",
            "extra_hosts: {a: 1.1.1.1, b: 2.2.2.2}",
            "extra_hosts",
            json!(["a=1.1.1.1", "a=1.1.1.1", "b=2.2.2.2"]),
        ),
        ("extra_hosts: ['a:::1']", "extra_hosts: ['a:::1']", "extra_hosts", json!(["a=::1"])),
        (
            "build: {additional_contexts: ['a=docker-image://x']}",
            "build: {additional_contexts: {a: !reset null}}",
            "build",
            json!({"context": "/srv/shop", "dockerfile": "Dockerfile"}),
        ),
        ("dns_opt: [a]", "dns_opt: b", "dns_opt", json!(["a", "b"])),
        (
            "provider: {type: p, options: {o: 1}}",
            "provider: {type: p, options: {o: [2, 3]}}",
            "provider",
            json!({"type": "p", "options": {"o": ["2", "3"]}}),
        ),
        (
            "provider: {type: p, options: {o: [1]}}",
            "provider: {type: p, options: {o: [2]}}",
            "provider",
            json!({"type": "p", "options": {"o": ["1", "2"]}}),
        ),
    ] {
        assert_eq!(merged(base, over)[key], expected, "{base} + {over}");
    }
}

#[test]
fn what_one_file_leaves_empty_no_later_one_mends() {
    for base in [
        "labels: ",
        "dns: ",
        "healthcheck: {interval: }",
        "deploy: {replicas: }",
        "ulimits: {core: {hard: 5}}",
    ] {
        for over in [
            "labels: {a: b}",
            "dns: 1.1.1.1",
            "healthcheck: {interval: 5s}",
            "deploy: {replicas: 2}",
            "ulimits: {core: 1}",
        ] {
            assert!(told(base, over).starts_with("compose.yaml:1:"), "{base} + {over}: {}", told(base, over));
        }
    }
    assert_eq!(told("labels: {a: b}", "labels: "), "");
    assert_eq!(told("user: a", "dns: "), "over.yaml:1:18: `dns` is empty\n");
}

#[test]
fn some_short_forms_cannot_be_put_over_anything() {
    for (base, over) in [
        ("gpus: all", "gpus: all"),
        ("gpus: [{count: 1}]", "gpus: all"),
        ("build: {ssh: [default]}", "build: {ssh: [default]}"),
        ("build: {ssh: {default: }}", "build: {ssh: [default]}"),
        ("provider: {type: p, options: {o: [1, 2]}}", "provider: {type: p, options: {o: 3}}"),
        ("build: {ulimits: {core: {soft: 1, hard: 2}}}", "build: {ulimits: {core: 3}}"),
        ("x-own: {a: [1]}", "x-own: {a: b}"),
        ("deploy: {x-own: {a: b}}", "deploy: {x-own: [c]}"),
    ] {
        let told = told(base, over);
        assert!(told.contains("cannot be put over what an earlier file says"), "{base} + {over}: {told}");
    }
    for (base, over) in [
        ("gpus: all", "gpus: [{count: 1}]"),
        ("gpus: all", "gpus: !override all"),
        ("x-own: {a: b, c: [1]}", "x-own: {a: [c], c: }"),
        ("user: a", "gpus: all"),
        ("build: {ssh: [default]}", "build: {ssh: {default: }}"),
        ("provider: {type: p, options: {o: 1}}", "provider: {type: p, options: {o: 3}}"),
    ] {
        assert_eq!(told(base, over), "", "{base} + {over}");
    }
}

#[test]
fn a_port_of_the_host_that_is_a_number_is_not_that_of_a_text() {
    let twice = "over.yaml:1:26: the host port 80 is published twice\n";
    let number = "ports: [{target: 80, published: 80}]";
    assert_eq!(told(number, "ports: ['80:80']"), twice);
    assert_eq!(told(number, "ports: [{target: 80, published: 80, name: n}]"), "");
}

#[test]
fn sizes_and_times_are_read_once_files_are_merged() {
    let base = "mem_limit: zz, healthcheck: {interval: 90}";
    assert_eq!(told(base, "mem_limit: 1g, healthcheck: {interval: 5s}"), "");
    let told = told(base, "user: a");
    assert!(told.contains("`zz` is not a size") && told.contains("`90` is not a duration"), "{told}");
}

#[test]
fn what_docker_compose_stumbles_over_is_refused_with_a_reason() {
    let logging = "over.yaml:1:18: `logging` is empty, which cannot be put over what was said before\n";
    assert_eq!(told("logging: {driver: json-file}", "logging: "), logging);
    assert_eq!(told("group_add: ['1', b]", "group_add: [1]"), "over.yaml:1:30: `1` is listed twice\n");
    assert_eq!(told("pid: ", "user: a"), "compose.yaml:1:28: `pid` is empty\n");
    assert_eq!(told("pid: ", "pid: host"), "");
    assert_eq!(told("user: a", "dns_opt: a"), "over.yaml:1:27: must be a list, not text\n");
    let name = Memory::stack("services: {web: {image: x}}\nvolumes: {v: {name: a}}\n")
        .and("over.yaml", "volumes: {v: {external: {name: b}}}\n");
    let expected = "over.yaml:1:32: `external.name` and the `name` of an earlier file say different things";
    assert!(name.told().to_string().contains(expected), "{}", name.told());
    let labels = |over: &str| {
        Memory::stack("services: {web: {image: x}}\nsecrets: {s: {file: f, labels: {a: b}}}\n")
            .and("over.yaml", &format!("secrets: {{s: {{labels: {over}}}}}\n"))
            .told()
            .to_string()
    };
    let clash = "this cannot be put over what an earlier file says";
    assert!(!labels("{c: d}").contains(clash) && labels("[c=d]").contains(clash));
}

const BASE: &str = "services: {web: {image: nginx}}\n";

/// The canonical service `web` of a stack file and another over it.
fn merged(base: &str, over: &str) -> Value {
    let stack = Memory::stack(&format!("services: {{web: {{image: x, {base}}}}}"))
        .and("over.yaml", &format!("services: {{web: {{{over}}}}}"))
        .loaded();
    stack.to_json()["services"]["web"].clone()
}

#[test]
fn a_later_file_wins_adds_or_replaces_as_each_key_has_it() {
    for (base, over, key, expected) in [
        ("user: a", "user: b", "user", json!("b")),
        ("user: a", "user: ", "user", json!("a")),
        ("command: [a, b]", "command: c", "command", json!(["c"])),
        ("command: [a, b]", "command: null", "command", json!(null)),
        (
            "environment: [A=1, B=2]",
            "environment: {B: 3, C: 4}",
            "environment",
            json!({"A": "1", "B": "3", "C": "4"}),
        ),
        ("cap_add: [CHOWN, KILL]", "cap_add: [KILL, MKNOD]", "cap_add", json!(["CHOWN", "KILL", "MKNOD"])),
        ("ulimits: {nofile: {soft: 1, hard: 2}}", "ulimits: {nofile: 5}", "ulimits", json!({"nofile": 5})),
        ("tmpfs: /a", "tmpfs: [/b, /a]", "tmpfs", json!(["/a", "/b"])),
        (
            "healthcheck: {test: [CMD, a], retries: 3}",
            "healthcheck: {test: b}",
            "healthcheck",
            json!({"test": ["CMD-SHELL", "b"], "retries": 3}),
        ),
        (
            "volumes: ['/a:/x', '/b:/y']",
            "volumes: ['/c:/x:ro']",
            "volumes",
            json!([
                {"type": "bind", "source": "/c", "target": "/x", "read_only": true, "bind": {"create_host_path": true}},
                {"type": "bind", "source": "/b", "target": "/y", "bind": {"create_host_path": true}}
            ]),
        ),
        (
            "ports: ['8000-8001:80-81']",
            "ports: ['8000:80', '9000:80']",
            "ports",
            json!([
                {"mode": "ingress", "target": 80, "published": "8000", "protocol": "tcp"},
                {"mode": "ingress", "target": 81, "published": "8001", "protocol": "tcp"},
                {"mode": "ingress", "target": 80, "published": "9000", "protocol": "tcp"}
            ]),
        ),
        (
            "ports: ['80:80']",
            "ports: !override ['81:81']",
            "ports",
            json!([
                {"mode": "ingress", "target": 81, "published": "81", "protocol": "tcp"}
            ]),
        ),
        ("environment: {A: 1, B: 2}", "environment: {A: !reset null}", "environment", json!({"B": "2"})),
        ("user: a", "user: !reset", "user", json!(null)),
        ("labels: [a=1]", "labels: !override {b: 2}", "labels", json!({"b": "2"})),
        ("restart: always", "stop_grace_period: 90s", "stop_grace_period", json!("1m30s")),
    ] {
        assert_eq!(merged(base, over)[key], expected, "{base} + {over}");
    }
}

#[test]
fn an_override_of_a_dependency_keeps_what_it_does_not_say() {
    let stack = Memory::stack(
        "services: {web: {image: x, depends_on: {db: {condition: service_healthy}}}, db: {image: x}}",
    )
    .and("over.yaml", "services: {web: {depends_on: {db: {restart: true}}}}")
    .loaded();
    let edge = &stack.services["web"].depends_on["db"];
    assert_eq!(edge.condition, planner::model::Condition::ServiceHealthy);
    assert!(edge.restart && edge.required);
}

#[test]
fn documents_of_one_file_are_merged_in_order() {
    let stack =
        Memory::stack("services: {web: {image: a}}\n---\nservices: {web: {image: b}}\n---\n{}\n").loaded();
    assert_eq!(stack.services["web"].image, "b");
}

#[test]
fn the_stack_is_named_by_the_first_who_names_it() {
    let directory = Memory::stack(BASE).with(|options| options.directory = "/srv/My_Proj.X".into());
    assert_eq!(directory.loaded().name, "my_projx");
    let file = || Memory::stack(&format!("name: From-${{WHO:-file}}\n{BASE}"));
    assert_eq!(file().loaded().name, "from-file");
    let variable = || file().file("/srv/shop/.env", "COMPOSE_PROJECT_NAME=var\nWHO=env");
    assert_eq!(variable().loaded().name, "var");
    assert_eq!(variable().with(|options| options.name = Some("typed".into())).loaded().name, "typed");
    let told = Memory::stack("services: {web: {image: '$COMPOSE_PROJECT_NAME'}}").loaded();
    assert_eq!(told.services["web"].image, "shop");
}

#[test]
fn variables_come_from_the_process_then_from_dotenv_files() {
    let image = |memory: Memory| memory.loaded().services["web"].image.clone();
    let stack =
        || Memory::stack("services: {web: {image: 'x:${TAG:-none}'}}").file("/srv/shop/.env", "TAG=env");
    assert_eq!(image(stack()), "x:env");
    assert_eq!(image(stack().var("TAG", "os")), "x:os");
    assert_eq!(image(stack().var("COMPOSE_DISABLE_ENV_FILE", "1")), "x:none");
    let files = |memory: Memory| {
        memory
            .file("a.env", "TAG=a")
            .file("b.env", "TAG=b")
            .with(|options| options.env_files = vec!["a.env".into(), "b.env".into()])
    };
    assert_eq!(image(files(stack())), "x:b");
}

#[test]
fn the_environment_of_a_service_wins_over_its_files() {
    let stack = Memory::stack(
        "services: {web: {image: x, environment: {A: own, N: , U: }, env_file: [a.env, {path: no.env, required: false}]}}",
    )
    .file("/srv/shop/a.env", "A=file\nB=$A-$OS\nBARE\nOS=file\n")
    .var("OS", "os")
    .var("N", "n")
    .loaded();
    let environment = &stack.services["web"].environment;
    let value = |key: &str| environment.get(key).map(Option::as_deref);
    assert_eq!(value("A"), Some(Some("own")));
    assert_eq!(value("B"), Some(Some("own-os")));
    assert_eq!(value("OS"), Some(Some("file")));
    assert_eq!(value("N"), Some(Some("n")));
    assert_eq!(value("U"), Some(None), "takes the image's variable away");
    assert_eq!(value("BARE"), None);
}

#[test]
fn services_of_inactive_profiles_are_set_aside() {
    const TEXT: &str = "
services:
  web: {image: x, depends_on: {debug: {condition: service_started, required: false}}}
  debug: {image: x, profiles: [dev], networks: [tools]}
networks: {tools: }
";
    let stack = Memory::stack(TEXT).loaded();
    assert_eq!(stack.services.keys().collect::<Vec<_>>(), ["web"]);
    assert_eq!(stack.disabled.keys().collect::<Vec<_>>(), ["debug"]);
    assert!(!stack.networks.contains_key("tools"));
    for memory in [
        Memory::stack(TEXT).with(|options| options.profiles = vec!["dev".into()]),
        Memory::stack(TEXT).with(|options| options.profiles = vec!["*".into()]),
        Memory::stack(TEXT).var("COMPOSE_PROFILES", "a,dev"),
    ] {
        let stack = memory.loaded();
        assert!(stack.services.contains_key("debug") && stack.networks.contains_key("tools"));
    }
}

#[test]
fn dollars_survive_another_round() {
    let stack = Memory::stack("services: {web: {image: x, command: [echo, $$HOME]}}").loaded();
    assert_eq!(stack.services["web"].command.as_ref().map(|words| words[1].as_str()), Some("$HOME"));
    assert_eq!(stack.to_json()["services"]["web"]["command"][1], "$$HOME");
}

/// Real documents, whose mutations reach every stage.
const DOCUMENTS: &[&str] = &[
    "services:\n  web:\n    image: nginx:${TAG:-1}\n    ports: ['80:80', '127.0.0.1:90-91:90-91/udp']\n    depends_on: {db: {condition: service_healthy}}\n    environment: [A=1, B=$A, C]\n  db:\n    image: db\n    healthcheck: {test: [CMD, x], interval: 1m30s}\n    volumes: ['data:/var', './x:/y:ro', {type: tmpfs, target: /t, tmpfs: {size: 1m}}]\n    mem_limit: 64m\n    memswap_limit: -1\nvolumes: {data: {external: true}}\nnetworks: {default: {ipam: {config: [{subnet: 10.0.0.0/24}]}}}\n",
    "x-a: &a {restart: on-failure:3, init: yes, stop_signal: SIGINT}\nservices:\n  a: {<<: *a, image: x, networks: {n: {aliases: [b]}}, deploy: {replicas: 3, resources: {limits: {cpus: '0.5', memory: 32m}}}}\n  b: {image: x, command: \"sh -c 'a b'\", ulimits: {nofile: {soft: 1, hard: 2}}, tmpfs: /x:size=1m, links: [a:z], env_file: .env}\nnetworks: {n: {name: real}}\n---\nservices: {a: {ports: !override [80], labels: !reset}}\n",
];

proptest! {
    #[test]
    fn no_text_makes_the_loader_panic(text in "\\PC{0,200}", env in "\\PC{0,60}") {
        let _ = Memory::stack(&text).file("/srv/shop/.env", &env).load();
    }

    #[test]
    fn no_bytes_make_the_loader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Memory::stack(&String::from_utf8_lossy(&bytes)).load();
    }

    #[test]
    fn no_mutation_of_a_real_document_makes_the_loader_panic(
        which in 0..DOCUMENTS.len(),
        cuts in proptest::collection::vec((any::<proptest::sample::Index>(), 0..8usize, "[ -~\n]{0,4}|null|\\[\\]|\\{\\}|-1|99999999999999999999|: |'|\\$\\{|\\*a|&a|é"), 1..6),
    ) {
        let mut text = DOCUMENTS[which].to_owned();
        for (at, length, with) in cuts {
            let mut places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
            places.push(text.len());
            let from = at.index(places.len());
            let to = (from + length).min(places.len() - 1);
            text.replace_range(places[from]..places[to], &with);
        }
        let told = Memory::stack(&text).file("/srv/shop/.env", &text).and("over.yaml", DOCUMENTS[1 - which]).told();
        for item in &told.items {
            if let Some(span) = &item.span {
                let file = told.file(span).unwrap();
                prop_assert!(file.text.get(span.range()).is_some(), "{item:?} points nowhere in {text:?}");
                prop_assert!(span.line >= 1 && span.column >= 1);
            }
        }
    }
}

#[test]
fn the_canonical_form_means_the_same_stack() {
    for text in DOCUMENTS {
        let load = |text: &str| {
            let memory = Memory::stack(text).file("/srv/shop/.env", "D=1");
            memory.load().unwrap_or_else(|told| panic!("{told}")).stack
        };
        let first = load(text);
        let again = load(&first.to_json().to_string());
        assert_eq!(first.to_json(), again.to_json());
        let limits = |stack: &planner::Stack| -> Vec<_> {
            stack.services.values().map(|service| (service.replicas(), service.limits())).collect()
        };
        assert_eq!(limits(&first), limits(&again));
    }
}

#[test]
fn huge_inputs_are_refused_in_bounded_time() {
    let wide: String =
        (0..50_000).map(|n| format!("  s{n}: {{image: x, depends_on: [s{}]}}\n", n + 1)).collect();
    let ports = format!("services: {{a: {{image: x, ports: [{}]}}}}", "'1-65535:1-65535', ".repeat(2000));
    let dollars = format!("services: {{a: {{image: '{}'}}}}", "$A".repeat(500_000));
    let replicas = "services: {a: {image: x, scale: 4294967295}}".to_owned();
    let long = format!("services: {{a: {{image: x}}}} # {}", "x".repeat(5 << 20));
    for text in [format!("services:\n{wide}"), ports, dollars, replicas, long] {
        let memory = Memory::stack(&text).var("A", &"y".repeat(1000));
        assert!(memory.told().has_errors(), "{}", &text[..40]);
    }
}

/// Keys at every level, each of which gets values of every shape.
const PLACES: &[&str] = &[
    "services",
    "services.a",
    "services.a.image",
    "services.a.command",
    "services.a.environment",
    "services.a.environment.K",
    "services.a.env_file",
    "services.a.ports",
    "services.a.volumes",
    "services.a.networks",
    "services.a.networks.default",
    "services.a.networks.default.aliases",
    "services.a.depends_on",
    "services.a.depends_on.b",
    "services.a.healthcheck",
    "services.a.healthcheck.test",
    "services.a.healthcheck.interval",
    "services.a.deploy",
    "services.a.deploy.resources",
    "services.a.deploy.resources.limits",
    "services.a.deploy.resources.limits.cpus",
    "services.a.deploy.replicas",
    "services.a.ulimits",
    "services.a.ulimits.nofile",
    "services.a.tmpfs",
    "services.a.labels",
    "services.a.links",
    "services.a.mem_limit",
    "services.a.memswap_limit",
    "services.a.cpus",
    "services.a.restart",
    "services.a.profiles",
    "services.a.cap_add",
    "services.a.security_opt",
    "services.a.init",
    "services.a.stop_grace_period",
    "services.a.scale",
    "services.a.expose",
    "networks",
    "networks.default",
    "networks.default.ipam",
    "networks.default.ipam.config",
    "networks.default.external",
    "volumes",
    "volumes.d",
    "volumes.d.external",
    "name",
];

const VALUES: &[&str] = &[
    "null",
    "[]",
    "{}",
    "0",
    "-1",
    "1.5",
    "1e400",
    "18446744073709551615",
    "true",
    "''",
    "x",
    "'$X'",
    "[null]",
    "[[]]",
    "[{}]",
    "[1]",
    "[x]",
    "[x, x]",
    "[{target: 80}]",
    "[{type: volume, target: /x}]",
    "{a: null}",
    "{a: []}",
    "{a: {}}",
    "{a: 1}",
    "{a: x}",
    "{name: [x]}",
    "!reset null",
    "!override []",
    "!reset [x]",
    "!!binary eA==",
    ".nan",
    "'a:b:c:d'",
    "[[[[x]]]]",
    "[!reset x]",
    "{b: !reset x}",
];

#[test]
fn no_value_of_a_wrong_shape_makes_the_loader_panic_in_any_file() {
    const FINE: &str = "services: {a: {image: x}, b: {image: x, networks: [default]}}";
    for place in PLACES {
        for value in VALUES {
            let depth = place.split('.').count();
            let text = format!("{{{}: {value}{}", place.replace('.', ": {"), "}".repeat(depth));
            for memory in [
                Memory::stack(&text),
                Memory::stack(FINE).and("over.yaml", &text),
                Memory::stack(&text).and("over.yaml", FINE),
            ] {
                if let Ok(loaded) = memory.load() {
                    assert!(!loaded.stack.name.is_empty(), "{text}");
                }
            }
        }
    }
}
