//! Images come from archives, are shared, and go when nobody needs them.

use e2e::Host;

#[test]
fn an_image_in_use_is_not_removed() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: img
services:
  a: {image: busybox, command: sleep 1000, init: true}
";
    let project = host.project("img", yaml);
    project.up();
    project.sampan(["image", "rm", "busybox"]).exits(1).says("img-a-1");
    project.down();
    project.sampan(["image", "rm", "busybox"]).succeeds();
    project.sampan(["image", "ls"]).succeeds().does_not_say("busybox");
    let layers = std::fs::read_dir(host.root().join("images/layers")).map(Iterator::count);
    assert_eq!(layers.unwrap_or(0), 0, "its layers are gone");
}

#[test]
fn without_its_image_nothing_is_made() {
    let Some(host) = Host::bare() else { return };
    let yaml = "
name: img
services:
  a: {image: '127.0.0.1:1/no/such:1', command: sleep 1000}
";
    let project = host.project("img", yaml);
    project.sampan(["up", "-d"]).exits(1).says("no/such:1").says("connect to 127.0.0.1:1");
    host.is_clean();
}

#[test]
fn inspect_shows_what_import_was_told() {
    let Some(host) = Host::with_busybox() else { return };
    let image = host.sampan(["image", "inspect", "busybox"]).succeeds().json();
    let text = image.to_string();
    assert!(text.contains("sha256:") && text.contains("busybox"), "{text}");
    host.sampan(["image", "ls"]).succeeds().says("busybox").says("latest");
}

#[test]
fn what_is_not_an_archive_is_refused() {
    let Some(host) = Host::bare() else { return };
    let project = host.project("bad", "services: {}\n");
    project.write("junk.tar", "this is no archive, it only has the name of one");
    project.sampan(["image", "load", "-i", "junk.tar"]).exits(1).says("junk.tar");
    for verb in [&["image", "load", "-i", "missing.tar"][..], &["image", "import", "missing.tar", "x"]] {
        project.sampan(verb.iter().copied()).exits(14).says("missing.tar").says("no such file");
    }
    project.sampan(["image", "ls"]).succeeds();
}

#[test]
fn an_image_for_another_platform_is_not_saved_in_place_of_the_one_wanted() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("img", "services: {}\n");
    let platform = host.sampan(["image", "inspect", "busybox"]).succeeds().json();
    let platform = platform.get(0).unwrap_or(&platform)["Architecture"].as_str().unwrap().to_owned();
    let save =
        |platform: &str| project.sampan(["image", "save", "-o", "a.tar", "--platform", platform, "busybox"]);
    save("linux/s390x").exits(1).says("not for linux/s390x");
    assert!(!project.folder().join("a.tar").exists());
    save(&format!("linux/{platform}")).succeeds();
    host.sampan(["image", "load", "-i", &project.folder().join("a.tar").to_string_lossy()])
        .succeeds()
        .says("busybox");
}

#[test]
fn pruning_takes_only_what_the_filters_fit() {
    let Some(host) = Host::with_busybox() else { return };
    let archive = e2e::busybox_archive().to_string_lossy();
    for (name, label) in
        [("kept:1", "LABEL keep=yes"), ("tried:1", "LABEL stage=test"), ("used:1", "LABEL a=b")]
    {
        host.sampan(["image", "import", "-c", label, &archive, name]).succeeds();
    }
    let project = host.project("img", "name: img\nservices:\n  a: {image: 'used:1', command: 'true'}\n");
    project.sampan(["create"]).succeeds();
    let prune = |filters: &[&str]| {
        let filters = filters.iter().flat_map(|filter| ["--filter", filter]);
        host.sampan(["image", "prune", "-af"].into_iter().chain(filters)).succeeds();
        let list = host.sampan(["image", "ls"]).succeeds().stdout;
        ["busybox", "kept", "tried", "used"].map(|name| list.contains(name))
    };
    assert_eq!(prune(&["until=1h"]), [true; 4]);
    assert_eq!(prune(&["label=stage=other"]), [true; 4]);
    assert_eq!(prune(&["label=stage=test"]), [true, true, false, true]);
    assert_eq!(prune(&["label!=keep", "until=2099-01-01"]), [false, true, false, true]);
    assert_eq!(prune(&[]), [false, false, false, true]);
    project.down();
}
