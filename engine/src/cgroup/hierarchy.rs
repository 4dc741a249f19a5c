//! Where control groups are mounted.

use crate::error::{Context, Error, Kind, Result};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

/// A controller that we use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    /// CPU time.
    Cpu,
    /// Which CPUs there are.
    Cpuset,
    /// Which devices may be used (version 1 only).
    Devices,
    /// Shares and limits of disks.
    Disks,
    /// Stopping processes where they are (version 1 only).
    Freezer,
    /// Memory and swap.
    Memory,
    /// Number of tasks.
    Pids,
}

impl Controller {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Cpu, Self::Cpuset, Self::Devices, Self::Disks, Self::Freezer, Self::Memory, Self::Pids];
    /// Those that every container has in version 2.
    pub(super) const VERSION2: [Self; 3] = [Self::Cpu, Self::Memory, Self::Pids];

    /// Whether only containers that ask for something of it have a group there.
    pub(super) fn is_optional(self) -> bool {
        matches!(self, Self::Cpuset | Self::Devices | Self::Disks)
    }

    /// The name that version 2 has for it.
    pub(super) fn name2(self) -> &'static str {
        if self == Self::Disks { "io" } else { self.name() }
    }

    /// The kernel's name for it, in version 1 where there are two.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cpuset => "cpuset",
            Self::Devices => "devices",
            Self::Disks => "blkio",
            Self::Freezer => "freezer",
            Self::Memory => "memory",
            Self::Pids => "pids",
        }
    }
}

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whose rules the limits follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// One hierarchy for each controller.
    V1,
    /// One hierarchy for all.
    V2,
}

/// Where control groups are mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hierarchy {
    /// Version 1, by controller.
    pub(super) version1: BTreeMap<Controller, PathBuf>,
    /// Version 2.
    pub(super) version2: Option<PathBuf>,
    /// Version 1 without controllers, by option (`name=systemd`): service managers keep their
    /// groups there.
    pub(super) named: BTreeMap<String, PathBuf>,
}

impl Hierarchy {
    /// Looks at this process's mounts, once: the list has a line for each container.
    pub fn detect() -> Result<Self> {
        static FOUND: OnceLock<Hierarchy> = OnceLock::new();
        if let Some(found) = FOUND.get() {
            return Ok(found.clone());
        }
        let found = Self::look()?;
        Ok(FOUND.get_or_init(|| found).clone())
    }

