//! `sampan image build | pull | push | search | load | save | import | ls | tag | rm | inspect | history | prune`

mod build;
mod history;
mod import;
mod inspect;
mod load;
mod ls;
mod piped;
pub(super) mod prune;
mod pull;
mod push;
mod rm;
mod save;
mod search;
mod tag;

use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::{Args, Subcommand};
use engine::image::Images;
use std::fs;
use std::path::{Path, PathBuf};

/// Build, pull, push, load, save, list and remove images
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct ImageArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Build(Box<build::BuildArgs>),
    Pull(pull::PullArgs),
    Push(push::PushArgs),
    Search(search::SearchArgs),
    Load(load::LoadArgs),
    Save(save::SaveArgs),
    Import(import::ImportArgs),
    #[command(alias = "list")]
    Ls(ls::LsArgs),
    Tag(tag::TagArgs),
    #[command(alias = "remove")]
    Rm(rm::RmArgs),
    Inspect(inspect::InspectArgs),
    History(history::HistoryArgs),
    Prune(prune::PruneArgs),
}

pub(crate) fn run(args: &ImageArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine()?;
    let images = Images::new(engine.store());
    match &args.verb {
        Verb::Build(args) => build::run(args, context),
        Verb::Pull(args) => pull::run(args, context),
        Verb::Push(args) => push::run(args, context, &images),
        Verb::Search(args) => search::run(args, context),
        Verb::Load(args) => load::run(args, context, &images),
        Verb::Save(args) => save::run(args, context, &images),
        Verb::Import(args) => import::run(args, context, &images),
        Verb::Ls(args) => ls::run(args, context, &images),
        Verb::Tag(args) => tag::run(args, &images),
        Verb::Rm(args) => rm::run(args, context, &images, &|id| engine.image_user(id)),
        Verb::Inspect(args) => inspect::run(args, context, &images),
        Verb::History(args) => history::run(args, context, &images),
        Verb::Prune(args) => prune::run(args, context, &images, &|id| engine.image_user(id)),
    }
}

/// An archive that was named, which must be there.
fn archive(file: &Path, context: &Context) -> Result<PathBuf, Failure> {
    let path = context.environment.directory.join(file);
    fs::metadata(&path).map_err(|error| Failure::io(format!("open {}", path.display()), &error))?;
    Ok(path)
}
