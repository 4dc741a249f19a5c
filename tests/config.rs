//! `config`: what it prints is a stack file that means the same, and what is wrong has its place.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs `sampan` in a folder, without variables, with this on standard input.
fn sampan(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(e2e::binary());
    command.args(arguments).current_dir(folder).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("start sampan");
    let mut pipe = child.stdin.take().expect("standard input is piped");
    // A command that fails early does not read.
    let _ = pipe.write_all(input.as_bytes());
    drop(pipe);
    child.wait_with_output().expect("wait for sampan")
}

/// What `config` prints for a file that is well.
fn printed(folder: &Path, file: &str, options: &[&str], input: &str) -> String {
    let output = sampan(folder, &[&["-f", file, "config"], options].concat(), input);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\n{input}");
    String::from_utf8(output.stdout).expect("output is text")
}

/// Both forms are stack files, and say again what they are.
fn comes_to_rest(folder: &Path, file: &str, input: &str) {
    for options in [&["--format", "yaml"], &["--format", "json"]] {
        let once = printed(folder, file, options, input);
        assert_eq!(printed(folder, "-", options, &once), once);
    }
}

#[test]
fn what_config_prints_of_an_example_prints_itself() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut seen = 0;
    for entry in fs::read_dir(examples).expect("examples/ is there").flatten() {
        let folder = entry.path();
        if folder.join("compose.yaml").exists() {
            comes_to_rest(&folder, "compose.yaml", "");
            seen += 1;
        }
    }
    assert!(seen > 0);
}

/// Texts that are hard to write: what YAML takes for something else, white space, any character.
fn text() -> impl Strategy<Value = String> {
    const ODD: &[&str] = &[
        "yes",
        "~",
        "1.0",
        "0o7",
        "1e3",
        "1:30",
        "2001-01-01",
        "<<",
        "=",
        "- a",
        "a: b",
        "a #b",
        "$",
        "${A}",
        "",
    ];
    prop_oneof![prop::sample::select(ODD).prop_map(str::to_owned), "[ \\t\n:#'\"a-c-]{0,8}", "[^\\x00]{0,6}",]
}

/// A stack file whose values are these texts. JSON strings are YAML too, and `$$` is one dollar.
fn stack(texts: &[String]) -> String {
    let quoted = |text: &String| serde_json::to_string(&text.replace('$', "$$")).expect("texts are JSON");
    // YAML has no surrogate pairs, and some characters only as escapes.
    let escaped = |text: String| {
        text.chars().fold(String::new(), |mut all, c| {
            match c {
                '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                    let _ = write!(all, "\\u{:04x}", u32::from(c));
                }
                _ => all.push(c),
            }
            all
        })
    };
    let mut file = String::from("name: any\nservices:\n  web:\n    image: web\n    environment:\n");
    for (index, text) in texts.iter().enumerate() {
        let _ = writeln!(file, "      V{index}: {}", escaped(quoted(text)));
    }
    file += "    command:\n";
    for text in texts {
        let _ = writeln!(file, "      - {}", escaped(quoted(text)));
    }
    file + "x-deep: [[], {}, [[1, {a: null}], 1.5, true]]\n"
}

