//! The groups of one container: made, limited, stopped, killed, removed.

use super::Join;
use super::delegation;
use super::further;
use super::hierarchy::{Controller, Hierarchy, Version};
use super::limits::{Write, writes};
use super::oom::OomWatch;
use super::stats::{read_field, read_number};
use crate::error::{Context, Error, Kind, Result};
use planner::ContainerId;
use planner::desired::Limits;
use rustix::io::Errno;
use rustix::process::{Pid, Signal};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the last process may take to be gone after it was killed.
const LEAVING: Duration = Duration::from_secs(5);
/// How long processes may take to stop where they are.
const FREEZING: Duration = Duration::from_secs(10);
/// How long to sleep between two looks at either.
const PAUSE: Duration = Duration::from_millis(1);
/// What to do when a limit is below what is in use.
const IN_USE: &str = "more is in use than that; free some first";
/// What to do in a container whose control groups are for looking only.
const READ_ONLY: &str = "control groups must be mounted writable: mount -o remount,rw /sys/fs/cgroup";
/// How often groups are made anew because another process removed an empty parent meanwhile.
const ATTEMPTS_MAX: u32 = 100;

/// How many of the steps to a container's group are ours.
const OWN_STEPS: usize = 3;

/// The groups of one container.
#[derive(Clone, Debug)]
pub struct Group {
    hierarchy: Hierarchy,
    /// The groups above that are not ours, then `sampan-<tag>`, stack, id.
    path: Vec<String>,
}

impl Group {
    /// The groups of this container; nothing is made yet.
    pub fn new(hierarchy: &Hierarchy, tag: &str, id: &ContainerId) -> Self {
        let path = vec![super::top(tag), id.stack.clone(), id.to_string()];
        Self { hierarchy: hierarchy.clone(), path }
    }

    /// The same below a group that somebody else has made.
    #[must_use]
    pub fn below_of(mut self, parent: &str) -> Self {
        let steps = parent.split('/').filter(|step| !step.is_empty()).map(str::to_owned);
        self.path = steps.chain(self.path).collect();
        self
    }

    /// Fails when the group above ours is nowhere: it is not ours to make, nor to remove.
    fn find_parent(&self) -> Result<()> {
        let above = self.path.len().saturating_sub(OWN_STEPS);
        let parent: PathBuf = self.path.iter().take(above).collect();
        let mut roots = self.hierarchy.version1.values().chain(&self.hierarchy.version2);
        if roots.any(|root| root.join(&parent).is_dir()) {
            return Ok(());
        }
        let doing = format!("there is no control group {} to be in", parent.display());
        Err(Error::new(Kind::NotFound, doing).hint("make it first: mkdir below /sys/fs/cgroup"))
    }

