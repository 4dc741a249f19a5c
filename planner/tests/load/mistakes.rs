//! One mistake each: the whole message, its place and its hint.

use crate::Memory;

/// What loading says about a stack file, one line for each diagnostic:
/// `line:column path: message [hint]`.
pub(crate) fn say(memory: &Memory) -> Vec<String> {
    let told = memory.told();
    let say = |item: &planner::Diagnostic| {
        let place = item.span.as_ref().map_or_else(String::new, |span| {
            let file = &told.files[span.file as usize].name;
            let file = if file == "compose.yaml" { String::new() } else { format!("{file}:") };
            format!("{file}{}:{} ", span.line, span.column)
        });
        let path = if item.path.is_empty() { String::new() } else { format!("{}: ", item.path) };
        let hint = item.hint.as_ref().map_or_else(String::new, |hint| format!(" [{hint}]"));
        format!("{place}{path}{}{hint}", item.message)
    };
    told.items.iter().map(say).collect()
}

/// A service `web` with an image and these lines.
pub(crate) fn web(lines: &str) -> String {
    format!("services:\n  web:\n    image: nginx\n    {}\n", lines.trim_end().replace('\n', "\n    "))
}

/// Lines, and what is said about them.
pub(crate) type Mistakes = &'static [(&'static str, &'static [&'static str])];

