//! Images are built, by themselves and as part of a stack.

use e2e::{Guard, Host, Output, Project, Registry};
use std::process::Stdio;

const DOCKERFILE: &str = "FROM busybox AS base\nARG WORD=none\nCOPY text /text\n\
                          RUN echo $WORD > /word\nFROM base\nCMD [\"cat\", \"/text\", \"/word\"]\n";

/// Runs `sampan image build` with a Dockerfile on standard input.
fn piped(host: &Host, project: &Project, args: &[&str], text: &[u8]) -> Output {
    project.write("piped", "");
    std::fs::write(project.folder().join("piped"), text).expect("write what is piped");
    host.script(project.folder(), &format!("$sampan image build {} < piped", args.join(" ")))
}

#[test]
fn an_image_is_built_without_a_stack() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("app", "services: {a: {image: app}}\n");
    project.write("src/Dockerfile", DOCKERFILE);
    project.write("src/text", "one\n");
    let build = ["image", "build", "-t", "app", "-t", "app:2", "--label", "who=me", "--iidfile", "id", "src"];
    let built = project.sampan(build).succeeds().says("app").says("RUN echo");
    let id = built.stdout.trim().to_owned();
    assert_eq!(std::fs::read_to_string(project.folder().join("id")).expect("read the id"), id);
    let image = &host.sampan(["image", "inspect", "app:2"]).succeeds().json()[0];
    assert_eq!((&image["Id"], &image["Config"]["Labels"]["who"]), (&id.clone().into(), &"me".into()));

    // Again, from elsewhere: the same image, from the cache, and nothing but its id is said.
    let quiet =
        host.sampan_in(&project.folder().join("src"), ["image", "build", "-q", "--label", "who=me", "."]);
    assert_eq!((quiet.stdout.trim(), quiet.stderr.as_str()), (id.as_str(), ""));
    let other = project.sampan(["image", "build", "-q", "--build-arg", "WORD=x", "src"]).succeeds();
    assert_ne!(other.stdout.trim(), id);
    let base = project.sampan(["image", "build", "-q", "--target", "base", "-f", "src/Dockerfile", "src"]);
    assert_ne!(base.succeeds().stdout.trim(), id);
}

#[test]
fn a_dockerfile_can_be_piped_in() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("app", "services: {}\n");
    project.write("text", "one\n");
    let empty = piped(&host, &project, &["-q", "-"], b"FROM busybox\nRUN echo a > /a\n");
    assert!(empty.succeeds().stdout.starts_with("sha256:"));
    piped(&host, &project, &["-q", "-f", "-", "."], DOCKERFILE.as_bytes()).succeeds();
    piped(&host, &project, &["-"], DOCKERFILE.as_bytes()).exits(1).says("COPY text /text");
    piped(&host, &project, &["-"], b"\x1f\x8b\x08").exits(1);
    piped(&host, &project, &["-f", "other", "-"], DOCKERFILE.as_bytes())
        .exits(2)
        .says("leave one of them out");
    project.sampan(["image", "build", "no/such"]).exits(14).says("no/such");
    project.sampan(["image", "build", "--platform", "linux/s390x", "."]).exits(1).says("linux/s390x");
}

#[test]
fn secrets_reach_a_step_and_not_the_image() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("app", "services: {}\n");
    project.write(
        "Dockerfile",
        "FROM busybox\nRUN --mount=type=secret,id=key wc -c < /run/secrets/key > /size\n",
    );
    project.write("key", "twelve bytes");
    let secret = ["image", "build", "-t", "app", "--secret", "id=key,src=key", "."];
    project.sampan(secret).succeeds();
    host.script(project.folder(), "KEY=twelve $sampan image build --no-cache --secret id=key,env=KEY .")
        .succeeds();
    project.sampan(["image", "build", "--no-cache", "--secret", "key", "."]).exits(2).says("is not a secret");
    let saved = host.script(
        project.folder(),
        "$sampan image save -o app.tar app && tar xf app.tar && grep -r 'twelve bytes' blobs",
    );
    assert_eq!(saved.stdout, "", "the secret is in the image");
}

#[test]
fn a_stack_is_built_and_rebuilt_only_when_it_is_asked_for() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: shop
services:
  web: {build: ., command: sleep 1000, init: true}
  db: {image: busybox, command: sleep 1000, init: true}
