//! Images come from registries and go there; what others push runs here, what we push they read.

use e2e::{Guard, Host, Registry, may_have};

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

const SHOP: &str = "
name: shop
services:
  web: {image: 'WEB', command: sleep 1000, init: true}
";

#[test]
fn a_stack_is_pulled_and_comes_up_from_a_registry() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(registry) = Registry::start(&host, Guard::Open) else { return };
    let web = registry.name("web:1");
    fill(&host, std::slice::from_ref(&web));
    let project = host.project("shop", &SHOP.replace("WEB", &web));
    project.sampan(["plan"]).succeeds().says(&format!("image {web}"));
    project.sampan(["plan", "--json"]).succeeds().says("pull_image");
    project.sampan(["pull", "--dry-run"]).succeeds().says(&web);
    project.sampan(["pull"]).succeeds().says("pulled");
    host.sampan(["image", "rm", &web]).succeeds();
    project.up().says("pulled");
    project.up().says("up to date").does_not_say("pulled");

    // The tag moves: what runs stays until somebody asks.
    let web_pid = project.pid("shop-web-1");
    let dockerfile = "FROM busybox\nRUN echo new > /new\n";
    project.write("Dockerfile", dockerfile);
    host.script(
        project.folder(),
        &format!(
            "$sampan image build -q -t {web}.new . && $sampan image push {web}.new && \
        skopeo copy -q --src-tls-verify=false --dest-tls-verify=false docker://{web}.new docker://{web}"
        ),
    )
    .succeeds();
    project.up().says("up to date");
    assert_eq!(project.pid("shop-web-1"), web_pid);
    project.sampan(["up", "-d", "--pull", "always"]).succeeds();
    assert_eq!(project.exec("web", "cat /new").succeeds().stdout, "new\n");
    project.down();
}

#[test]
fn a_policy_says_when_the_registry_is_asked() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(registry) = Registry::start(&host, Guard::Open) else { return };
    let web = registry.name("web:1");
    fill(&host, std::slice::from_ref(&web));
    host.sampan(["image", "tag", "busybox", &registry.name("here:1")]).succeeds();
    // What is here is asked for or not; nobody else has it.
    for (policy, asks) in [
        ("always", true),
        ("never", false),
        ("missing", false),
        ("if_not_present", false),
        ("daily", false),
        ("weekly", false),
        ("every_1h", false),
    ] {
        let yaml = format!(
            "name: shop\nservices:\n  web: {{image: '{}', pull_policy: {policy}, command: sleep 1000, init: true}}\n",
            registry.name("here:1")
        );
        let plan = host.project("shop", &yaml).sampan(["plan"]).succeeds();
        assert_eq!(plan.stdout.contains("pull"), asks, "{policy}\n{plan}");
    }
    let yaml = SHOP.replace("WEB", &web).replace("command", "pull_policy: never, command");
    host.project("shop", &yaml).sampan(["up", "-d"]).exits(1).says(&web);
    host.is_clean();
    let project =
        host.project("shop", &yaml.replace("never", "build").replace("command", "build: ., command"));
    project.write("Dockerfile", "FROM busybox\nRUN echo built > /built\n");
    project.up().says("built");
    assert_eq!(project.exec("web", "cat /built").succeeds().stdout, "built\n");
    project.down();
}

#[test]
fn of_many_platforms_the_one_that_is_asked_for_comes() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(registry) = Registry::start(&host, Guard::Open) else { return };
    if !may_have(&["buildah"]) {
        return;
    }
    let name = registry.name("many:1");
    let script = format!(
        "export STORAGE_DRIVER=vfs; b='buildah --root $PWD/b/root --runroot $PWD/b/run'; \
         eval \"b=\\\"$b\\\"\"; $b manifest create many >/dev/null && for arch in amd64 arm64; do \
         c=$($b from scratch) && echo $arch > arch && $b copy -q $c arch /arch >/dev/null && \
         $b config --arch $arch --os linux $c && $b commit -q --manifest many $c >/dev/null || exit 1; done; \
         $b manifest push -q --all --tls-verify=false many docker://{name}; rm -rf b"
    );
    let project = host.project("many", "services: {}\n");
    host.script(project.folder(), &script).succeeds();
    let platform =
        |id: &str| host.sampan(["image", "inspect", id]).succeeds().json()[0]["Architecture"].clone();
    host.sampan(["image", "pull", "-q", &name]).succeeds();
    assert_eq!(platform(&name), "amd64");
    host.sampan(["image", "pull", "-q", "--platform", "linux/arm64", &name]).succeeds();
    assert_eq!(platform(&name), "arm64");
    host.sampan(["image", "pull", "--platform", "linux/s390x", &name]).exits(1).says("linux/s390x");

    // By its digest it is the same image, and a stack can say the platform.
    let seen = host
        .shell(&format!("skopeo inspect --tls-verify=false --raw docker://{name} | sha256sum"))
        .succeeds();
    let digest = seen.stdout.split(' ').next().expect("a digest").to_owned();
    let yaml = format!(
        "name: many\nservices:\n  a: {{image: '{}@sha256:{digest}', platform: linux/amd64}}\n",
        registry.name("many")
    );
    host.project("many", &yaml).sampan(["pull"]).succeeds().says("pulled");
    assert_eq!(platform(&format!("{}@sha256:{digest}", registry.name("many"))), "amd64");
}

