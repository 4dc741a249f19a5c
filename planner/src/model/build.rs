//! How an image is built.

use super::{Bytes, Extensions, FileReference, Hosts, SshKeys, Ulimit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `build` of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Build {
    /// Folder or URL of what the build sees; absolute when it is a folder.
    pub context: String,
    /// The Dockerfile, seen from the context.
    pub dockerfile: String,
    /// The Dockerfile itself.
    pub dockerfile_inline: String,
    /// What else the build may: `network.host`, `security.insecure`.
    pub entitlements: Vec<String>,
    /// Values of `ARG`; `None` is not known.
    pub args: BTreeMap<String, Option<String>>,
    /// Provenance attestation: `true`, `false`, `mode=max`.
    pub provenance: String,
    /// Bill of materials: `true`, `false`, `generator=…`.
    pub sbom: String,
    /// SSH agents and keys for `RUN --mount=type=ssh`.
    pub ssh: SshKeys,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Where earlier results may be taken from.
    pub cache_from: Vec<String>,
    /// Where results are kept for others.
    pub cache_to: Vec<String>,
    /// Nothing is taken from the cache.
    pub no_cache: bool,
    /// Stages for which nothing is taken from the cache.
    pub no_cache_filter: Vec<String>,
    /// More contexts by name: folders, URLs, images, `service:x`.
    pub additional_contexts: BTreeMap<String, String>,
    /// Images of `FROM` are pulled even when they are there.
    pub pull: bool,
    /// Names for the hosts file while building.
    pub extra_hosts: Hosts,
    /// Isolation technology (Windows).
    pub isolation: String,
    /// Network of `RUN`: `host`, `none`, a name.
    pub network: String,
    /// The stage to build; empty: the last one.
    pub target: String,
    /// Secrets for `RUN --mount=type=secret`; the target is their id.
    pub secrets: Vec<FileReference>,
    /// Size of /dev/shm.
    pub shm_size: Bytes,
    /// More names of the image.
    pub tags: Vec<String>,
    /// setrlimit(2) limits by their name.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// `os/arch[/variant]` to build for.
    pub platforms: Vec<String>,
    /// `RUN` has all privileges.
    pub privileged: bool,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}
