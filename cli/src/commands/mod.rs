//! The verbs: one file each.

pub(crate) mod attach;
pub(crate) mod build;
pub(crate) mod commit;
pub(crate) mod completion;
pub(crate) mod config;
mod consent;
pub(crate) mod container;
mod containers;
mod converge;
pub(crate) mod cp;
pub(crate) mod create;
pub(crate) mod down;
mod each;
pub(crate) mod env;
pub(crate) mod events;
pub(crate) mod exec;
mod follow;
pub(crate) mod graph;
pub(crate) mod image;
pub(crate) mod images;
pub(crate) mod inspect;
mod interrupt;
pub(crate) mod kill;
pub(crate) mod login;
pub(crate) mod logs;
pub(crate) mod ls;
mod moment;
pub(crate) mod network;
pub(crate) mod pause;
pub(crate) mod plan;
pub(crate) mod port;
pub(crate) mod ps;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod restart;
pub(crate) mod rm;
pub(crate) mod run;
pub(crate) mod scale;
pub(crate) mod shim;
pub(crate) mod start;
pub(crate) mod stats;
pub(crate) mod stop;
pub(crate) mod system;
pub(crate) mod test;
pub(crate) mod top;
pub(crate) mod up;
pub(crate) mod version;
pub(crate) mod volume;
pub(crate) mod wait;
mod wanted;

use crate::args::Command;
use crate::context::Context;
use crate::error::{Exit, Failure};
use engine::LinuxEngine;
use std::collections::BTreeMap;
use std::time::Duration;

/// Does what the verb says.
pub(crate) fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Up(args) => up::run(&args, context),
        Command::Down(args) => down::run(&args, context),
        Command::Create(args) => create::run(&args, context),
        Command::Plan(args) => plan::run(&args, context),
        Command::Ps(args) => ps::run(&args, context),
        Command::Logs(args) => logs::run(&args, context),
        Command::Attach(args) => attach::run(&args, context),
        Command::Run(args) => run::run(&args, context),
        Command::Exec(args) => exec::run(args, context),
        Command::Start(args) => start::run(&args, context),
        Command::Stop(args) => stop::run(&args, context),
        Command::Restart(args) => restart::run(&args, context),
        Command::Kill(args) => kill::run(&args, context),
        Command::Pause(args) => pause::pause(&args, context),
        Command::Unpause(args) => pause::unpause(&args, context),
        Command::Rm(args) => rm::run(&args, context),
        Command::Events(args) => events::run(&args, context),
        Command::Inspect(args) => inspect::run(&args, context),
        Command::Rename(args) => container::rename::run(&args, context),
        Command::Scale(args) => scale::run(&args, context),
        Command::Test(args) => test::run(&args, context),
        Command::Reap(args) => test::reap(&args, context),
        Command::Wait(args) => wait::run(&args, context),
        Command::Port(args) => port::run(&args, context),
        Command::Top(args) => top::run(&args, context),
        Command::Stats(args) => stats::run(&args, context),
        Command::Commit(args) => commit::run(&args, context),
        Command::Cp(args) => cp::run(&args, context),
        Command::Pull(args) => pull::run(&args, context),
        Command::Build(args) => build::run(&args, context),
        Command::Push(args) => push::run(&args, context),
        Command::Images(args) => images::run(&args, context),
        Command::Config(args) => config::run(&args, context),
        Command::Env(args) => env::run(&args, context),
        Command::Graph(args) => graph::run(&args, context),
        Command::Ls(args) => ls::run(&args, context),
        Command::Container(args) => container::run(args, context),
        Command::Image(args) => image::run(&args, context),
        Command::Login(args) => login::login(&args, context),
        Command::Logout(args) => login::logout(&args, context),
        Command::System(args) => system::run(&args, context),
        Command::Network(args) => network::run(&args, context),
        Command::Volume(args) => volume::run(&args, context),
        Command::Version(args) => version::run(&args, context),
        Command::Completion(args) => completion::run(&args, context),
        Command::Shim => Err(Failure::usage("`shim` is for sampan itself", "see `sampan --help`")),
    }
}

/// A number of seconds from the command line.
fn seconds(number: Option<u64>) -> Option<Duration> {
    number.map(Duration::from_secs)
}

/// The containers that mount each volume.
fn users_of_volumes(engine: &LinuxEngine) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for container in engine.list(None)? {
        for name in container.spec.volumes() {
            users.entry(name.to_owned()).or_default().push(container.name());
        }
    }
    Ok(users)
}
