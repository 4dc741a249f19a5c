//! Entries of `tmpfs`: `target[:options]`.

use super::cast::Refused;
use super::words::{self, refused};
use crate::model::units;

/// What an entry of `tmpfs` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tmpfs {
    pub(crate) target: String,
    pub(crate) size: Option<u64>,
    pub(crate) mode: Option<u32>,
    pub(crate) read_only: bool,
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
            Some(("size", size)) => match units::parse_bytes(size) {
                Some(bytes) => tmpfs.size = Some(bytes),
                None => {
                    return Err(refused(
                        format!("`{}` is not a size", size.escape_debug()),
                        "for example 64m",
                    ));
                }
            },
            Some(("mode", mode)) => match u32::from_str_radix(mode, 8) {
                Ok(bits) if bits <= 0o7777 => tmpfs.mode = Some(bits),
                _ => {
                    return Err(refused(
                        format!("`{}` is not a mode", mode.escape_debug()),
                        "for example 1777",
                    ));
                }
            },
            None if option == "ro" => tmpfs.read_only = true,
            // What every tmpfs of ours is anyway.
            None if matches!(option, "rw" | "nosuid" | "nodev" | "noexec") => {}
            _ => {
                let name = option.split('=').next().unwrap_or(option);
                let what = format!("tmpfs option `{}`", name.escape_debug());
                return Err(words::unsupported(&what, "supported are size, mode, ro and rw"));
            }
        }
    }
    Ok(tmpfs)
}
