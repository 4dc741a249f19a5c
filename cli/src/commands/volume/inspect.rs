//! `sampan volume inspect`

use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use clap::Args;
use engine::volume::{self, VolumeRecord};
use planner::desired::shown_options;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Print all there is to say about volumes, as JSON
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// Names
    #[arg(required = true)]
    volumes: Vec<String>,
}

pub(super) fn run(args: &InspectArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine()?;
    let users = crate::commands::users_of_volumes(&engine)?;
    let mut values = Vec::new();
    for name in &args.volumes {
        let missing = || {
            Message::new(Exit::NotReached, format!("no volume `{name}`"))
                .hint("`sampan volume ls` lists what is there")
        };
        let volume = volume::get(engine.store(), name)?.ok_or_else(missing)?;
        let path = engine.store().volume_data(name);
        values.push(value(&volume, path, users.get(name).cloned().unwrap_or_default()));
    }
    context.screen.json(&values)?;
    Ok(Exit::Done)
}

/// Named as docker names it, with our own behind.
pub(crate) fn value(volume: &VolumeRecord, path: PathBuf, users: Vec<String>) -> Value {
    let spec = &volume.spec;
    json!({
        "Name": spec.name,
        "Driver": "local",
        "Mountpoint": path,
        "Scope": "local",
        "CreatedAt": volume.created_at,
        "Labels": spec.labels,
        "Options": shown_options(&spec.driver_opts),
        "Stack": spec.stack,
        "Anonymous": spec.anonymous,
        "UsedBy": users,
    })
}