/// Lines of a service.
const IN_A_SERVICE: Mistakes = &[
    ("imgae: x", &["4:5 services.web.imgae: unknown key `imgae` [did you mean `image`?]"]),
    (
        "isolation: x",
        &[
            "4:5 services.web.isolation: `isolation` is not supported yet [only containers on Windows know it]",
        ],
    ),
    (
        "ports: [22:22]",
        &[
            "4:13 services.web.ports.0: `22:22` is a number of base 60 to older readers of YAML [write \"22:22\"]",
        ],
    ),
    (
        "environment: {A: True, B: yes, C: 0755}",
        &[
            "4:22 services.web.environment.A: the truth value `True` is read as `true` [write \"True\" to keep it]",
            "4:39 services.web.environment.C: the number `0755` is read as `493` [write \"0755\" to keep it]",
        ],
    ),
    (
        "environment: {'': x}",
        &["4:19 services.web.environment: a name is empty [write a name before the colon]"],
    ),
    (
        "env_file: [{path: x, format: json}]",
        &["4:16 services.web.env_file: env_file x does not exist [create it, or say `required: false`]"],
    ),
    ("ports: 80", &["4:12 services.web.ports: must be a list, not a number [write a list: [80]]"]),
    (
        "ports: ['a:80']",
        &[
            "4:14 services.web.ports.0: `a` is not a port [the form is [host_ip:][published:]target[/protocol]]",
        ],
    ),
    (
        "ports: ['80:']",
        &[
            "4:13 services.web.ports.0: `80:` has no container port [the form is [host_ip:][published:]target[/protocol]]",
        ],
    ),
    (
        "ports: ['70000:80']",
        &["4:14 services.web.ports.0: port 70000 is larger than 65535 [ports go from 1 to 65535]"],
    ),
    ("ports: ['90-80']", &["4:14 services.web.ports.0: the range 90-80 runs backwards [write 80-90]"]),
    (
        "ports: ['8000-8002:80-81']",
        &[
            "4:13 services.web.ports.0: 3 published ports cannot serve 2 container ports [give ranges of the same length, or a single container port]",
        ],
    ),
    (
        "ports: ['localhost:80:80']",
        &["4:14 services.web.ports.0: `localhost` is not an IP address [write 127.0.0.1]"],
    ),
    ("ports: ['80/dccp']", &["4:17 services.web.ports.0: `dccp` is not a protocol [use tcp, udp or sctp]"]),
    (
        "ports: [{published: 80}]",
        &["4:13 services.web.ports.0: `target` is missing [add `target: …`. Port in the container]"],
    ),
    (
        "ports: [{target: 80, published: 90-80}]",
        &["4:37 services.web.ports.0.published: the range 90-80 runs backwards [write 80-90]"],
    ),
    (
        "mem_limit: 1x",
        &["4:16 services.web.mem_limit: `1x` is not a size [write a number with a unit: 64m, 1.5g, 512k]"],
    ),
    (
        "mem_limit: 4m",
        &["4:16 services.web.mem_limit: a memory limit of 4 MiB is too small [6m is the least]"],
    ),
    (
        "mem_limit: 64m\nmemswap_limit: 32m",
        &[
            "5:20 services.web.memswap_limit: `memswap_limit` is 32 MiB, less than the memory limit of 64 MiB [it counts memory and swap together; equal to the memory limit means no swap]",
        ],
    ),
    (
        "memswap_limit: 32m",
        &["4:20 services.web.memswap_limit: `memswap_limit` needs a memory limit [add `mem_limit`]"],
    ),
    (
        "mem_limit: 64m\ndeploy: {resources: {limits: {memory: 32m}}}",
        &[
            "4:16 services.web.mem_limit: `mem_limit` and `deploy.resources.limits.memory` differ [give one of them]",
        ],
    ),
    (
        "scale: 2\ndeploy: {replicas: 3}",
        &["4:12 services.web.scale: `scale` and `deploy.replicas` differ [give one of them]"],
    ),
    (
        "scale: 99999999999999999999",
        &["4:12 services.web.scale: `1e+20` is not a whole number from 0 [for example 1]"],
    ),
    ("scale: -1", &["4:12 services.web.scale: `-1` is not a whole number from 0 [for example 1]"]),
    ("scale: two", &["4:12 services.web.scale: `two` is not a whole number [for example 1]"]),
    ("cpus: many", &["4:11 services.web.cpus: `many` is not a number of cores [for example 0.5]"]),
    ("pids_limit: few", &["4:17 services.web.pids_limit: `few` is not a number [for example 1]"]),
    (
        "networks: [defualt]",
        &["4:16 services.web.networks: network `defualt` is not defined [did you mean `default`?]"],
    ),
    (
        "networks: [a, a]",
        &[
            "4:16 services.web.networks: network `a` is not defined [add `a:` to the top-level `networks`]",
            "4:19 services.web.networks.1: `a` is listed twice [keep one of them]",
        ],
    ),
    (
        "networks: [1]",
        &["4:16 services.web.networks.0: must be a name, not a number [write the name as a text]"],
    ),
    (
        "volumes: ['data:/x']",
        &["4:15 services.web.volumes: volume `data` is not defined [add `data:` to the top-level `volumes`]"],
    ),
    (
        "volumes: ['a/b:/x']",
        &["4:15 services.web.volumes: volume `a/b` is not defined [for a folder of the host write `./a/b`]"],
    ),
    (
        "volumes: [':/x']",
        &[
            "4:15 services.web.volumes.0: the source of `:/x` is empty [the form is [source:]target[:options]]",
        ],
    ),
    (
        "volumes: ['./a:x']",
        &["4:15 services.web.volumes.0.target: `x` is not an absolute path [it must begin with `/`]"],
    ),
    (
        "volumes: ['./a:/x:rx']",
        &["4:23 services.web.volumes.0: the volume option `rx` has no effect [did you mean `ro`?]"],
    ),
    ("volumes: ['/a:/x', '/b:/x']", &[]),
    (
        "volumes: ['/a:/x']\ntmpfs: /x",
        &[
            "5:12 services.web.volumes: two mounts have the target `/x` [the other one is at line 4, column 15]",
        ],
    ),
    (
        "volumes: [{source: a, target: /x}]",
        &[
            "4:15 services.web.volumes: volume `a` is not defined [add `a:` to the top-level `volumes`]",
            "4:15 services.web.volumes.0: `type` is missing [add `type: …`. What is mounted: a volume, a path of the host, memory, or the files of an image]",
        ],
    ),
    (
        "volumes: [{type: bind, target: /x}]",
        &["4:15 services.web.volumes: a bind mount needs a `source` [`source` is a path of the host]"],
    ),
    (
        "volumes: [{type: volum, target: /x}]",
        &["4:22 services.web.volumes.0.type: `volum` is not possible here [did you mean `volume`?]"],
    ),
    (
        "volumes: ['/:/']",
        &["4:15 services.web.volumes.0.target: nothing can be mounted over `/` [mount below it]"],
    ),
    (
        "depends_on: [db]",
        &["4:18 services.web.depends_on.db: service `db` is not defined [define it below `services`]"],
    ),
    (
        "depends_on: [wep]",
        &["4:18 services.web.depends_on.wep: service `wep` is not defined [define it below `services`]"],
    ),
    (
        "depends_on: {web: {condition: healthy}}",
        &[
            "4:18 services.web.depends_on.web: services depend on each other in a circle: web → web [take one of these dependencies out]",
            "4:35 services.web.depends_on.web.condition: `healthy` is not possible here [possible are service_started, service_healthy, service_completed_successfully]",
        ],
    ),
    (
        "depends_on: [web]",
        &[
            "4:18 services.web.depends_on.web: services depend on each other in a circle: web → web [take one of these dependencies out]",
        ],
    ),
    (
        "healthcheck: {test: [curl, x]}",
        &[
            "4:25 services.web.healthcheck.test: a test begins with CMD, CMD-SHELL or NONE, not `curl` [begin with CMD for a program, CMD-SHELL for a shell line, NONE for no check]",
        ],
    ),
    (
        "healthcheck: {test: []}",
        &[
            "4:25 services.web.healthcheck.test: the test is empty [begin with CMD for a program, CMD-SHELL for a shell line, NONE for no check]",
        ],
    ),
    (
        "healthcheck: {interval: 10}",
        &["4:29 services.web.healthcheck.interval: `10` is not a duration [give it a unit: 10s]"],
    ),
    (
        "healthcheck: {test: x, disable: true}",
        &[
            "4:37 services.web.healthcheck.disable: `disable` and `test` contradict each other [keep one of them]",
        ],
    ),
    (
        "healthcheck: {test: [CMD]}",
        &["4:25 services.web.healthcheck.test: nothing follows CMD [say what to run]"],
    ),
    (
        "healthcheck: {interval: 1us}",
        &["4:29 services.web.healthcheck.interval: 1µs is too short for a health check [1ms is the least]"],
    ),
    (
        "restart: on-falure",
        &["4:14 services.web.restart: `on-falure` is not a restart policy [did you mean `on-failure`?]"],
    ),
    (
        "restart: on-failure:x",
        &["4:14 services.web.restart: `on-failure:x` is not a restart policy [did you mean `on-failure`?]"],
    ),
    (
        "stop_signal: SIGTREM",
        &["4:18 services.web.stop_signal: `SIGTREM` is not a signal [did you mean `TERM`?]"],
    ),
    (
        "cap_add: [NET_ADMN]",
        &["4:15 services.web.cap_add.0: `NET_ADMN` is not a capability [did you mean `NET_ADMIN`?]"],
    ),
    (
        r#"command: "a 'b""#,
        &[
            "4:14 services.web.command: a single quote is not closed [a list of words needs no quoting: [a, b]]",
        ],
    ),
    (
        "command: [sleep, 10]",
        &[r#"4:22 services.web.command.1: must be text, not a number [write it in quotes: "10"]"#],
    ),
    ("user: 1000", &[r#"4:11 services.web.user: must be text, not a number [write it in quotes: "1000"]"#]),
    (
        "environment: {MODE: 0755}",
        &[
            r#"4:25 services.web.environment.MODE: the number `0755` is read as `493` [write "0755" to keep it]"#,
        ],
    ),
    ("environment: [A=1, 2]", &["4:24 services.web.environment.1: must be `KEY=value`, not a number"]),
    (
        "environment: {A: [1]}",
        &[
            "4:22 services.web.environment.A: must be text, not a list [write a single text, in quotes if it holds `: `, brackets or braces]",
        ],
    ),
    (
        "environment: {A: \"x\\0\"}",
        &["4:22 services.web.environment.A: a NUL character is not possible here [take it out]"],
    ),
    (
        "hostname: 1.10",
        &["4:15 services.web.hostname: must be text, not a number [write it in quotes: \"1.1\"]"],
    ),
    (
        "environment: {A: $NOPE}",
        &[
            "4:22 services.web.environment.A: variable `NOPE` is not set and becomes empty [set it, give a default with ${NOPE:-…}, or write $$NOPE to keep the dollar]",
        ],
    ),
    (
        "environment: {A: '${B:?set B}'}",
        &[
            "4:23 services.web.environment.A: required variable `B` is missing a value: set B [set B in the environment or in .env]",
        ],
    ),
    (
        "environment: {A: '${'}",
        &[
            "4:23 services.web.environment.A: this `${` is not closed on its line [for a dollar sign write $$, for a variable ${NAME}]",
        ],
    ),
    (
        r#"environment: {A: "x\t${"}"#,
        &[
            "4:22 services.web.environment.A: this `${` is not closed on its line [for a dollar sign write $$, for a variable ${NAME}]",
        ],
    ),
    ("privileged: yes", &["4:17 services.web.privileged: `yes` is read as true [write true]"]),
    (
        "privileged: maybe",
        &["4:17 services.web.privileged: `maybe` is neither true nor false [write true or false]"],
    ),
    (
        "labels: 1",
        &[
            "4:13 services.web.labels: must be a mapping, not a number [write `name: …` lines below it, indented deeper]",
        ],
    ),
    (
        "working_dir: app",
        &["4:18 services.web.working_dir: `app` is not an absolute path [it must begin with `/`]"],
    ),
    (
        "hostname: a_b!",
        &[
            "4:15 services.web.hostname: `a_b!` is not a host name [letters, digits, `-` and `.`, at most 64 characters]",
        ],
    ),
    (
        "image: Nginx",
        &["4:5 the key `image` is given twice [the first one is at line 3, column 5; keep one of them]"],
    ),
    (
        "ulimits: {nofiles: 1}",
        &[
            "4:24 services.web.ulimits.nofiles: `nofiles` is not a limit of a process [did you mean `nofile`?]",
        ],
    ),
    (
        "ulimits: {nofile: {soft: 2, hard: 1}}",
        &[
            "4:23 services.web.ulimits.nofile: the soft limit 2 is above the hard limit 1 [raise the hard limit, or lower the soft one]",
        ],
    ),
    (
        "ulimits: {nofile: {soft: 2}}",
        &[
            "4:15 services.web.ulimits.nofile: `hard` is missing [add `hard: …`. Limit up to which a process may raise its own; -1 is unlimited]",
        ],
    ),
    (
        "pull_policy: refresh",
        &[
            "4:18 services.web.pull_policy: `refresh` is not a pull policy [possible are always, missing, never, build, daily, weekly, every_12h]",
        ],
    ),
    (
        "security_opt: ['label=user:x']",
        &[
            "4:20 services.web.security_opt.0: security option `label=user:x` is not supported yet [leave it out]",
        ],
    ),
    (
        "security_opt: [no-new-privs]",
        &[
            "4:20 services.web.security_opt.0: `no-new-privs` is not a security option [for example `no-new-privileges:true`]",
        ],
    ),
    ("tmpfs: /x:size=z", &["4:12 services.web.tmpfs.0: `z` is not a size [for example 64m]"]),
    (
        "shm_size: big",
        &["4:15 services.web.shm_size: `big` is not a size [write a number with a unit: 64m, 1.5g, 512k]"],
    ),
    (
        "stop_grace_period: 10",
        &["4:24 services.web.stop_grace_period: `10` is not a duration [give it a unit: 10s]"],
    ),
    (
        "env_file: x.env",
        &["4:15 services.web.env_file: env_file x.env does not exist [create it, or say `required: false`]"],
    ),
    (
        "x-sampan: 1",
        &[
            "4:15 services.web.x-sampan: must be a mapping, not a number [the keys here are memory, idmap, on_change]",
        ],
    ),
    (
        "x-sampan: {memori: {}}",
        &["4:16 services.web.x-sampan.memori: unknown key `memori` [did you mean `memory`?]"],
    ),
    (
        "x-sampan: {memory: {high: 120%}}",
        &[
            "4:24 services.web.x-sampan.memory: `120%` is not an amount of memory [write a part of the limit from 1% to 99%, or bytes as 50m]",
        ],
    ),
    (
        "x-sampan: {memory: {high: 9m, on_pressure: {}}}",
        &["4:24 services.web.x-sampan.memory: `on_pressure` does nothing [give it an `exec` or a `signal`]"],
    ),
    (
        "x-sampan: {memory: {high: 9m, on_pressure: {exec: [a], signal: USR1}}}",
        &[
            "4:24 services.web.x-sampan.memory: `on_pressure` has both an `exec` and a `signal` [a command can send signals, too]",
        ],
    ),
    (
        "x-sampan: {memory: {high: 9m, on_pressure: {signal: USR}}}",
        &["4:24 services.web.x-sampan.memory: `USR` is not a signal [did you mean `USR1`?]"],
    ),
    (
        "x-sampan: {memory: {high: 80%}}",
        &[
            "4:24 services.web.x-sampan.memory: a part of the memory limit is meant, but there is none [add `mem_limit`, or write `high` in bytes]",
        ],
    ),
    (
        "mem_limit: 64m\nx-sampan: {memory: {high: 64m}}",
        &[
            "5:31 services.web.x-sampan.memory.high: 64 MiB are never in use below the memory limit of 64 MiB [write less than the limit, for example 80%]",
        ],
    ),
    (
        "container_name: -aa",
        &[
            "4:21 services.web.container_name: `-aa` is not a name for a container [at most 200 letters, digits, `.`, `_` and `-`, beginning with a letter or digit]",
        ],
    ),
    (
        "deploy: {mode: global}",
        &["4:20 services.web.deploy.mode: deploy mode `global` is not supported yet [use replicated]"],
    ),
    (
        "deploy: {labels: {a: b}}",
        &["4:14 services.web.deploy.labels: `labels` has no effect: it only means something to a cluster"],
    ),
    ("profiles: ['a b']", &["1:1 services: no service is in an active profile [choose with --profile: a b]"]),
    (
        "links: ['web2:www']",
        &["4:13 services.web.depends_on.web2: service `web2` is not defined [define it below `services`]"],
    ),
    (
        "privileged: true\nprivileged: false",
        &["5:5 the key `privileged` is given twice [the first one is at line 4, column 5; keep one of them]"],
    ),
    (
        "logging: {driver: x}",
        &[
            "4:14 services.web.logging: logging driver `x` is not supported yet [`json-file` and `local` keep logs here, `none` does not]",
        ],
    ),
    (
        "deploy: {resources: {limit: {}}}",
        &["4:26 services.web.deploy.resources.limit: unknown key `limit` [did you mean `limits`?]"],
    ),
    (
        "cpus: 1\ndeploy: {resources: {limits: {cpus: 2}}}",
        &["4:11 services.web.cpus: `cpus` and `deploy.resources.limits.cpus` differ [give one of them]"],
    ),
];

/// Whole files.
const IN_A_FILE: Mistakes = &[
    ("", &["1:1 compose.yaml is empty [a stack has `services:`]"]),
    ("a", &["1:1 the top level must be a mapping, not text [its keys stand below it, indented deeper]"]),
    ("[]", &["1:1 the top level must be a mapping, not a list [its keys stand below it, indented deeper]"]),
    ("services: []", &["1:11 services: must be a mapping, not a list [write `name: …` lines, without `- `]"]),
    ("services: {}", &["1:1 services: the stack has no services"]),
    (
        "services: {web: }",
        &["1:12 services.web: `web` is empty [what belongs to it stands below it, indented deeper]"],
    ),
    ("services: {web: {}}", &["1:17 services.web: service `web` has no image [add `image: …`]"]),
    (
        "services: {a b: {image: x}}",
        &["1:12 services.a b: `a b` is not a valid name [a name has letters, digits, `.`, `_` and `-`]"],
    ),
    ("service: {web: {image: x}}", &["1:1 service: unknown key `service` [did you mean `services`?]"]),
    ("1: 2", &["1:1 a key must be text, not a number [put it in quotes]"]),
    ("a: [", &["1:4 not valid YAML: a bracket is not closed [write `]` where what `[` opens ends]"]),
    ("\tservices: {}", &["1:2 services: the stack has no services"]),
    ("a:\n\tb: 1", &["2:1 a tab is used as indentation [indent with spaces]"]),
    (
        "version: '3'\nservices: {a: {image: x}}",
        &["1:1 version: `version` is obsolete and has no effect [leave it out]"],
    ),
    ("include: [x]", &["1:11 include.0: /srv/shop/x does not exist [create it, or name another one]"]),
    (
        "services: {a: {image: x}}\nnetworks: {default: {ipam: {config: [{subnet: 10.0.0.1/24}]}}}",
        &[
            "2:47 networks.default.ipam.config.0.subnet: `10.0.0.1/24` has bits set behind its prefix [write 10.0.0.0/24]",
        ],
    ),
    (
        "services: {a: {image: x}}\nnetworks: {default: {ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.1.0.1}]}}}",
        &["2:38 networks.default.ipam.config: the gateway 10.1.0.1 is not an address of 10.0.0.0/24"],
    ),
    (
        "services: {a: {image: x}}\nnetworks: {default: {external: {name: y}}}",
        &[
            "2:33 networks.default.external.name: `external.name` is deprecated [write `external: true` and put `name` beside it]",
        ],
    ),
    (
        "services: {a: {image: x}}\nnetworks: {default: {driver: overlay}}",
        &[
            "2:30 networks.default.driver: network driver `overlay` is not supported yet [use bridge, macvlan or ipvlan]",
        ],
    ),
    (
        "services: {a: {image: x, volumes: ['d:/d']}}\nvolumes: {d: {external: true, labels: [a=b]}}",
        &[
            "1:36 services.a.volumes.0: `d:/d` is read as the path of a Windows drive [the name of a volume has at least two characters in the short form]",
            "2:31 volumes.d.labels: `labels` cannot be given for something external [take it out, or `external`]",
        ],
    ),
    (
        "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [c]}, c: {image: x, depends_on: [a]}}",
        &[
            "1:39 services.a.depends_on.b: services depend on each other in a circle: a → b → c → a [take one of these dependencies out]",
        ],
    ),
    (
        "services: {a: {image: x, depends_on: [b]}, b: {image: x, profiles: [p]}}",
        &[
            "1:39 services.a.depends_on.b: service `b` is not in an active profile [use --profile p, or say `required: false`]",
        ],
    ),
    (
        "services: {a: {image: x, profiles: [p]}}",
        &["1:1 services: no service is in an active profile [choose with --profile: p]"],
    ),
    (
        "services: {a: {image: x, depends_on: {b: {condition: service_healthy}}}, b: {image: x, healthcheck: {disable: true}}}",
        &[
            "1:39 services.a.depends_on.b: `b` can never become healthy: its health check is disabled [wait for service_started instead]",
        ],
    ),
    (
        "services: {a: {image: x, depends_on: {b: {condition: service_completed_successfully}}}, b: {image: x, restart: always}}",
        &[
            "1:39 services.a.depends_on.b: `b` does not stay completed: its restart policy starts it again and again [give `b` `restart: on-failure` or no restart policy]",
        ],
    ),
    (
        "services: {a: {image: x, ports: ['80:80', '80:81']}}",
        &["1:43 services.a.ports: the host port 80 is published twice"],
    ),
    (
        "services: {a: {image: x, ports: ['80:80']}, b: {image: x, ports: ['80:81']}}",
        &[
            "1:67 services.b.ports: the host port 80 is also published by service `a` [only one of them can run]",
        ],
    ),
    (
        "name: ' '\nservices: {a: {image: x}}",
        &[
            "1:7 name: no stack name can be made of this [a name has lower-case letters, digits, `-` and `_`, and starts with a letter or digit]",
        ],
    ),
    (
        "services: {a: {image: x, depends_on: {z: {condition: service_started, required: false}}}}",
        &["1:39 services.a.depends_on.z: service `z` is not defined [define it below `services`]"],
    ),
];

/// Fails with everything that is told in other words than expected.
pub(crate) fn differ(cases: impl Iterator<Item = (String, &'static [&'static str])>) {
    let mut wrong = String::new();
    for (text, expected) in cases {
        let said = say(&Memory::stack(&text));
        if said != *expected {
            wrong += &format!("{text}\nsaid     {said:#?}\nexpected {expected:#?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_mistake_in_a_service_is_told_with_place_and_hint() {
    differ(IN_A_SERVICE.iter().map(|(lines, expected)| (web(lines), *expected)));
}

#[test]
fn every_mistake_in_a_file_is_told_with_place_and_hint() {
    differ(IN_A_FILE.iter().map(|(text, expected)| ((*text).to_owned(), *expected)));
}
