//! `sampan volume clone | snapshot | restore`

use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use clap::Args;
use engine::volume::{self, VolumeRecord, snapshot};
use jiff::Timestamp;
use planner::VolumeSpec;

/// Make a new volume with what another one holds
#[derive(Debug, Args)]
pub(super) struct CloneArgs {
    /// Volume to copy
    from: String,

    /// Name of the new one, which belongs to no stack
    to: String,

    /// Also while containers write to it
    #[arg(long)]
    live: bool,
}

/// Keep what a volume holds now, as a volume of its own, and print its name
///
/// `volume ls --filter label=sampan.snapshot.of=VOLUME` lists those of a volume, `volume rm` removes them.
#[derive(Debug, Args)]
pub(super) struct SnapshotArgs {
    /// Volume
    volume: String,

    /// Name of the snapshot; by default that of the volume and the time
    name: Option<String>,

    /// Also while containers write to it
    #[arg(long)]
    live: bool,
}

/// Give a volume back what a snapshot holds; what it holds now is lost
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// Snapshot, or any other volume
    snapshot: String,

    /// Volume; by default the one that the snapshot is of
    volume: Option<String>,

    /// Do not ask
    #[arg(short, long)]
    force: bool,
}

pub(super) fn clone(args: &CloneArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("volume clone")?;
    let labels = found(&engine, &args.from)?.spec.labels;
    let spec = VolumeSpec { name: args.to.clone(), labels, ..VolumeSpec::default() };
    snapshot::clone(engine.store(), &args.from, &spec, args.live)?;
    context.screen.print(&format!("{}\n", args.to))?;
    Ok(Exit::Done)
}

pub(super) fn snapshot(args: &SnapshotArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("volume snapshot")?;
    found(&engine, &args.volume)?;
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%S");
    let name = args.name.clone().unwrap_or_else(|| format!("{}.{now}", args.volume));
    let labels = [(snapshot::OF.to_owned(), args.volume.clone())].into();
    let spec = VolumeSpec { name: name.clone(), labels, ..VolumeSpec::default() };
    snapshot::clone(engine.store(), &args.volume, &spec, args.live)?;
    context.screen.print(&format!("{name}\n"))?;
    Ok(Exit::Done)
}

pub(super) fn restore(args: &RestoreArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("volume restore")?;
    let of = found(&engine, &args.snapshot)?.spec.labels.remove(snapshot::OF);
    let volume = args.volume.clone().or(of).ok_or_else(|| {
        Failure::usage(
            format!("`{}` does not say which volume it is of", args.snapshot),
            "name the volume behind it",
        )
    })?;
    if volume == args.snapshot {
        return Err(Failure::usage("a volume cannot be restored from itself", "name a snapshot first"));
    }
    found(&engine, &volume)?;
    let what = format!("this replaces all that volume {volume} holds now");
    crate::commands::consent::ask(context, &what, args.force)?;
    snapshot::restore(engine.store(), &args.snapshot, &volume)?;
    context.screen.print(&format!("{volume}\n"))?;
    Ok(Exit::Done)
}

fn found(engine: &engine::LinuxEngine, name: &str) -> Result<VolumeRecord, Failure> {
    let missing = || {
        Message::new(Exit::NotReached, format!("no volume `{name}`"))
            .hint("`sampan volume ls` lists what is there")
    };
    Ok(volume::get(engine.store(), name)?.ok_or_else(missing)?)
}
