//! A plan on file: what was shown is what is done, or nothing.
//!
//! The file holds no secrets: the plan as it was shown, the goal, and digests. To use it one plans
//! again; only when that gives the very same steps may they be done. Otherwise what was seen then
//! tells what has moved since.

use super::build::in_words;
use super::{Node, Plan, render};
use crate::desired::Content;
use crate::goal::Goal;
use crate::live::{Container, Live};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The version of the file's form.
const VERSION: u32 = 1;

/// A plan to be used later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    version: u32,
    /// What was asked for.
    pub goal: Goal,
    /// Of every step with all that it is about.
    digest: String,
    /// What was there, by name.
    seen: BTreeMap<String, Seen>,
    /// As `plan --json` prints it.
    plan: Value,
}

/// One thing that was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    /// What it was doing, in words; empty for what does nothing.
    state: String,
    /// Of all that it is.
    digest: String,
}

impl Saved {
    /// The plan that this goal gave when the world was like this.
    pub fn of(plan: &Plan, goal: &Goal, live: &Live) -> Self {
        Self {
            version: VERSION,
            goal: goal.clone(),
            digest: digest(&plan.nodes.iter().map(essence).collect::<Vec<_>>()),
            seen: seen(live),
            plan: render::json(plan),
        }
    }

    /// The file's text.
    pub fn text(&self) -> String {
        // Nothing in here is refused by serde_json.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads the file's text; the error is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match value.get("version").and_then(Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => {
                serde_json::from_value(value).map_err(|error| error.to_string())
            }
            Some(version) => Err(format!("its version is {version}, not {VERSION}")),
            None => Err("it has no version".to_owned()),
        }
    }

    /// The name of the stack that it is for.
    pub fn stack(&self) -> &str {
        self.plan["stack"].as_str().unwrap_or_default()
    }

    /// What keeps it from being done, now that planning gives `plan`: nothing when the steps are the
    /// same to the last detail.
    pub fn moved(&self, plan: &Plan, live: &Live) -> Vec<String> {
        if self.digest == digest(&plan.nodes.iter().map(essence).collect::<Vec<_>>()) {
            return Vec::new();
        }
        let mut moved = self.moved_in_the_world(live);
        if moved.is_empty() {
            moved = self.moved_in_the_files(plan);
        }
        if moved.is_empty() {
            moved.push("the stack files say something else than when the plan was made".to_owned());
        }
        moved
    }

    fn moved_in_the_world(&self, live: &Live) -> Vec<String> {
        let now = seen(live);
        let names: BTreeSet<&String> = self.seen.keys().chain(now.keys()).collect();
        names.into_iter().filter_map(|name| difference(name, self.seen.get(name), now.get(name))).collect()
    }

    /// Which resources the same command would now treat in another way.
    fn moved_in_the_files(&self, plan: &Plan) -> Vec<String> {
        let (then, now) = (by_resource(&self.plan), by_resource(&render::json(plan)));
        let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        let differing = names.into_iter().filter(|name| then.get(*name) != now.get(*name));
        differing.map(|name| format!("the stack files say something else about {name}")).collect()
    }
}

/// What of a node is done: its cause may be told in other words another time.
fn essence(node: &Node) -> (&super::Step, &[usize], &[usize]) {
    (&node.step, &node.needs, &node.after)
}

fn digest<T: Serialize>(value: &T) -> String {
    Content::of(serde_json::to_vec(value).unwrap_or_default()).digest().to_owned()
}

fn difference(name: &str, then: Option<&Seen>, now: Option<&Seen>) -> Option<String> {
    match (then, now) {
        (Some(_), None) => Some(format!("{name} is gone")),
        (None, Some(_)) => Some(format!("{name} is new")),
        (Some(then), Some(now)) if then.digest != now.digest => Some(format!("{name} was changed")),
        (Some(then), Some(now)) if then.state != now.state => {
            Some(format!("{name}: it {}; when the plan was made, it {}", now.state, then.state))
        }
        _ => None,
    }
}

fn seen(live: &Live) -> BTreeMap<String, Seen> {
    let thing =
        |kind: &str, name: &str, digest| (format!("{kind} {name}"), Seen { state: String::new(), digest });
    let containers = live.containers.iter().map(|(id, there)| {
        let name = format!("container {} (generation {})", id.name(), id.generation);
        let Container { spec, image_id, .. } = there;
        (name, Seen { state: in_words(&there.state), digest: digest(&(spec, image_id)) })
    });
    let networks = live.networks.iter().map(|(name, spec)| thing("network", name, digest(spec)));
    let volumes = live.volumes.iter().map(|(name, spec)| thing("volume", name, digest(spec)));
    let images = live.images.iter().map(|(name, image)| thing("image", name, image.id.clone()));
    containers.chain(networks).chain(volumes).chain(images).collect()
}