";
    let project = host.project("shop", yaml);
    project.write("Dockerfile", "FROM busybox\nCOPY text /text\n");
    project.write("text", "one\n");
    project.sampan(["plan"]).succeeds().says("shop-web");
    project.up();
    assert_eq!(project.exec("web", "cat /text").succeeds().stdout, "one\n");
    project.up().says("up to date");

    project.write("text", "two\n");
    let (web, db) = (project.pid("shop-web-1"), project.pid("shop-db-1"));
    project.up().says("up to date");
    assert_eq!(project.pid("shop-web-1"), web, "what runs is left alone");
    project.sampan(["up", "-d", "--build"]).succeeds();
    assert_eq!(project.exec("web", "cat /text").succeeds().stdout, "two\n");
    assert_ne!(project.pid("shop-web-1"), web);
    assert_eq!(project.pid("shop-db-1"), db, "only what was rebuilt is replaced");
    let web = project.pid("shop-web-1");
    project.sampan(["up", "-d", "--build"]).succeeds();
    assert_eq!(project.pid("shop-web-1"), web, "the same image replaces nothing");

    project.write("Dockerfile", "FROM busybox\nCOPY text /text\nRUN exit 3\n");
    project.sampan(["up", "-d", "--build"]).exits(1).says("Dockerfile:3").says("RUN exit 3");
    assert_eq!(project.pid("shop-web-1"), web, "a build that fails leaves what runs alone");
    project.down();
}

#[test]
fn a_build_that_is_interrupted_ends_at_once_and_leaves_nothing() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("app", "services: {}\n");
    project.write("Dockerfile", "FROM busybox\nRUN echo it-runs; sleep 1000\n");
    let mut command = host.sampan_command(project.folder());
    command.args(["image", "build", "-t", "app", "."]).stderr(Stdio::piped()).stdout(Stdio::null());
    let mut build = command.spawn().expect("start sampan");
    let mut lines =
        std::io::BufRead::lines(std::io::BufReader::new(build.stderr.take().expect("it is piped")));
    assert!(lines.any(|line| line.is_ok_and(|line| line.contains("│ it-runs"))), "the step runs");
    let pid =
        host.processes().into_iter().find(|(_, line)| line.contains("image build")).expect("sampan runs").0;
    host.shell(&format!("kill -INT {pid}")).succeeds();
    lines.for_each(drop);
    assert_eq!(build.wait().expect("wait for sampan").code(), Some(130));
    host.is_clean();
    host.sampan(["image", "inspect", "app"]).exits(1);
}

/// Whatever runs again gives another image.
const RANDOM: &str = "FROM busybox AS made\nCOPY text /text\nRUN cat /proc/sys/kernel/random/uuid > /made\n\
                      FROM busybox\nCOPY --from=made /made /copied\n\
                      RUN cat /proc/sys/kernel/random/uuid > /own\n";

/// Another machine, as far as images and builds go, with the image `busybox`.
const ELSEWHERE: &str = "here=$sampan
    elsewhere() { at=$PWD/$1; shift; SAMPAN_ROOT=$at/root SAMPAN_RUNTIME=$at/run $here \"$@\"; }
    machine() { mkdir $1 && $here image save busybox | elsewhere $1 image load > /dev/null; }\n";

#[test]
fn what_one_machine_built_another_takes_from_a_registry() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(registry) = Registry::start(&host, Guard::Open) else { return };
    let project = host.project("app", "services: {}\n");
    project.write("Dockerfile", RANDOM);
    project.write("text", "one\n");
    let run = |script: &str| host.script(project.folder(), &format!("{ELSEWHERE}{script}"));
    let cache = registry.name("app:cache");

    let all = format!("type=registry,ref={cache},mode=max");
    let built = project.sampan(["image", "build", "-q", "--cache-to", &all, "."]).succeeds();
    assert_eq!(built.stderr, "");
    let taken =
        run(&format!("machine one && elsewhere one image build --cache-from type=registry,ref={cache} ."));
    let taken = taken.succeeds().says("RUN cat /proc/sys/kernel/random/uuid > /own cached");
    let taken = taken.does_not_say("warning");
    assert_eq!(taken.stdout, built.stdout, "nothing ran again, or the image would be another one");
    let again = project.sampan(["image", "build", "-q", "--cache-to", &all, "."]).succeeds();
    assert_eq!((again.stdout.as_str(), again.stderr.as_str()), (built.stdout.as_str(), ""));

    // In an image there are the steps of its own stage.
    let web = registry.name("app:web");
    let inline = ["image", "build", "-q", "--no-cache", "--cache-to", "type=inline", "-t", &web, "--target"];
    project.sampan(inline.into_iter().chain(["made", "."])).succeeds();
    project.sampan(["image", "push", "-q", &web]).succeeds();
    let taken = run(&format!("machine two && elsewhere two image build --target made --cache-from {web} ."));
    taken.succeeds().says("RUN cat /proc/sys/kernel/random/uuid > /made cached");

    // What is no cache, is not there or cannot be reached is told, and fails nothing.
    project.sampan(["image", "tag", "busybox", &registry.name("plain")]).succeeds();
    project.sampan(["image", "push", "-q", &registry.name("plain")]).succeeds();
    for (from, why) in [
        (registry.name("plain"), "it is an image without a cache in it"),
        (registry.name("no/such"), "404"),
        ("127.0.0.1:1/web".to_owned(), "refused"),
    ] {
        project.write("text", &from);
        let build = ["image", "build", "--cache-from", &from, "."];
        project.sampan(build).succeeds().says("is not used").says(why);
    }
}

