//! Images come from registries and go there; what others push runs here, what we push they read.

use e2e::{Guard, Host, Registry};

/// Gives the busybox image these names, pushes them and forgets them.
fn fill(host: &Host, names: &[String]) {
    for name in names {
        host.sampan(["image", "tag", "busybox", name]).succeeds();
        host.sampan(["image", "push", "-q", name]).succeeds();
        host.sampan(["image", "rm", name]).succeeds();
    }
}

#[test]
fn what_is_pushed_is_found_and_pulled_again() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(registry) = Registry::start(&host, Guard::Open) else { return };
    let name = registry.name("team/web:1");
    host.sampan(["image", "tag", "busybox", &name]).succeeds();
    let pushed = host.sampan(["image", "push", &name]).succeeds();
    assert_eq!(pushed.stdout, format!("{name}\n"));
    let seen = host.shell(&format!("skopeo inspect --tls-verify=false docker://{name}")).succeeds().json();
    let id = |name: &str| host.sampan(["image", "inspect", name]).succeeds().json()[0]["Id"].clone();
    let (digest, before) = (seen["Digest"].as_str().expect("a digest").to_owned(), id(&name));

    host.sampan(["image", "search", &registry.name("we")]).succeeds().says(&registry.name("team/web"));
    for busybox in ["busybox", name.as_str()] {
        host.sampan(["image", "rm", busybox]).succeeds();
    }
    assert_eq!(host.sampan(["image", "ls", "-q"]).succeeds().stdout, "");
    let by_digest = format!("{}@{digest}", registry.name("team/web"));
    for wanted in [&name, &by_digest] {
        let pulled = host.sampan(["image", "pull", "-q", wanted]).succeeds();
        assert_eq!((pulled.stdout, pulled.stderr), (format!("{wanted}\n"), String::new()));
        assert_eq!(id(wanted), before);
    }
}

#[test]
fn all_tags_go_and_come_together() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(registry) = Registry::start(&host, Guard::Open) else { return };
    let repository = registry.name("web");
    for tag in ["1", "2", "latest"] {
        host.sampan(["image", "tag", "busybox", &format!("{repository}:{tag}")]).succeeds();
    }
    host.sampan(["image", "push", "--all-tags", &repository]).succeeds();
    for tag in ["1", "2", "latest"] {
        host.sampan(["image", "rm", &format!("{repository}:{tag}")]).succeeds();
    }
    host.sampan(["image", "push", "--all-tags", &repository]).exits(1).says("no image of");
    let pulled = host.sampan(["image", "pull", "--all-tags", &repository]).succeeds();
    assert_eq!(pulled.stdout, format!("{repository}:1\n{repository}:2\n{repository}:latest\n"));
    host.sampan(["image", "ls"]).succeeds().says(&format!("{repository}:2"));
    host.sampan(["image", "pull", "-a", &format!("{repository}:1")]).exits(2).says("names one image");
}

#[test]
fn what_cannot_be_pulled_is_told_with_host_reason_and_remedy() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(registry) = Registry::start(&host, Guard::Open) else { return };
    let image = |name: &str| host.sampan(["image", "pull", name]).exits(1);
    image(&registry.name("no/such:1")).says("no/such:1").says("404");
    image("127.0.0.1:1/web:1").says("connect to 127.0.0.1:1").says("refused").says("hint:");
    image("nowhere.invalid/web:1").says("nowhere.invalid").says("hint:");
    host.sampan(["image", "push", &registry.name("absent:1")]).exits(1).says("absent:1").says("image tag");
    fill(&host, &[registry.name("web:1")]);
    let arm = ["image", "pull", "--platform", "linux/arm64", &registry.name("web:1")];
    host.sampan(arm).exits(1).says("linux/arm64").says("linux/amd64");
    host.sampan(["image", "pull", "--platform", "a/b/c/d", "web"]).exits(2);
}
