//! Who has which name: one small file for each endpoint, written by those who connect it and
//! read by the responders of everybody on the same network.

use crate::error::{Context, Result};
use crate::net::record;
use crate::store::{self, Store};
use ipnet::IpNet;
use planner::ContainerId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Clocks of file systems tick this coarsely at most: a folder that changed less than this
/// before it was read may change again without showing it.
const COARSE: Duration = Duration::from_millis(50);

/// The names of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Names {
    /// Service, aliases, container name, id.
    pub(crate) names: Vec<String>,
    /// Its IPv4 address. Without any it is declared, but not running.
    pub(crate) address: Option<Ipv4Addr>,
    /// Its IPv6 address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) six: Option<Ipv6Addr>,
}

impl Names {
    /// The container's own one.
    fn own(&self, id: &ContainerId) -> String {
        let mut others = self.names.iter().rev().filter(|name| **name != id.to_string());
        others.next().cloned().unwrap_or_else(|| id.name())
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.address.map(IpAddr::V4).into_iter().chain(self.six.map(IpAddr::V6))
    }
}

/// Writes the names of an endpoint.
pub(crate) fn write(store: &Store, network: &str, id: &ContainerId, names: &Names) -> Result<()> {
    let folder = store.dns(network);
    fs::create_dir_all(&folder).doing(|| format!("create {}", folder.display()))?;
    store::write(&store.dns_entry(network, id), names)
}

/// Takes the address away and leaves the names. Idempotent.
pub(crate) fn silence(store: &Store, network: &str, id: &ContainerId) -> Result<()> {
    let path = store.dns_entry(network, id);
    match store::read_whole::<Names>(&path)? {
        Some(known) if known.addresses().next().is_some() => {
            store::write(&path, &Names { address: None, six: None, ..known })
        }
        _ => Ok(()),
    }
}

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// These run.
    At(Vec<IpAddr>),
    /// It belongs to somebody who does not run now.
    Declared,
    /// Nothing, and nobody else can know it: it is a name of one of our networks.
    Nobody,
    /// Nothing.
    No,
}

/// The names on the networks of one container, kept in memory while nothing changes.
#[derive(Debug, Default)]
pub(super) struct Tables {
    networks: Vec<Table>,
    /// Other names, in lower case, and whom they mean.
    links: HashMap<String, String>,
    /// Addresses that only we can know.
    ranges: Vec<IpNet>,
}

#[derive(Debug)]
struct Table {
    network: String,
    folder: PathBuf,
    /// When the folder had changed before it was read, if that can be relied on.
    seen: Option<SystemTime>,
    /// Without addresses: declared.
    names: HashMap<String, Vec<IpAddr>>,
    addresses: HashMap<IpAddr, String>,
}

impl Tables {
    /// The tables of these networks, in the order in which they are asked.
    pub(super) fn of<'a>(store: &Store, networks: impl Iterator<Item = &'a str>) -> Self {
        let table = |network: &str| Table {
            network: network.to_owned(),
            folder: store.dns(network),
            seen: None,
            names: HashMap::new(),
            addresses: HashMap::new(),
        };
        Self { networks: networks.map(table).collect(), links: HashMap::new(), ranges: Vec::new() }
    }

    /// With other names for some.
    pub(super) fn linked(mut self, links: &BTreeMap<String, String>) -> Self {
        let lower =
            |(name, target): (&String, &String)| (name.to_ascii_lowercase(), target.to_ascii_lowercase());
        self.links = links.iter().map(lower).collect();
        self
    }

    /// Knowing everybody in these ranges.
    pub(super) fn over(mut self, ranges: Vec<IpNet>) -> Self {
        self.ranges = ranges;
        self
    }

    /// Whether nobody else can know who has an address.
    pub(super) fn is_ours(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.contains(&address))
    }

    /// Looks a name in lower case up, plain or followed by the name of its network. The first
    /// network on which somebody of that name runs decides.
    pub(super) fn find(&mut self, name: &str) -> Known {
        let mut known = Known::No;
        let name = self.links.get(name).map_or(name, String::as_str);
        for table in &mut self.networks {
            table.refresh();
            match table.find(name) {
                Known::At(addresses) => return Known::At(addresses),
                Known::Declared => known = Known::Declared,
                Known::Nobody if known == Known::No => known = Known::Nobody,
                Known::Nobody | Known::No => {}
            }
        }
        known
    }

    /// The container's name and network behind an address.
    pub(super) fn find_address(&mut self, address: IpAddr) -> Option<String> {
        self.networks.iter_mut().find_map(|table| {
            table.refresh();
            table.addresses.get(&address).map(|name| format!("{name}.{}", table.network))
        })
    }
}

