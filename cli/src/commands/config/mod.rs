//! `sampan config`

mod hash;
mod lists;
mod support;
mod variables;

use crate::context::{Context, Reading};
use crate::error::{Exit, Failure, Message};
use crate::output::{file, json, yaml};
use clap::{Args, ValueEnum};
use planner::Stack;
use planner::load::LoadOptions;
use planner::model::{Form, Service};
use std::mem::ManuallyDrop;
use std::path::PathBuf;

/// Check the stack files and print what they say together
///
/// Everything is in one form: files merged, variables replaced, short forms made long, paths made
/// whole, defaults filled in. What is printed means the same stack, and prints the same again.
///
/// With `--format json` mistakes and warnings are JSON too: one list on standard error, which stays
/// empty when there are none.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Only these services and what they depend on
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,

    /// Form of the output; yaml, but a table for --variables and --support
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// Print nothing, only check
    #[arg(short, long)]
    quiet: bool,

    /// Write to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    only: Only,

    #[command(flatten)]
    leave: Leave,
}

/// What is printed in place of the stack.
#[derive(Debug, Default, Args)]
#[group(multiple = false)]
struct Only {
    /// Print the names of the services, one a line
    #[arg(long = "services")]
    service_names: bool,

    /// Print the names of the volumes, one a line
    #[arg(long)]
    volumes: bool,

    /// Print the names of the networks, one a line
    #[arg(long)]
    networks: bool,

    /// Print the image of each service, one a line
    #[arg(long)]
    images: bool,

    /// Print the AI models, one a line
    #[arg(long)]
    models: bool,

    /// Print the names of all profiles, one a line
    #[arg(long)]
    profiles: bool,

    /// Print the variables that the files see, one a line
    #[arg(long)]
    environment: bool,

    /// Print the variables that the files use, and their defaults
    #[arg(long)]
    variables: bool,

    /// Print what becomes of each key that the files use: enforced, passed on or refused, and why
    #[arg(long)]
    support: bool,

    /// Print a digest of what containers of these services are made from; `*` is every service
    #[arg(long, value_name = "SERVICE,…", value_delimiter = ',')]
    hash: Vec<String>,

    /// Put the digest of every image in place of its tag
    #[arg(long)]
    resolve_image_digests: bool,

    /// Print only services and the digests of their images
    #[arg(long)]
    lock_image_digests: bool,
}

/// Stages that are left out.
#[derive(Debug, Default, Args)]
struct Leave {
    /// Leave variables as they are written
    #[arg(long)]
    no_interpolate: bool,

    /// Fill in nothing that is implied: default network, names, dependencies
    #[arg(long)]
    no_normalize: bool,

    /// Leave relative paths relative
    #[arg(long)]
    no_path_resolution: bool,

    /// Do not check what services, networks and volumes say about each other
    #[arg(long)]
    no_consistency: bool,

    /// Leave env_file, and variables without value, as they are
    #[arg(long)]
    no_env_resolution: bool,
}

/// Form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    #[value(help = None)]
    Yaml,
    #[value(help = None)]
    Json,
}

pub(crate) fn run(args: &ConfigArgs, context: &Context) -> Result<Exit, Failure> {
    done(args, context).map_err(|failure| match args.format {
        Some(Format::Json) => Failure::Said(context.screen.failure_as_json(&failure)),
        _ => failure,
    })
}

fn done(args: &ConfigArgs, context: &Context) -> Result<Exit, Failure> {
    args.refuse_digests()?;
    // Nothing comes behind this: taking a large stack apart would only take time.
    let reading = ManuallyDrop::new(context.read(|options| args.adjust(options))?);
    match args.format {
        Some(Format::Json) => context.screen.diagnostics_as_json(&reading.remarks),
        _ => context.screen.diagnostics(&reading.remarks),
    }
    args.know_services(&reading.loaded.stack)?;
    if args.quiet {
        return Ok(Exit::Done);
    }
    let text = args.text(&reading, context)?;
    match &args.output {
        None => context.screen.print(&text)?,
        Some(name) => file::replace(&context.environment.directory.join(name), &text)
            .map_err(|error| Failure::io(format!("write {}", name.display()), &error))?,
    }
    Ok(Exit::Done)
}

