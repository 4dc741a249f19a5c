//! `sampan inspect`

use crate::commands::{network, users_of_volumes, volume};
use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use crate::output::inspect;
use crate::output::template::Template;
use clap::{Args, ValueEnum};
use engine::{Kind, LinuxEngine};
use serde_json::Value;

/// Print all there is to say about containers, images, networks and volumes, as JSON
///
/// Fields are called as docker calls them. Of several things with one name the first of that order is
/// told. What configs and secrets hold is never told.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// Names or ids
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,

    /// Only things of this sort
    #[arg(long = "type", value_enum, value_name = "SORT")]
    sort: Option<Sort>,

    #[command(flatten)]
    form: Form,
}

/// In what form it is told.
#[derive(Debug, Args)]
pub(crate) struct Form {
    /// One line of this form for each: `{{.State.Status}}`, `{{json .Config}}`, `json`
    #[arg(short, long, value_name = "TEMPLATE")]
    format: Option<String>,
}

/// Sorts of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sort {
    #[value(help = None)]
    Container,
    #[value(help = None)]
    Image,
    #[value(help = None)]
    Network,
    #[value(help = None)]
    Volume,
}

const SORTS: [Sort; 4] = [Sort::Container, Sort::Image, Sort::Network, Sort::Volume];

pub(crate) fn run(args: &InspectArgs, context: &Context) -> Result<Exit, Failure> {
    let sorts = args.sort.map_or(SORTS.to_vec(), |sort| vec![sort]);
    tell(&args.names, &sorts, &args.form, context)
}

/// Only containers.
pub(crate) fn containers(names: &[String], form: &Form, context: &Context) -> Result<Exit, Failure> {
    tell(names, &[Sort::Container], form, context)
}

/// What is there is told, whatever becomes of the others.
fn tell(names: &[String], sorts: &[Sort], form: &Form, context: &Context) -> Result<Exit, Failure> {
    let template = form.format.as_deref().map(Template::read).transpose()?;
    let engine = context.engine()?;
    let mut values = Vec::new();
    let mut missing = Vec::new();
    for name in names {
        let found = sorts.iter().find_map(|sort| find(&engine, *sort, name).transpose()).transpose()?;
        match found {
            Some(value) => values.push(value),
            None => missing.push(name.as_str()),
        }
    }
    match template {
        Some(template) => {
            let lines: Vec<String> = values.iter().map(|value| template.fill(value) + "\n").collect();
            context.screen.print(&lines.concat())?;
        }
        None => context.screen.json(&values)?,
    }
    if missing.is_empty() {
        return Ok(Exit::Done);
    }
    let words: Vec<String> =
        sorts.iter().filter_map(|sort| Some(sort.to_possible_value()?.get_name().to_owned())).collect();
    let problem = format!("there is no {} of this name: {}", words.join(", "), missing.join(", "));
    Err(Message::new(Exit::NotReached, problem)
        .hint("`sampan ps -a`, `image ls`, `network ls` and `volume ls` list what there is")
        .into())
}

fn find(engine: &LinuxEngine, sort: Sort, name: &str) -> Result<Option<Value>, Failure> {
    match sort {
        Sort::Container => {
            let id = engine.find(name)?;
            Ok(id.map(|id| engine.inspect(&id)).transpose()?.map(|one| inspect::container(&one)))
        }
        Sort::Image => match engine.images().inspect(name) {
            // What cannot be the name of an image is perhaps one of something else.
            Err(error) if matches!(error.kind, Kind::NotFound | Kind::Unsupported) => Ok(None),
            value => Ok(Some(value?)),
        },
        Sort::Network => {
            let known = engine::net::manage::get(engine.store(), name)?;
            known.map(|known| network::inspect::value(engine.store(), &known)).transpose()
        }
        Sort::Volume => {
            if engine::volume::check_name(name).is_err() {
                return Ok(None);
            }
            let known = engine::volume::get(engine.store(), name)?;
            let users = users_of_volumes(engine)?.remove(name).unwrap_or_default();
            Ok(known.map(|known| volume::inspect::value(&known, engine.store().volume_data(name), users)))
        }
    }
}
