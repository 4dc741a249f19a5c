//! What is done is told as it was asked for.

use e2e::Host;
use e2e::schema::misfits;
use serde_json::{Value, json};

const STACK: &str = "
name: told
services:
  a: {image: busybox, command: sleep 1000, init: true, depends_on: [b]}
  b: {image: busybox, command: sleep 1000, init: true}
";

#[test]
fn programs_read_a_document_a_line_for_all_that_happens() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("told", STACK);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/event.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let told = |verb: &[&str]| -> Vec<Value> {
        let said = project.sampan(["--progress", "json"].iter().chain(verb).copied()).succeeds().stderr;
        let documents: Vec<Value> =
            said.lines().map(|line| serde_json::from_str(line).expect("a document")).collect();
        for document in &documents {
            assert_eq!(misfits(document, &schema), <[&str; 0]>::default(), "{document}");
        }
        documents
    };
    let up = told(&["up", "-d"]);
    let of = |event: &str, container: &str| {
        let is = |document: &&Value| document["event"] == event && document["step"] == "start_container";
        up.iter().filter(is).filter(|document| document["container"] == container).count()
    };
    for container in ["told.a.1.1", "told.b.1.1"] {
        assert_eq!((of("started", container), of("finished", container)), (1, 1), "{up:#?}");
    }
    assert!(up.iter().filter(|one| one["event"] == "finished").all(|one| one["outcome"] == "done"));
    let down = told(&["down", "-t", "0"]);
    assert!(down.iter().any(|one| one["step"] == json!("remove_container")), "{down:#?}");
    host.is_clean();
}

#[test]
fn a_variable_or_an_option_says_how_progress_is_told() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("told", STACK);
    let said = |variable: &str, command: &str| {
        let script = format!("COMPOSE_PROGRESS={variable} $sampan {command}");
        host.script(project.folder(), &script).succeeds().stderr
    };
    assert_eq!(said("quiet", "up -d"), "");
    assert!(said("json", "down -t 0").starts_with('{'));
    // The option counts.
    assert!(said("json", "--progress plain up -d").contains("told-a-1"));
    assert_eq!(said("plain", "--progress quiet down -t 0"), "");
    host.is_clean();
}

#[test]
fn stack_files_of_elsewhere_are_refused_with_a_way() {
    let Some(host) = Host::bare() else { return };
    let project = host.project("told", STACK);
    for file in ["https://example.com/compose.yaml", "git@example.com:stack.git", "oci://example.com/stack:1"]
    {
        project.sampan(["-f", file, "config"]).exits(1).says(file).says("get a copy");
    }
}
