//! The store as a whole: what it takes, what of it nobody needs, whether it is sound.

use e2e::Host;

const STACK: &str = "
name: sys
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    volumes: [data:/data]
volumes: {data: }
";

#[test]
fn the_sizes_that_df_tells_add_up_to_what_du_says() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("sys", STACK);
    project.up();
    let fill = "dd if=/dev/zero of=/data/file bs=1k count=300; ln /data/file /data/again; dd if=/dev/zero of=/w bs=1k count=90";
    project.exec("a", fill).succeeds();
    project.sampan(["stop", "-t", "1"]).succeeds();
    let kinds = project.sampan(["system", "df", "--format", "json", "-v"]).succeeds().json();
    let of = |kind: &str| kinds.as_array().unwrap().iter().find(|one| one["type"] == kind).unwrap().clone();
    let sum: u64 = kinds.as_array().unwrap().iter().map(|one| one["size"].as_u64().unwrap()).sum();
    let du = host.shell(&format!("du -s -B1 {}", host.root().display())).succeeds().stdout;
    assert_eq!(sum.to_string(), du.split('\t').next().unwrap(), "{kinds}");
    assert_eq!((&of("Images")["total"], &of("Images")["active"]), (&1.into(), &1.into()));
    assert_eq!(
        (&of("Volumes")["items"][0]["name"], &of("Volumes")["active"]),
        (&"sys_data".into(), &1.into())
    );
    assert!((300 << 10..400 << 10).contains(&of("Volumes")["size"].as_u64().unwrap()), "{kinds}");
    let container = of("Containers");
    assert_eq!((&container["total"], &container["active"]), (&1.into(), &0.into()));
    assert!(container["reclaimable"].as_u64().unwrap() >= 90 << 10, "it does not run: {kinds}");
    project.sampan(["system", "df", "-v"]).succeeds().says("RECLAIMABLE").says("busybox").says("sys.a.1.1");
    project.down();
}
