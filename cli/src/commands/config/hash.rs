//! A digest of what the containers of a service are made from, as Docker Compose computes it.

use super::known;
use crate::error::Failure;
use crate::output::json;
use engine::image::digest;
use planner::Stack;
use planner::model::{Form, Plain};

/// Keys that say how many containers there are, where their image comes from, or when they start,
/// but not what they are.
const NOT_OF_A_CONTAINER: [&str; 5] = ["build", "depends_on", "profiles", "pull_policy", "scale"];

/// A line for each of the services, or for all of them when one is `*`.
pub(super) fn show(asked: &[String], stack: &Stack) -> Result<String, Failure> {
    let mut names = asked.to_vec();
    if names.iter().any(|name| name == "*") {
        names = stack.services.keys().cloned().collect();
    }
    names.sort_unstable();
    let canonical = stack.canonical(Form::Json);
    let services = canonical.get("services");
    let mut text = String::new();
    for name in &names {
        known(name, stack)?;
        if let Some(service) = services.and_then(|services| services.get(name)) {
            text.push_str(&format!("{name} {}\n", digest_of(service)));
        }
    }
    Ok(text)
}

fn digest_of(service: &Plain) -> String {
    let document = json::compact(&container(service));
    // The canonical form doubles every `$`.
    digest::hex(&digest::of(document.replace("$$", "$").as_bytes())).to_owned()
}

/// What of a service its containers are made from.
fn container(service: &Plain) -> Plain {
    let without = |value: &Plain, keys: &[&str]| match value {
        Plain::Map(entries) => {
            let kept = entries.iter().filter(|(key, _)| !keys.contains(&&**key));
            Plain::Map(kept.cloned().collect())
        }
        other => other.clone(),
    };
    let mut container = without(service, &NOT_OF_A_CONTAINER);
    if let Plain::Map(entries) = &mut container {
        for (_, deploy) in entries.iter_mut().filter(|(key, _)| key == "deploy") {
            *deploy = without(deploy, &["replicas"]);
        }
    }
    container
}
