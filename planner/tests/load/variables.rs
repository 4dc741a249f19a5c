//! Where the values of variables come from.

use super::Memory;
use planner::source::explain::{Explanation, Variables};

/// One line a candidate: kind, value, place.
fn told(variable: &Explanation) -> Vec<String> {
    let line = |candidate: &planner::source::explain::Candidate| {
        let place = candidate.place.as_ref().map(ToString::to_string).unwrap_or_default();
        let value = candidate.value.as_deref().unwrap_or("-");
        format!("{:?} {value} {place}", candidate.origin).trim_end().to_owned()
    };
    variable.candidates.iter().map(line).collect()
}

fn variables(memory: &Memory) -> Variables {
    memory.load().unwrap_or_else(|diagnostics| panic!("{diagnostics}")).origins
}

#[test]
fn a_variable_of_the_project_names_the_winner_the_losers_and_its_uses() {
    let memory = Memory::stack("services:\n  web:\n    image: '$TAG'\n    hostname: ${TAG:-x}\n")
        .var("TAG", "shell")
        .file("/srv/shop/.env", "TAG=one\nTAG=two\nOTHER=1\n");
    let variables = variables(&memory);
    let tag = variables.of_project("TAG", None);
    assert_eq!(tag.value.as_deref(), Some("shell"));
    assert_eq!(told(&tag), ["Process shell", "Dotenv two .env:2:1", "Dotenv one .env:1:1"]);
    let uses: Vec<String> = tag.uses.iter().map(ToString::to_string).collect();
    assert_eq!(uses, ["compose.yaml:3:12", "compose.yaml:4:15"]);
    assert_eq!(variables.used().len(), 1, "only what files use");
    assert_eq!(told(&variables.of_project("OTHER", None)), ["Dotenv 1 .env:3:1"]);
    assert_eq!(told(&variables.of_project("HOME", Some("/root".into()))), ["Process /root"]);
    assert_eq!(variables.of_project("NO", None), Explanation::unset("NO"));
}

#[test]
fn a_variable_of_a_service_names_every_version_of_it() {
    let memory = Memory::stack(
        "services:\n  web:\n    image: a\n    env_file: [a.env, b.env]\n    environment:\n      A: own\n      P:\n",
    )
    .and("over.yaml", "services: {web: {environment: [A=over]}}\n")
    .file("/srv/shop/a.env", "A=1\nB=1\nP=1\n")
    .file("/srv/shop/b.env", "# c\nA=2\nB=2\n")
    .file("/srv/shop/.env", "P=project\n");
    let variables = variables(&memory);
    let candidates = |name: &str| told(&variables.in_service("web", name).unwrap());
    assert_eq!(
        candidates("A"),
        [
            "Environment over over.yaml:1:32",
            "Environment own compose.yaml:6:10",
            "EnvFile 2 b.env:2:1",
            "EnvFile 1 a.env:1:1",
        ]
    );
    assert_eq!(candidates("B"), ["EnvFile 2 b.env:3:1", "EnvFile 1 a.env:2:1"]);
    let passed_on = ["Dotenv project .env:1:1", "Environment - compose.yaml:7:8", "EnvFile 1 a.env:3:1"];
    assert_eq!(candidates("P"), passed_on);
    assert_eq!(variables.in_service("web", "P").unwrap().value.as_deref(), Some("project"));
    let names: Vec<String> =
        variables.of_service("web").unwrap().into_iter().map(|variable| variable.name).collect();
    assert_eq!(names, ["A", "B", "P"]);
    assert!(variables.of_service("db").is_none());
}

#[test]
fn what_an_image_says_loses_and_is_taken_away_by_a_variable_without_a_value() {
    let memory = Memory::stack("services: {web: {image: a, environment: [N]}}\n");
    let mut none = variables(&memory).in_service("web", "N").unwrap();
    none.add_image("image");
    assert_eq!(
        (none.value.as_deref(), told(&none)),
        (None, vec!["Environment - compose.yaml:1:42".into(), "Image image".into()])
    );
    let mut image = variables(&memory).in_service("web", "I").unwrap();
    image.add_image("image");
    assert_eq!(image.value.as_deref(), Some("image"));
}

#[test]
fn the_base_of_an_extended_service_is_named_too() {
    let memory =
        Memory::stack("services: {web: {extends: {service: web, file: base.yaml}, environment: {A: own}}}\n")
            .with(|options| options.current = "/srv/shop".into())
            .file("/srv/shop/base.yaml", "services: {web: {image: a, environment: {A: base, B: base}}}\n");
    let variables = variables(&memory);
    let places = |name: &str| told(&variables.in_service("web", name).unwrap());
    assert_eq!(places("A"), ["Environment own compose.yaml:1:77", "Environment base base.yaml:1:45"]);
    assert_eq!(places("B"), ["Environment base base.yaml:1:54"]);
}
