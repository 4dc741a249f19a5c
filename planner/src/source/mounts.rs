//! Entries of `tmpfs`: `target[:options]`.

use super::cast::{Refused, loose};
use super::tree::Tree;
use super::words::{self, refused};
use crate::desired::{Memory, VolumeMount};
use crate::model::units;
use std::collections::BTreeMap;

/// What an entry of `tmpfs` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tmpfs {
    pub(crate) target: String,
    pub(crate) read_only: bool,
    pub(crate) memory: Memory,
}

/// Why options of a volume cannot be mounted.
pub(crate) fn driver_opts(tree: &Tree) -> Option<Refused> {
    let options: BTreeMap<String, String> = tree
        .entries()
        .iter()
        .map(|entry| (entry.key.to_string(), loose(&entry.value.value).into_owned()))
        .collect();
    if options.is_empty() {
        return None;
    }
    let why = VolumeMount::parse(&options).err()?;
    Some(refused(why, "for example `{type: nfs, device: ':/srv', o: 'addr=192.0.2.1'}`"))
}

/// Checks an entry of `tmpfs`: `target[:options]`.
pub(crate) fn tmpfs(text: &str) -> Result<String, Refused> {
    parse_tmpfs(text).map(|_| text.to_owned())
}

/// Reads an entry of `tmpfs`.
pub(crate) fn parse_tmpfs(text: &str) -> Result<Tmpfs, Refused> {
    let (target, options) = text.split_once(':').unwrap_or((text, ""));
    let mut tmpfs = Tmpfs { target: words::mount_target(target)?, ..Tmpfs::default() };
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some((name, value)) => tmpfs.memory.set(name, value)?,
            None => tmpfs.flag(option)?,
        }
    }
    Ok(tmpfs)
}

const SUPPORTED: &str =
    "supported are size, mode, uid, gid, nr_inodes, ro, rw, exec, noexec, suid, nosuid, nodev, noatime";

impl Tmpfs {
    fn flag(&mut self, option: &str) -> Result<(), Refused> {
        match option {
            "ro" => self.read_only = true,
            "rw" => self.read_only = false,
            "exec" => self.memory.exec = true,
            "noexec" => self.memory.exec = false,
            "suid" => self.memory.suid = true,
            "nosuid" => self.memory.suid = false,
            "noatime" => self.memory.noatime = true,
            "relatime" => self.memory.noatime = false,
            // What every tmpfs of ours is anyway.
            "nodev" | "async" | "defaults" => {}
            _ => return Err(unknown(option)),
        }
        Ok(())
    }
}

impl Memory {
    fn set(&mut self, name: &str, value: &str) -> Result<(), Refused> {
        let wrong = |what: &str, example: &str| {
            refused(format!("`{}` is not {what}", value.escape_debug()), format!("for example {example}"))
        };
        let owner = || value.parse::<u32>().ok().filter(|id| *id != u32::MAX);
        match name {
            "size" => self.size = Some(units::parse_bytes(value).ok_or_else(|| wrong("a size", "64m"))?),
            "mode" => {
                let bits = u32::from_str_radix(value, 8).ok().filter(|bits| *bits <= 0o7777);
                self.mode = Some(bits.ok_or_else(|| wrong("a mode", "1777"))?);
            }
            "uid" => self.uid = Some(owner().ok_or_else(|| wrong("the number of a user", "1000"))?),
            "gid" => self.gid = Some(owner().ok_or_else(|| wrong("the number of a group", "1000"))?),
            "nr_inodes" => {
                self.inodes =
                    Some(units::parse_bytes(value).ok_or_else(|| wrong("a number of files", "10k"))?);
            }
            _ => return Err(unknown(name)),
        }
        Ok(())
    }
}

fn unknown(name: &str) -> Refused {
    words::unsupported(&format!("tmpfs option `{}`", name.escape_debug()), SUPPORTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_those_that_mean_nothing_refused() {
        let read = |options: &str| parse_tmpfs(&format!("/x:{options}")).map(|tmpfs| tmpfs.memory);
        let memory = Memory {
            size: Some(1 << 20),
            mode: Some(0o750),
            uid: Some(7),
            gid: Some(8),
            inodes: Some(100),
            exec: true,
            ..Memory::default()
        };
        assert_eq!(read("size=1m,mode=0750,uid=7,gid=8,nr_inodes=100,noexec,exec,nosuid").unwrap(), memory);
        for (options, message) in [
            ("size=much", "`much` is not a size"),
            ("uid=4294967295", "`4294967295` is not the number of a user"),
            ("dev", "tmpfs option `dev` is not supported yet"),
            ("mpol=bind:0", "tmpfs option `mpol` is not supported yet"),
        ] {
            assert_eq!(read(options).unwrap_err().message, message);
        }
    }
}
