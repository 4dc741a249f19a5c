//! Options of the local volume driver: what a volume is when it is more than a folder.

use std::collections::BTreeMap;

/// What is mounted as a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeMount {
    /// Type of the file system.
    pub kind: String,
    /// What is mounted: a device, a share, a path.
    pub device: String,
    /// A path of the host is shown there.
    pub bind: bool,
    /// With what is mounted below it.
    pub recursive: bool,
    /// Options that every file system has, as mount(8) calls them.
    pub flags: Vec<String>,
    /// Options of its own.
    pub options: Vec<String>,
}

/// Words that are flags of a mount, not options of a file system; some do nothing.
const FLAGS: [&str; 10] = [
    "ro",
    "nosuid",
    "nodev",
    "noexec",
    "sync",
    "dirsync",
    "noatime",
    "nodiratime",
    "relatime",
    "strictatime",
];
const IDLE: [&str; 8] = ["rw", "suid", "dev", "exec", "async", "atime", "defaults", "auto"];

impl VolumeMount {
    /// Reads `type`, `device` and `o`; the error is a sentence.
    pub fn parse(options: &BTreeMap<String, String>) -> Result<Self, String> {
        let get = |name: &str| options.get(name).cloned().unwrap_or_default();
        if let Some(name) = options.keys().find(|name| !["type", "device", "o"].contains(&name.as_str())) {
            return Err(match name.as_str() {
                "size" => "a folder of the host has no `size`; a volume in memory has one in `o`".to_owned(),
                name => {
                    format!("the option `{}` is not known: there are type, device and o", name.escape_debug())
                }
            });
        }
        let mut mount = Self { kind: get("type"), device: get("device"), ..Self::default() };
        let written = get("o");
        for word in written.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "bind" => mount.bind = true,
                "rbind" => (mount.bind, mount.recursive) = (true, true),
                word if FLAGS.contains(&word) => mount.flags.push(word.to_owned()),
                word if IDLE.contains(&word) => {}
                word => mount.options.push(word.to_owned()),
            }
        }
        mount.judged()
    }

    fn judged(mut self) -> Result<Self, String> {
        let text = [&self.kind, &self.device].into_iter().chain(&self.options);
        if text.into_iter().any(|text| text.contains('\0')) {
            return Err("an option has a NUL in it".to_owned());
        }
        match (self.bind, self.kind.as_str(), self.device.as_str()) {
            (true, "" | "none" | "bind", device) if device.starts_with('/') => match self.options.first() {
                None => Ok(self),
                Some(option) => Err(format!("a path of the host has no option `{}`", option.escape_debug())),
            },
            (true, "" | "none" | "bind", "") => Err("`device` is missing: the path of the host".to_owned()),
            (true, "" | "none" | "bind", device) => {
                let device = device.escape_debug();
                Err(format!(
                    "`device` is `{device}`, not an absolute path; with `o: bind` alone it is made one"
                ))
            }
            (true, kind, _) => Err(format!("`o` says bind, `type` says {}", kind.escape_debug())),
            (false, "", _) => Err("`type` is missing, for example nfs or tmpfs".to_owned()),
            (false, "none", _) => Err("`type: none` needs `o: bind`".to_owned()),
            (false, "tmpfs", "") => {
                self.device = "tmpfs".to_owned();
                Ok(self)
            }
            (false, _, "") => Err("`device` is missing: what is mounted".to_owned()),
            _ => Ok(self),
        }
    }
}

/// Options with what must not be shown hidden, such as the password of a share.
pub fn shown_options(options: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let hidden = |word: &str| match word.split_once('=') {
        Some((name, _)) if name.trim().starts_with("pass") || name.contains("secret") => {
            format!("{name}=(hidden)")
        }
        _ => word.to_owned(),
    };
    let shown = |(name, value): (&String, &String)| {
        let value = match name.as_str() {
            "o" => value.split(',').map(hidden).collect::<Vec<_>>().join(","),
            _ => value.clone(),
        };
        (name.clone(), value)
    };
    options.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &[(&str, &str)]) -> Result<VolumeMount, String> {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        VolumeMount::parse(&options.iter().map(pair).collect())
    }

    #[test]
    fn flags_and_options_are_told_apart() {
        let nfs = parse(&[("type", "nfs"), ("device", ":/srv"), ("o", "addr=192.0.2.1,ro,rw,soft")]).unwrap();
        assert_eq!(
            (nfs.flags, nfs.options),
            (vec!["ro".to_owned()], vec!["addr=192.0.2.1".into(), "soft".into()])
        );
        let bind = parse(&[("type", "none"), ("o", "bind"), ("device", "/srv")]).unwrap();
        assert_eq!((bind.bind, bind.recursive, bind.device.as_str()), (true, false, "/srv"));
        assert_eq!(parse(&[("type", "tmpfs"), ("o", "size=1m")]).unwrap().device, "tmpfs");
    }

    #[test]
    fn what_cannot_be_mounted_is_refused_with_the_reason() {
        for (options, why) in [
            (&[("size", "1g")][..], "a folder of the host has no `size`; a volume in memory has one in `o`"),
            (&[("mode", "1")], "the option `mode` is not known: there are type, device and o"),
            (&[("device", "/srv")], "`type` is missing, for example nfs or tmpfs"),
            (&[("type", "none"), ("device", "/srv")], "`type: none` needs `o: bind`"),
            (&[("type", "ext4")], "`device` is missing: what is mounted"),
            (&[("type", "ext4"), ("o", "bind"), ("device", "/srv")], "`o` says bind, `type` says ext4"),
            (
                &[("o", "bind"), ("device", "srv")],
                "`device` is `srv`, not an absolute path; with `o: bind` alone it is made one",
            ),
            (&[("o", "bind,size=1"), ("device", "/srv")], "a path of the host has no option `size=1`"),
        ] {
            assert_eq!(parse(options).unwrap_err(), why);
        }
    }

    #[test]
    fn passwords_of_shares_are_hidden() {
        let options = BTreeMap::from([("o".to_owned(), "username=a,password=b,vers=3".to_owned())]);
        assert_eq!(shown_options(&options)["o"], "username=a,password=(hidden),vers=3");
    }
}
