//! Version 2 hands controllers down step by step: which of them reach a container's group, and
//! what stands in the way of one that does not.

use super::hierarchy::Controller;
use crate::error::{Error, Kind};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Enables our controllers, and the further ones that are wanted, for the groups below `root`, along
/// `steps`. One that cannot be enabled is no error: perhaps no limit needs it. An error means that a
/// group vanished meanwhile.
pub(super) fn enable(root: &Path, steps: &[String], wanted: &[Controller]) -> io::Result<()> {
    for folder in parents(root, steps) {
        let available = fs::read_to_string(folder.join("cgroup.controllers"))?;
        let enabled = fs::read_to_string(folder.join("cgroup.subtree_control"))?;
        for controller in Controller::VERSION2.iter().chain(wanted).filter(|one| names(&available, one)) {
            if names(&enabled, controller) {
                continue;
            }
            match hand_down(&folder, *controller) {
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENODEV)) => {
                    return Err(io::ErrorKind::NotFound.into());
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Why a controller does not reach the last of `steps` below `root`.
pub(super) fn explain(root: &Path, steps: &[String], controller: Controller) -> Option<Error> {
    let list = |folder: &Path, file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
    let at = parents(root, steps)
        .into_iter()
        .find(|folder| !names(&list(folder, "cgroup.subtree_control"), &controller))?;
    if names(&list(&at, "cgroup.controllers"), &controller) {
        let error = hand_down(&at, controller).err()?;
        return Some(refused(&at, controller, &error));
    }
    // Only groups that are not the machine's root tell whether they are populated.
    let is_given = at.join("cgroup.events").exists();
    let doing = format!("{controller} cannot be limited here ({} has no such controller)", at.display());
    Some(Error::new(Kind::Unsupported, doing).hint(if is_given {
        "remove the limit, or let the service or container around sampan have the controller (systemd: Delegate=yes)"
    } else {
        "remove the limit, or boot with this controller enabled and not in a hierarchy of version 1"
    }))
}

/// Only groups without processes hand controllers down, but for the machine's root.
fn refused(folder: &Path, controller: Controller, error: &io::Error) -> Error {
    let shown = folder.display();
    if error.raw_os_error() == Some(libc::EBUSY) {
        let doing =
            format!("{controller} cannot be limited here (processes are in {shown} and not in groups below)");
        return Error::new(Kind::Unsupported, doing).hint(format!(
            "move what {shown}/cgroup.procs lists into a new group below, or remove the limit"
        ));
    }
    let doing = format!("{controller} cannot be limited here ({shown} does not hand it down: {error})");
    Error::new(Kind::Unsupported, doing).hint("remove the limit")
}

/// All groups from `root` on but the last.
fn parents(root: &Path, steps: &[String]) -> Vec<PathBuf> {
    let below = (0..steps.len()).map(|count| steps.iter().take(count));
    below.map(|steps| steps.fold(root.to_owned(), |folder, step| folder.join(step))).collect()
}

fn hand_down(folder: &Path, controller: Controller) -> io::Result<()> {
    let mut file = File::options().write(true).open(folder.join("cgroup.subtree_control"))?;
    file.write_all(format!("+{}", controller.name2()).as_bytes())
}

fn names(text: &str, controller: &Controller) -> bool {
    text.split_whitespace().any(|known| known == controller.name2())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of plain files: what is written to them shows what the kernel would be told.
    fn tree(root_has: &str, root_enabled: &str) -> (tempfile::TempDir, Vec<String>) {
        let steps = ["sampan", "shop", "shop.web.1.1"].map(str::to_owned).to_vec();
        let root = tempfile::tempdir().unwrap();
        for folder in parents(root.path(), &steps) {
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("cgroup.controllers"), root_has).unwrap();
            fs::write(folder.join("cgroup.subtree_control"), root_enabled).unwrap();
        }
        (root, steps)
    }

    fn control(root: &Path, below: &str) -> String {
        fs::read_to_string(root.join(below).join("cgroup.subtree_control")).unwrap()
    }

    #[test]
    fn controllers_are_enabled_in_every_group_above_the_container() {
        let (root, steps) = tree("cpuset cpu io memory", "");
        enable(root.path(), &steps, &[]).unwrap();
        for below in ["", "sampan", "sampan/shop"] {
            // A plain file keeps the last of the two writes on top of the first: `+cpu`, `+memory`.
            assert_eq!(control(root.path(), below), "+memory", "{below}");
        }
    }

    #[test]
    fn what_is_enabled_already_and_what_is_not_there_is_left_alone() {
        let (root, steps) = tree("cpu io", "cpu");
        enable(root.path(), &steps, &[]).unwrap();
        assert_eq!(control(root.path(), "sampan/shop"), "cpu");
    }

    #[test]
    fn further_controllers_are_enabled_only_when_they_are_wanted() {
        let (root, steps) = tree("cpuset io", "");
        enable(root.path(), &steps, &[]).unwrap();
        assert_eq!(control(root.path(), "sampan"), "");
        enable(root.path(), &steps, &[Controller::Disks]).unwrap();
        assert_eq!(control(root.path(), "sampan"), "+io");
    }

    #[test]
    fn a_controller_that_the_machine_lacks_and_one_that_was_not_delegated_have_their_hints() {
        let (root, steps) = tree("cpu", "cpu");
        let hint = || {
            let error = explain(root.path(), &steps, Controller::Memory).unwrap();
            assert!(error.doing.contains("memory cannot be limited here"), "{error}");
            error.hint.unwrap()
        };
        assert!(hint().contains("boot with this controller"));
        fs::write(root.path().join("cgroup.events"), "populated 1\n").unwrap();
        assert!(hint().contains("Delegate=yes"));
    }

    #[test]
    fn processes_in_the_way_are_named_with_their_group() {
        let busy = io::Error::from_raw_os_error(libc::EBUSY);
        let error = refused(Path::new("/cg"), Controller::Memory, &busy);
        assert!(error.doing.contains("processes are in /cg"), "{error}");
        assert!(error.hint.unwrap().contains("/cg/cgroup.procs"));
    }
}
