//! The groups of a store's supervisors.
//!
//! A service manager ends a service or session by killing all processes of its group. A supervisor
//! that stayed where the command was that started it would go with them, and be bound by limits
//! that are not its own. In the root group of a hierarchy there is neither danger: there it stays.

use super::hierarchy::Hierarchy;
use crate::error::{Context, Result};
use rustix::fs::{CWD, Mode, OFlags};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// No stack's name begins like that.
const NAME: &str = "_supervisors";

/// How often a group is made anew because another process removed it meanwhile, being empty.
const ATTEMPTS_MAX: u32 = 100;

/// One group for all supervisors of a store in each hierarchy.
#[derive(Clone, Debug)]
pub struct Supervisors {
    groups: Vec<Place>,
    /// Where they are below the root of each hierarchy.
    below: PathBuf,
}

/// A group in one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    /// What /proc/PID/cgroup calls the hierarchy: a controller or `name=…`, nothing for version 2.
    hierarchy: String,
    folder: PathBuf,
}

impl Supervisors {
    /// The groups; nothing is made yet.
    pub fn new(hierarchy: &Hierarchy, tag: &str) -> Self {
        let controllers = hierarchy.version1.iter().filter(|(controller, _)| !controller.is_optional());
        let controllers = controllers.map(|(controller, root)| (controller.to_string(), root));
        let named = hierarchy.named.iter().map(|(name, root)| (name.clone(), root));
        let unified = hierarchy.version2.iter().map(|root| (String::new(), root));
        let below = Path::new(&super::top(tag)).join(NAME);
        let place = |(hierarchy, root): (String, &PathBuf)| Place { hierarchy, folder: root.join(&below) };
        Self { groups: controllers.chain(named).chain(unified).map(place).collect(), below }
    }

    /// The group of version 2, for a supervisor to be cloned into: to move there costs it 5 to 15 ms
    /// of waiting for all processors. `None` when there is no need or no way to.
    pub fn open(&self) -> Option<OwnedFd> {
        let place = self.foreign(&own_groups().ok()?).into_iter().find(Place::is_unified)?;
        super::group::make_all(&place.folder).ok()?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(CWD, &place.folder, flags, Mode::empty()).ok()
    }

    /// Takes this process, which has one thread, out of all groups that are not of this store.
    pub fn enter(&self) -> Result<()> {
        let own = own_groups().doing(|| "look which control groups the supervisor is in".to_owned())?;
        self.foreign(&own).iter().try_for_each(|place| {
            place.enter().doing(|| format!("move the supervisor into {}", place.folder.display()))
        })
    }

    /// Takes this process, which is about to end, out of them, so that the last one of all need not
    /// leave them behind: a process cannot remove the group that it is in.
    pub fn leave(&self) {
        let own = own_groups().unwrap_or_default();
        let is_ours = |line: &str| {
            line.splitn(3, ':').nth(2).is_some_and(|path| Path::new(path).ends_with(&self.below))
        };
        if !own.lines().any(is_ours) {
            return;
        }
        for place in &self.groups {
            let file = if place.is_unified() { "cgroup.procs" } else { "tasks" };
            // Where it was not in it, or may not go, nothing changes.
            let _ = place.folder.ancestors().nth(2).map(|root| super::group::write(&root.join(file), "0"));
        }
    }

    /// Removes what no supervisor is in any more.
    pub fn remove(&self) {
        for place in &self.groups {
            // Others may be in it, or it was never made; the next one tries again.
            let _ = fs::remove_dir(&place.folder);
            let _ = place.folder.parent().map(fs::remove_dir);
        }
    }

    /// The groups to go to, by the text of /proc/PID/cgroup (cgroups(7)).
    fn foreign(&self, own: &str) -> Vec<Place> {
        let lines = own.lines().filter_map(|line| {
            let (names, path) = line.split_once(':')?.1.split_once(':')?;
            (path != "/" && !Path::new(path).ends_with(&self.below)).then_some(names)
        });
        let mut found: Vec<Place> = lines
            .filter_map(|names| {
                self.groups.iter().find(|place| names.split(',').any(|n| n == place.hierarchy))
            })
            .cloned()
            .collect();
        found.sort_by(|a, b| a.folder.cmp(&b.folder));
        found
    }
}

impl Place {
    fn is_unified(&self) -> bool {
        self.hierarchy.is_empty()
    }

    /// In version 1 through `tasks`: see [`super::Join`].
    fn enter(&self) -> io::Result<()> {
        let file = self.folder.join(if self.is_unified() { "cgroup.procs" } else { "tasks" });
        let mut attempts = 0;
        loop {
            attempts += 1;
            let entered = super::group::make_all(&self.folder).and_then(|()| super::group::write(&file, "0"));
            match entered {
                Err(error) if super::group::is_gone(&error) && attempts < ATTEMPTS_MAX => {}
                result => return result,
            }
        }
    }
}

fn own_groups() -> io::Result<String> {
    fs::read_to_string("/proc/self/cgroup")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "33 31 0:30 / /cg/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
        35 31 0:32 / /cg/memory rw - cgroup cgroup rw,memory\n\
        40 31 0:37 / /cg/systemd rw - cgroup cgroup rw,xattr,name=systemd\n\
        41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n";

    fn foreign(own: &str) -> Vec<String> {
        let supervisors = Supervisors::new(&Hierarchy::parse(MOUNTS), "00c0ffee");
        supervisors.foreign(own).iter().map(|place| place.folder.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_supervisor_leaves_the_groups_of_whoever_started_it_in_each_hierarchy() {
        let own = "4:memory:/user.slice\n3:cpu,cpuacct:/user.slice\n2:cpuset:/user.slice\n\
            1:name=systemd:/user.slice/session-1.scope\n0::/user.slice/session-1.scope\n";
        let places = ["cpu,cpuacct", "memory", "systemd", "unified"];
        let expected = places.map(|place| format!("/cg/{place}/sampan-00c0ffee/_supervisors"));
        assert_eq!(foreign(own), expected);
    }

    #[test]
    fn in_a_root_group_and_where_it_is_already_it_stays() {
        let own = "4:memory:/\n1:name=systemd:/sampan-00c0ffee/_supervisors\n0::/\nnonsense\n";
        assert_eq!(foreign(own), [""; 0]);
    }
}