#[test]
fn what_config_prints_of_any_texts_prints_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let texts = prop::collection::vec(text(), 1..12);
    let outcome = TestRunner::new(config).run(&texts, |texts| {
        let file = stack(&texts);
        comes_to_rest(folder.path(), "-", &file);
        let json: serde_json::Value =
            serde_json::from_str(&printed(folder.path(), "-", &["--format", "json"], &file)).expect("JSON");
        let command = &json["services"]["web"]["command"];
        let expected: Vec<String> = texts.iter().map(|text| text.replace('$', "$$")).collect();
        prop_assert_eq!(command, &serde_json::json!(expected));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn editors_get_mistakes_and_warnings_as_one_list() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = "name: any\nservices:\n  web:\n    imag: web:$TAG\n    ports: ['80000:1']\n";
    let output = sampan(folder.path(), &["-f", "-", "config", "--format", "json"], file);
    assert_eq!(output.status.code(), Some(15));
    assert!(output.stdout.is_empty());
    let items: serde_json::Value = serde_json::from_slice(&output.stderr).expect("standard error is JSON");
    let of = |path: &str| {
        let found = items.as_array().expect("a list").iter().find(|item| item["path"] == path);
        found.unwrap_or_else(|| panic!("nothing about {path}: {items}"))
    };
    let unknown = of("services.web.imag");
    let place =
        ["file", "line", "column", "endLine", "endColumn", "severity"].map(|key| unknown[key].clone());
    assert_eq!(serde_json::json!(place), serde_json::json!(["-", 4, 5, 4, 9, "error"]));
    assert!(unknown["hint"].as_str().is_some_and(|hint| hint.contains("image")), "{items}");
    assert_eq!(of("services.web.ports.0")["line"], 5);
    assert!(
        items.as_array().is_some_and(|all| all.iter().any(|item| item["severity"] == "warning")),
        "{items}"
    );

    let output = sampan(folder.path(), &["-f", "nowhere.yaml", "config", "--format", "json"], "");
    assert_eq!(output.status.code(), Some(14));
    let items: serde_json::Value = serde_json::from_slice(&output.stderr).expect("standard error is JSON");
    assert!(items[0]["message"].as_str().is_some_and(|message| message.contains("nowhere.yaml")), "{items}");
    assert!(items[0]["file"].is_null());
}

#[test]
fn a_mistake_in_another_file_is_told_in_that_file() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("parts")).expect("make a folder");
    fs::write(folder.path().join("parts/db.yaml"), "services:\n  db:\n    imag: db\n").expect("write a file");
    fs::write(folder.path().join("base.yaml"), "services:\n  base:\n    image: 3\n    user: []\n")
        .expect("write a file");
    let file = "name: any\ninclude: [parts/db.yaml]\nservices:\n  web:\n    extends: {file: base.yaml, service: base}\n";
    fs::write(folder.path().join("compose.yaml"), file).expect("write a file");
    let output = sampan(folder.path(), &["config"], "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(15), "{said}");
    assert!(said.contains("--> parts/db.yaml:3:5"), "{said}");
    assert!(said.contains("--> base.yaml:4:"), "{said}");
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("out.yaml");
    fs::write(&target, "before").expect("write a file");
    let write = ["-f", "-", "config", "-o", "out.yaml"];
    assert!(!sampan(folder.path(), &write, "services: 3\n").status.success());
    assert_eq!(fs::read_to_string(&target).expect("read the file"), "before");
    let output = sampan(folder.path(), &write, "name: any\nservices: {web: {image: web}}\n");
    assert!(output.status.success() && output.stdout.is_empty());
    let expected = printed(folder.path(), "-", &[], &fs::read_to_string(&target).expect("read the file"));
    assert_eq!(fs::read_to_string(&target).expect("read the file"), expected);
    assert_eq!(fs::read_dir(folder.path()).expect("read the folder").count(), 1);
}

const SHOP: &str = "\
name: shop
services:
  web: {image: 'web:${TAG:-1}', depends_on: [db], networks: [n10, n2], volumes: ['data:/data']}
  db: {image: db, networks: [n2]}
  job: {build: ., profiles: [batch]}
  x: {image: $$x}
networks: {n2: {}, n10: {}, unused: {}}
volumes: {data: {}, spare: {}}
";

#[test]
fn parts_are_printed_one_a_line() {
    let folder = tempfile::tempdir().expect("a folder");
    for (options, expected) in [
        (&["--services"][..], "db\nweb\nx\n"),
        (&["--networks"], "default\nn10\nn2\n"),
        (&["--volumes"], "data\n"),
        (&["--images"], "db\nweb:1\n$x\n"),
        (&["--images", "db"], "db\n"),
        (&["--images", "job"], "shop-job\n"),
        (&["--profiles"], "batch\n"),
        (&["--models"], ""),
        (&["--quiet"], ""),
        (&["--environment"], &format!("COMPOSE_PROJECT_NAME=shop\nPWD={}\n", folder.path().display())),
        (
            &["--variables"],
            "NAME                REQUIRED            DEFAULT VALUE       ALTERNATE VALUE\n\
             TAG                 false               1                   \n",
        ),
    ] {
        assert_eq!(printed(folder.path(), "-", options, SHOP), expected, "{options:?}");
    }
    let all = sampan(folder.path(), &["--all-resources", "-f", "-", "config", "--volumes"], SHOP);
    assert_eq!(String::from_utf8_lossy(&all.stdout), "data\nspare\n");
    let unknown = sampan(folder.path(), &["-f", "-", "config", "wep"], SHOP);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no service `wep` in shop"));
}

#[test]
fn a_hash_changes_with_the_container_but_not_with_how_many_there_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let hash = |web: &str| {
        let file = format!("name: shop\nservices: {{web: {{image: web, {web}}}, db: {{image: db}}}}\n");
        printed(folder.path(), "-", &["--hash", "web"], &file)
    };
    let plain = hash("user: me");
    assert_eq!(plain.len(), "web ".len() + 64 + 1);
    for same in ["user: me, scale: 3", "user: me, depends_on: [db]", "user: me, pull_policy: missing"] {
        assert_eq!(hash(same), plain, "{same}");
    }
    assert_ne!(hash("user: you"), plain);
    let all =
        printed(folder.path(), "-", &["--hash", "*"], "name: s\nservices: {b: {image: b}, a: {image: a}}\n");
    let names: Vec<&str> = all.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["a", "b"]);
}
