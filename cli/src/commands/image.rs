//! `sampan image load | import | ls | tag | rm | inspect`

use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use crate::output::Ink;
use crate::output::size::{short_id, size};
use crate::output::table::{self, Cell};
use crate::output::time::ago;
use clap::{Args, Subcommand};
use engine::Kind;
use engine::image::{Images, Input, Listed, Reference, Removed};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

/// Load, list and remove images
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct ImageArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Load(LoadArgs),
    Import(ImportArgs),
    #[command(alias = "list")]
    Ls(LsArgs),
    Tag(TagArgs),
    #[command(alias = "remove")]
    Rm(RmArgs),
    Inspect(InspectArgs),
}

/// Add images from an archive of `docker save` or an OCI layout (.tar, .tar.gz, .tar.zst)
#[derive(Debug, Args)]
struct LoadArgs {
    /// The archive; otherwise standard input
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,

    /// Say nothing but what was loaded
    #[arg(short, long)]
    quiet: bool,
}

/// Make an image from the tar of a root file system
#[derive(Debug, Args)]
struct ImportArgs {
    /// The tar; `-` is standard input
    file: PathBuf,

    /// Name of the image
    reference: Option<String>,

    /// Set something in the image, such as `CMD ["sh"]` or `ENV A=b`
    #[arg(short, long = "change", value_name = "LINE")]
    changes: Vec<String>,
}

/// List images
#[derive(Debug, Args)]
struct LsArgs {
    /// Only the ids
    #[arg(short, long)]
    quiet: bool,

    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Give an image one more name
#[derive(Debug, Args)]
struct TagArgs {
    /// Name or id
    image: String,

    /// The new name
    name: String,
}

/// Remove images
#[derive(Debug, Args)]
struct RmArgs {
    /// Names or ids
    #[arg(required = true)]
    images: Vec<String>,
}

/// Print all there is to say about images, as JSON
#[derive(Debug, Args)]
struct InspectArgs {
    /// Names or ids
    #[arg(required = true)]
    images: Vec<String>,
}

pub(crate) fn run(args: &ImageArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine()?;
    let images = Images::new(engine.store());
    match &args.verb {
        Verb::Load(args) => load(args, context, &images),
        Verb::Import(args) => import(args, context, &images),
        Verb::Ls(args) => list(args, context, &images),
        Verb::Tag(args) => Ok(images.tag(&args.image, &args.name).map(|()| Exit::Done)?),
        Verb::Rm(args) => remove(args, context, &images, &|id| engine.image_user(id)),
        Verb::Inspect(args) => inspect(args, context, &images),
    }
}

fn load(args: &LoadArgs, context: &Context, images: &Images) -> Result<Exit, Failure> {
    let file = args.input.as_ref().map(|file| context.environment.directory.join(file));
    if file.is_none() && context.environment.terminals.input {
        let hint = "give a file with `-i FILE`, or pipe an archive in";
        return Err(Failure::usage("standard input is a terminal", hint));
    }
    let loaded = match &file {
        Some(file) => images.load(Input::Path(file))?,
        None => images.load(Input::Stream(&mut io::stdin()))?,
    };
    for image in loaded {
        let names = if image.references.is_empty() { vec![image.id] } else { image.references };
        for name in names {
            let text = if args.quiet { format!("{name}\n") } else { format!("loaded {name}\n") };
            context.screen.print(&text)?;
        }
    }
    Ok(Exit::Done)
}

fn import(args: &ImportArgs, context: &Context, images: &Images) -> Result<Exit, Failure> {
    let reference = args.reference.as_deref();
    let file = context.environment.directory.join(&args.file);
    let id = match args.file.as_os_str() == "-" {
        true => images.import(Input::Stream(&mut io::stdin()), reference, &args.changes)?,
        false => images.import(Input::Path(&file), reference, &args.changes)?,
    };
    context.screen.print(&format!("{id}\n"))?;
    Ok(Exit::Done)
}

fn list(args: &LsArgs, context: &Context, images: &Images) -> Result<Exit, Failure> {
    let images = images.list()?;
    if args.json {
        let values: Vec<Value> = images.iter().map(value).collect();
        context.screen.json(&values)?;
    } else if args.quiet {
        let ids: BTreeSet<&str> = images.iter().map(|image| short_id(&image.id)).collect();
        context.screen.print(&ids.into_iter().map(|id| format!("{id}\n")).collect::<String>())?;
    } else {
        let rows: Vec<Vec<Cell>> = images.iter().map(|image| row(image, Timestamp::now())).collect();
        context.screen.print(&table::render(
            context.screen.out,
            &["IMAGE", "ID", "CREATED", "SIZE"],
            &rows,
        ))?;
    }
    Ok(Exit::Done)
}

fn value(image: &Listed) -> Value {
    json!({
        "reference": image.reference.as_ref().map(Reference::familiar),
        "id": image.id,
        "created": image.created,
        "size": image.size,
    })
}

fn row(image: &Listed, now: Timestamp) -> Vec<Cell> {
    let name = match &image.reference {
        Some(reference) => Cell::from(reference.familiar()),
        None => Cell::new(Ink::Dim, "<none>"),
    };
    let created = image.created.map_or_else(String::new, |at| ago(at, now));
    vec![name, short_id(&image.id).into(), created.into(), size(image.size).into()]
}

fn remove(
    args: &RmArgs,
    context: &Context,
    images: &Images,
    in_use: &dyn Fn(&str) -> Option<String>,
) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    for reference in &args.images {
        match images.remove(reference, in_use) {
            Ok(removed) => removed.iter().try_for_each(|removed| match removed {
                Removed::Untagged(tag) => context.screen.print(&format!("untagged {tag}\n")),
                Removed::Deleted(id) => context.screen.print(&format!("deleted {id}\n")),
            })?,
            Err(error) => {
                context.screen.failure(&error.into());
                exit = Exit::NotReached;
            }
        }
    }
    Ok(exit)
}

fn inspect(args: &InspectArgs, context: &Context, images: &Images) -> Result<Exit, Failure> {
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
