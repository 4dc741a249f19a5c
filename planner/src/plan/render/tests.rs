//! What people and programs read.

use super::*;
use crate::desired::{ContainerId, ContainerSpec, Slot};
use crate::plan::{Cause, Kept, Node, Step};
use std::time::Duration;

fn id(generation: u32) -> ContainerId {
    ContainerId { stack: "shop".into(), slot: Slot { service: "web".into(), index: 1 }, generation }
}

fn plan(steps: Vec<(Step, Cause)>) -> Plan {
    let node = |(step, cause)| Node { step, cause, needs: Vec::new(), after: Vec::new() };
    Plan { stack: "shop".into(), nodes: steps.into_iter().map(node).collect(), ..Plan::default() }
}

fn changed(field: &str, from: &str, to: &str) -> Cause {
    let field = field.to_owned();
    Cause::Changed(vec![FieldChange { field, from: Some(from.into()), to: Some(to.into()) }])
}

fn replacement(cause: Cause) -> Plan {
    let leaves = Cause::ReplacedBy(id(2));
    let spec = Box::<ContainerSpec>::default();
    plan(vec![
        (Step::CreateContainer { id: id(2), spec, image_id: "sha256:1".into() }, cause.clone()),
        (Step::StopContainer { id: id(1), grace: Duration::from_secs(10) }, leaves.clone()),
        (Step::StartContainer { id: id(2) }, cause),
        (Step::RemoveContainer { id: id(1) }, leaves),
    ])
}

#[test]
fn a_replacement_is_one_entry_that_names_the_variable() {
    let plan = replacement(changed("environment.MODE", "dev", "prod"));
    let expected = "± replace container shop-web-1\n    environment.MODE: dev → prod\n\n1 to replace; 1 container stops meanwhile\n";
    assert_eq!(text(&plan).to_string(), expected);
    assert_eq!(changes(&plan)[0].interruption, Interruption::Restart);
}

#[test]
fn secrets_are_hidden_in_text_and_json() {
    let plan = replacement(changed("environment.DB_PASSWORD", "hunter2", "hunter3"));
    let text = text(&plan).to_string();
    assert!(text.contains("environment.DB_PASSWORD: (hidden) → (hidden)"), "{text}");
    assert!(!json(&plan).to_string().contains("hunter"));
}

#[test]
fn the_loss_of_data_is_marked() {
    let plan = plan(vec![(Step::RemoveVolume { name: "shop_data".into() }, Cause::Asked)]);
    let text = text(&plan);
    assert_eq!(text.lines[0][1], span(Style::Danger, ": its data will be lost"));
    assert_eq!(text.to_string(), "- remove volume shop_data: its data will be lost\n\n1 to remove\n");
}

#[test]
fn nothing_to_do_says_so() {
    let mut plan = plan(Vec::new());
    assert_eq!(text(&plan).to_string(), "nothing to do\n");
    plan.kept.push(Kept { resource: "container shop-web-1".into(), reason: "unchanged".into() });
    assert_eq!(text(&plan).to_string(), "nothing to do: 1 unchanged\n");
}

#[test]
fn a_leftover_beside_a_container_that_stays_is_told_by_its_generation() {
    let plan = plan(vec![(Step::RemoveContainer { id: id(1) }, Cause::Leftover)]);
    let expected = "- remove container shop-web-1, generation 1 (left over from an interrupted command)";
    assert_eq!(text(&plan).to_string().lines().next(), Some(expected));
}

#[test]
fn json_tells_changes_and_steps() {
    let value = json(&replacement(changed("environment.MODE", "dev", "prod")));
    assert_eq!(value["changes"][0]["action"], "replace");
    assert_eq!(value["changes"][0]["fields"][0]["to"], "prod");
    assert_eq!(value["steps"][1]["step"], "stop_container");
    assert_eq!(value["steps"][1]["container"], "shop.web.1.1");
    assert_eq!(value["summary"], "1 to replace");
}

#[test]
fn long_values_are_cut_and_control_characters_escaped() {
    assert_eq!(shown("a\nb", false), "a\\nb");
    assert_eq!(shown("", false), "\"\"");
    assert_eq!(shown(&"x".repeat(200), false).chars().count(), 81);
}
