//! What beyond capabilities keeps a container to itself.

use super::Content;
use crate::model::Service;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What `security_opt` asks for, besides `no-new-privileges`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Security {
    /// Which system calls it may make.
    pub seccomp: Seccomp,
    /// Nothing of /proc and /sys is hidden or read-only.
    pub unmasked: bool,
    /// The AppArmor profile of its program; `None` leaves it without one.
    pub apparmor: Option<String>,
}

/// Which system calls a container may make.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Seccomp {
    /// The default list.
    #[default]
    Default,
    /// All.
    Unconfined,
    /// Those of this profile: the text of the file, which need not stay where it was.
    Profile(String),
}

impl Seccomp {
    /// As it reads in a plan; `None` is the default.
    pub(crate) fn shown(&self) -> Option<String> {
        match self {
            Self::Default => None,
            Self::Unconfined => Some("unconfined".to_owned()),
            Self::Profile(text) => Some(Content::of(text.clone().into_bytes()).digest().to_owned()),
        }
    }
}

impl Service {
    /// Its security options, with the profiles that they name.
    pub(super) fn security(&self, profiles: &BTreeMap<String, String>) -> Security {
        let mut security = Security::default();
        for option in &self.security_opt {
            match option.split_once(['=', ':']).unwrap_or((option, "")) {
                ("seccomp", "unconfined") => security.seccomp = Seccomp::Unconfined,
                ("seccomp", "builtin") => security.seccomp = Seccomp::Default,
                ("seccomp", path) => {
                    let profile = profiles.get(path).cloned().map(Seccomp::Profile);
                    security.seccomp = profile.unwrap_or_default();
                }
                ("systempaths", _) => security.unmasked = true,
                ("apparmor", name) if name != "unconfined" => security.apparmor = Some(name.to_owned()),
                _ => {}
            }
        }
        security
    }

    /// The files with system call profiles that it names.
    pub(crate) fn call_profiles(&self) -> impl Iterator<Item = &str> {
        let values = self.security_opt.iter().filter_map(|option| option.split_once(['=', ':']));
        let paths = values.filter(|(name, _)| *name == "seccomp").map(|(_, path)| path);
        paths.filter(|path| !["unconfined", "builtin"].contains(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_in_both_forms_and_the_last_one_counts() {
        let options =
            ["seccomp:unconfined", "seccomp=./calls.json", "systempaths=unconfined", "apparmor=web"];
        let service = Service { security_opt: options.map(str::to_owned).to_vec(), ..Service::default() };
        assert_eq!(service.call_profiles().collect::<Vec<_>>(), ["./calls.json"]);
        let security = service.security(&[("./calls.json".to_owned(), "{}".to_owned())].into());
        let expected =
            Security { seccomp: Seccomp::Profile("{}".into()), unmasked: true, apparmor: Some("web".into()) };
        assert_eq!(security, expected);
        let none = Service { security_opt: vec!["apparmor=unconfined".into()], ..Service::default() };
        assert_eq!(none.security(&BTreeMap::new()), Security::default());
    }

    #[test]
    fn a_profile_is_shown_as_its_digest() {
        assert_eq!(Seccomp::Default.shown(), None);
        assert!(Seccomp::Profile("{}".into()).shown().unwrap().starts_with("sha256:44136fa355b3"));
    }
}
