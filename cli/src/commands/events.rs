//! `sampan events`, `sampan system events`

use crate::commands::moment::moment;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::table::Format;
use clap::Args;
use engine::journal::{Entry, JournalOptions, Subject};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Tell what happens to the stack: starts, ends, health, memory, networks, volumes
///
/// Supervisors write it down, so it is complete also for times in which no command ran. What is told
/// goes back as far as 4 to 8 MiB reach.
#[derive(Debug, Args)]
#[command(after_help = FILTERS)]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    how: How,

    /// Only these services
    services: Vec<String>,
}

/// Tell what happens on this machine, to images too
#[derive(Debug, Args)]
#[command(after_help = FILTERS)]
pub(crate) struct SystemEventsArgs {
    #[command(flatten)]
    how: How,
}

const FILTERS: &str = "Filters are type, event, container, image, network, volume, service, stack and \
    label=KEY[=VALUE]; of several with one name one must fit.";

/// What is told, and how.
#[derive(Debug, Args)]
struct How {
    /// Begin with what happened since then: a time, or how long ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,

    /// End with what happened until then: a time, or how long ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,

    /// Only what fits: `event=die`, `type=container`, …
    #[arg(long = "filter", value_name = "FILTER")]
    filters: Vec<String>,

    /// One JSON object a line
    #[arg(long)]
    json: bool,

    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(crate) fn run(args: &EventsArgs, context: &Context) -> Result<Exit, Failure> {
    let mut choice = Choice::read(&args.how.filters)?;
    let target = context.target()?;
    choice.add("stack", target.name);
    args.services.iter().for_each(|service| choice.add("service", service.clone()));
    tell(&args.how, &choice, context)
}

/// Whatever stack it belongs to, if any.
pub(crate) fn system(args: &SystemEventsArgs, context: &Context) -> Result<Exit, Failure> {
    tell(&args.how, &Choice::read(&args.how.filters)?, context)
}

fn tell(how: &How, choice: &Choice, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("events")?;
    let options = JournalOptions { since: how.since, until: how.until };
    let mut failure = None;
    engine.events(&options, &mut |entry| {
        if !choice.fits(entry) {
            return ControlFlow::Continue(());
        }
        let text = match how.json || how.format == Format::Json {
            true => serde_json::to_string(entry).map_err(|error| Failure::io("print", &error.into())),
            false => Ok(line(entry)),
        };
        match text.and_then(|text| context.screen.print(&(text + "\n"))) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    failure.map_or(Ok(Exit::Done), Err)
}

/// As Docker Compose tells it.
fn line(entry: &Entry) -> String {
    let time = entry.time.strftime("%Y-%m-%d %H:%M:%S.%6f");
    let more: Vec<String> = entry.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{time} {} {} {} ({})", entry.kind, entry.action, entry.id, more.join(", "))
}

/// What is told: of each key one value must fit.
#[derive(Debug, Default)]
struct Choice {
    wanted: BTreeMap<String, Vec<String>>,
}

const KEYS: [&str; 9] =
    ["type", "event", "container", "image", "network", "volume", "service", "stack", "label"];

impl Choice {
    fn read(texts: &[String]) -> Result<Self, Failure> {
        let mut choice = Self::default();
        for text in texts {
            let pair = text.split_once('=').filter(|(key, _)| KEYS.contains(key));
            let (key, value) =
                pair.ok_or_else(|| Failure::usage(format!("filter `{text}` is not known"), FILTERS))?;
            choice.add(key, value.to_owned());
        }
        Ok(choice)
    }

    fn add(&mut self, key: &str, value: String) {
        self.wanted.entry(key.to_owned()).or_default().push(value);
    }

    fn fits(&self, entry: &Entry) -> bool {
        self.wanted.iter().all(|(key, values)| values.iter().any(|value| is_so(entry, key, value)))
    }
}

fn is_so(entry: &Entry, key: &str, value: &str) -> bool {
    let named = |subject| entry.kind == subject && (entry.id == value || has(entry, "name", value));
    match key {
        "type" => entry.kind.to_string() == value,
        // `health_status` is any verdict.
        "event" => entry.action == value || entry.action.split(':').next() == Some(value),
        "container" => named(Subject::Container) || has(entry, "container", value),
        "image" => named(Subject::Image) || has(entry, "image", value),
        "network" => named(Subject::Network),
        "volume" => named(Subject::Volume),
        "service" => entry.service.as_deref() == Some(value),
        "stack" => entry.stack.as_deref() == Some(value),
        "label" => match value.split_once('=') {
            Some((name, value)) => has(entry, name, value),
            None => entry.attributes.contains_key(value),
        },
        _ => false,
    }
}

fn has(entry: &Entry, attribute: &str, value: &str) -> bool {
    entry.attributes.get(attribute).is_some_and(|known| known == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let text = r#"{"time": "2026-01-02T03:04:05.5Z", "type": "container", "action": "health_status: healthy",
            "id": "shop.web.1.1", "stack": "shop", "service": "web",
            "attributes": {"name": "site", "image": "busybox", "tier": "front"}}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_event_is_told_in_one_line() {
        assert_eq!(
            line(&entry()),
            "2026-01-02 03:04:05.500000 container health_status: healthy shop.web.1.1 \
             (image=busybox, name=site, tier=front)"
        );
    }

    #[test]
    fn of_each_key_one_value_must_fit() {
        let fits = |filters: &[&str]| {
            let texts: Vec<String> = filters.iter().map(|text| (*text).to_owned()).collect();
            Choice::read(&texts).unwrap().fits(&entry())
        };
        let yes: [&[&str]; 9] = [
            &[],
            &["event=health_status"],
            &["event=health_status: healthy", "type=container"],
            &["event=die", "event=health_status"],
            &["container=site"],
            &["container=shop.web.1.1", "image=busybox"],
            &["service=web", "stack=shop"],
            &["label=tier"],
            &["label=tier=front"],
        ];
        let no: [&[&str]; 5] = [
            &["event=health"],
            &["event=die", "type=container"],
            &["label=tier=back"],
            &["network=site"],
            &["type=image"],
        ];
        yes.iter().for_each(|filters| assert!(fits(filters), "{filters:?}"));
        no.iter().for_each(|filters| assert!(!fits(filters), "{filters:?}"));
        assert!(Choice::read(&["colour=red".to_owned()]).is_err());
        assert!(Choice::read(&["event".to_owned()]).is_err());
    }
}
