//! What is mounted into a container, with a real kernel.

use crate::lab::{Lab, possible};
use engine::sandbox::{GivenFile, Mount, MountSource};
use planner::desired::Memory;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

#[test]
fn volumes_are_mounted_where_the_containers_own_links_lead() {
    if !possible() {
        return;
    }
    let host = tempfile::tempdir().unwrap();
    fs::write(host.path().join("file"), "from the host\n").unwrap();
    let mut lab = Lab::new(
        "cat /data/file /etc/one; echo new > /data/made; echo x > /ro/file || echo ro; \
         cat /inside/deep/file; stat -f -c %T /scratch; echo y > /scratch/y && cat /scratch/y",
    );
    // A link out of the root file system stays inside it.
    symlink(host.path(), lab.path("escape")).unwrap();
    fs::create_dir_all(lab.path("real")).unwrap();
    symlink("/real", lab.path("inside")).unwrap();
    let folder = |target: &str, read_only| Mount {
        target: target.into(),
        read_only,
        source: MountSource::Folder(host.path().into()),
    };
    lab.mounts = vec![
        folder("/data", false),
        folder("/ro", true),
        folder("/inside/deep", false),
        Mount {
            target: "/etc/one".into(),
            read_only: true,
            source: MountSource::File(host.path().join("file")),
        },
        Mount {
            target: "/scratch".into(),
            read_only: false,
            source: MountSource::Tmpfs(Memory { size: Some(65536), mode: None, ..Memory::default() }),
        },
    ];
    let output = lab.run().output;
    assert!(output.starts_with("from the host\nfrom the host\n"), "{output}");
    assert!(output.contains("Read-only file system\nro\nfrom the host\ntmpfs\ny\n"), "{output}");
    assert_eq!(fs::read_to_string(host.path().join("made")).unwrap(), "new\n");
    assert!(lab.path("real/deep").is_dir());
}

#[test]
fn a_link_that_leads_out_of_the_root_cannot_be_used_to_mount_on_the_host() {
    if !possible() {
        return;
    }
    let host = tempfile::tempdir().unwrap();
    let target = host.path().join("target");
    fs::create_dir(&target).unwrap();
    let mut lab = Lab::new("true");
    symlink(&target, lab.path("escape")).unwrap();
    lab.mounts = vec![Mount {
        target: "/escape/made".into(),
        read_only: false,
        source: MountSource::Tmpfs(Memory { size: None, mode: None, ..Memory::default() }),
    }];
    let error = lab.start().err().expect("the link leads to nothing inside");
    assert!(error.doing.starts_with("make folder /escape/made: No such file or directory (step "), "{error}");
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
}

#[test]
fn a_given_file_is_in_memory_with_its_owner_and_can_be_read_only() {
    if !possible() {
        return;
    }
    let host = tempfile::tempdir().unwrap();
    let large = host.path().join("large");
    fs::write(&large, vec![b'x'; 3 << 20]).unwrap();
    let secret = host.path().join("secret");
    fs::write(&secret, "hunter2").unwrap();
    let given = |source: &Path, target: &str, owner, mode| GivenFile {
        source: source.to_owned(),
        target: target.into(),
        owner,
        mode,
    };
    let mut lab = Lab::new(
        "stat -c '%n %a %u %g %s' /run/secrets/db /etc/passwd; cat /run/secrets/db; echo
        grep -c ' /run/secrets/db ro,nosuid,nodev,noexec.* tmpfs ' /proc/self/mountinfo
        grep -c ' - tmpfs tmpfs' /proc/self/mountinfo; ls /proc/0 /proc/self/status
        echo x > /run/secrets/db; rm /run/secrets/db; mv /tmp /run/secrets/db; true",
    );
    fs::create_dir(lab.path("run")).unwrap();
    symlink("etc/../../run", lab.path("link")).unwrap();
    lab.files = vec![
        given(&secret, "/link/secrets/db", (33, 34), 0o2400),
        given(&large, "/etc/passwd", (0, 0), 0o444),
    ];
    lab.spec.read_only = true;
    let output = lab.run().output;
    let seen = "/run/secrets/db 2400 33 34 7\n/etc/passwd 444 0 0 3145728\nhunter2\n1\n";
    assert!(output.starts_with(seen), "{output}");
    assert_eq!(fs::read(lab.path("run/secrets/db")).unwrap(), b"", "what lies below is only a place");
    assert!(output.contains("/proc/0: No such file") && output.contains("Read-only file system"), "{output}");
    let mut lab = Lab::new("true");
    lab.files = vec![given(&host.path().join("gone"), "/x", (0, 0), 0o444)];
    let error = lab.start().map(drop).unwrap_err();
    assert!(error.doing.starts_with("copy "), "{error}");
}

#[test]
fn a_read_only_root_takes_no_writes_but_volumes_and_tmpfs_do() {
    if !possible() {
        return;
    }
    let mut lab = Lab::new("touch /x || echo no; touch /run/x && touch /dev/shm/x && pwd");
    lab.spec.read_only = true;
    lab.process.cwd = "/made/before".into();
    lab.mounts = vec![Mount {
        target: "/run".into(),
        read_only: false,
        source: MountSource::Tmpfs(Memory { size: None, mode: Some(0o755), ..Memory::default() }),
    }];
    assert_eq!(lab.run().output, "touch: /x: Read-only file system\nno\n/made/before\n");
}
