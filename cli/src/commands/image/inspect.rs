//! `sampan image inspect`

use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use clap::Args;
use engine::Kind;
use engine::image::Images;
use serde_json::Value;

/// Print all there is to say about images, as JSON
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// Names or ids
    #[arg(required = true)]
    images: Vec<String>,
}

pub(super) fn run(args: &InspectArgs, context: &Context, images: &Images) -> Result<Exit, Failure> {
    let values = args.images.iter().map(|image| images.inspect(image));
    let values = values.collect::<engine::Result<Vec<Value>>>().map_err(|error| {
        let mut message = Message::from(&error);
        if error.kind == Kind::NotFound {
            message.hint.get_or_insert_with(|| "`sampan image ls` lists what is there".to_owned());
        }
        Failure::from(message)
    })?;
    context.screen.json(&values)?;
    Ok(Exit::Done)
}
