//! A name that was chosen for a container is what everybody calls it, and nobody else has it.

use e2e::Host;

const NAMED: &str = "
name: shop
services:
  web:
    image: busybox
    container_name: site
    command: sh -c 'echo hello; exec sleep 1000'
    init: true
  other:
    image: busybox
    command: sleep 1000
    init: true
";

#[test]
fn a_container_is_called_as_the_file_says() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", NAMED);
    project.up().says("site").does_not_say("shop-web-1");
    project.sampan(["ps"]).succeeds().says("site").says("shop-other-1");
    project.sampan(["logs", "web"]).succeeds().says("site | hello");
    project.exec("other", "nslookup site && ! nslookup shop-web-1").succeeds();
    project.exec("other", "ping -c 1 site").succeeds();
    project.sampan(["container", "diff", "site"]).succeeds();
    project.sampan(["container", "diff", "shop-web-1"]).exits(1).says("no container `shop-web-1`");
    project.sampan(["up", "-d", "--scale", "web=2"]).exits(1).says("2 containers cannot have one name");
    project.down();
}

#[test]
fn another_name_is_given_while_it_runs() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", NAMED);
    project.up();
    let pid = project.pid("site");
    project.edit("container_name: site", "container_name: front");
    project.sampan(["plan"]).exits(0).says("container_name: site → front").says("1 to update");
    project.up().says("front");
    assert_eq!(project.pid("front"), pid);
    project.exec("other", "nslookup front && ! nslookup site").succeeds();

    project.sampan(["rename", "front", "back"]).succeeds();
    assert_eq!(project.pid("back"), pid);
    project.exec("other", "nslookup back && ! nslookup front").succeeds();
    project.sampan(["rename", "back", "shop-other-1"]).exits(1).says("shop.other.1.1");
    project.sampan(["rename", "back", "../x"]).exits(1).says("is not a name for a container");
    project.sampan(["rename", "nobody", "x1"]).exits(1).says("no container `nobody`");
    project.sampan(["plan"]).says("container_name: back → front");
    project.up();
    assert_eq!(project.pid("front"), pid);
    project.down();
}

#[test]
fn a_name_belongs_to_one_container_of_the_machine() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", NAMED);
    project.up();
    let blog = host.project("blog", &NAMED.replace("name: shop", "name: blog"));
    blog.sampan(["up", "-d"])
        .exits(1)
        .says("the name site belongs to container shop.web.1.1 of stack shop")
        .says("sampan rename site");
    // What an interrupted command left behind holds no name.
    project.sampan(["down", "-t", "1"]).succeeds();
    std::fs::write(host.root().join("names/site"), "shop.web.1.1").unwrap();
    blog.sampan(["up", "-d"]).succeeds().says("site");
    blog.down();
}
