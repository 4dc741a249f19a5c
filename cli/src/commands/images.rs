//! `sampan images`

use super::containers::{known, select};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::size::{short_id, size};
use crate::output::table::{self, Cell, Format};
use crate::output::time::ago;
use clap::Args;
use engine::container::ContainerStatus;
use engine::image::{Image, Images, Reference};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// List the images that containers are made from
#[derive(Debug, Args)]
pub(crate) struct ImagesArgs {
    /// Only of these services
    services: Vec<String>,

    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Only the ids
    #[arg(short, long)]
    quiet: bool,
}

/// A container and the image that it was made from.
struct Use {
    container: ContainerStatus,
    image: Option<Image>,
}

pub(crate) fn run(args: &ImagesArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.target()?;
    let engine = context.engine()?;
    let containers = select(known(&engine, &target)?, &target, &args.services)?;
    let uses = uses(&engine.images(), containers)?;
    if args.quiet {
        let ids: BTreeSet<&str> = uses.iter().map(|one| one.container.image_id.as_str()).collect();
        context.screen.print(&ids.into_iter().map(|id| format!("{id}\n")).collect::<String>())?;
    } else if args.format == Format::Json {
        let values: Vec<Value> = uses.iter().map(value).collect();
        context.screen.json(&values)?;
    } else {
        let head = ["CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED"];
        let rows: Vec<Vec<Cell>> = uses.iter().map(|one| row(one, Timestamp::now())).collect();
        context.screen.print(&table::render(context.screen.out, &head, &rows))?;
    }
    Ok(Exit::Done)
}

/// Each image is read once, however many containers it has.
fn uses(images: &Images, containers: Vec<ContainerStatus>) -> Result<Vec<Use>, Failure> {
    let mut known: BTreeMap<String, Option<Image>> = BTreeMap::new();
    let mut uses = Vec::new();
    for container in containers {
        let id = container.image_id.clone();
        if !id.is_empty() && !known.contains_key(&id) {
            known.insert(id.clone(), images.resolve(&id)?);
        }
        uses.push(Use { container, image: known.get(&id).cloned().flatten() });
    }
    Ok(uses)
}

impl Use {
    /// Repository and tag, as the container's service writes them.
    fn name(&self) -> (String, String) {
        match self.container.spec.image.parse::<Reference>() {
            Ok(reference) => (reference.familiar_repository(), reference.tag.unwrap_or_default()),
            Err(_) => (self.container.spec.image.clone(), String::new()),
        }
    }
}

fn row(one: &Use, now: Timestamp) -> Vec<Cell> {
    let (repository, tag) = one.name();
    let image = one.image.as_ref();
    let text = |part: fn(&Image) -> String| image.map(part).unwrap_or_default();
    vec![
        one.container.name().into(),
        repository.into(),
        tag.into(),
        text(|image| image.platform.clone()).into(),
        short_id(&one.container.image_id).into(),
        text(|image| size(image.size)).into(),
        image.and_then(|image| image.created).map_or_else(String::new, |at| ago(at, now)).into(),
    ]
}

/// As Docker Compose tells it.
fn value(one: &Use) -> Value {
    let (repository, tag) = one.name();
    json!({
        "ID": one.container.image_id,
        "ContainerName": one.container.name(),
        "Repository": repository,
        "Tag": tag,
        "Platform": one.image.as_ref().map(|image| &image.platform),
        "Size": one.image.as_ref().map(|image| image.size),
        "Created": one.image.as_ref().and_then(|image| image.created),
        "LastTagTime": one.image.as_ref().map(|image| image.tagged_at),
    })
}
