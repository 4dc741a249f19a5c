//! What the commands that bring a stack up have in common: which services, made how.

use clap::Args;
use planner::Goal;
use planner::desired::PullPolicy;
use planner::goal::{BuildWhen, ImageOptions, UpOptions, Verb};

/// What should be there.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// Only these services and what they depend on
    pub(crate) services: Vec<String>,

    #[command(flatten)]
    pub(crate) images: ImageArgs,

    #[command(flatten)]
    shape: Shape,
}

impl Wanted {
    /// As the planner wants it.
    pub(crate) fn options(&self) -> UpOptions {
        UpOptions { images: self.images.options(), ..self.shape.options() }
    }

    /// That these services are as the options say.
    pub(crate) fn goal(&self, options: UpOptions) -> Goal {
        Goal { services: self.services.iter().cloned().collect(), ..Goal::all(Verb::Up(options)) }
    }
}

/// How images come here.
#[derive(Debug, Args)]
pub(crate) struct ImageArgs {
    /// Build images although they are here
    #[arg(long, conflicts_with = "no_build")]
    build: bool,

    /// Build no images
    #[arg(long)]
    no_build: bool,

    /// When to pull, instead of what the services say: always, missing, never
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    pull: Option<PullPolicy>,

    /// Do not tell how images come
    #[arg(long, alias = "quiet-build")]
    pub(crate) quiet_pull: bool,
}

impl ImageArgs {
    pub(crate) fn options(&self) -> ImageOptions {
        let build = match self {
            Self { build: true, .. } => BuildWhen::Always,
            Self { no_build: true, .. } => BuildWhen::Never,
            _ => BuildWhen::Policy,
        };
        ImageOptions { pull: self.pull, build, ..ImageOptions::default() }
    }
}

/// A pull policy as it is typed.
pub(crate) fn policy(text: &str) -> Result<PullPolicy, String> {
    PullPolicy::parse(text).ok_or_else(|| "possible are always, missing, never".to_owned())
}

/// The ways in which the wanted state can be varied.
#[derive(Debug, Args)]
struct Shape {
    /// Replace containers although nothing changed
    #[arg(long)]
    force_recreate: bool,

    /// Leave services alone that the named ones depend on
    #[arg(long)]
    no_deps: bool,

    /// Remove containers of services that left the file
    #[arg(long, env = "COMPOSE_REMOVE_ORPHANS", value_parser = clap::builder::FalseyValueParser::new())]
    remove_orphans: bool,

    /// Number of containers of a service, instead of the file's
    #[arg(long, value_name = "SERVICE=N", value_parser = scale)]
    scale: Vec<(String, u32)>,
}

impl Shape {
    fn options(&self) -> UpOptions {
        UpOptions {
            force_recreate: self.force_recreate,
            no_deps: self.no_deps,
            remove_orphans: self.remove_orphans,
            scale: self.scale.iter().cloned().collect(),
            ..Default::default()
        }
    }
}

/// `web=3`
pub(crate) fn scale(text: &str) -> Result<(String, u32), String> {
    let (service, number) = text.split_once('=').ok_or("write SERVICE=NUMBER")?;
    let number = number.parse().map_err(|_| format!("`{number}` is not a number of containers"))?;
    Ok((service.to_owned(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_names_a_service_and_a_number() {
        assert_eq!(scale("web=3"), Ok(("web".to_owned(), 3)));
        assert!(scale("web").is_err());
        assert!(scale("web=x").unwrap_err().contains("`x`"));
    }
}