    fn look() -> Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").doing(|| "read the list of mounts".into())?;
        let found = Self::parse(&mounts);
        if found == Self::default() {
            return Err(Error::new(Kind::Unsupported, "no control groups are mounted")
                .hint("mount -t cgroup2 cgroup2 /sys/fs/cgroup"));
        }
        Ok(found)
    }

    /// Finds the hierarchies in the text of /proc/self/mountinfo (proc_pid_mountinfo(5)). Of several
    /// mounts of one hierarchy the first that shows its root counts.
    pub fn parse(mountinfo: &str) -> Self {
        let mut mounts: Vec<Mount<'_>> = mountinfo.lines().filter_map(Mount::parse).collect();
        mounts.sort_by_key(|mount| mount.root != "/");
        let mut found = Self::default();
        for mount in mounts {
            match mount.kind {
                "cgroup2" => drop(found.version2.get_or_insert_with(|| unescape(mount.point))),
                "cgroup" => {
                    let controllers = Controller::ALL.into_iter();
                    for controller in controllers.filter(|controller| mount.has(controller.name())) {
                        found.version1.entry(controller).or_insert_with(|| unescape(mount.point));
                    }
                    let names = mount.options.split(',').filter(|option| option.starts_with("name="));
                    for name in names {
                        found.named.entry(name.to_owned()).or_insert_with(|| unescape(mount.point));
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Whose rules the limits follow: those of version 1 as soon as it has one of our controllers.
    pub fn version(&self) -> Version {
        let decides = self.version1.keys().any(|controller| !controller.is_optional());
        if !decides && self.version2.is_some() { Version::V2 } else { Version::V1 }
    }
}

/// One line of mountinfo.
struct Mount<'a> {
    root: &'a str,
    point: &'a str,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (place, filesystem) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, point) = (place.next()?, place.next()?);
        let mut filesystem = filesystem.split(' ');
        Some(Self { root, point, kind: filesystem.next()?, options: filesystem.nth(1)? })
    }

    fn has(&self, option: &str) -> bool {
        self.options.split(',').any(|known| known == option)
    }
}

/// Undoes the kernel's octal escapes of blank, tab, newline and backslash.
fn unescape(text: &str) -> PathBuf {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERS: &str = "22 27 0:21 / /proc rw,relatime - proc proc rw\n\
        31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - tmpfs tmpfs rw,mode=755\n";
    const SPLIT: &str = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:1 - cgroup cgroup rw,cpu,cpuacct\n\
        34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n\
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
        37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer\n\
        39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n\
        40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n";
    const UNIFIED: &str = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

    fn version1() -> BTreeMap<Controller, PathBuf> {
        BTreeMap::from([
            (Controller::Cpu, "/sys/fs/cgroup/cpu,cpuacct".into()),
            (Controller::Cpuset, "/sys/fs/cgroup/cpuset".into()),
            (Controller::Freezer, "/sys/fs/cgroup/freezer".into()),
            (Controller::Memory, "/sys/fs/cgroup/memory".into()),
            (Controller::Pids, "/sys/fs/cgroup/pids".into()),
        ])
    }

    fn named() -> BTreeMap<String, PathBuf> {
        BTreeMap::from([("name=systemd".to_owned(), "/sys/fs/cgroup/systemd".into())])
    }

    #[test]
    fn version_1_has_a_place_for_each_controller() {
        let found = Hierarchy::parse(&format!("{OTHERS}{SPLIT}"));
        assert_eq!(found, Hierarchy { version1: version1(), version2: None, named: named() });
        assert_eq!(found.version(), Version::V1);
    }

    #[test]
    fn a_hybrid_follows_version_1_and_has_version_2_beside_it() {
        let found = Hierarchy::parse(&format!("{SPLIT}{UNIFIED}"));
        let version2 = Some("/sys/fs/cgroup/unified".into());
        assert_eq!(found, Hierarchy { version1: version1(), version2, named: named() });
        assert_eq!(found.version(), Version::V1);
    }

    #[test]
    fn version_2_alone_is_one_place_for_all() {
        let line = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = Hierarchy::parse(&format!("{OTHERS}{line}"));
        let version2 = Some("/sys/fs/cgroup".into());
        assert_eq!(found, Hierarchy { version2, ..Hierarchy::default() });
        assert_eq!(found.version(), Version::V2);
    }

    #[test]
    fn a_named_hierarchy_and_controllers_that_we_do_not_use_leave_version_2_in_charge() {
        let line = "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=memory\n\
            34 31 0:31 / /sys/fs/cgroup/net rw - cgroup cgroup rw,net_cls\n";
        assert_eq!(Hierarchy::parse(&format!("{line}{UNIFIED}")).version(), Version::V2);
    }

    #[test]
    fn the_mount_that_shows_the_root_is_preferred_and_escapes_are_undone() {
        let lines = "1 0 0:1 /docker/ab /a rw - cgroup cgroup rw,pids\n\
            2 0 0:1 / /my\\040groups rw - cgroup cgroup rw,pids\n";
        let found = Hierarchy::parse(lines);
        assert_eq!(found.version1[&Controller::Pids], PathBuf::from("/my groups"));
    }

    #[test]
    fn broken_lines_are_passed_over() {
        assert_eq!(Hierarchy::parse("nonsense\n1 2 3 - cgroup\n - \n\n"), Hierarchy::default());
    }
}
