//! Containers give way to newer ones without anybody noticing, or not at all.

use e2e::{Host, Project};

/// Three replicas that say which version they are once they are healthy.
pub(crate) const SHOP: &str = "
name: shop
services:
  web:
    image: busybox
    command: sh -c 'mkdir -p /www && echo version $$VERSION > /www/index.html && exec httpd -f -p 80 -h /www'
    init: true
    environment: {VERSION: '1'}
    ports: ['8080:80']
    healthcheck: {test: wget -q -O /dev/null http://127.0.0.1/, interval: 50ms, retries: 40}
    deploy:
      replicas: 3
      update_config: {order: start-first, failure_action: rollback, monitor: 100ms}
";

/// Asks through the published port, one connection after the other, until there is a file `stop`.
fn load(host: &Host, folder: &str) -> String {
    let script = format!(
        "cd {folder}; n=0; while [ ! -e stop ]; do \
         curl -sS --max-time 20 http://127.0.0.1:8080/ >> answers || echo lost $n; n=$((n+1)); done; echo asked $n"
    );
    host.shell(&script).succeeds().stdout
}

/// Tells the clients to end, also when something fails before.
struct End<'a>(&'a Project<'a>);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.write("stop", "");
    }
}

#[test]
fn twenty_updates_under_load_lose_no_request() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", SHOP);
    project.sampan(["up", "-d", "--wait"]).succeeds();
    let folder = project.folder().display().to_string();
    let told = std::thread::scope(|scope| {
        let end = End(&project);
        let clients = [(); 2].map(|()| scope.spawn(|| load(&host, &folder)));
        for version in 2..=21 {
            project.edit(&format!("VERSION: '{}'", version - 1), &format!("VERSION: '{version}'"));
            project.up();
        }
        drop(end);
        clients.map(|client| client.join().expect("the client ends"))
    });
    for told in told {
        assert!(!told.contains("lost") && told.contains("asked "), "{told}");
    }
    let answers = host.shell(&format!("sort -u {folder}/answers")).succeeds().stdout;
    let versions: Vec<&str> = answers.lines().collect();
    assert_eq!(versions.len(), 21, "{answers}");
    project.down();
}

#[test]
fn a_new_version_that_is_never_healthy_leaves_the_old_one_serving_and_says_why() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", SHOP);
    project.sampan(["up", "-d", "--wait"]).succeeds();
    let before = ["shop-web-1", "shop-web-2", "shop-web-3"].map(|name| project.pid(name));
    project.edit("VERSION: '1'", "VERSION: '2'");
    project.edit("http://127.0.0.1/,", "http://127.0.0.1/none,");
    project.edit("retries: 40", "retries: 2");
    project
        .sampan(["up", "-d"])
        .exits(1)
        .says("container shop-web-1 is unhealthy")
        .says("404 Not Found")
        .says("web goes back to what it was");
    assert_eq!(["shop-web-1", "shop-web-2", "shop-web-3"].map(|name| project.pid(name)), before);
    let answer = host.shell("curl -sS --max-time 20 http://127.0.0.1:8080/").succeeds().stdout;
    assert_eq!(answer, "version 1\n");
    let list = project.sampan(["ps", "-a", "--json"]).succeeds().json();
    assert_eq!(list.as_array().map(Vec::len), Some(3), "{list}");
    project.down();
}

#[test]
fn a_failure_in_the_second_group_takes_the_first_one_back() {
    let Some(host) = Host::with_busybox() else { return };
    // The old container is stopped by then, and its files are still there.
    let stop_first = SHOP.replace("order: start-first", "order: stop-first");
    let project = host.project("shop", &stop_first);
    project.sampan(["up", "-d", "--wait"]).succeeds();
    project.edit("VERSION: '1'", "VERSION: '2'");
    project.edit(
        "mkdir -p /www &&",
        "mkdir -p /www && case $$(hostname) in *web-2) echo no licence; exit 3;; esac;",
    );
    project.sampan(["up", "-d"]).exits(1).says("exited with code 3").says("no licence").says("goes back");
    for index in ["1", "2", "3"] {
        let answer = project.sampan(["exec", "-T", "--index", index, "web", "cat", "/www/index.html"]);
        assert_eq!(answer.succeeds().stdout, "version 1\n", "{index}");
    }
    project.sampan(["up", "-d"]).exits(1);
    project.edit("*web-2)", "*web-9)");
    project.up();
    let answer = host.shell("curl -sS --max-time 20 http://127.0.0.1:8080/").succeeds().stdout;
    assert_eq!(answer, "version 2\n");
    project.down();
}

#[test]
fn the_plan_tells_how_and_what_must_stop_first() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", SHOP);
    project.sampan(["up", "-d", "--wait"]).succeeds();
    project.edit("VERSION: '1'", "VERSION: '2'");
    project
        .sampan(["plan"])
        .succeeds()
        .says("update web: 1 at a time, the new one starts first, goes back when one fails")
        .does_not_say("stops meanwhile");
    project.edit("ports: ['8080:80']", "networks: {default: {mac_address: '02:42:ac:11:00:03'}}");
    project.edit("replicas: 3", "replicas: 1");
    project.sampan(["plan"]).succeeds().says("the old container stops before the new one starts");
    project.down();
}
