//! `sampan config`

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::{json, yaml};
use clap::{Args, ValueEnum};
use planner::Stack;
use planner::model::Form;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Check the stack files and print what they say together
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,

    /// Print nothing, only check
    #[arg(short, long)]
    quiet: bool,

    /// Print the names of the services, one a line
    #[arg(long, group = "what")]
    services: bool,

    /// Print the names of the volumes, one a line
    #[arg(long, group = "what")]
    volumes: bool,

    /// Print the names of the networks, one a line
    #[arg(long, group = "what")]
    networks: bool,

    /// Print the names of the images, one a line
    #[arg(long, group = "what")]
    images: bool,

    /// Write to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
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
    let target = context.stack()?;
    let Some(stack) = target.stack.filter(|_| !args.quiet) else { return Ok(Exit::Done) };
    let text = match names(args, &stack) {
        Some(names) => names.into_iter().map(|name| name + "\n").collect(),
        None => whole(args.format, &stack),
    };
    match &args.output {
        None => context.screen.print(&text)?,
        Some(file) => std::fs::write(context.environment.directory.join(file), text)
            .map_err(|error| Failure::io(format!("write {}", file.display()), &error))?,
    }
    Ok(Exit::Done)
}

/// The names asked for, if only names are asked for.
fn names(args: &ConfigArgs, stack: &Stack) -> Option<BTreeSet<String>> {
    match () {
        () if args.services => Some(stack.services.keys().cloned().collect()),
        () if args.volumes => Some(stack.volumes.keys().cloned().collect()),
        () if args.networks => Some(stack.networks.keys().cloned().collect()),
        () if args.images => Some(stack.services.values().map(|service| service.image.clone()).collect()),
        () => None,
    }
}

fn whole(format: Format, stack: &Stack) -> String {
    match format {
        Format::Json => json::render(&stack.canonical(Form::Json), 2) + "\n",
        Format::Yaml => yaml::render(&stack.canonical(Form::Yaml), 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use planner::model::{Network, Service};

    #[test]
    fn yaml_has_the_name_first_and_json_its_keys_in_order() {
        let network = Network { name: "shop_default".into(), ..Default::default() };
        let service = Service { image: "a".into(), ..Default::default() };
        let stack = Stack {
            name: "shop".into(),
            services: [("web".into(), service)].into(),
            networks: [("default".into(), network)].into(),
            ..Default::default()
        };
        assert_eq!(
            whole(Format::Yaml, &stack),
            "name: shop\nservices:\n  web:\n    image: a\nnetworks:\n  default:\n    name: shop_default\n"
        );
        let json = whole(Format::Json, &stack);
        let keys = ["name", "networks", "services"].map(|key| json.find(&format!("\n  \"{key}\"")));
        assert!(keys.is_sorted() && keys[0].is_some(), "{json}");
    }
}
