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

#[test]
fn dotenv_files_of_an_include_are_named_after_those_of_the_project() {
    let memory = Memory::stack(
        "include: [{path: inc/c.yaml, env_file: inc/i.env}]\nservices: {web: {image: 'w:$U'}}\n",
    )
    .with(|options| options.current = "/srv/shop".into())
    .file("/srv/shop/.env", "U=top\n")
    .file("/srv/shop/inc/c.yaml", "services: {db: {image: 'd:$T-$U'}}\n")
    .file("/srv/shop/inc/i.env", "T=included\nU=included\n");
    let variables = variables(&memory);
    let told = |name: &str| told(&variables.of_project(name, None)).join(", ");
    assert_eq!(told("T"), "Dotenv included inc/i.env:1:1");
    assert_eq!(told("U"), "Dotenv top .env:1:1, Dotenv included inc/i.env:2:1");
}

#[test]
fn of_several_env_files_the_last_one_wins() {
    let memory = Memory::stack("services: {web: {image: 'w:$A'}}\n")
        .with(|options| options.env_files = vec!["one".into(), "two".into()])
        .file("/srv/shop/.env", "A=never read\n")
        .file("one", "A=1\nA=2\n")
        .file("two", "A=3\n");
    let told = told(&variables(&memory).of_project("A", None));
    assert_eq!(told, ["Dotenv 3 two:1:1", "Dotenv 2 one:2:1", "Dotenv 1 one:1:1"]);
}

#[test]
fn a_service_that_is_extended_and_overridden_names_all_its_files() {
    let memory = Memory::stack(
        "services:\n  web:\n    extends: {service: b, file: base.yaml}\n    \
         env_file: [{path: no.env, required: false}, {path: raw.env, format: raw}]\n    \
         environment: {A: own}\n",
    )
    .with(|options| options.current = "/srv/shop".into())
    .and("over.yaml", "services: {web: {environment: {A: over}}}\n")
    .file("/srv/shop/base.yaml", "services: {b: {image: a, env_file: base.env, environment: {A: base}}}\n")
    .file("/srv/shop/base.env", "A=first\n")
    .file("/srv/shop/raw.env", "A='raw'\n");
    assert_eq!(
        told(&variables(&memory).in_service("web", "A").unwrap()),
        [
            "Environment over over.yaml:1:35",
            "Environment own compose.yaml:5:22",
            "Environment base base.yaml:1:63",
            "EnvFile 'raw' raw.env:1:1",
            "EnvFile first base.env:1:1",
        ]
    );
}
