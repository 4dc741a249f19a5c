//! `sampan run`

use super::converge::{Ask, converge};
use super::wanted::ImageArgs;
use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use clap::Args;
use planner::desired::OneOff;
use planner::goal::{RunOptions, UpOptions, Verb};
use planner::{ContainerId, Goal, Slot};
use serde_json::{Value, json};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Run a command once, in a container of its own of a service
#[derive(Debug, Args)]
#[command(
    after_help = "What the service depends on is brought up first. Everything behind SERVICE belongs to \
    the command: `sampan run --rm web ls -l /`"
)]
pub(crate) struct RunArgs {
    /// Do not wait for it; print its name
    #[arg(short, long)]
    detach: bool,

    /// Remove it when it has ended, with its anonymous volumes
    #[arg(long)]
    rm: bool,

    /// No terminal; there is one when standard input and output are terminals
    #[arg(short = 'T', long = "no-tty", alias = "no-TTY")]
    no_tty: bool,

    /// Set a variable; without a value it takes that of this shell
    #[arg(short, long = "env", value_name = "NAME=VALUE")]
    env: Vec<String>,

    /// Set the variables of this file
    #[arg(long = "env-from-file", value_name = "FILE")]
    env_files: Vec<String>,

    /// Its name; by default that of the service with a number
    #[arg(long)]
    name: Option<String>,

    /// Another program than the service's; without a command it gets no arguments
    #[arg(long, value_name = "PROGRAM")]
    entrypoint: Option<String>,

    /// Run as `user[:group]`
    #[arg(short, long)]
    user: Option<String>,

    /// Working directory
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,

    /// Mount one thing more: `source:target[:options]`
    #[arg(short, long = "volume", value_name = "VOLUME")]
    volumes: Vec<String>,

    /// Publish this port, and none of the service's
    #[arg(short, long, value_name = "PORT", conflicts_with = "service_ports")]
    publish: Vec<String>,

    /// Publish the ports of the service
    #[arg(short = 'P', long)]
    service_ports: bool,

    /// Add a label
    #[arg(short, long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,

    /// Add a capability
    #[arg(long, value_name = "CAPABILITY")]
    cap_add: Vec<String>,

    /// Take a capability away
    #[arg(long, value_name = "CAPABILITY")]
    cap_drop: Vec<String>,

    /// Leave services alone that this one depends on
    #[arg(long)]
    no_deps: bool,

    /// Let it answer to the names of the service, too
    #[arg(long)]
    use_aliases: bool,

    /// Remove containers of services that left the file
    #[arg(long)]
    remove_orphans: bool,

    /// Show the plan and do nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    images: ImageArgs,

    /// Accepted for scripts: input is always passed on
    #[arg(short, long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    interactive: Option<bool>,

    /// Accepted for scripts: there is a terminal whenever there can be one
    #[arg(short, long, hide = true)]
    tty: bool,

    /// The service
    service: String,

    /// The command and its arguments; otherwise the service's
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    argv: Vec<String>,
}

pub(crate) fn run(args: &RunArgs, context: &Context) -> Result<Exit, Failure> {
    let terminals = context.environment.terminals;
    let tty = !args.detach && !args.no_tty && terminals.input && terminals.out;
    known_service(&args.service, context)?;
    let overlay = args.overlay(tty, &args.variables(context)?, &context.environment.directory);
    let target = context.stack_to_run_with(&args.service, overlay)?;
    let engine = Arc::new(context.engine_as_root("run")?);
    let number = number()?;
    let goal = args.goal(number);
    let quiet = args.images.quiet_pull;
    let exit = converge(
        context,
        &engine,
        Ask { target: &target, goal: &goal, dry_run: args.dry_run, quiet, saved: None },
    )?;
    let slot = Slot { service: args.service.clone(), index: number };
    let id = ContainerId { stack: target.name, slot, generation: 1 };
    match exit {
        Exit::Done if args.dry_run => Ok(Exit::Done),
        Exit::Done if args.detach => {
            context.screen.print(&format!("{}\n", engine.called(&id))).map(|()| Exit::Done)
        }
        Exit::Done => Err(become_attached(context, &id, &[])),
        exit => Ok(exit),
    }
}

/// What is added to the file must not make a service of its own.
fn known_service(name: &str, context: &Context) -> Result<(), Failure> {
    let Some(stack) = context.target()?.stack else { return Ok(()) };
    if stack.services.contains_key(name) || stack.disabled.contains_key(name) {
        return Ok(());
    }
    let known: Vec<&str> = stack.services.keys().chain(stack.disabled.keys()).map(String::as_str).collect();
    Err(Message::new(Exit::NotReached, format!("there is no service `{name}`"))
        .hint(format!("services are: {}", known.join(", ")))
        .into())
}

/// Attaching wants signals that nothing has touched, and nothing else to do: this process becomes
/// `attach`. It returns when that fails.
pub(crate) fn become_attached(context: &Context, id: &ContainerId, more: &[&str]) -> Failure {
    let store = context.store();
    let mut command = Command::new("/proc/self/exe");
    command.arg0("sampan").arg("--root").arg(store.root()).arg("--runtime").arg(store.runtime());
    let error = command.args(["attach", "--id"]).arg(id.to_string()).args(more).exec();
    Failure::io("attach", &error)
}

