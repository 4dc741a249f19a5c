//! What is told of a container is what the kernel has.

use e2e::Host;

const STACK: &str = "
name: shop
services:
  web:
    image: busybox
    container_name: site
    command: [sh, -c, 'exec sleep 1000']
    init: true
    ports: ['127.0.0.1:8077:80']
    mem_limit: 64m
    environment: {MODE: test}
    volumes: [data:/data, /tmp:/host:ro]
    secrets: [token]
    healthcheck: {test: [CMD, 'true'], interval: 1h}
volumes: {data: {}}
secrets: {token: {file: ./token}}
";

#[test]
fn a_container_is_told_in_the_words_of_docker() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", STACK);
    project.write("token", "hunter2");
    project.up();
    let all = project.sampan(["inspect", "site"]).succeeds().does_not_say("hunter2").json();
    let one = &all[0];
    assert_eq!(one["Name"], "/site");
    assert_eq!(one["State"]["Status"], "running");
    assert_eq!(one["State"]["Pid"], project.pid("site"));
    assert_eq!(one["HostConfig"]["Memory"], 64 << 20);
    assert_eq!(one["HostConfig"]["PortBindings"]["80/tcp"][0]["HostPort"], "8077");
    assert_eq!(one["NetworkSettings"]["Ports"]["80/tcp"][0]["HostIp"], "127.0.0.1");
    assert_eq!(one["Secrets"][0], "/run/secrets/token");
    assert_eq!(one["Mounts"][0]["Destination"], "/data");
    assert_eq!(one["Mounts"][1]["RW"], false);
    let address = one["NetworkSettings"]["Networks"]["shop_default"]["IPAddress"].as_str().unwrap();
    project.exec("web", "ip -4 -o addr show eth0").succeeds().says(&format!(" {address}/"));

    let format = |template: &str, name: &str| {
        project.sampan(["inspect", "--format", template, name]).succeeds().stdout
    };
    assert_eq!(
        format("{{.State.Running}} {{json .Config.Cmd}}", "site"),
        "true [\"sh\",\"-c\",\"exec sleep 1000\"]\n"
    );
    assert_eq!(format("{{.Name}}", "shop_default"), "shop_default\n");
    assert_eq!(
        format("{{.Mountpoint}}", "shop_data"),
        format!("{}/volumes/shop_data/data\n", host.root().display())
    );
    assert!(format("{{.Id}}", "busybox").starts_with("sha256:"));
    project
        .sampan(["inspect", "--type", "image", "site"])
        .exits(1)
        .says("there is no image of this name: site");
    project.sampan(["inspect", "--format", "{{range .Mounts}}", "site"]).exits(2).says("not understood");
    project.sampan(["inspect", "nothing", "site"]).exits(1).says("\"/site\"").says("nothing");
    project.sampan(["stop"]).succeeds();
    assert_eq!(format("{{.State.Status}} {{.State.Pid}}", "site"), "exited 0\n");
    project.down();
}