#[test]
fn an_archive_of_files_can_be_piped_in() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("app", "services: {}\n");
    project.write("in/Dockerfile", DOCKERFILE);
    project.write("in/other", "FROM busybox\nCOPY text /\n");
    project.write("in/text", "one\n");
    let from_folder = project.sampan(["image", "build", "-q", "in"]).succeeds().stdout;
    for pack in ["tar c", "tar cz", "tar cJ", "tar c --zstd"] {
        let run = format!("{pack} -C in . | $sampan image build -q -");
        assert_eq!(host.script(project.folder(), &run).succeeds().stdout, from_folder, "{pack}");
    }
    let other = host.script(project.folder(), "tar c -C in . | $sampan image build -q -f other -t other -");
    assert_eq!(other.succeeds().stderr, "");
    assert_eq!(host.shell("ls -d /tmp/sampan-context-*").stdout, "", "the archive is gone");
}

#[test]
fn builds_are_looked_at_and_printed_without_building() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: shop
services:
  web:
    build: {context: ., args: {A: '1'}, cache_to: ['type=local,dest=cache'], provenance: false}
";
    let project = host.project("shop", yaml);
    project.write("Dockerfile", "FROM busybox\nARG A\nRUN echo $A\n");
    let told = project.sampan(["build", "--print", "--push", "--no-cache"]).succeeds().json();
    assert_eq!(told["group"]["default"]["targets"], serde_json::json!(["web"]));
    let web = &told["target"]["web"];
    let folder = project.folder().display().to_string();
    assert_eq!((&web["context"], &web["args"]["A"]), (&folder.into(), &"1".into()));
    assert_eq!((&web["output"][0], &web["no-cache"]), (&"type=registry".into(), &true.into()));
    assert_eq!(web["cache-to"][0], "type=local,dest=cache");

    project.sampan(["build", "--check"]).succeeds().says("shop-web: no mistakes found");
    project.write("Dockerfile", "FROM busybox\nRUM echo $A\n");
    project.sampan(["build", "--check"]).exits(1).says("Dockerfile:2").says("RUN");
    project.sampan(["image", "build", "--check", "."]).exits(1).says("Dockerfile:2");
    host.sampan(["image", "inspect", "shop-web"]).exits(1);

    project.write("Dockerfile", "FROM busybox\nRUN head -c 40m /dev/zero | tail -c 40m > /dev/null\n");
    project.sampan(["build", "--memory", "16m"]).exits(1).says("memory");
    project.sampan(["build", "--memory", "1k"]).exits(2).says("6 MiB");
    let told =
        project.sampan(["build", "--memory", "256m", "--builder", "x", "--sbom", "--provenance=false"]);
    let told = told.succeeds().says("--builder has no effect").says("--sbom has no effect");
    told.does_not_say("--provenance");
}

#[test]
fn a_step_reaches_the_containers_of_its_network() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: shop
services:
  web: {image: busybox, command: sh -c 'echo here > index.html; httpd -f -p 80', init: true, networks: [back]}
  app: {build: {context: ., network: back}, profiles: [later]}
networks: {back: {}}
";
    let project = host.project("shop", yaml);
    project.write("Dockerfile", "FROM busybox\nRUN wget -q -O /got http://web/index.html && cat /got\n");
    project.sampan(["build", "app"]).exits(1).says("the network `shop_back`, which does not exist");
    project.up();
    project.sampan(["build", "app"]).succeeds().says("here");
    let named = ["image", "build", "--no-cache", "--network", "shop_back", "."];
    project.sampan(named).succeeds().says("here");
    project.down();
}

#[test]
fn contexts_of_a_build_are_stages_services_and_folders() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: shop
services:
  tools: {build: {context: ., dockerfile_inline: \"FROM busybox\\nRUN echo of-a-service > /s\\n\"}}
  app: {build: {context: ., additional_contexts: {chosen: 'target:base', other: 'service:tools', more: more}}}
";
    let project = host.project("shop", yaml);
    let text = "FROM busybox AS base\nRUN echo of-a-stage > /t\nFROM chosen\n\
                COPY --from=other /s /s\nCOPY --from=more f /f\nRUN cat /s /t /f\n";
    project.write("Dockerfile", text);
    project.write("more/f", "of-a-folder\n");
    let built = project.sampan(["build", "app", "--with-dependencies"]).succeeds();
    built.says("│ of-a-service").says("│ of-a-stage").says("│ of-a-folder");
}
