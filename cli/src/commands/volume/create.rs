//! `sampan volume create`

use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use engine::volume::manage;
use planner::VolumeSpec;
use std::collections::BTreeMap;

/// Make a volume that belongs to no stack, and print its name
///
/// Stacks use it with `external: true`. With `-o` it is something mounted: `-o type=tmpfs -o o=size=64m`,
/// `-o type=none -o o=bind -o device=/srv/data`, `-o type=nfs -o device=:/srv -o o=addr=192.0.2.1`.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Its name; by default one is made up
    name: Option<String>,

    /// What holds the data; there is only `local`
    #[arg(short, long, value_name = "DRIVER", default_value = "local", value_parser = ["local"])]
    driver: String,

    /// Options of the driver: `type`, `device`, `o`
    #[arg(short = 'o', long = "opt", value_name = "KEY=VALUE")]
    options: Vec<String>,

    /// Labels
    #[arg(long = "label", value_name = "KEY[=VALUE]")]
    labels: Vec<String>,
}

pub(super) fn run(args: &CreateArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("volume create")?;
    let spec = VolumeSpec {
        name: args.name.clone().unwrap_or_default(),
        driver_opts: pairs(&args.options),
        labels: pairs(&args.labels),
        ..VolumeSpec::default()
    };
    let name = manage::make(engine.store(), spec)?;
    context.screen.print(&format!("{name}\n"))?;
    Ok(Exit::Done)
}

fn pairs(texts: &[String]) -> BTreeMap<String, String> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (name.to_owned(), value.to_owned())
    };
    texts.iter().map(pair).collect()
}
