//! Every example is loaded, planned, and as root brought up.

use e2e::{Host, eventually};
use std::path::{Path, PathBuf};

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let entries = std::fs::read_dir(folder).expect("examples/ is there").flatten();
    let files = entries.map(|entry| entry.path().join("compose.yaml"));
    files.filter(|file| file.exists()).collect()
}

#[test]
fn every_example_is_a_valid_stack() {
    let Some(host) = Host::bare() else { return };
    assert!(!examples().is_empty());
    for file in examples() {
        host.sampan(["-f", &file.to_string_lossy(), "config", "-q"]).succeeds();
    }
}

#[test]
fn the_shop_opens_serves_and_closes() {
    let Some(host) = Host::with_busybox() else { return };
    let archive = host.shell(&format!(
        "{}/../examples/busybox-image.sh > /tmp/shop.$$.tar && echo /tmp/shop.$$.tar",
        env!("CARGO_MANIFEST_DIR")
    ));
    let archive = archive.succeeds().stdout.trim().to_owned();
    host.sampan(["image", "import", &archive, "sampan/busybox"]).succeeds();
    std::fs::remove_file(&archive).expect("remove the archive");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shop/compose.yaml");
    let file = file.to_string_lossy().into_owned();
    host.sampan(["-f", &file, "up", "--wait"]).succeeds();
    let answer = eventually("the shop answers", || {
        let answer = host.shell("curl -sS --max-time 3 http://localhost:8080/cgi-bin/index");
        (answer.code == 0 && answer.stdout.contains("silk")).then_some(answer)
    });
    answer.says("Welcome to the shop").says("shop-api-");
    host.sampan(["-f", &file, "down", "-v", "-t", "1"]).succeeds();
    host.is_clean();
}
