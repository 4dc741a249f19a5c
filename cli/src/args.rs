//! What was typed: the options of every verb and the verbs themselves. The doc comments
//! are the help texts. What it means is decided in [`context`](crate::context).

use crate::commands::{
    attach, build, commit, completion, config, container, cp, create, down, env, events, exec, graph, image,
    images, inspect, kill, login, logs, ls, network, pause, plan, port, ps, pull, push, restart, rm, run,
    scale, start, stats, stop, system, test, top, up, version, volume, wait,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Brings stacks of containers up and down on this machine, without a daemon
#[derive(Debug, Parser)]
#[command(name = "sampan", version, arg_required_else_help = true, subcommand_required = true)]
#[command(after_help = "Options stand before the command: `sampan -p shop up -d`.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Global {
    /// Stack file; several are merged in order, `-` is standard input [env: COMPOSE_FILE]
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(crate) files: Vec<String>,

    /// Name of the stack [env: COMPOSE_PROJECT_NAME]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) project_name: Option<String>,

    /// Folder that relative paths start from; otherwise that of the first file
    #[arg(long, value_name = "DIR")]
    pub(crate) project_directory: Option<PathBuf>,

    /// File of variables for the stack file, instead of `.env` [env: COMPOSE_ENV_FILES]
    #[arg(long = "env-file", value_name = "FILE")]
    pub(crate) env_files: Vec<String>,

    /// Also use the services of this profile; `*` is every profile [env: COMPOSE_PROFILES]
    #[arg(long = "profile", value_name = "PROFILE")]
    pub(crate) profiles: Vec<String>,

    /// Include networks, volumes, configs and secrets that no service uses
    #[arg(long)]
    pub(crate) all_resources: bool,

    /// Folder of everything that survives a reboot
    #[arg(long, value_name = "DIR", env = "SAMPAN_ROOT", default_value = "/var/lib/sampan")]
    pub(crate) root: PathBuf,

    /// Folder of sockets, locks and states; follows from --root, for the default root it is /run/sampan
    #[arg(long, value_name = "DIR", env = "SAMPAN_RUNTIME")]
    pub(crate) runtime: Option<PathBuf>,

    /// When to use colours and live progress [env: COMPOSE_ANSI, NO_COLOR]
    #[arg(long, value_name = "WHEN")]
    pub(crate) ansi: Option<Ansi>,

    /// How to tell what is done; `json` is one document a line [env: COMPOSE_PROGRESS]
    #[arg(long, value_name = "HOW")]
    pub(crate) progress: Option<Telling>,

    /// How many steps run at the same time [env: COMPOSE_PARALLEL_LIMIT]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) parallel: Option<u16>,

    /// Also say what is left as it is
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// When to use colours. The values explain themselves; with texts of their own they would turn
/// every help into the long form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ansi {
    #[value(help = None)]
    Never,
    #[value(help = None)]
    Always,
    #[value(help = None)]
    Auto,
}

/// How progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Telling {
    #[value(help = None)]
    Auto,
    #[value(help = None)]
    Tty,
    #[value(help = None)]
    Plain,
    #[value(help = None)]
    Json,
    #[value(help = None)]
    Quiet,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Up(up::UpArgs),
    Down(down::DownArgs),
    Create(create::CreateArgs),
    Plan(plan::PlanArgs),
    Ps(ps::PsArgs),
    Logs(logs::LogsArgs),
    Attach(attach::AttachArgs),
    Run(run::RunArgs),
    Exec(exec::ExecArgs),
    Start(start::StartArgs),
    Stop(stop::StopArgs),
    Restart(restart::RestartArgs),
    Kill(kill::KillArgs),
    Pause(pause::PauseArgs),
    Unpause(pause::UnpauseArgs),
    Rm(rm::RmArgs),
    Rename(container::rename::RenameArgs),
    Inspect(inspect::InspectArgs),
    Scale(scale::ScaleArgs),
    Wait(wait::WaitArgs),
    Test(test::TestArgs),
    Port(port::PortArgs),
    Top(top::TopArgs),
    Stats(stats::StatsArgs),
    Events(events::EventsArgs),
    Commit(commit::CommitArgs),
    Cp(cp::CpArgs),
    Pull(pull::PullArgs),
    Build(build::BuildArgs),
    Push(push::PushArgs),
    Images(images::ImagesArgs),
    #[command(alias = "convert")]
    Config(config::ConfigArgs),
    Env(env::EnvArgs),
    Graph(graph::GraphArgs),
    Ls(ls::LsArgs),
    Container(container::ContainerArgs),
    Image(image::ImageArgs),
    Network(network::NetworkArgs),
    Volume(volume::VolumeArgs),
    Login(login::LoginArgs),
    Logout(login::LogoutArgs),
    System(system::SystemArgs),
    Version(version::VersionArgs),
    Completion(completion::CompletionArgs),
    /// The supervisor of one container; started by sampan itself
    #[command(hide = true)]
    Shim,
    #[command(hide = true)]
    Reap(test::ReapArgs),
}
