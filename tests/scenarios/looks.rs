//! What runs is looked at: its processes, what it uses, where its ports are, how it ends.

use e2e::{Host, eventually};
use serde_json::Value;

const SHOP: &str = "
name: look
services:
  web:
    image: busybox
    command: httpd -f -p 80 -h /etc
    ports: ['127.0.0.1::80']
    mem_limit: 32M
    pids_limit: 20
    deploy: {replicas: 2}
  busy:
    image: busybox
    command: [sh, -c, 'while :; do :; done']
    init: true
  task:
    image: busybox
    command: [sh, -c, 'until [ -e /go ]; do sleep 0.05; done; exit 7']
    init: true
";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_port_that_is_told_answers() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("look", SHOP);
    project.up();
    let first = project.sampan(["port", "web", "80"]).succeeds().stdout;
    let second = project.sampan(["port", "--index", "2", "web", "80"]).succeeds().stdout;
    assert_ne!(first, second, "each replica has a random port of its own");
    for socket in [first.trim(), second.trim()] {
        let get = format!("curl -sS --max-time 3 http://{socket}/hostname");
        eventually(socket, || (host.shell(&get).code == 0).then_some(()));
    }
    project.sampan(["port", "web", "81"]).exits(1).says("no port 81/tcp").says("80/tcp");
    project.sampan(["port", "--protocol", "udp", "web", "80"]).exits(1).says("no port 80/udp");
    project.sampan(["port", "task", "80"]).exits(1).says("sampan ps");
    project.sampan(["port", "nobody", "80"]).exits(1).says("web");
    project.down();
}

#[test]
fn top_lists_the_processes_that_the_kernel_has_in_the_container() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("look", SHOP);
    project.up();
    let init = project.pid("look-busy-1");
    let processes = json(&project.sampan(["top", "--json", "busy"]).succeeds().stdout);
    let processes = processes.as_array().expect("a list");
    let [first, shell] = processes.as_slice() else { panic!("an init and a shell: {processes:?}") };
    assert_eq!((first["pid"].as_u64(), shell["parent"].as_u64()), (Some(init.into()), Some(init.into())));
    assert!(shell["command"].as_str().is_some_and(|text| text.starts_with("sh -c while")), "{shell}");
    let table = project.sampan(["top"]).succeeds().stdout;
    assert!(table.starts_with("SERVICE"), "{table}");
    assert_eq!(table.matches("httpd -f").count(), 2, "{table}");
    project.down();
}

#[test]
fn stats_are_what_the_control_groups_say() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("look", SHOP);
    project.up();
    let stats = json(&project.sampan(["stats", "--json"]).succeeds().stdout);
    let of = |name: &str| {
        let all = stats.as_array().expect("a list");
        all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name} in {stats}")).clone()
    };
    let web = of("look-web-1");
    assert_eq!((web["memory_limit"].as_u64(), web["pids_limit"].as_u64()), (Some(32 << 20), Some(20)));
    assert_eq!(web["pids"].as_u64(), Some(1));
    assert!(web["memory_peak"].as_u64() >= web["memory"].as_u64(), "{web}");
    assert!(web["received"].is_u64() && web["pressure"]["memory"].is_number(), "{web}");
    let [busy, idle] = ["look-busy-1", "look-web-2"].map(|name| of(name)["cpu_percent"].as_f64());
    assert!(busy > idle, "who counts in circles uses more than who waits: {busy:?}, {idle:?}");
    let line = project.sampan(["stats", "--no-stream", "--format", "json", "web"]).succeeds().stdout;
    assert_eq!(line.lines().map(json).map(|one| one["PIDs"].clone()).collect::<Vec<_>>(), ["1", "1"]);
    let table = project.sampan(["stats", "--no-stream", "web"]).succeeds().stdout;
    assert!(table.starts_with("NAME") && table.contains("1 of 20"), "{table}");
    project.down();
}

#[test]
fn wait_ends_with_its_service_and_has_its_exit_code() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("look", SHOP);
    project.up();
    let script = "$sampan wait task > out & waiting=$!; $sampan exec -T task touch /go; wait $waiting";
    host.script(project.folder(), script).exits(7);
    let told = std::fs::read_to_string(project.folder().join("out")).expect("it said something");
    assert_eq!(told, "look-task-1 exited with code 7\n");
    project.sampan(["wait", "task"]).exits(7);
    project.sampan(["wait", "--down-project", "task", "web"]).exits(7);
    host.is_clean();
}