    /// Makes the groups with these limits. Groups that are there are used again.
    pub fn create(&self, limits: &Limits) -> Result<()> {
        self.find_parent()?;
        let is_new = self.folders().iter().all(|folder| !folder.exists());
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.make_folders(limits) {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempts < ATTEMPTS_MAX => {}
                Err(error) => {
                    let read_only = error.kind() == io::ErrorKind::ReadOnlyFilesystem;
                    let made = Err(error).doing(|| format!("make control groups of {}", self.name()));
                    return made.map_err(|error| if read_only { error.hint(READ_ONLY) } else { error });
                }
            }
        }
        if is_new { self.limit(limits, |write| !write.is_initial()) } else { self.set(limits) }
    }

    /// Makes what is missing; gives the groups that processes of the container have yet to join.
    fn make_folders(&self, limits: &Limits) -> io::Result<Vec<PathBuf>> {
        for folder in self.folders() {
            make_all(&folder)?;
        }
        let made = self.make_further(limits)?;
        if let (Some(root), Version::V2) = (&self.hierarchy.version2, self.version()) {
            delegation::enable(root, &self.path, &further::wanted(limits))?;
        }
        Ok(made)
    }

    /// Changes the limits of a container that runs.
    pub fn update(&self, limits: &Limits) -> Result<()> {
        let made = self.make_folders(limits).doing(|| format!("make control groups of {}", self.name()))?;
        self.set(limits)?;
        self.move_into(&made)
    }

    fn set(&self, limits: &Limits) -> Result<()> {
        let memory = self.folder(Controller::Memory);
        if let (Version::V2, Some(folder), Some(limit)) = (self.version(), &memory, limits.memory) {
            self.reclaim(folder, limit)?;
        }
        if limits.swappiness.is_none() {
            self.inherit_swappiness()?;
        }
        self.limit(limits, |_| true)
    }

    /// Writes those of the limits that the filter lets through.
    fn limit(&self, limits: &Limits, filter: impl Fn(&&Write) -> bool) -> Result<()> {
        let memory = self.folder(Controller::Memory);
        let total = memory.and_then(|folder| read_number(&folder, "memory.memsw.limit_in_bytes"));
        writes(limits, self.version(), total.unwrap_or(u64::MAX))
            .iter()
            .filter(filter)
            .try_for_each(|write| self.apply(write))?;
        self.limit_further(limits)
    }

    /// Version 1: what is not asked for is as in the group above.
    fn inherit_swappiness(&self) -> Result<()> {
        const FILE: &str = "memory.swappiness";
        let Some(folder) = self.folder(Controller::Memory) else { return Ok(()) };
        let above = folder.parent().and_then(|above| read_number(above, FILE));
        match above.filter(|above| read_number(&folder, FILE).is_some_and(|own| own != *above)) {
            Some(above) => write(&folder.join(FILE), &above.to_string())
                .doing(|| format!("set {FILE} of {} to {above}", self.name())),
            None => Ok(()),
        }
    }

    /// Brings what is in use below a coming limit. Version 1 refuses a limit that is exceeded, but
    /// version 2 takes it and kills; `memory.high` makes it try without killing first.
    fn reclaim(&self, folder: &Path, limit: u64) -> Result<()> {
        let exceeds = || read_number(folder, "memory.current").is_some_and(|used| used > limit);
        if !exceeds() {
            return Ok(());
        }
        let high = folder.join("memory.high");
        let doing = || format!("make {} use no more than {limit} bytes of memory", self.name());
        write(&high, &limit.to_string()).doing(doing)?;
        let exceeded = exceeds();
        // Left there it would slow the container down instead of ending what takes too much.
        write(&high, "max").doing(doing)?;
        if exceeded { Err(Error::new(Kind::Conflict, doing()).hint(IN_USE)) } else { Ok(()) }
    }

    fn apply(&self, wanted: &Write) -> Result<()> {
        let path = self.folder(wanted.controller).map(|folder| folder.join(wanted.file));
        let Some(path) = path.filter(|path| path.exists()) else {
            return if wanted.needed { Err(self.lacks(wanted.controller, wanted.file)) } else { Ok(()) };
        };
        let result = write(&path, &wanted.value);
        let doing = || format!("set {} of {} to {}", wanted.file, self.name(), wanted.value);
        match &result {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                result.doing(doing).map_err(|error| error.hint(IN_USE))
            }
            _ => result.doing(doing),
        }
    }

    /// What a child does to be in the groups.
    pub fn join(&self) -> Join {
        let controllers = self.hierarchy.version1.keys().filter(|controller| self.uses(**controller));
        let version1 = controllers
            .filter_map(|controller| Some((controller.name().to_owned(), self.folder(*controller)?)));
        Join { version1: version1.collect(), into: self.unified() }
    }

    /// Kills every process in the groups. They may need a moment to be gone.
    pub fn kill(&self) -> Result<()> {
        self.kill_all().doing(|| format!("kill what is left of {}", self.name()))
    }

    fn kill_all(&self) -> io::Result<()> {
        if let Some(folder) = self.unified() {
            match write(&folder.join("cgroup.kill"), "1") {
                // A child may have failed between joining the groups of version 1 and this one.
                Ok(()) => return self.kill_each(),
                // Not made, or a kernel before 5.14.
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        if self.list_procs()?.is_empty() {
            return Ok(());
        }
        // Frozen processes cannot fork away from under us. Without a freezer killing still counts.
        let frozen = self.set_frozen(true).and_then(|()| self.wait_until(true));
        let killed = self.kill_each();
        if frozen.is_ok() {
            self.set_frozen(false)?;
        }
        killed
    }

    fn kill_each(&self) -> io::Result<()> {
        for pid in self.list_procs()?.into_iter().filter_map(Pid::from_raw) {
            match rustix::process::kill_process(pid, Signal::KILL) {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Begins to stop every process in the groups where it is.
    pub fn freeze(&self) -> Result<()> {
        self.set_frozen(true).doing(|| format!("pause {}", self.name()))
    }

    /// Waits until all have stopped.
    pub fn frozen(&self) -> Result<()> {
        self.wait_until(true).doing(|| format!("pause {}", self.name()))
    }

    /// Waits until they go on after [`Group::thaw`].
    pub fn thawed(&self) -> Result<()> {
        self.wait_until(false).doing(|| format!("unpause {}", self.name()))
    }

    /// Lets them go on.
    pub fn thaw(&self) -> Result<()> {
        self.set_frozen(false).doing(|| format!("unpause {}", self.name()))
    }

    /// Whether they are stopped, or about to be.
    pub fn is_frozen(&self) -> bool {
        match self.unified() {
            Some(folder) => read_number(&folder, "cgroup.freeze") == Some(1),
            None => self.folder(Controller::Freezer).is_some_and(|folder| {
                fs::read_to_string(folder.join("freezer.state")).is_ok_and(|state| state != "THAWED\n")
            }),
        }
    }

    fn set_frozen(&self, frozen: bool) -> io::Result<()> {
        match (self.unified(), self.folder(Controller::Freezer)) {
            (Some(folder), _) => write(&folder.join("cgroup.freeze"), if frozen { "1" } else { "0" }),
            (None, Some(folder)) => {
                write(&folder.join("freezer.state"), if frozen { "FROZEN" } else { "THAWED" })
            }
            (None, None) => Err(io::Error::new(io::ErrorKind::Unsupported, "there is no freezer here")),
        }
    }

    fn wait_until(&self, frozen: bool) -> io::Result<()> {
        let word = if frozen { "FROZEN\n" } else { "THAWED\n" };
        let is_done = || match (self.unified(), self.folder(Controller::Freezer)) {
            (Some(folder), _) => {
                read_field(&folder, "cgroup.events", "frozen").is_none_or(|told| (told == 1) == frozen)
            }
            (None, Some(folder)) => {
                fs::read_to_string(folder.join("freezer.state")).map_or(true, |state| state == word)
            }
            (None, None) => true,
        };
        let late = Instant::now() + FREEZING;
        while !is_done() {
            if Instant::now() > late {
                return Err(io::ErrorKind::TimedOut.into());
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// The processes in the groups, by their numbers in our pid namespace.
    pub fn procs(&self) -> Result<Vec<i32>> {
        self.list_procs().doing(|| format!("list the processes of {}", self.name()))
    }

    pub(super) fn list_procs(&self) -> io::Result<Vec<i32>> {
        let mut found: Vec<i32> = Vec::new();
        for folder in self.folders().iter().flat_map(|folder| with_all_below(folder)) {
            match fs::read_to_string(folder.join("cgroup.procs")) {
                Ok(text) => found.extend(text.lines().filter_map(|line| line.parse::<i32>().ok())),
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        // 0 is a process of a pid namespace that we do not see.
        found.retain(|pid| *pid != 0);
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Removes the groups, waiting a little for the last process to be gone, and the stack's and
    /// store's parents when they are empty. Groups that are not there are removed already.
    pub fn remove(&self) -> Result<()> {
        let late = Instant::now() + LEAVING;
        for folder in self.folders() {
            // What a privileged container made below its own group goes with it, deepest first.
            for group in with_all_below(&folder).iter().rev() {
                remove_when_empty(group, late)
                    .doing(|| format!("remove control group {}", group.display()))?;
            }
            // Others may be using the parents; an interruption may have left only the outer one.
            let mut parents = folder.ancestors().skip(1).take(2);
            let is_removed = |parent: &Path| match fs::remove_dir(parent) {
                Err(error) => error.kind() == io::ErrorKind::NotFound,
                Ok(()) => true,
            };
            while parents.next().is_some_and(is_removed) {}
        }
        Ok(())
    }

    /// Watches for memory running out; `None` without a memory controller.
    pub fn watch_oom(&self) -> Result<Option<OomWatch>> {
        let Some(folder) = self.folder(Controller::Memory) else { return Ok(None) };
        let watch = match self.version() {
            Version::V1 => OomWatch::version1(&folder),
            Version::V2 => OomWatch::version2(&folder),
        };
        match watch {
            // Version 2 without the controller enabled.
            Err(error) if error.kind() == io::ErrorKind::NotFound && folder.exists() => Ok(None),
            result => result.map(Some).doing(|| format!("watch the memory of {}", self.name())),
        }
    }

    pub(super) fn version(&self) -> Version {
        self.hierarchy.version()
    }

    /// The group in which a controller's files are.
    pub(super) fn folder(&self, controller: Controller) -> Option<PathBuf> {
        match self.version() {
            Version::V1 => self.folder_of_version1(controller),
            Version::V2 => self.unified(),
        }
    }

    /// The group of version 2.
    pub(super) fn unified(&self) -> Option<PathBuf> {
        self.hierarchy.version2.as_deref().map(|root| self.below(root))
    }

    /// The group of version 1 in which a controller's files are.
    pub(super) fn folder_of_version1(&self, controller: Controller) -> Option<PathBuf> {
        self.hierarchy.version1.get(&controller).map(|root| self.below(root))
    }

    /// Where version 2 is mounted.
    pub(super) fn root_of_version2(&self) -> Option<&Path> {
        self.hierarchy.version2.as_deref()
    }

    /// The groups on the way to the container's, below the root.
    pub(super) fn steps(&self) -> &[String] {
        &self.path
    }

    /// How many groups there are from the first of ours to the container's.
    pub(super) fn depth(&self) -> usize {
        self.path.len()
    }

    /// What messages call it.
    pub(super) fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    fn below(&self, root: &Path) -> PathBuf {
        self.path.iter().fold(root.to_owned(), |path, step| path.join(step))
    }

    /// With version 2 at hand nobody needs the freezer of version 1, and some groups are made only for
    /// containers that need them.
    fn uses(&self, controller: Controller) -> bool {
        if controller.is_optional() {
            return self.folder_of_version1(controller).is_some_and(|folder| folder.exists());
        }
        controller != Controller::Freezer || self.hierarchy.version2.is_none()
    }

    /// All groups, each once: several controllers may share a hierarchy.
    fn folders(&self) -> Vec<PathBuf> {
        let version1 = self.hierarchy.version1.iter().filter(|(controller, _)| self.uses(**controller));
        let roots = version1.map(|(_, root)| root).chain(&self.hierarchy.version2);
        let mut folders: Vec<PathBuf> = roots.map(|root| self.below(root)).collect();
        folders.sort();
        folders.dedup();
        folders
    }
}

/// Like `create_dir_all`, but a parent that vanishes meanwhile is an error and not a loop.
pub(super) fn make_all(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_all(folder.parent().ok_or(error)?)?;
            match fs::create_dir(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => Ok(()),
            }
        }
        result => result,
    }
}

/// A group and those below it, parents first.
fn with_all_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    let mut next = 0;
    while let Some(folder) = found.get(next) {
        next += 1;
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        found.extend(folders.map(|entry| entry.path()).collect::<Vec<_>>());
    }
    found
}

/// The kernel wants each value in one write, and a file that is missing is never made.
pub(super) fn write(path: &Path, value: &str) -> io::Result<()> {
    File::options().write(true).open(path)?.write_all(value.as_bytes())
}

fn remove_when_empty(folder: &Path, late: Instant) -> io::Result<()> {
    loop {
        match fs::remove_dir(folder) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) && Instant::now() < late => {
                std::thread::sleep(PAUSE);
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => return Ok(()),
        }
    }
}

/// The group is not there, or was removed while its file was open.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENODEV))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(version1: &[(Controller, &str)], version2: Option<&str>) -> Group {
        let version1 = version1.iter().map(|(controller, path)| (*controller, path.into())).collect();
        let hierarchy = Hierarchy { version1, version2: version2.map(Into::into), ..Hierarchy::default() };
        Group::new(&hierarchy, "00c0ffee", &"shop.web.1.2".parse().unwrap())
    }

    #[test]
    fn a_child_joins_a_group_in_each_hierarchy() {
        let all =
            [(Controller::Cpu, "/cg/cpu"), (Controller::Freezer, "/cg/fr"), (Controller::Memory, "/cg/mem")];
        let below = |root: &str| PathBuf::from(format!("{root}/sampan-00c0ffee/shop/shop.web.1.2"));
        let version1 = |name: &str, root: &str| (name.to_owned(), below(root));
        let (cpu, memory) = (version1("cpu", "/cg/cpu"), version1("memory", "/cg/mem"));
        assert_eq!(
            group(&all, Some("/cg/unified")).join(),
            Join { version1: vec![cpu.clone(), memory.clone()], into: Some(below("/cg/unified")) }
        );
        let freezer = version1("freezer", "/cg/fr");
        assert_eq!(group(&all, None).join(), Join { version1: vec![cpu, freezer, memory], into: None });
        assert_eq!(group(&[], Some("/cg")).join(), Join { version1: vec![], into: Some(below("/cg")) });
    }

    #[test]
    fn a_limit_without_its_controller_is_refused_and_no_limit_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let group = group(&[(Controller::Pids, folder.path().to_str().unwrap())], None);
        let limits = Limits { memory: Some(64 << 20), ..Limits::default() };
        let error = group.create(&limits).unwrap_err();
        assert_eq!(error.kind, Kind::Unsupported);
        assert_eq!(error.doing, "this machine cannot limit memory (memory.limit_in_bytes is missing)");
        group.create(&Limits::default()).unwrap();
        group.remove().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "empty parents are removed too");
        group.remove().unwrap();
    }

    #[test]
    fn a_group_above_is_neither_made_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let group =
            group(&[(Controller::Pids, folder.path().to_str().unwrap())], None).below_of("/web/front");
        let error = group.create(&Limits::default()).unwrap_err();
        assert_eq!(error.doing, "there is no control group web/front to be in");
        fs::create_dir_all(folder.path().join("web/front")).unwrap();
        group.create(&Limits::default()).unwrap();
        assert!(folder.path().join("web/front/sampan-00c0ffee/shop/shop.web.1.2").is_dir());
        group.remove().unwrap();
        assert_eq!(fs::read_dir(folder.path().join("web/front")).unwrap().count(), 0);
    }

    #[test]
    fn parents_that_others_use_stay() {
        let folder = tempfile::tempdir().unwrap();
        let group = group(&[(Controller::Pids, folder.path().to_str().unwrap())], None);
        group.create(&Limits::default()).unwrap();
        let other = folder.path().join("sampan-00c0ffee/shop/other");
        fs::create_dir(&other).unwrap();
        group.remove().unwrap();
        assert!(other.exists());
    }
}