#[test]
fn what_cannot_be_pulled_can_be_left() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(registry) = Registry::start(&host, Guard::Open) else { return };
    let (web, absent, own) = (registry.name("web:1"), registry.name("absent:1"), registry.name("own:1"));
    fill(&host, std::slice::from_ref(&web));
    let yaml = format!(
        "name: shop\nservices:\n  web: {{image: '{web}', depends_on: [gone]}}\n  gone: {{image: '{absent}'}}\n  \
         own: {{image: '{own}', build: .}}\n"
    );
    let project = host.project("shop", &yaml);
    project.sampan(["pull", "web"]).succeeds().says(&web).does_not_say(&absent);
    project.sampan(["pull", "--include-deps", "web"]).exits(1).says(&absent);
    project.sampan(["pull", "--ignore-buildable"]).exits(1).says(&absent).does_not_say(&own);
    project.sampan(["pull", "--ignore-pull-failures"]).succeeds().says(&own);
    let quiet = project.sampan(["pull", "-q", "web"]).succeeds();
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
}

#[test]
fn the_registries_file_names_mirrors_and_whom_to_trust() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(open) = Registry::start(&host, Guard::Open) else { return };
    let Some(secure) = Registry::start(&host, Guard::Tls) else { return };
    fill(&host, &[open.name("library/web:1")]);
    let project = host.project("shop", "services: {}\n");
    let with = |settings: &str, command: &str| {
        project.write("registries.json", &format!("{{\"registries\": {{{settings}}}}}"));
        host.script(project.folder(), &format!("SAMPAN_REGISTRIES=registries.json $sampan {command}"))
    };
    let mirror = format!("\"docker.io\": {{\"mirrors\": [\"http://127.0.0.1:1\", \"{}\"]}}", open.address());
    with(&mirror, "image pull web:1").succeeds();
    host.sampan(["image", "inspect", "docker.io/library/web:1"]).succeeds();

    let name = secure.name("web:1");
    host.sampan(["image", "tag", "busybox", &name]).succeeds();
    with("", &format!("image push {name}")).exits(1).says("secure connection").says("`ca`");
    let trusted = format!("\"{}\": {{\"ca\": [\"{}\"]}}", secure.address(), secure.authority().display());
    with(&trusted, &format!("image push {name}")).succeeds();
    with("\"192.0.2.0/24\": {\"insecure\": true}", &format!("image pull {name}")).succeeds();
    with(&trusted, &format!("image pull {name}")).succeeds();
}

#[test]
fn a_registry_with_a_password_is_used_by_whoever_logged_in() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(registry) = Registry::start(&host, Guard::Password) else { return };
    let name = registry.name("web:1");
    let project = host.project("shop", &SHOP.replace("WEB", &name));
    let run = |command: &str| {
        host.script(project.folder(), &format!("export DOCKER_CONFIG=$PWD/docker; $sampan {command}"))
    };
    run(&format!("image tag busybox {name}")).succeeds();
    run(&format!("image push {name}")).exits(1).says(&format!("sampan login {}", registry.address()));
    run(&format!("login -u me -p secret {}", registry.address())).succeeds();
    run(&format!("image push {name}")).succeeds();
    run(&format!("image rm {name}")).succeeds();
    run("up -d").succeeds().says("pulled");
    run("down -t 1").succeeds();
    run(&format!("image rm {name}")).succeeds();
    run(&format!("logout {}", registry.address())).succeeds();
    run("up -d").exits(1).says("login");
    host.is_clean();
}

