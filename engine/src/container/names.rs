//! Names that were chosen for containers: each belongs to one place on the machine.
//!
//! Whose a name is stands in a file of that name, so that finding it does not mean reading every
//! record. The file only points; whether the name is still its holder's is what the record says, so
//! what an interrupted command left there means nothing.

use super::record;
use crate::error::{Context, Error, Kind, Result};
use crate::store::{self, Lock, LockKind, Store};
use planner::{ContainerId, ContainerSpec};
use std::fs;
use std::io::ErrorKind;

/// Longest name: it is that of a file.
const LONGEST: usize = 200;

/// Keeps names as they are until it is dropped.
pub(super) fn lock(store: &Store) -> Result<Lock> {
    Lock::take(store, "names", LockKind::Exclusive)
}

/// Takes the name that a container is to have; a conflict when another one has it. The caller holds
/// the lock until the record is written.
pub(super) fn take(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<()> {
    let name = spec.called(id);
    let is_other = |other: &ContainerId| other.stack != id.stack || other.slot != id.slot;
    let chosen = chosen(store, &name)?;
    // That two places have one name by themselves is for their stacks to settle.
    let placed = || placed(store, &name).into_iter().find(|other| is_other(other));
    let other = chosen.filter(is_other).or_else(|| spec.name.as_ref().and_then(|_| placed()));
    if let Some(other) = other {
        let doing = format!("the name {name} belongs to container {other} of stack {}", other.stack);
        let hint = format!("choose another one, or rename that one: `sampan rename {name} NEW`");
        return Err(Error::new(Kind::Conflict, doing).hint(hint));
    }
    let Some(name) = &spec.name else { return Ok(()) };
    ensure_fit(name)?;
    store::replace_file(&store.name(name), id.to_string().as_bytes(), false)
        .doing(|| format!("give {id} the name {name}"))
}

/// Gives a name back that nobody has any more. Idempotent.
pub(super) fn give_back(store: &Store, name: Option<&String>) -> Result<()> {
    let Some(name) = name else { return Ok(()) };
    let _lock = lock(store)?;
    if chosen(store, name)?.is_none() { store::remove_optional(&store.name(name)) } else { Ok(()) }
}

/// The newest container that has this name, or this id (`shop.web.1.1`).
pub fn find(store: &Store, name: &str) -> Result<Option<ContainerId>> {
    if let Ok(id) = name.parse::<ContainerId>()
        && store.container(&id).exists()
    {
        return Ok(Some(id));
    }
    Ok(chosen(store, name)?.or_else(|| placed(store, name).pop()))
}

/// The newest container for which this name was chosen.
fn chosen(store: &Store, name: &str) -> Result<Option<ContainerId>> {
    if !is_fit(name) {
        return Ok(None);
    }
    let text = match fs::read_to_string(store.name(name)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.doing(|| format!("look whose name {name} is"))?,
    };
    let Ok(holder) = text.parse::<ContainerId>() else { return Ok(None) };
    let generations = record::ids_of(store, &holder.stack).into_iter().filter(|id| id.slot == holder.slot);
    Ok(generations.rev().find(|id| is_called(store, id, Some(name))))
}

/// The containers whose places have this name and that have no other one, in order.
fn placed(store: &Store, name: &str) -> Vec<ContainerId> {
    let meant = record::ids(store).into_iter().filter(|id| id.name() == name);
    meant.filter(|id| is_called(store, id, None)).collect()
}

fn is_called(store: &Store, id: &ContainerId, name: Option<&str>) -> bool {
    let record = record::read_or_guess(store, id).ok().flatten();
    record.is_some_and(|record| record.spec.name.as_deref() == name)
}

fn is_fit(name: &str) -> bool {
    let is_open = |letter: char| letter.is_ascii_alphanumeric();
    let known = |letter: char| is_open(letter) || "_.-".contains(letter);
    name.starts_with(is_open) && name.len() <= LONGEST && name.chars().all(known)
}

fn ensure_fit(name: &str) -> Result<()> {
    if is_fit(name) {
        return Ok(());
    }
    let doing = format!("`{}` is not a name for a container", name.escape_debug());
    let hint = format!("use at most {LONGEST} letters, digits, `_`, `.` and `-`, a letter or digit first");
    Err(Error::new(Kind::Unsupported, doing).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::ContainerRecord;
    use serde_json::json;

    struct Place {
        _folder: tempfile::TempDir,
        store: Store,
    }

    fn place() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("root"), folder.path().join("run"));
        store.prepare().unwrap();
        Place { _folder: folder, store }
    }

    fn named(name: &str) -> ContainerSpec {
        ContainerSpec { name: (!name.is_empty()).then(|| name.to_owned()), ..ContainerSpec::default() }
    }

    impl Place {
        fn make(&self, id: &str, name: &str) -> Result<()> {
            let (id, spec) = (id.parse::<ContainerId>().unwrap(), named(name));
            let _lock = lock(&self.store)?;
            take(&self.store, &id, &spec)?;
            let process = crate::container::Process::unknown(&id);
            let record: ContainerRecord = serde_json::from_value(json!({
                "spec": spec, "image_id": "sha256:1", "layers": [], "process": process,
                "created_at": "2026-01-02T03:04:05Z",
            }))
            .unwrap();
            fs::create_dir_all(self.store.container(&id)).unwrap();
            store::write(&self.store.container_record(&id), &record)
        }

        fn find(&self, name: &str) -> Option<String> {
            find(&self.store, name).unwrap().map(|id| id.to_string())
        }
    }

    #[test]
    fn a_name_finds_the_newest_container_that_has_it() {
        let place = place();
        place.make("shop.web.1.1", "site").unwrap();
        place.make("shop.web.1.2", "site").unwrap();
        place.make("shop.db.1.1", "").unwrap();
        assert_eq!(place.find("site").as_deref(), Some("shop.web.1.2"));
        assert_eq!(place.find("shop-db-1").as_deref(), Some("shop.db.1.1"));
        assert_eq!(place.find("shop.web.1.1").as_deref(), Some("shop.web.1.1"));
        assert_eq!(place.find("shop-web-1"), None, "it has another name");
        assert_eq!(place.find("../containers"), None);
    }

    #[test]
    fn a_name_belongs_to_one_place() {
        let place = place();
        place.make("shop.web.1.1", "site").unwrap();
        let error = place.make("blog.web.1.1", "site").unwrap_err();
        assert_eq!(error.doing, "the name site belongs to container shop.web.1.1 of stack shop");
        place.make("shop.db.1.1", "").unwrap();
        assert_eq!(place.make("blog.db.1.1", "shop-db-1").unwrap_err().kind, Kind::Conflict);
        place.make("blog.db.1.1", "shop-mail-1").unwrap();
        assert_eq!(place.make("shop.mail.1.1", "").unwrap_err().kind, Kind::Conflict);
    }

    #[test]
    fn what_an_interrupted_command_left_holds_no_name() {
        let place = place();
        fs::write(place.store.name("site"), "gone.web.1.1").unwrap();
        assert_eq!(place.find("site"), None);
        place.make("shop.web.1.1", "site").unwrap();
        give_back(&place.store, Some(&"site".to_owned())).unwrap();
        assert_eq!(place.find("site").as_deref(), Some("shop.web.1.1"), "somebody has it");
        fs::remove_dir_all(place.store.containers()).unwrap();
        give_back(&place.store, Some(&"site".to_owned())).unwrap();
        assert!(!place.store.name("site").exists());
    }

    #[test]
    fn what_is_no_name_of_a_file_is_no_name() {
        let place = place();
        for name in ["../x", "-x", ".", "a b", &"a".repeat(201)] {
            assert_eq!(place.make("shop.web.1.1", name).unwrap_err().kind, Kind::Unsupported, "{name}");
        }
    }
}
