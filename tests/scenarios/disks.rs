//! Disks that are full or read-only.

use e2e::{Guard, Host, Project, Registry, eventually};

const YAML: &str = "
name: disk
services:
  a: {image: busybox, command: sleep 1000, init: true, volumes: ['data:/data']}
  b: {image: busybox, command: sleep 1000, init: true}
volumes: {data: {}}
";

/// A host whose durable folder is a small disk of its own.
fn host() -> Option<Host> {
    let host = Host::bare()?;
    shrink(&host);
    Some(host)
}

/// Puts a small disk over the durable folder.
fn shrink(host: &Host) {
    let root = host.root().display().to_string();
    host.shell(&format!("mkdir -p {root} && mount -t tmpfs -o size=8m disk {root}")).succeeds();
}

/// Takes the disk away when nothing is on it but images.
fn ends(host: &Host) {
    assert_eq!(what_is_left(host), "");
    host.shell(&format!("umount {}", host.root().display())).succeeds();
    host.is_clean();
}

/// What there is on the disk beside images and what happened.
fn what_is_left(host: &Host) -> String {
    let find = "find . -mindepth 2 -not -path './images*' -not -path './skeleton*' -not -path './events*'";
    host.shell(&format!("cd {} && {find}", host.root().display())).succeeds().stdout
}

/// Leaves room for so many pages and so many files.
fn leave(host: &Host, pages: u32, files: u32) {
    let script = format!(
        "cd {} && rm -f filler && mount -o remount,nr_inodes=100000 . &&
         free=$(($(df -k --output=avail . | tail -1) / 4 - {pages})) &&
         dd if=/dev/zero of=filler bs=4k count=$free 2>&1 &&
         mount -o remount,nr_inodes=$(($(df --output=iused . | tail -1) + {files})) .",
        host.root().display()
    );
    host.shell(&script).succeeds();
}

/// `up` does all or says what is missing; then everything of it can be taken away.
fn up_and_down(host: &Host, project: &Project<'_>) -> bool {
    let up = project.sampan(["up", "-d"]);
    if up.code != 0 {
        let told = up.clone().exits(1).says("no space left on device").says("df -i");
        assert!(!told.stderr.contains("panicked"), "{told}");
    }
    project.sampan(["ps", "-a"]).succeeds();
    project.sampan(["down", "-v", "-t", "0"]).succeeds();
    assert_eq!(what_is_left(host), "", "after {up}");
    up.code == 0
}

#[test]
fn however_little_room_there_is_up_says_so_and_down_gives_all_of_it_back() {
    let Some(host) = host() else { return };
    host.import_busybox();
    let project = host.project("disk", YAML);
    let by_pages: Vec<bool> = (0..9)
        .map(|pages| {
            leave(&host, pages, 1000);
            up_and_down(&host, &project)
        })
        .collect();
    let by_files: Vec<bool> = (0..40)
        .step_by(2)
        .map(|files| {
            leave(&host, 1000, files);
            up_and_down(&host, &project)
        })
        .collect();
    for done in [by_pages, by_files] {
        assert!(!done[0] && done[done.len() - 1], "from no room to enough: {done:?}");
    }
    ends(&host);
}

#[test]
fn an_image_that_does_not_fit_leaves_nothing_and_one_can_be_removed_from_a_full_disk() {
    let Some(host) = host() else { return };
    let files = format!("cd {}/images && find . -type f", host.root().display());
    host.sampan(["image", "ls"]).succeeds();
    leave(&host, 100, 1000);
    let archive = e2e::busybox_archive().to_string_lossy();
    let failed = host.sampan(["image", "import", &archive, "busybox"]).exits(1);
    failed.says("no space left on device").says("df -i");
    assert_eq!(host.shell(&files).succeeds().stdout, "");
    leave(&host, 1500, 1000);
    host.import_busybox();
    leave(&host, 0, 0);
    host.sampan(["image", "rm", "busybox"]).succeeds();
    assert_eq!(host.shell(&files).succeeds().stdout.trim(), "./index.json");
    host.sampan(["image", "ls"]).succeeds().does_not_say("busybox");
    leave(&host, 1500, 1000);
    host.import_busybox();
    ends(&host);
}

/// Numbers of the folders of the layers that are there: one that was made anew has another.
fn layers(host: &Host) -> Vec<String> {
    let list = host.shell(&format!("ls -i {}/images/layers", host.root().display())).stdout;
    // Numbers are padded to the width of the largest.
    list.lines().map(|line| line.trim_start().to_owned()).collect()
}