impl ConfigArgs {
    fn refuse_digests(&self) -> Result<(), Failure> {
        let only = &self.only;
        for (asked, flag) in [(only.resolve_image_digests, "resolve"), (only.lock_image_digests, "lock")] {
            if asked {
                let text = format!("`--{flag}-image-digests` is not supported yet");
                return Err(Message::new(Exit::NotReached, text)
                    .hint("write digests into the file: `image: NAME@sha256:…`")
                    .into());
            }
        }
        Ok(())
    }

    /// How the files are loaded for what is asked.
    fn adjust(&self, options: &mut LoadOptions) {
        let (only, leave) = (&self.only, &self.leave);
        options.details = only.support;
        options.short_lived = true;
        let skip = &mut options.skip;
        skip.interpolation = leave.no_interpolate || only.variables;
        skip.normalization = leave.no_normalize;
        skip.path_resolution = leave.no_path_resolution;
        skip.consistency = leave.no_consistency;
        skip.env_resolution = leave.no_env_resolution || skip.interpolation || only.needs_no_env_files();
        if !only.is_about_all_services() {
            options.services.clone_from(&self.services);
        }
    }

    fn know_services(&self, stack: &Stack) -> Result<(), Failure> {
        match self.only.variables || self.only.is_about_all_services() {
            true => Ok(()),
            false => self.services.iter().try_for_each(|name| known(name, stack)),
        }
    }

    fn text(&self, Reading { loaded, .. }: &Reading, context: &Context) -> Result<String, Failure> {
        let only = &self.only;
        let stack = &loaded.stack;
        let written = stack.untyped.as_ref();
        if only.variables {
            return Ok(variables::show(written, self.format));
        }
        if only.support {
            return Ok(support::show(loaded, self.format, context));
        }
        if only.environment {
            return Ok(lists::environment(&context.environment, &loaded.variables));
        }
        if !only.hash.is_empty() {
            return hash::show(&only.hash, stack);
        }
        let names = match written {
            Some(written) => lists::written(only, written),
            None => lists::names(only, stack),
        };
        Ok(match names {
            Some(names) => names.into_iter().map(|name| name + "\n").collect(),
            None => self.whole(stack)?,
        })
    }

    fn whole(&self, stack: &Stack) -> Result<String, Failure> {
        match self.format {
            Some(Format::Json) => {
                stack.services.iter().try_for_each(|(name, service)| key_files(name, service))?;
                Ok(json::render(&stack.canonical(Form::Json), 2) + "\n")
            }
            _ => Ok(yaml::render(&stack.canonical(Form::Yaml), 2)),
        }
    }
}

impl Only {
    fn needs_no_env_files(&self) -> bool {
        let names = self.service_names || self.volumes || self.networks || self.images || self.models;
        names || self.profiles || self.variables || !self.hash.is_empty()
    }

    /// Whether services named beside it do not matter.
    fn is_about_all_services(&self) -> bool {
        let names = self.service_names || self.volumes || self.networks || self.models;
        names || !self.hash.is_empty()
    }
}

/// Refuses keys of `build.ssh`: JSON has no form for them that Docker Compose would read.
fn key_files(name: &str, service: &Service) -> Result<(), Failure> {
    let ssh = service.build.iter().flat_map(|build| &build.ssh.0);
    match ssh.filter(|(_, file)| !file.is_empty()).map(|(id, _)| id).next() {
        None => Ok(()),
        Some(id) => {
            let text = format!("service `{name}`: the key file `{id}` of `build.ssh` has no form in JSON");
            Err(Message::new(Exit::NotReached, text).hint("YAML has one: leave out `--format json`").into())
        }
    }
}

/// Refuses services that are not in the stack.
fn known(name: &str, stack: &Stack) -> Result<(), Failure> {
    if stack.services.contains_key(name) || stack.disabled.contains_key(name) {
        return Ok(());
    }
    let names: Vec<&str> = stack.services.keys().chain(stack.disabled.keys()).map(String::as_str).collect();
    Err(Message::new(Exit::NotReached, format!("no service `{name}` in {}", stack.name))
        .hint(format!("there are: {}", names.join(", ")))
        .into())
}
