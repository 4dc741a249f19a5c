//! `extends`: a service over another one, of its own file or of another.

use crate::Memory;
use crate::mistakes::say;
use serde_json::{Value, json};

fn service(memory: &Memory, name: &str) -> Value {
    memory.loaded().to_json()["services"][name].clone()
}

#[test]
fn a_service_keeps_what_it_says_and_takes_the_rest() {
    let memory = Memory::stack(
        "services:
  base: {image: x, user: a, environment: [A=1, B=2], cap_add: [KILL], command: [b]}
  web: {extends: base, user: b, environment: {B: 3}, cap_add: [CHOWN], command: c}
",
    );
    let web = service(&memory, "web");
    assert_eq!(web["image"], json!("x"));
    assert_eq!(web["user"], json!("b"));
    assert_eq!(web["environment"], json!({"A": "1", "B": "3"}));
    assert_eq!(web["cap_add"], json!(["KILL", "CHOWN"]));
    assert_eq!(web["command"], json!(["c"]));
    assert!(web.get("extends").is_none());
}

#[test]
fn paths_of_another_file_are_seen_from_its_folder_through_any_number_of_files() {
    let memory = Memory::stack("services: {web: {extends: {file: lib/web.yaml, service: web}}}\n")
        .file(
            "/srv/shop/lib/web.yaml",
            "services: {web: {extends: {file: deep/base.yaml, service: base}, volumes: ['./data:/data']}}\n",
        )
        .file(
            "/srv/shop/lib/deep/base.yaml",
            "services: {base: {image: x, build: ., env_file: [{path: a.env, required: false}], volumes: ['../up:/up', '/abs:/abs']}}\n",
        );
    let web = service(&memory, "web");
    let sources: Vec<&Value> =
        web["volumes"].as_array().unwrap().iter().map(|mount| &mount["source"]).collect();
    assert_eq!(sources, [&json!("/srv/shop/lib/up"), &json!("/abs"), &json!("/srv/shop/lib/data")]);
    assert_eq!(web["build"]["context"], json!("/srv/shop/lib/deep"));
}

#[test]
fn reset_and_override_reach_what_is_extended_and_earlier_files() {
    let base = "services: {base: {image: x, ports: ['80:80'], dns: [1.1.1.1], environment: {A: 1, B: 2}}}\n";
    let memory =
        Memory::stack("services: {web: {image: y, ports: ['70:70'], dns: [8.8.8.8], labels: {a: b}}}\n")
            .and(
                "over.yaml",
                "services:
  web:
    extends: {file: base.yaml, service: base}
    ports: !override ['90:90']
    dns: !reset []
    environment: {A: !reset null}
",
            )
            .file("/srv/shop/base.yaml", base);
    let web = service(&memory, "web");
    let published: Vec<&Value> =
        web["ports"].as_array().unwrap().iter().map(|port| &port["published"]).collect();
    assert_eq!(published, [&json!("90")]);
    assert!(web.get("dns").is_none(), "{web}");
    assert_eq!(web["environment"], json!({"B": "2"}));
    assert_eq!((&web["image"], &web["labels"]), (&json!("x"), &json!({"a": "b"})));
}

/// What loading says about a service `web` with these lines that extends one with those.
fn over(base: &str, service: &str) -> Memory {
    Memory::stack(&format!("services: {{web: {{extends: base, {service}}}, base: {{image: x, {base}}}}}\n"))
}

#[test]
fn what_is_extended_counts_as_it_is_written() {
    for (base, service, key, expected) in [
        ("environment: [A=1]", "environment: {A: !reset null}", "environment", json!({"A": "1"})),
        ("environment: {A: 1}", "environment: {A: !reset null}", "environment", json!(null)),
        (
            "networks: [default]",
            "networks: {default: !reset null, n: }",
            "networks",
            json!({"default": null, "n": null}),
        ),
        ("networks: {m: }", "networks: {m: !reset null, n: }", "networks", json!({"n": null})),
        ("gpus: all", "gpus: [{count: 1}]", "gpus", json!([{"count": 1}])),
    ] {
        let memory = over(base, service).and("more.yaml", "networks: {n: , m: }\n");
        let told = memory.load().map(|loaded| loaded.stack.to_json()["services"]["web"][key].clone());
        assert_eq!(told.unwrap(), expected, "{base} + {service}");
    }
    for (base, service) in [
        ("x-own: {a: 1}", "x-own: [1]"),
        ("gpus: [{count: 1}]", "gpus: all"),
        ("build: {ssh: [default]}", "build: {ssh: {default: }}"),
        ("build: {ssh: {default: }}", "build: {ssh: [default]}"),
        ("build: {ulimits: {core: {soft: 1, hard: 2}}}", "build: {ulimits: {core: 1}}"),
    ] {
        let told = say(&over(base, service));
        assert!(told[0].contains("this cannot be put over what"), "{base} + {service}: {told:?}");
    }
}

#[test]
fn what_another_file_has_is_in_its_long_form() {
    for (base, service, key, expected) in [
        ("networks: [m, n]", "networks: {m: !reset null}", "networks", json!({"n": null})),
        (
            "build: {ssh: [default]}",
            "build: {ssh: {a: /b}}",
            "build",
            json!({"context": "/srv/shop", "dockerfile": "Dockerfile", "ssh": ["a=/b", "default"]}),
        ),
        ("gpus: all", "gpus: [{count: 1}]", "gpus", json!([{"count": -1}, {"count": 1}])),
        ("environment: [A=1]", "environment: {A: !reset null}", "environment", json!({"A": "1"})),
    ] {
        let service =
            format!("services: {{web: {{extends: {{file: b.yaml, service: base}}, image: x, {service}}}}}");
        let memory = Memory::stack(&format!("{service}\nnetworks: {{n: , m: }}\n"))
            .file("/srv/shop/b.yaml", &format!("services: {{base: {{{base}}}}}"));
        let told = memory.load().map(|loaded| loaded.stack.to_json()["services"]["web"][key].clone());
        assert_eq!(told.unwrap(), expected, "{base} + {service}");
    }
}

