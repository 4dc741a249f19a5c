//! Makes this host pass packets on between its links.

use crate::error::{Context, Result};
use std::fs;
use std::path::Path;

/// What to do about a host without IPv6.
pub(super) const NO_IPV6: &str = "this host may have IPv6 switched off: see `sysctl net.ipv6.conf.all.disable_ipv6`, or leave `enable_ipv6` out";

/// Switches it on, for IPv4, for IPv6 or for both.
pub(super) fn on(four: bool, six: bool) -> Result<()> {
    if four {
        switch("/proc/sys/net/ipv4/ip_forward")?;
    }
    if six {
        keep_routes("/proc/sys/net/ipv6/conf");
        switch("/proc/sys/net/ipv6/conf/all/forwarding").map_err(|error| error.hint(NO_IPV6))?;
    }
    Ok(())
}

fn switch(setting: &str) -> Result<()> {
    let doing = || format!("switch {setting} on");
    if fs::read(setting).doing(doing)?.starts_with(b"1") {
        return Ok(());
    }
    fs::write(setting, "1").doing(doing)
}

/// A host that forwards IPv6 no longer takes the routes that routers announce, unless a link says
/// so. Those that did until now go on, or the host would lose its way out. What cannot be read is
/// not there.
fn keep_routes(folder: &str) {
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    for link in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (accepts, forwards) = (link.path().join("accept_ra"), link.path().join("forwarding"));
        if read(&accepts) == "1" && read(&forwards) == "0" {
            let _ = fs::write(accepts, "2");
        }
    }
}