impl Table {
    fn find(&self, name: &str) -> Known {
        let network = self.network.to_ascii_lowercase();
        let plain = name.strip_suffix(&network).and_then(|name| name.strip_suffix('.'));
        match self.names.get(name).or_else(|| self.names.get(plain?)) {
            None if plain.is_some() => Known::Nobody,
            None => Known::No,
            Some(addresses) if addresses.is_empty() => Known::Declared,
            Some(addresses) => Known::At(addresses.clone()),
        }
    }

    fn refresh(&mut self) {
        let changed = fs::metadata(&self.folder).and_then(|folder| folder.modified()).ok();
        if changed.is_some() && changed == self.seen {
            return;
        }
        let settled = |at: &SystemTime| at.elapsed().is_ok_and(|age| age > COARSE);
        self.seen = changed.filter(settled);
        self.read();
    }

    /// A damaged or vanished file says nothing; the others still do.
    fn read(&mut self) {
        self.names.clear();
        self.addresses.clear();
        let mut ids = record::ids_in(&self.folder).unwrap_or_default();
        ids.sort();
        for id in ids {
            let Ok(names) = store::read::<Names>(&self.folder.join(id.to_string())) else { continue };
            for name in &names.names {
                let addresses = self.names.entry(name.to_ascii_lowercase()).or_default();
                for address in names.addresses() {
                    if !addresses.contains(&address) {
                        addresses.push(address);
                    }
                }
            }
            let own = names.own(&id);
            self.addresses.extend(names.addresses().map(|address| (address, own.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str], address: Option<[u8; 4]>) -> Names {
        Names {
            names: names.iter().map(|one| (*one).to_owned()).collect(),
            address: address.map(Into::into),
            six: None,
        }
    }

    fn at(addresses: &[[u8; 4]]) -> Known {
        Known::At(addresses.iter().map(|one| (*one).into()).collect())
    }

    fn set(store: &Store, network: &str, id: &str, what: &Names) {
        write(store, network, &id.parse().unwrap(), what).unwrap();
    }

    #[test]
    fn names_are_found_on_the_networks_of_the_asker_only() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("root"), folder.path().join("run"));
        set(&store, "shop_a", "shop.web.1.1", &names(&["web", "WWW"], Some([10, 0, 0, 2])));
        set(&store, "shop_a", "shop.web.2.1", &names(&["web", "site", "shop.web.2.1"], Some([10, 0, 0, 3])));
        set(&store, "shop_b", "shop.db.1.1", &names(&["db"], None));
        set(&store, "shop_c", "shop.x.1.1", &names(&["x"], Some([10, 0, 2, 2])));
        let mut tables = Tables::of(&store, ["shop_a", "shop_b"].into_iter());
        assert_eq!(tables.find("web"), at(&[[10, 0, 0, 2], [10, 0, 0, 3]]));
        assert_eq!(tables.find("www"), at(&[[10, 0, 0, 2]]));
        assert_eq!(tables.find("www.shop_a"), at(&[[10, 0, 0, 2]]));
        assert_eq!(tables.find("www.shop_b"), Known::Nobody);
        assert_eq!(tables.find("db"), Known::Declared);
        assert_eq!(tables.find("x"), Known::No);
        assert_eq!(tables.find_address([10, 0, 0, 3].into()), Some("site.shop_a".into()));
        assert_eq!(tables.find_address([10, 0, 2, 2].into()), None);
    }

    #[test]
    fn a_change_shows_at_once_however_soon_it_follows_a_question() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("root"), folder.path().join("run"));
        let mut tables = Tables::of(&store, ["n"].into_iter());
        assert_eq!(tables.find("web"), Known::No);
        for last in 2..60 {
            set(&store, "n", "shop.web.1.1", &names(&["web"], Some([10, 0, 0, last])));
            assert_eq!(tables.find("web"), at(&[[10, 0, 0, last]]));
        }
        silence(&store, "n", &"shop.web.1.1".parse().unwrap()).unwrap();
        assert_eq!(tables.find("web"), Known::Declared);
    }
}