#[test]
fn what_did_not_fit_goes_on_when_there_is_room() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(registry) = Registry::start(&host, Guard::Open) else { return };
    let image = registry.name("web:1");
    let project = host.project("disk", &YAML.replace("busybox", &format!("'{image}'")));
    let random = |size: u32| format!("RUN head -c {size} /dev/urandom > /{size}\n");
    project.write("Dockerfile", &format!("FROM busybox\n{}{}", random(1_500_000), random(4000)));
    project.sampan(["image", "build", "-q", "-t", &image, "."]).succeeds();
    project.sampan(["image", "push", "-q", &image]).succeeds();
    project.sampan(["image", "save", "-o", "web.tar", &image]).succeeds();
    shrink(&host);
    for verb in [["image", "pull", "-q", &image], ["image", "load", "-i", "web.tar"]] {
        // An archive is read in its order: its largest layers come first.
        let (mut failed, mut went_on) = (0, verb[1] == "load");
        for pages in (0..2000).step_by(75) {
            leave(&host, pages, 1000);
            let before = layers(&host);
            let come = project.sampan(verb);
            let after = layers(&host);
            let left = host.shell(&format!("cd {} && find images/tmp -mindepth 1", host.root().display()));
            assert_eq!(left.stdout, "", "after {come}");
            host.sampan(["system", "check"]).succeeds();
            assert!(before.iter().all(|layer| after.contains(layer)), "{before:?} to {after:?}");
            went_on |= !before.is_empty();
            if come.code == 0 {
                break;
            }
            come.exits(1).says("no space left on device").says("df -i");
            failed += 1;
        }
        assert!(failed > 2 && went_on, "{verb:?} failed {failed} times");
        leave(&host, 300, 1000);
        project.up();
        project.sampan(["down", "-v", "-t", "0"]).succeeds();
        host.sampan(["image", "rm", &image]).succeeds();
    }
    ends(&host);
}

#[test]
fn what_runs_on_a_disk_that_became_read_only_can_be_seen_and_stopped() {
    let Some(host) = host() else { return };
    host.import_busybox();
    let project = host.project("disk", YAML);
    let root = host.root().display().to_string();
    project.up();
    host.shell(&format!("mount --bind {root} {root} && mount -o remount,bind,ro {root}")).succeeds();
    project.sampan(["ps"]).succeeds().says("Up");
    project.sampan(["exec", "-T", "a", "true"]).succeeds();
    project.sampan(["stop", "-t", "0"]).succeeds();
    assert_eq!(project.state("disk-a-1").as_deref(), Some("exited"));
    project.sampan(["up", "-d"]).exits(1).says("read-only file system").says("remount,rw");
    project.sampan(["down", "-t", "0"]).exits(1).says("remount,rw");
    host.shell(&format!("umount {root}")).succeeds();
    project.up();
    project.sampan(["down", "-v", "-t", "0"]).succeeds();
    ends(&host);
}

#[test]
fn the_first_command_on_a_read_only_disk_says_so() {
    let Some(host) = host() else { return };
    host.shell(&format!("mount -o remount,ro {}", host.root().display())).succeeds();
    let project = host.project("disk", YAML);
    for command in [&["up", "-d"][..], &["image", "ls"]] {
        let told = project.sampan(command.iter().copied()).exits(1).says("remount,rw").says("--root");
        assert_eq!(told.stderr.matches("error:").count(), 1, "{told}");
    }
    ends(&host);
}

/// Counts on standard output, one kilobyte a line, and in a file in memory.
const COUNTER: &str = "
name: disk
services:
  a:
    image: busybox
    command: [sh, -c, 'i=0; while :; do i=$$((i + 1)); printf \"%01000d\\n\" $$i; echo $$i > /dev/shm/count; usleep 2000; done']
    stop_signal: KILL
";

#[test]
fn a_full_disk_loses_lines_and_the_log_says_how_many_at_their_place() {
    let Some(host) = host() else { return };
    host.import_busybox();
    let project = host.project("disk", COUNTER);
    project.up();
    let pid = project.pid("disk-a-1");
    let count = || project.exec("a", "cat /dev/shm/count").stdout.trim().parse::<usize>().unwrap_or(0);
    let reaches = |number| eventually("it counts on", || (count() > number).then_some(()));
    reaches(5);
    leave(&host, 3, 1000);
    let free = format!("df -k --output=avail {} | tail -1", host.root().display());
    eventually("the disk is full", || (host.shell(&free).stdout.trim() == "0").then_some(()));
    reaches(count() + 30);
    host.shell(&format!("rm {}/filler", host.root().display())).succeeds();
    let logs = || project.sampan(["logs", "--no-log-prefix"]).succeeds().stdout;
    eventually("the log goes on", || {
        logs().lines().skip_while(|line| !line.starts_with("sampan: ")).nth(5).is_some().then_some(())
    });
    assert_eq!(project.pid("disk-a-1"), pid, "the container does not notice");
    let mut next = 1;
    for line in logs().lines() {
        next += match line
            .strip_prefix("sampan: ")
            .and_then(|note| note.split_once(" lines could not be written"))
        {
            Some((lost, why)) => {
                assert!(why.contains("No space left on device"), "{line}");
                lost.parse::<usize>().expect("a number")
            }
            None => {
                assert_eq!(line.parse(), Ok(next), "no line is torn, and none lost without a word");
                1
            }
        };
    }
    project.sampan(["down", "-t", "0"]).succeeds();
    ends(&host);
}
