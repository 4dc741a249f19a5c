//! How images get here: what several want at once comes once, and through proxies.

use e2e::{Guard, Host, Proxy, Registry};
use std::collections::BTreeMap;

/// Rounds after which several pulls must have met.
const ROUNDS: usize = 20;

#[test]
fn layers_that_several_pull_at_once_are_fetched_once() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(registry) = Registry::start(&host, Guard::Open) else { return };
    let names = [registry.name("web:1"), registry.name("team/shop:2")];
    let project = host.project("web", "services: {}\n");
    project
        .write("Dockerfile", "FROM busybox\nRUN head -c 3000000 /dev/urandom > /big\nRUN echo 1 > /small\n");
    project.sampan(["image", "build", "-q", "-t", &names[0], "."]).succeeds();
    let config = host.sampan(["image", "inspect", &names[0]]).succeeds().json()[0]["Id"].clone();
    host.sampan(["image", "tag", &names[0], &names[1]]).succeeds();
    names.iter().for_each(|name| drop(host.sampan(["image", "push", "-q", name]).succeeds()));

    let have_met = (0..ROUNDS).any(|_| {
        host.sampan(["system", "prune", "-af"]).succeeds();
        let before = registry.answered().len();
        std::thread::scope(|scope| {
            for name in names.iter().chain(&names) {
                scope.spawn(|| host.sampan(["image", "pull", "-q", name]).succeeds());
            }
        });
        let answered = registry.answered().split_off(before);
        let blobs = answered.iter().enumerate().filter_map(|(at, asked)| {
            let digest = asked.strip_prefix("GET ")?.split_once("/blobs/")?.1;
            (config != digest).then_some((at, digest))
        });
        let mut fetched: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        blobs.for_each(|(at, digest)| fetched.entry(digest).or_default().push(at));
        assert_eq!(fetched.len(), 3, "{answered:#?}");
        assert!(fetched.values().all(|times| times.len() == 1), "{answered:#?}");
        // All had begun when the last layer had come.
        let begun = answered.iter().filter(|asked| asked.contains("GET ") && asked.contains("/manifests/"));
        let last = fetched.values().flatten().max().copied().unwrap_or_default();
        begun.count() == 4 && answered[last..].iter().all(|asked| !asked.contains("/manifests/"))
    });
    assert!(have_met, "they never worked at the same time");
    host.sampan(["system", "check"]).succeeds();
}

#[test]
fn registries_are_reached_through_the_proxies_of_the_environment() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(open) = Registry::start(&host, Guard::Open) else { return };
    let Some(secure) = Registry::start(&host, Guard::Tls) else { return };
    let proxy = Proxy::start(&host);
    let project = host.project("shop", "services: {}\n");
    let settings = format!(
        "{{\"registries\": {{\"{}\": {{\"ca\": [\"{}\"]}}, \"registry.example:5000\": {{\"insecure\": true}}}}}}",
        secure.address(),
        secure.authority().display()
    );
    project.write("registries.json", &settings);
    let with = |variables: &str, command: &str| {
        let all = format!("SAMPAN_REGISTRIES=registries.json {variables}");
        host.script(project.folder(), &format!("{all} $sampan image {command}"))
    };
    let (near, far) = (open.name("web:1"), secure.name("web:1"));
    for name in [&near, &far] {
        host.sampan(["image", "tag", "busybox", name]).succeeds();
    }

    let url = proxy.url();
    let https = format!("HTTPS_PROXY={url}");
    with(&https, &format!("push -q {far}")).succeeds();
    assert!(proxy.asked().iter().all(|target| target == secure.address()));
    with(&https, &format!("pull -q {far}")).succeeds();
    assert!(proxy.asked().contains(&secure.address().to_owned()));
    // Not for those who are named, nor for this very machine.
    with(&format!("{https} NO_PROXY=192.0.2.0/24"), &format!("pull -q {far}")).succeeds();
    with(&format!("{https} HTTP_PROXY={url}"), &format!("push -q {near}")).succeeds();
    assert_eq!(proxy.asked(), [""; 0]);

    // A name that only the proxy knows.
    let name = "registry.example:5000/web:1";
    with("", &format!("pull {name}")).exits(1).says("registry.example");
    with(&format!("{https} HTTP_PROXY={url}"), &format!("pull -q {name}")).succeeds();
    assert!(proxy.asked().contains(&"registry.example:5000".to_owned()));
    with("HTTPS_PROXY=http://127.0.0.1:1", &format!("pull {far}"))
        .exits(1)
        .says("through the proxy http://127.0.0.1:1");
}
