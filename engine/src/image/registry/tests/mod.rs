//! Pulling from a registry that is played: honest, slow, broken and hostile.

mod ask;
mod line;
mod real;
mod server;
mod trouble;
mod whole;

use super::*;
use crate::image::Images;
use crate::image::fixture::{self, Tar, gzip};
use crate::{Error, Result};
use serde_json::{Value, json};
use server::{Content, Reply, Request, Server};
use std::sync::Mutex;
use std::time::Duration;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Registries that are asked again at once.
fn registries() -> Registries {
    let retry =
        Retry { first: Duration::from_millis(1), stalled: Duration::from_secs(10), ..Retry::default() };
    Registries { retry, ..Registries::default() }
}

fn request(server: &Server, name: &str) -> PullRequest {
    PullRequest { reference: format!("{}/{name}", server.host()).parse().unwrap(), platform: None }
}

fn pull(images: &Images, server: &Server, name: &str) -> Result<Pulled> {
    images.pull(&request(server, name), &registries(), &|_| {})
}

/// A layer with one file of this size, that does not compress.
fn layer(name: &str, size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    let bytes: Vec<u8> = (0..size).map(|_| noise()).collect();
    Tar::new().data(name, &bytes).finish()
}

/// An image of two layers under `web:1`.
fn web() -> Content {
    let mut content = Content::default();
    let manifest = content.image(&[layer("a", 100_000), layer("b", 300_000)]);
    content.tag("1", MANIFEST, &manifest);
    content
}

/// Nothing of an image is in the store, and nothing is half done.
fn is_untouched(images: &Images) {
    assert!(images.list().unwrap().is_empty());
    let left = std::fs::read_dir(images.root().join("tmp")).map(|entries| entries.count()).unwrap_or(0);
    assert_eq!(left, 0, "something is half done");
}

fn shown(error: &Error) -> String {
    format!("{}\n{}\n{:?}", error.chain(), error.evidence.join("\n"), error.hint)
}
