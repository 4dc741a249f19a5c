//! Searching a registry: Docker Hub has an API for it, others list what they have
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-repositories>).

use super::Registries;
use super::answer::header;
use super::endpoint::Endpoint;
use super::http::Http;
use super::resolve::parse;
use super::session::{Ask, Session};
use super::tokens::Tokens;
use super::url::Url;
use crate::error::{Error, Kind, Result};
use crate::image::Reference;
use serde::Deserialize;
use ureq::http::{HeaderMap, Method};

/// Docker Hub's search is not where its registry is.
const HUB_SEARCH: &str = "https://index.docker.io/";
/// Longest page that is read.
const PAGE_MAX: u64 = 8 << 20;
/// Pages of a catalog that are read.
const PAGES_MAX: usize = 100;

/// One repository that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name on that registry.
    pub name: String,
    /// What it says of itself.
    pub description: String,
    /// How many people like it.
    pub stars: u64,
    /// Docker vouches for it.
    pub is_official: bool,
}

#[derive(Deserialize)]
struct Hits {
    results: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    star_count: u64,
    #[serde(default)]
    is_official: bool,
}

#[derive(Deserialize)]
struct Catalog {
    #[serde(default)]
    repositories: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

/// Repositories of a registry whose name has the term in it, at most so many.
pub fn search(registries: &Registries, registry: &str, term: &str, most: usize) -> Result<Vec<Found>> {
    let (http, tokens) = (Http::new(registries), Tokens::default());
    let mut endpoint = Endpoint::origin(registries, registry)?;
    let is_hub = registry == "docker.io";
    if is_hub {
        endpoint.bases = vec![Url::parse(HUB_SEARCH)?];
    }
    let session = Session::open(&http, &tokens, endpoint, Vec::new())?;
    if is_hub { hub(&session, term, most) } else { catalog(&session, registry, term, most) }
}

fn hub(session: &Session<'_>, term: &str, most: usize) -> Result<Vec<Found>> {
    let what = "search Docker Hub";
    let count = most.clamp(1, 100).to_string();
    let url = Url::parse(HUB_SEARCH)?.join("v1/search")?.with_query(&[("q", term), ("n", &count)])?;
    let (_, json) = session.ask_whole(&Ask::new(what, Method::GET, url), PAGE_MAX)?;
    let found = |hit: Hit| Found {
        name: hit.name,
        description: hit.description.unwrap_or_default(),
        stars: hit.star_count,
        is_official: hit.is_official,
    };
    Ok(parse::<Hits>(&json, what)?.results.into_iter().map(found).take(most).collect())
}

fn catalog(session: &Session<'_>, registry: &str, term: &str, most: usize) -> Result<Vec<Found>> {
    let what = format!("list what {registry} has");
    let mut found = Vec::new();
    list(session, &what, "_catalog", &mut |page| {
        let names = parse::<Catalog>(page, &what)?.repositories.unwrap_or_default();
        let fitting = names.into_iter().filter(|name| name.contains(term));
        found.extend(fitting.map(|name| Found {
            name,
            description: String::new(),
            stars: 0,
            is_official: false,
        }));
        Ok(found.len() < most)
    })
    .map_err(|error| no_catalog(error, registry))?;
    found.truncate(most);
    Ok(found)
}

/// The tags of a repository, sorted.
pub fn tags(registries: &Registries, repository: &Reference) -> Result<Vec<String>> {
    let what = format!("list the tags of `{}`", repository.familiar_repository());
    let (http, tokens) = (Http::new(registries), Tokens::default());
    let endpoint = Endpoint::origin(registries, &repository.domain)?;
    let scopes = vec![format!("repository:{}:pull", repository.path)];
    let session = Session::open(&http, &tokens, endpoint, scopes)?;
    let mut tags = Vec::new();
    list(&session, &what, &format!("{}/tags/list", repository.path), &mut |page| {
        tags.extend(parse::<Tags>(page, &what)?.tags.unwrap_or_default());
        Ok(true)
    })?;
    tags.sort_unstable();
    Ok(tags)
}

/// Reads a list page by page, as long as `take` wants more.
fn list(
    session: &Session<'_>,
    what: &str,
    path: &str,
    take: &mut dyn FnMut(&[u8]) -> Result<bool>,
) -> Result<()> {
    let mut url = session.url(path)?.with_query(&[("n", "1000")])?;
    for _ in 0..PAGES_MAX {
        let (headers, json) = session.ask_whole(&Ask::new(what, Method::GET, url.clone()), PAGE_MAX)?;
        let more = take(&json)?;
        match next_page(&headers).filter(|_| more) {
            Some(next) => url = url.join(next)?,
            None => break,
        }
    }
    Ok(())
}

fn no_catalog(error: Error, registry: &str) -> Error {
    match error.kind {
        Kind::NotFound => error.hint(format!("{registry} does not tell what it has: search on its web site")),
        _ => error,
    }
}

/// The address in `Link: <…>; rel="next"`.
fn next_page(headers: &HeaderMap) -> Option<&str> {
    let (place, rest) = header(headers, "link")?.split_once('>')?;
    rest.contains("next").then(|| place.trim().trim_start_matches('<'))
}