/// A number that no replica has, and hardly any other container that runs once.
pub(crate) fn number() -> Result<u32, Failure> {
    let mut bytes = [0; 4];
    let random = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    random.map_err(|error| Failure::io("read /dev/urandom", &error))?;
    Ok(u32::from_ne_bytes(bytes) | Slot::ONE_OFF)
}

impl RunArgs {
    fn goal(&self, number: u32) -> Goal {
        let one_off = OneOff { remove: self.rm, awaited: !self.detach };
        let options = UpOptions {
            no_deps: self.no_deps,
            remove_orphans: self.remove_orphans,
            images: self.images.options(),
            run: Some(RunOptions { number, one_off, aliases: self.use_aliases, keeps_restart: false }),
            ..UpOptions::default()
        };
        Goal { services: [self.service.clone()].into(), ..Goal::all(Verb::Up(options)) }
    }

    /// Variables of files, and behind them, which wins, those that were typed.
    fn variables(&self, context: &Context) -> Result<Vec<String>, Failure> {
        let mut variables = Vec::new();
        for file in &self.env_files {
            let path = context.environment.directory.join(file);
            let text =
                std::fs::read_to_string(path).map_err(|error| Failure::io(format!("read {file}"), &error))?;
            let outer = |name: &str| context.environment.var(name).map(str::to_owned);
            let known = planner::source::dotenv_variables(&text, &outer).ok_or_else(|| {
                Failure::usage(format!("{file} is no file of variables"), "each line is NAME=VALUE")
            })?;
            variables.extend(known.into_iter().map(|(name, value)| format!("{name}={value}")));
        }
        variables.extend(self.env.iter().cloned());
        Ok(variables)
    }

    /// What was typed as one more stack file over the others.
    fn overlay(&self, tty: bool, env: &[String], directory: &Path) -> String {
        let mut keys: Vec<(&str, &str, Value)> = Vec::new();
        let mut set = |key, tag, value: Value| keys.push((key, tag, value));
        if !self.service_ports {
            set("ports", "!override", texts(&self.publish));
        }
        if !self.detach {
            set("tty", "", json!(tty));
            set("stdin_open", "", json!(true));
        }
        if let Some(program) = &self.entrypoint {
            set("entrypoint", "!override", text(program));
        }
        if !self.argv.is_empty() || self.entrypoint.is_some() {
            set("command", "!override", texts(&self.argv));
        }
        for (key, value) in [("user", &self.user), ("working_dir", &self.workdir)] {
            value.iter().for_each(|value| set(key, "", text(value)));
        }
        let volumes: Vec<String> = self.volumes.iter().map(|volume| absolute(volume, directory)).collect();
        let lists = [
            ("environment", env),
            ("labels", &self.labels),
            ("cap_add", &self.cap_add),
            ("cap_drop", &self.cap_drop),
            ("volumes", &volumes),
        ];
        for (key, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            set(key, "", texts(list));
        }
        let name =
            self.name.as_deref().map_or_else(|| "!reset null".to_owned(), |name| text(name).to_string());
        let mut lines = format!("services:\n  {}:\n    container_name: {name}\n", text(&self.service));
        lines.extend(keys.iter().map(|(key, tag, value)| format!("    {key}: {tag} {value}\n")));
        lines
    }
}

/// A text that stands for itself: what was typed holds no variables.
fn text(typed: &str) -> Value {
    json!(typed.replace('$', "$$"))
}

fn texts(typed: &[String]) -> Value {
    typed.iter().map(|typed| text(typed)).collect()
}

/// A relative source begins where the command was typed, not where the file is.
fn absolute(volume: &str, directory: &Path) -> String {
    match volume.starts_with("./") || volume.starts_with("../") || volume == "." {
        true => format!("{}/{volume}", directory.display()),
        false => volume.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        run: RunArgs,
    }

    fn overlay(args: &[&str]) -> String {
        let typed = Typed::try_parse_from([&["run"], args].concat()).unwrap();
        typed.run.overlay(false, &typed.run.env, Path::new("/here"))
    }

    #[test]
    fn what_was_typed_is_one_more_file() {
        let head = "services:\n  \"web\":\n    container_name: !reset null\n";
        assert_eq!(overlay(&["-d", "web"]), format!("{head}    ports: !override []\n"));
        let args = ["-d", "-P", "--entrypoint", "sh -c", "-e", "A=$B", "-v", "./x:/y", "web", "echo", "-n"];
        let lines = [
            "    entrypoint: !override \"sh -c\"\n",
            "    command: !override [\"echo\",\"-n\"]\n",
            "    environment:  [\"A=$$B\"]\n",
            "    volumes:  [\"/here/./x:/y\"]\n",
        ];
        assert_eq!(overlay(&args), format!("{head}{}", lines.concat()));
        assert!(overlay(&["web"]).contains("stdin_open:  true"));
        assert!(overlay(&["--name", "one", "web"]).contains("    container_name: \"one\"\n"));
        assert!(overlay(&["--entrypoint", "x", "web"]).contains("command: !override []"));
    }

    #[test]
    fn a_number_is_none_of_a_replica() {
        assert!(Slot { service: "web".into(), index: number().unwrap() }.is_one_off());
    }
}
