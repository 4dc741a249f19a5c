//! /etc/hosts and /etc/resolv.conf of a `RUN`: bound over what the image has, never part of it.

use super::network::Network;
use super::request::RunRequest;
use super::workspace::{Access, Workspace};
use crate::error::{Error, Kind, Result};
use crate::sandbox::{Mount, MountSource};
use std::net::IpAddr;
use std::path::PathBuf;

/// Stands for this host in `extra_hosts`.
const HOST_GATEWAY: &str = "host-gateway";

/// Both files, in the workspace.
#[derive(Debug)]
pub(super) struct Etc {
    hosts: PathBuf,
    resolv_conf: PathBuf,
}

impl Etc {
    /// Writes them.
    pub(super) fn write(request: &RunRequest<'_>, network: &Network, workspace: &Workspace) -> Result<Self> {
        let access = Access { owner: (0, 0), mode: 0o644 };
        let hosts = with_extra(network.hosts.clone(), &request.extra_hosts, network.gateway)?;
        Ok(Self {
            hosts: workspace.file(hosts.as_bytes(), access)?,
            resolv_conf: workspace.file(network.resolv_conf.as_bytes(), access)?,
        })
    }

    /// How they are mounted.
    pub(super) fn mounts(&self) -> [Mount; 2] {
        [("/etc/hosts", &self.hosts), ("/etc/resolv.conf", &self.resolv_conf)].map(|(target, file)| Mount {
            target: target.to_owned(),
            read_only: true,
            source: MountSource::File(file.clone()),
        })
    }
}

fn with_extra(mut text: String, extra: &[(String, String)], gateway: IpAddr) -> Result<String> {
    for (name, address) in extra {
        let address = match address.as_str() {
            HOST_GATEWAY => gateway,
            // IPv6 addresses may be in brackets, as Compose files have them.
            text => text.trim_matches(['[', ']']).parse().map_err(|error| {
                Error::new(Kind::Unsupported, format!("extra host {name}: `{address}` is not an address"))
                    .because(error)
            })?,
        };
        text.push_str(&format!("{address}\t{name}\n"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_hosts_come_behind_and_one_of_them_may_be_this_host() {
        let extra = [("db", "10.0.0.7"), ("six", "[fd00::1]"), ("me", "host-gateway")];
        let extra = extra.map(|(name, address)| (name.to_owned(), address.to_owned()));
        let text = with_extra("127.0.0.1\tlocalhost\n".into(), &extra, [10, 201, 0, 1].into()).unwrap();
        assert_eq!(text, "127.0.0.1\tlocalhost\n10.0.0.7\tdb\nfd00::1\tsix\n10.201.0.1\tme\n");
        let bad = [("db".to_owned(), "ten".to_owned())];
        let error = with_extra(String::new(), &bad, [127, 0, 0, 1].into()).unwrap_err();
        assert_eq!(error.doing, "extra host db: `ten` is not an address");
    }
}
