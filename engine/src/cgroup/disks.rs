//! From shares and limits of disks to what is written into control group files.

use super::hierarchy::Version;
use crate::error::{Context, Error, Kind, Result};
use planner::desired::{Disk, Disks};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// A file with a line for each device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// Names of the file: the first that is there counts.
    pub(super) files: &'static [&'static str],
    /// What is said of each device.
    pub(super) lines: Vec<(Number, String)>,
    /// What undoes a line.
    pub(super) reset: &'static str,
}

/// `major:minor` of a device.
pub(super) type Number = String;

/// Files with the share of all disks; the first that is there counts.
pub(super) fn weight_files(version: Version) -> &'static [&'static str] {
    match version {
        Version::V1 => &["blkio.bfq.weight", "blkio.weight"],
        Version::V2 => &["io.bfq.weight", "io.weight"],
    }
}

/// The share of all disks as the file wants it. `io.weight` goes to 10000.
pub(super) fn weight(file: &str, weight: Option<u16>) -> String {
    match (file, weight) {
        ("io.weight", weight) => format!("default {}", weight.map_or(100, wide)),
        (_, weight) => weight.unwrap_or(100).to_string(),
    }
}

/// 10 to 1000 as 1 to 10000.
fn wide(weight: u16) -> u64 {
    1 + u64::from(weight.clamp(10, 1_000) - 10) * 9_999 / 990
}

/// The device numbers of all disks that are spoken of.
pub(super) fn numbered(disks: &Disks) -> Result<Vec<(Number, Disk)>> {
    disks.devices.iter().map(|(path, disk)| Ok((number(Path::new(path))?, *disk))).collect()
}

fn number(path: &Path) -> Result<Number> {
    let metadata = fs::metadata(path).doing(|| format!("look at the disk {}", path.display()))?;
    if !metadata.file_type().is_block_device() {
        let doing = format!("{} is not a disk", path.display());
        return Err(Error::new(Kind::Unsupported, doing).hint("give the path of a block device: lsblk -p"));
    }
    let device = metadata.rdev();
    Ok(format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device)))
}

/// What is written for these disks.
pub(super) fn tables(disks: &[(Number, Disk)], version: Version) -> Vec<Table> {
    match version {
        Version::V1 => version1(disks),
        Version::V2 => version2(disks),
    }
}

fn version1(disks: &[(Number, Disk)]) -> Vec<Table> {
    let table = |files: &'static [&'static str], value: fn(&Disk) -> Option<u64>| {
        let line = |(number, disk): &(Number, Disk)| Some((number.clone(), value(disk)?.to_string()));
        Table { files, lines: disks.iter().filter_map(line).collect(), reset: "0" }
    };
    vec![
        table(&["blkio.throttle.read_bps_device"], |disk| disk.read_bps),
        table(&["blkio.throttle.write_bps_device"], |disk| disk.write_bps),
        table(&["blkio.throttle.read_iops_device"], |disk| disk.read_iops),
        table(&["blkio.throttle.write_iops_device"], |disk| disk.write_iops),
        table(&["blkio.bfq.weight_device", "blkio.weight_device"], |disk| disk.weight.map(u64::from)),
    ]
}

fn version2(disks: &[(Number, Disk)]) -> Vec<Table> {
    let limits = |(number, disk): &(Number, Disk)| {
        let limits = [
            ("rbps", disk.read_bps),
            ("wbps", disk.write_bps),
            ("riops", disk.read_iops),
            ("wiops", disk.write_iops),
        ];
        let is_limited = limits.iter().any(|(_, most)| most.is_some());
        let shown = limits
            .map(|(key, most)| format!("{key}={}", most.map_or("max".to_owned(), |most| most.to_string())));
        is_limited.then(|| (number.clone(), shown.join(" ")))
    };
    let weight = |(number, disk): &(Number, Disk)| Some((number.clone(), disk.weight?.to_string()));
    vec![
        Table {
            files: &["io.max"],
            lines: disks.iter().filter_map(limits).collect(),
            reset: "rbps=max wbps=max riops=max wiops=max",
        },
        Table {
            files: &["io.bfq.weight", "io.weight"],
            lines: disks.iter().filter_map(weight).collect(),
            reset: "default",
        },
    ]
}

impl Table {
    /// What is written over what the file says now: lines that nobody wants are undone.
    pub(super) fn writes(&self, now: &str) -> Vec<String> {
        let known = now.lines().filter_map(|line| line.split_once(' ').map(|(number, _)| number));
        let is_device = |number: &&str| number.contains(':');
        let unwanted = |number: &&str| self.lines.iter().all(|(wanted, _)| wanted != number);
        let undone = known.filter(is_device).filter(unwanted);
        let undone = undone.map(|number| format!("{number} {}", self.reset));
        undone.chain(self.lines.iter().map(|(number, value)| format!("{number} {value}"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disks() -> Vec<(Number, Disk)> {
        let one = Disk { read_bps: Some(1024), weight: Some(200), ..Disk::default() };
        let two = Disk { write_iops: Some(9), ..Disk::default() };
        vec![("254:0".into(), one), ("8:16".into(), two)]
    }

    fn shown(version: Version) -> Vec<String> {
        let tables = tables(&disks(), version);
        let line = |table: &Table| {
            let file = table.files[0];
            table.writes("").into_iter().map(|line| format!("{file}: {line}")).collect::<Vec<_>>()
        };
        tables.iter().flat_map(line).collect()
    }

    #[test]
    fn each_version_has_its_own_files() {
        assert_eq!(
            shown(Version::V1),
            [
                "blkio.throttle.read_bps_device: 254:0 1024",
                "blkio.throttle.write_iops_device: 8:16 9",
                "blkio.bfq.weight_device: 254:0 200",
            ]
        );
        assert_eq!(
            shown(Version::V2),
            [
                "io.max: 254:0 rbps=1024 wbps=max riops=max wiops=max",
                "io.max: 8:16 rbps=max wbps=max riops=max wiops=9",
                "io.bfq.weight: 254:0 200",
            ]
        );
    }

    #[test]
    fn a_line_that_is_not_wanted_any_more_is_undone() {
        let [first, ..] = &tables(&disks(), Version::V1)[..] else { panic!() };
        assert_eq!(first.writes("7:0 55\n254:0 1\n"), ["7:0 0", "254:0 1024"]);
        let [max, weight] = &tables(&[], Version::V2)[..] else { panic!() };
        assert_eq!(
            max.writes("7:0 rbps=1 wbps=max riops=max wiops=max\n"),
            ["7:0 rbps=max wbps=max riops=max wiops=max"]
        );
        assert_eq!(weight.writes("default 100\n7:0 5\n"), ["7:0 default"]);
    }

    #[test]
    fn a_share_has_the_scale_of_its_file() {
        assert_eq!(weight("blkio.bfq.weight", Some(500)), "500");
        assert_eq!(weight("io.weight", Some(1_000)), "default 10000");
        assert_eq!(weight("io.weight", Some(10)), "default 1");
        assert_eq!(
            (weight("io.weight", None), weight("io.bfq.weight", None)),
            ("default 100".into(), "100".into())
        );
    }

    #[test]
    fn what_is_no_disk_is_refused_by_its_path() {
        assert_eq!(number(Path::new("/dev/null")).unwrap_err().doing, "/dev/null is not a disk");
        assert_eq!(number(Path::new("/dev/no-such")).unwrap_err().kind, Kind::NotFound);
    }
}
