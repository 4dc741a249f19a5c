//! Whether a registry knows somebody.

use super::Registries;
use super::credentials::Login;
use super::endpoint::Endpoint;
use super::http::Http;
use super::session::{Ask, Session};
use super::tokens::Tokens;
use crate::error::Result;
use ureq::http::Method;

/// Asks a registry (`docker.io`, `reg:5000`) whether it lets somebody in.
pub fn check_login(registries: &Registries, registry: &str, login: &Login) -> Result<()> {
    let (http, tokens) = (Http::new(registries), Tokens::default());
    let endpoint = Endpoint::origin(registries, registry)?;
    let session = Session::open_as(&http, &tokens, endpoint, Vec::new(), Some(login.clone()))?;
    let what = format!("log in to {registry}");
    session.ask(&Ask::new(&what, Method::GET, session.url("")?)).map(drop)
}