#[test]
fn others_read_what_we_push_and_save_and_we_run_what_they_make() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(registry) = Registry::start(&host, Guard::Open) else { return };
    if !may_have(&["podman", "buildah"]) {
        return;
    }
    let (ours, theirs) = (registry.name("ours:1"), registry.name("theirs:1"));
    let project = host.project("shop", &SHOP.replace("WEB", &theirs));
    project.write("Dockerfile", "FROM busybox\nRUN echo made > /made\nCMD [\"cat\", \"/made\"]\n");
    host.script(project.folder(), &format!(
        "$sampan image build -q -t {ours} . && $sampan image push {ours} && $sampan image save -o d.tar {ours} && \
         $sampan image save --format oci -o o.tar {ours}"
    )).succeeds();
    // skopeo checks every digest on the way; podman reads both archives.
    let podman = "podman --root $PWD/p/root --runroot $PWD/p/run --storage-driver vfs";
    host.script(project.folder(), &format!(
        "skopeo copy -q --src-tls-verify=false docker://{ours} dir:copy && skopeo copy -q oci-archive:o.tar dir:o && \
         skopeo copy -q docker-archive:d.tar dir:d && {podman} pull -q --tls-verify=false {ours} && \
         {podman} rmi -f {ours} && {podman} load -q -i d.tar && {podman} load -q -i o.tar && \
         {podman} image inspect {ours}"
    )).succeeds().says("made");

    // An image of buildah's, from ours, zstd and gzip.
    host.script(project.folder(), &format!(
        "export STORAGE_DRIVER=vfs; b=\"buildah --root $PWD/p/root --runroot $PWD/p/run\"; \
         c=$($b from --tls-verify=false {ours}) && echo more > more && $b copy -q $c more /more >/dev/null && \
         $b commit -q $c theirs && \
         $b push -q --tls-verify=false --compression-format zstd theirs docker://{theirs} && $b rm -a >/dev/null && \
         skopeo copy -q --src-tls-verify=false --dest-tls-verify=false --format v2s2 \
         docker://{ours} docker://{theirs}.docker && rm -rf p"
    )).succeeds();
    project.up().says("pulled");
    assert_eq!(project.exec("web", "cat /more /made").succeeds().stdout, "more\nmade\n");
    host.sampan(["image", "pull", "-q", &format!("{theirs}.docker")]).succeeds();
    project.down();
}

#[test]
fn archives_of_others_are_loaded_and_run() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(registry) = Registry::start(&host, Guard::Open) else { return };
    if !may_have(&["podman"]) {
        return;
    }
    let name = registry.name("web:1");
    let project = host.project("shop", &SHOP.replace("WEB", &name));
    project.write("Dockerfile", "FROM busybox\nRUN echo made > /made\nRUN rm /bin/wget && ln /made /again\n");
    project.sampan(["image", "build", "-q", "-t", &name, "."]).succeeds();
    project.sampan(["image", "push", "-q", &name]).succeeds();
    let id = host.sampan(["image", "inspect", &name]).succeeds().json()[0]["Id"].clone();
    let make = format!(
        "p=\"podman --root $PWD/p/root --runroot $PWD/p/run --storage-driver vfs\"; \
         $p pull -q --tls-verify=false {name} && $p save -q -o podman.tar {name} && \
         $p save -q --format oci-archive -o podman-oci.tar {name} && \
         skopeo copy -q --src-tls-verify=false docker://{name} docker-archive:skopeo.tar:{name} && \
         skopeo copy -q --src-tls-verify=false docker://{name} oci-archive:skopeo-oci.tar:{name} && \
         gzip -k podman.tar; rm -rf p; ls *.tar *.gz"
    );
    host.script(project.folder(), &make).succeeds();
    for archive in ["podman.tar", "podman.tar.gz", "podman-oci.tar", "skopeo.tar", "skopeo-oci.tar"] {
        host.sampan(["system", "prune", "-af"]).succeeds();
        project.sampan(["image", "load", "-i", archive]).succeeds().says(&name);
        assert_eq!(host.sampan(["image", "inspect", &name]).succeeds().json()[0]["Id"], id, "{archive}");
        project.sampan(["up", "-d", "--pull", "never"]).succeeds();
        let look = "cat /made /again; test ! -e /bin/wget";
        assert_eq!(project.exec("web", look).succeeds().stdout, "made\nmade\n", "{archive}");
        project.down();
    }
}
