//! What a supervisor is told on its command line.

use crate::store::Store;
use planner::ContainerId;
use std::ffi::OsString;
use std::path::PathBuf;

/// `shim --root R --runtime T ID [--adopt]`, without the first word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Where everything is.
    pub store: Store,
    /// Which container.
    pub id: ContainerId,
    /// The container runs already, its supervisor is gone.
    pub adopt: bool,
}

impl Order {
    /// Reads the command line; `None` when it is not one of ours.
    pub fn parse(args: impl Iterator<Item = OsString>) -> Option<Self> {
        let (mut root, mut runtime, mut id, mut adopt) = (None, None, None, false);
        let mut args = args;
        while let Some(arg) = args.next() {
            match arg.to_str() {
                Some("--root") => root = Some(PathBuf::from(args.next()?)),
                Some("--runtime") => runtime = Some(PathBuf::from(args.next()?)),
                Some("--adopt") => adopt = true,
                other => id = Some(other?.parse().ok()?),
            }
        }
        Some(Self { store: Store::new(root?, runtime?), id: id?, adopt })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_names_store_and_container() {
        let parse = |text: &str| Order::parse(text.split_whitespace().map(OsString::from));
        let order = parse("--root /r --runtime /t shop.web.1.1").unwrap();
        assert_eq!((order.store, order.adopt), (Store::new("/r", "/t"), false));
        assert!(parse("--root /r --runtime /t shop.web.1.1 --adopt").unwrap().adopt);
        assert_eq!(parse("--root /r --runtime"), None);
        assert_eq!(parse("--root /r --runtime /t web"), None);
        assert_eq!(parse(""), None);
    }
}
