//! `sampan image search`

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::table::{self, Cell};
use clap::Args;
use engine::image::registry::{Found, search};
use serde_json::{Value, json};

/// Columns of a description, unless all of it is asked for.
const WIDTH: usize = 60;

/// Search a registry for images by a part of their name
#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    /// What to look for: `web` on Docker Hub, `reg.example.com/web` elsewhere
    term: String,

    /// Most images to list
    #[arg(long, default_value_t = 25, value_name = "N")]
    limit: usize,

    /// Do not cut descriptions
    #[arg(long)]
    no_trunc: bool,

    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &SearchArgs, context: &Context) -> Result<Exit, Failure> {
    let (registry, term) = place(&args.term);
    let found = search(&context.registries()?, registry, term, args.limit)?;
    let name = |found: &Found| match registry {
        HUB => found.name.clone(),
        registry => format!("{registry}/{}", found.name),
    };
    if args.json {
        let value = |found: &Found| -> Value {
            json!({
                "name": name(found),
                "description": found.description,
                "stars": found.stars,
                "official": found.is_official,
            })
        };
        context.screen.json(&found.iter().map(value).collect::<Vec<_>>())?;
    } else {
        let row = |found: &Found| -> Vec<Cell> {
            let stars = if registry == HUB { found.stars.to_string() } else { String::new() };
            let official = if found.is_official { "yes" } else { "" };
            let width = if args.no_trunc { usize::MAX } else { WIDTH };
            vec![
                name(found).into(),
                table::cut(&found.description, width).into(),
                stars.into(),
                official.into(),
            ]
        };
        let rows: Vec<Vec<Cell>> = found.iter().map(row).collect();
        let head = ["NAME", "DESCRIPTION", "STARS", "OFFICIAL"];
        context.screen.print(&table::render(context.screen.out, &head, &rows))?;
    }
    Ok(Exit::Done)
}

/// Docker Hub.
const HUB: &str = "docker.io";

/// The registry and what to look for there. A host has a dot or a port, or is this machine.
fn place(term: &str) -> (&str, &str) {
    match term.split_once('/') {
        Some((host, term)) if host.contains(['.', ':']) || host == "localhost" => (host, term),
        _ => (HUB, term),
    }
}
