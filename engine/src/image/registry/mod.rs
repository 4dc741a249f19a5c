//! Registries: where images come from and go to (OCI distribution and Docker's protocol v2,
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>).
//!
//! The engine reads neither environment nor home: the cli gathers [`Registries`], plain data
//! with everything that says how registries are reached.

mod answer;
pub(crate) mod artifact;
mod blob;
mod challenge;
mod credentials;
mod endpoint;
mod fields;
mod file;
mod http;
mod known;
mod login;
mod meter;
mod progress;
mod proxies;
mod pull;
mod push;
mod resolve;
mod retry;
mod roots;
mod search;
mod session;
mod settings;
mod stop;
mod tokens;
mod upload;
mod url;

pub use credentials::{Credentials, Helper, Login};
pub(crate) use file::download;
pub use login::check_login;
pub use progress::{Count, Phase, Progress, Transfer};
pub use proxies::Proxies;
pub(crate) use pull::pull;
pub(crate) use push::push;
pub use retry::Retry;
pub use search::{Found, search, tags};
pub use settings::{Registry, Settings};
pub use stop::Stop;
pub(crate) use stop::Stoppable;

use super::Reference;
use super::platform::Platform;

/// How registries are reached.
#[derive(Clone, Debug, Default)]
pub struct Registries {
    /// Who we are there.
    pub credentials: Credentials,
    /// Mirrors, insecure registries and certificates.
    pub settings: Settings,
    /// Proxies on the way.
    pub proxies: Proxies,
    /// When and how often what failed is tried again.
    pub retry: Retry,
    /// Ends what is under way.
    pub stop: Stop,
}

/// One image that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Its name; a digest in it says exactly which.
    pub reference: Reference,
    /// Whose variant of it; `None` is this machine's.
    pub platform: Option<Platform>,
}

/// An image that was pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// `sha256:…`, the digest of its config.
    pub id: String,
    /// What was asked for.
    pub reference: Reference,
    /// Digest of the manifest or index that the name led to.
    pub digest: String,
    /// Whether anything changed here: the name had meant another image, or none.
    pub is_new: bool,
}

/// An image that was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Where it is now.
    pub reference: Reference,
    /// Digest of its manifest there.
    pub digest: String,
    /// Bytes of the manifest.
    pub size: u64,
}

#[cfg(test)]
mod tests;
