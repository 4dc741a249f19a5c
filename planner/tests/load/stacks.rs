//! What a correct stack means.

use crate::Memory;
use planner::desired::{HealthTest, Protocol, RestartPolicy, Swap};
use planner::model::{Bytes, Condition, MountType};
use serde_json::json;
use std::time::Duration;

const SHOP: &str = "
services:
  web:
    image: nginx:${TAG:-1.27}
    ports: ['8080:80', '127.0.0.1:9000-9001:9000-9001/udp']
    environment: [MODE=prod, DEBUG]
    depends_on: {api: {condition: service_healthy}, migrate: {condition: service_completed_successfully}}
    networks: {front: {aliases: [www]}, back: }
    restart: on-failure:3
    command: nginx -g 'daemon off;'
  api:
    image: api
    deploy: {replicas: 3, resources: {limits: {cpus: '0.5', memory: 64m, pids: 100}}}
    memswap_limit: 96m
    networks: [back]
    healthcheck: {test: curl -f localhost, interval: 1m30s, retries: 2}
    stop_grace_period: 500ms
    stop_signal: SIGINT
  migrate:
    image: api
    entrypoint: [/bin/migrate]
    volumes: ['data:/var/lib/data:ro', './conf:/etc/conf', {type: tmpfs, target: /run, tmpfs: {size: 1m}}]
    networks: [back]
networks: {front: , back: {internal: true}, unused: }
volumes: {data: , unused: }
";

#[test]
fn what_docker_compose_leaves_open_is_open() {
    let stack = Memory::stack("services: {web: {image: x, profiles: ['']}}\nnetworks: {a b: {}}\n").load();
    assert!(
        stack.unwrap().stack.services.contains_key("web"),
        "the profile without a name is on where no other is"
    );
    let told = Memory::stack("services: {web: {image: x, environment: ['${U-}']}}").told().to_string();
    assert_eq!(told, "compose.yaml:1:42: this entry is empty\n");
    let told = Memory::stack("services: {web: {image: x, links: ['a:b:c']}, a: {image: x}}").told();
    assert!(told.to_string().contains("service `a:b:c` is not defined"), "{told}");
}

#[test]
fn a_whole_stack_becomes_typed() {
    let stack = Memory::stack(SHOP).var("DEBUG", "1").loaded();
    assert_eq!(stack.name, "shop");
    let web = &stack.services["web"];
    assert_eq!(web.image, "nginx:1.27");
    assert_eq!(web.command.as_deref(), Some(&["nginx".into(), "-g".into(), "daemon off;".into()][..]));
    assert_eq!(web.environment["MODE"].as_deref(), Some("prod"));
    assert_eq!(web.environment["DEBUG"].as_deref(), Some("1"));
    let ports: Vec<_> =
        web.ports.iter().map(|port| (port.host_port(), port.target, port.transport())).collect();
    assert_eq!(
        ports,
        [
            (Some(8080), 80, Protocol::Tcp),
            (Some(9000), 9000, Protocol::Udp),
            (Some(9001), 9001, Protocol::Udp)
        ]
    );
    assert_eq!(web.depends_on["api"].condition, Condition::ServiceHealthy);
    assert_eq!(web.depends_on["migrate"].condition, Condition::ServiceCompletedSuccessfully);
    assert_eq!(web.networks["front"].as_ref().unwrap().aliases, ["www"]);
    assert_eq!(web.networks["back"], None);
    assert_eq!(web.restart_policy(), RestartPolicy::OnFailure { max_retries: Some(3) });

    let api = &stack.services["api"];
    let limits = api.limits();
    assert_eq!((api.replicas(), limits.memory), (3, Some(64 << 20)));
    assert_eq!((limits.nano_cpus, limits.pids), (Some(500_000_000), Some(100)));
    assert_eq!(limits.swap, Swap::Total(96 << 20));
    let health = api.healthcheck.as_ref().unwrap();
    assert_eq!(health.test(), Some(HealthTest::Shell("curl -f localhost".into())));
    assert_eq!(health.interval, Some(Duration::from_secs(90).into()));
    assert_eq!(api.grace(), Duration::from_millis(500));
    assert_eq!(api.end_signal().as_deref(), Some("INT"));

    let mounts = &stack.services["migrate"].volumes;
    assert_eq!((mounts[0].volume_key(), mounts[0].read_only), (Some("data"), true));
    assert_eq!((mounts[1].kind, mounts[1].source.as_str()), (MountType::Bind, "/srv/shop/conf"));
    assert!(mounts[1].creates_host_path());
    assert_eq!(mounts[2].tmpfs.as_ref().unwrap().size, Bytes(1 << 20));

    assert_eq!(stack.networks.keys().collect::<Vec<_>>(), ["back", "front"]);
    assert_eq!(stack.networks["back"].name, "shop_back");
    assert!(stack.networks["back"].internal);
    assert_eq!(stack.volumes.keys().collect::<Vec<_>>(), ["data"]);
    assert_eq!(stack.volumes["data"].name, "shop_data");
}

#[test]
fn a_service_without_networks_is_on_the_default_one() {
    let stack = Memory::stack("services: {web: {image: nginx}}").loaded();
    assert!(stack.services["web"].networks.contains_key("default"));
    assert_eq!(stack.networks["default"].name, "shop_default");
    assert_eq!(
        stack.to_json(),
        json!({
            "name": "shop",
            "networks": {"default": {"name": "shop_default", "ipam": {}}},
            "services": {"web": {
                "command": null, "entrypoint": null, "image": "nginx", "networks": {"default": null}
            }}
        })
    );
}

#[test]
fn what_means_the_same_is_printed_the_same() {
    let text = "services: {a: {image: i, pull_policy: if_not_present, provider: {type: t, options: {a: [], b: 1.5}}}}";
    let service = &Memory::stack(text).loaded().to_json()["services"]["a"];
    assert_eq!(service["pull_policy"], "missing");
    assert_eq!(service["provider"], json!({"type": "t", "options": {"b": ["1.5"]}}));
}