/// The changes of a plan as it is shown, by resource.
fn by_resource(plan: &Value) -> BTreeMap<String, Vec<Value>> {
    let mut by_resource: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for change in plan["changes"].as_array().into_iter().flatten() {
        let word = |key: &str| change[key].as_str().unwrap_or_default();
        let name = format!("{} {}", word("kind"), word("name"));
        by_resource.entry(name).or_default().push(change.clone());
    }
    by_resource
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::{ContainerId, ContainerSpec, Slot, VolumeSpec};
    use crate::goal::Verb;
    use crate::live::{Health, State};
    use crate::plan::{Cause, Step};
    use std::time::Duration;

    fn id() -> ContainerId {
        ContainerId { stack: "shop".into(), slot: Slot { service: "web".into(), index: 1 }, generation: 1 }
    }

    fn live(state: State) -> Live {
        let spec = ContainerSpec { image: "web:1".into(), ..Default::default() };
        let there =
            Container { spec, image_id: "sha256:1".into(), checks_health: false, state, aside: false };
        Live { stack: "shop".into(), containers: [(id(), there)].into(), ..Default::default() }
    }

    fn running() -> State {
        State::Running { health: Health::None }
    }

    fn plan(secret: &str, cause: Cause) -> Plan {
        let environment = [("DB_PASSWORD".to_owned(), Some(secret.to_owned()))].into();
        let spec = Box::new(ContainerSpec { image: "web:1".into(), environment, ..Default::default() });
        let id = ContainerId { generation: 2, ..id() };
        let create = Step::CreateContainer { id, spec, image_id: "sha256:1".into() };
        let node = Node { step: create, cause, needs: Vec::new(), after: Vec::new() };
        Plan { stack: "shop".into(), nodes: vec![node], ..Plan::default() }
    }

    fn saved() -> Saved {
        let goal = Goal { stop_timeout: Some(Duration::from_secs(3)), ..Goal::all(Verb::Start) };
        let saved = Saved::of(&plan("hunter2", Cause::Forced), &goal, &live(running()));
        assert!(!saved.text().contains("hunter2"));
        let read = Saved::parse(&saved.text()).unwrap();
        assert_eq!(read, saved);
        read
    }

    #[test]
    fn the_same_steps_are_the_same_plan_whatever_is_said_about_them() {
        assert!(saved().moved(&plan("hunter2", Cause::Declared), &live(running())).is_empty());
        assert_eq!(saved().stack(), "shop");
    }

    #[test]
    fn what_moved_is_told() {
        let other = plan("hunter2", Cause::Forced);
        let other = Plan { nodes: [other.nodes.clone(), other.nodes].concat(), ..Plan::default() };
        let mut now = live(State::Exited { code: 137, requested: false });
        let spec = VolumeSpec { name: "shop_data".into(), ..Default::default() };
        now.volumes.insert("shop_data".into(), spec);
        assert_eq!(
            saved().moved(&other, &now),
            [
                "container shop-web-1 (generation 1): it ended with exit code 137; when the plan was made, it runs",
                "volume shop_data is new",
            ]
        );
        assert_eq!(saved().moved(&other, &Live::default()), ["container shop-web-1 (generation 1) is gone"]);
    }

    #[test]
    fn other_files_are_told_by_what_they_are_about_also_when_it_must_not_be_shown() {
        let other = plan("hunter3", Cause::Forced);
        assert_eq!(
            saved().moved(&other, &live(running())),
            ["the stack files say something else than when the plan was made"]
        );
        assert_eq!(
            saved().moved(&Plan::default(), &live(running())),
            ["the stack files say something else about container shop-web-1"]
        );
    }

    #[test]
    fn what_is_no_saved_plan_is_refused_in_a_sentence() {
        assert_eq!(Saved::parse("{}"), Err("it has no version".to_owned()));
        assert_eq!(Saved::parse("{\"version\": 2}"), Err("its version is 2, not 1".to_owned()));
        assert!(Saved::parse("{\"version\": 1}").unwrap_err().contains("missing field"));
        assert!(Saved::parse("[").is_err());
    }
}
