//! Groups in hierarchies that only some containers need: CPU sets and disks.

use super::delegation;
use super::disks::{self, Table};
use super::group::{Group, make_all, write};
use super::hierarchy::{Controller, Version};
use crate::error::{Context, Error, Kind, Result};
use planner::desired::Limits;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How often processes are moved that were born while others moved.
const ROUNDS_MAX: u32 = 1000;

/// What these limits need beyond what every container has.
pub(super) fn wanted(limits: &Limits) -> Vec<Controller> {
    let has_disks = limits.disks != planner::desired::Disks::default();
    let needs = [(Controller::Cpuset, limits.cpuset.is_some()), (Controller::Disks, has_disks)];
    needs.into_iter().filter_map(|(controller, needed)| needed.then_some(controller)).collect()
}

impl Group {
    /// Makes the groups that these limits need and that are not there; gives those of version 1, which
    /// the container's processes have yet to join.
    pub(super) fn make_further(&self, limits: &Limits) -> io::Result<Vec<PathBuf>> {
        let mut made = Vec::new();
        for controller in wanted(limits) {
            let Some(folder) = self.folder_of_version1(controller).filter(|folder| !folder.exists()) else {
                continue;
            };
            make_all(&folder)?;
            if controller == Controller::Cpuset {
                inherit_cpus(&folder, self.depth())?;
            }
            made.push(folder);
        }
        Ok(made)
    }

    /// Moves the container's processes into groups that were made while it runs.
    pub(super) fn move_into(&self, made: &[PathBuf]) -> Result<()> {
        for folder in made {
            let doing = || format!("move the processes of {} into {}", self.name(), folder.display());
            self.move_all(folder).doing(doing)?;
        }
        Ok(())
    }

    /// A child that is born meanwhile is where its parent was: another round finds it.
    fn move_all(&self, folder: &Path) -> io::Result<()> {
        for _ in 0..ROUNDS_MAX {
            let inside = fs::read_to_string(folder.join("cgroup.procs"))?;
            let is_inside = |pid: &i32| inside.lines().any(|line| line == pid.to_string());
            let mut outside = self.list_procs()?;
            outside.retain(|pid| !is_inside(pid));
            if outside.is_empty() {
                return Ok(());
            }
            for pid in outside {
                match write(&folder.join("cgroup.procs"), &pid.to_string()) {
                    Err(error) if error.raw_os_error() != Some(libc::ESRCH) => return Err(error),
                    _ => {}
                }
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Sets CPUs and disks, where they are limited or were.
    pub(super) fn limit_further(&self, limits: &Limits) -> Result<()> {
        self.limit_cpus(limits.cpuset.as_deref())?;
        self.limit_disks(limits)
    }

    fn limit_cpus(&self, cpus: Option<&str>) -> Result<()> {
        let Some(file) = self.file(Controller::Cpuset, &["cpuset.cpus"]) else {
            return cpus.map_or(Ok(()), |_| Err(self.lacks(Controller::Cpuset, "cpuset.cpus")));
        };
        let all = || match self.version() {
            Version::V1 => file.parent().map_or_else(String::new, |own| parent_cpus(own, "cpuset.cpus")),
            Version::V2 => {
                file.parent().map_or_else(String::new, |own| parent_cpus(own, "cpuset.cpus.effective"))
            }
        };
        let value = cpus.map_or_else(all, str::to_owned);
        // Once processes are in it, a group cannot be left without CPUs of its own any more.
        let is_free = |now: &str| now.is_empty() || now == value;
        if cpus.is_none() && fs::read_to_string(&file).is_ok_and(|now| is_free(now.trim())) {
            return Ok(());
        }
        write(&file, &value).doing(|| format!("set cpuset.cpus of {} to {value}", self.name())).map_err(
            |error| error.hint("this machine has the CPUs that /sys/devices/system/cpu/online lists"),
        )
    }

    fn limit_disks(&self, limits: &Limits) -> Result<()> {
        let wanted = &limits.disks;
        if !wanted.devices.is_empty() || self.folder(Controller::Disks).is_some_and(|folder| folder.exists())
        {
            let devices = disks::numbered(wanted)?;
            disks::tables(&devices, self.version()).iter().try_for_each(|table| self.fill(table))?;
        }
        let files = disks::weight_files(self.version());
        match self.file(Controller::Disks, files) {
            Some(file) => {
                let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let value = disks::weight(name, wanted.weight);
                write(&file, &value).doing(|| format!("set {name} of {} to {value}", self.name()))
            }
            None if wanted.weight.is_none() => Ok(()),
            None => Err(self.lacks(Controller::Disks, files[0])),
        }
    }

    /// Makes a file with a line for each device say what is wanted.
    fn fill(&self, table: &Table) -> Result<()> {
        let Some(file) = self.file(Controller::Disks, table.files) else {
            return if table.lines.is_empty() {
                Ok(())
            } else {
                Err(self.lacks(Controller::Disks, table.files[0]))
            };
        };
        let now = fs::read_to_string(&file).doing(|| format!("read {}", file.display()))?;
        table.writes(&now).iter().try_for_each(|line| {
            let name = table.files[0];
            let written = write(&file, line).doing(|| format!("set {name} of {} to {line}", self.name()));
            written.map_err(|error| {
                error.hint("only whole disks have limits and shares, not partitions: lsblk -p")
            })
        })
    }

    /// The first of these files that is there.
    fn file(&self, controller: Controller, names: &[&str]) -> Option<PathBuf> {
        let folder = self.folder(controller)?;
        names.iter().map(|name| folder.join(name)).find(|file| file.exists())
    }

    /// Why a limit cannot be set.
    pub(super) fn lacks(&self, controller: Controller, file: &str) -> Error {
        if let Some(error) = self.not_delegated(controller) {
            return error;
        }
        let name = if self.version() == Version::V2 { controller.name2() } else { controller.name() };
        Error::new(Kind::Unsupported, format!("this machine cannot limit {name} ({file} is missing)")).hint(
            match file {
                "memory.swappiness" | "memory.oom_control" => "only cgroup version 1 has it; leave it out",
                _ => "remove the limit, or boot with this controller enabled",
            },
        )
    }

    fn not_delegated(&self, controller: Controller) -> Option<Error> {
        let only_version1 = matches!(self.version(), Version::V1);
        let root = self.root_of_version2().filter(|_| !only_version1)?;
        delegation::explain(root, self.steps(), controller)
    }
}

/// A new group of version 1 has no CPUs and no memory, and then takes no processes: each gets what
/// the group above it has.
fn inherit_cpus(folder: &Path, depth: usize) -> io::Result<()> {
    let mut groups: Vec<&Path> = folder.ancestors().take(depth).collect();
    groups.reverse();
    for group in groups {
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if fs::read_to_string(group.join(file))?.trim().is_empty() {
                write(&group.join(file), &parent_cpus(group, file))?;
            }
        }
    }
    Ok(())
}

fn parent_cpus(group: &Path, file: &str) -> String {
    let above = group.parent().and_then(|parent| fs::read_to_string(parent.join(file)).ok());
    above.map(|text| text.trim().to_owned()).unwrap_or_default()
}
