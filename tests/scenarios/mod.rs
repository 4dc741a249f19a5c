//! One capability a file.

mod attached;
mod builds;
mod completed;
mod copies;
mod dependencies;
mod disks;
mod exec;
mod failures;
mod files;
mod groups;
mod images;
mod lifecycle;
mod limits;
mod logins;
mod logs;
mod looks;
mod mistakes;
mod networks;
mod ports;
mod registries;
mod sandbox;
mod sessions;
mod system;
mod transfers;
mod updates;
mod volumes;