#[test]
fn of_another_file_only_what_is_used_can_be_wrong() {
    let base = "services: {base: {image: x, mem_limit: zz}, other: {imag: y}}\nunknown: 1\n";
    let memory =
        |services: &str| Memory::stack(&format!("services: {{{services}}}\n")).file("/srv/shop/b.yaml", base);
    let web = "web: {extends: {file: b.yaml, service: base}, mem_limit: 64m}";
    assert_eq!(say(&memory(web)), <[&str; 0]>::default());
    let told = say(&memory(&format!("{web}, more: {{extends: {{file: b.yaml, service: base}}}}")));
    let size = "`zz` is not a size [write a number with a unit: 64m, 1.5g, 512k]";
    assert_eq!(told, [format!("/srv/shop/b.yaml:1:40 services.base.mem_limit: {size}")]);
}

#[test]
fn a_service_that_says_nothing_is_still_extended_afterwards() {
    let memory = Memory::stack("services: {web: {extends: {file: lib/a.yaml, service: b}, image: x}}\n")
        .file("/srv/shop/lib/a.yaml", "services: {b: }\n");
    let extends = json!({"file": "/srv/shop/lib/a.yaml", "service": "b"});
    assert_eq!(service(&memory, "web")["extends"], extends);
}

#[test]
fn tags_on_the_service_and_on_extends_leave_its_base_alone() {
    let memory = Memory::stack("services: {web: {image: y, user: a}, base: {image: x}}\n").and(
        "over.yaml",
        "services:
  web: !override {extends: {file: !reset [], service: base}, hostname: h}
  base: {image: z}
  gone: !reset {extends: nothing}
",
    );
    let web = service(&memory, "web");
    assert_eq!((&web["image"], &web["hostname"]), (&json!("z"), &json!("h")));
    assert!(web.get("user").is_none(), "{web}");
    let reset = Memory::stack("services: {web: {extends: base}, base: !reset {image: x}}\n");
    assert!(say(&reset)[0].contains("there is no service `base` to extend"), "{:?}", say(&reset));
}

#[test]
fn what_is_extended_is_found_in_the_same_file_only() {
    let memory = Memory::stack("services: {base: {image: x}}\n")
        .and("over.yaml", "services: {web: {extends: bass}}\n");
    let told = say(&memory);
    assert!(
        told.iter().any(|line| line.starts_with(
            "over.yaml:1:27 services.web.extends: there is no service `bass` to extend in this file"
        )),
        "{told:?}"
    );
}

#[test]
fn mistakes_are_told_in_the_file_that_has_them() {
    for (file, expected) in [
        (
            "services: {base: {image: x, prots: [1]}}",
            "base.yaml:1:29 services.base.prots: unknown key `prots` [did you mean `ports`?]",
        ),
        (
            "services: {bass: {image: x}}",
            "1:64 services.web.extends: there is no service `base` to extend in base.yaml [did you mean `bass`?]",
        ),
        ("services: [", "base.yaml:1:11 not valid YAML"),
        (
            "services: {base: {extends: {file: base.yaml, service: base}}}",
            "base.yaml:1:55 services.base.extends: services extend each other in a circle: base of base.yaml → base of base.yaml",
        ),
        (
            "services: {base: {image: x, extends: {file: none.yaml, service: a}}}",
            "base.yaml:1:45 services.base.extends: none.yaml does not exist [create it, or name another one]",
        ),
    ] {
        let memory =
            Memory::stack("services: {web: {image: y, extends: {file: base.yaml, service: base}}}\n")
                .file("/srv/shop/base.yaml", file);
        let told = say(&memory.with(|options| options.current = "/srv/shop".into()));
        assert!(told.iter().any(|line| line.starts_with(expected)), "{expected}\n{told:#?}");
    }
}

#[test]
fn a_service_cannot_extend_itself_in_any_number_of_steps() {
    let two = Memory::stack("services: {a: {extends: b}, b: {extends: a}}\n");
    let circle = "services extend each other in a circle: a → b → a";
    assert!(say(&two).iter().any(|line| line.contains(circle)), "{:?}", say(&two));
    let many: String = (0..200).map(|n| format!("  s{n}: {{extends: s{}}}\n", n + 1)).collect();
    let told = say(&Memory::stack(&format!("services:\n{many}  s200: {{image: x}}\n")));
    assert!(told.iter().any(|line| line.contains("more than 64 services extend each other")), "{told:?}");
}

#[test]
fn one_file_that_many_services_extend_is_read_once() {
    let many: String =
        (0..2000).map(|n| format!("  s{n}: {{extends: {{file: base.yaml, service: base}}}}\n")).collect();
    let memory = Memory::stack(&format!("services:\n{many}"))
        .file("/srv/shop/base.yaml", "services: {base: {image: x}}\n");
    assert_eq!(memory.loaded().services.len(), 2000);
    assert_eq!(memory.told().files.len(), 2, "the stack and the file it extends");
}
