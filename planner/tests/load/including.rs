//! `include`: projects with folders and variables of their own.

use crate::Memory;
use crate::mistakes::say;
use serde_json::json;

#[test]
fn an_included_project_has_its_own_folder() {
    let memory = Memory::stack("include: [lib/db.yaml]\nservices: {web: {image: x, depends_on: [db]}}\n")
        .file(
            "/srv/shop/lib/db.yaml",
            "services: {db: {image: y, volumes: ['./data:/data', 'vol:/v']}}\nvolumes: {vol: }\n",
        );
    let stack = memory.loaded().to_json();
    assert_eq!(stack["services"]["db"]["volumes"][0]["source"], json!("/srv/shop/lib/data"));
    assert_eq!(stack["volumes"]["vol"]["name"], json!("shop_vol"));
}

#[test]
fn the_folder_can_be_chosen_and_files_put_over_each_other() {
    let memory = Memory::stack(
        "include:
  - path: [lib/db.yaml, lib/over.yaml]
    project_directory: other
",
    )
    .file("/srv/shop/lib/db.yaml", "services: {db: {image: x, volumes: ['./data:/data']}}\n")
    .file("/srv/shop/lib/over.yaml", "services: {db: {image: y}}\n");
    let stack = memory.loaded().to_json();
    assert_eq!(stack["services"]["db"]["image"], json!("y"));
    assert_eq!(stack["services"]["db"]["volumes"][0]["source"], json!("/srv/shop/other/data"));
}

#[test]
fn a_chosen_folder_that_is_not_there_is_told_and_the_one_above_counts() {
    let memory = Memory::stack("include: [{path: lib/db.yaml, project_directory: ./run/data}]\n")
        .file("/srv/shop/lib/db.yaml", "services: {db: {image: x, volumes: ['./data:/data']}}\n")
        .without_folder("/srv/shop/run/data");
    let loaded = memory.load().unwrap();
    assert_eq!(loaded.stack.to_json()["services"]["db"]["volumes"][0]["source"], json!("/srv/shop/run/data"));
    assert_eq!(loaded.warnings.to_string(), "compose.yaml:1:50: there is no folder /srv/shop/run/data\n");
}

#[test]
fn its_variables_are_its_own_below_those_of_who_includes_it() {
    let memory = Memory::stack("include: [lib/db.yaml]\n")
        .file("/srv/shop/.env", "B=outer\n")
        .file("/srv/shop/lib/.env", "A=inner\nB=inner\n")
        .file("/srv/shop/lib/db.yaml", "services: {db: {image: '${A}-${B}-${C}'}}\n")
        .var("C", "shell");
    assert_eq!(memory.loaded().to_json()["services"]["db"]["image"], json!("inner-outer-shell"));
}

#[test]
fn what_is_defined_twice_is_the_same_only_when_it_is_written_so() {
    for (own, included, clash) in [
        ("command: a b", "command: a b", false),
        ("command: a b", "command: [a, b]", true),
        ("environment: {A: x}", "environment: [A=x]", true),
        ("networks: {default: }", "networks: [default]", false),
        ("networks: [default]", "networks: [default]", true),
        ("ports: ['80:80']", "ports: ['80:80']", true),
        ("user: a", "user: b", true),
    ] {
        let text = |lines: &str| format!("services: {{web: {{image: x, {lines}}}}}\n");
        let memory = Memory::stack(&format!("include: [a.yaml]\n{}", text(own)))
            .file("/srv/shop/a.yaml", &text(included));
        let told = memory.told().to_string();
        assert_eq!(told.contains("services.web is also defined"), clash, "{own} + {included}: {told}");
        let twice = Memory::stack("include: [a.yaml, b.yaml]\n")
            .file("/srv/shop/a.yaml", &text(included))
            .file("/srv/shop/b.yaml", &text(included));
        assert_eq!(twice.told().to_string(), "", "{included}");
    }
    let memory = Memory::stack("include: [a.yaml]\nservices: {web: !reset null}\n")
        .file("/srv/shop/a.yaml", "services: {web: {image: x}}\n");
    assert_eq!(memory.loaded().services["web"].image, "x");
}

#[test]
fn projects_include_each_other_in_any_depth_but_not_in_a_circle() {
    let deep = Memory::stack("include: [a/one.yaml]\n")
        .file("/srv/shop/a/one.yaml", "include: [b/two.yaml]\n")
        .file("/srv/shop/a/b/two.yaml", "services: {db: {image: x, volumes: ['./d:/d']}}\n");
    let stack = deep.loaded().to_json();
    assert_eq!(stack["services"]["db"]["volumes"][0]["source"], json!("/srv/shop/a/b/d"));

    let circle = Memory::stack("include: [a.yaml]\n")
        .file("/srv/shop/a.yaml", "include: [b.yaml]\n")
        .file("/srv/shop/b.yaml", "include: [a.yaml]\n");
    let told = say(&circle);
    assert!(told.iter().any(|line| line.contains("files include each other in a circle")), "{told:?}");
}

#[test]
fn includes_that_multiply_are_refused() {
    let mut memory = Memory::stack("include: [a0.yaml, a0.yaml]\n");
    for n in 0..30 {
        let text = format!("include: [a{0}.yaml, a{0}.yaml]\n", n + 1);
        memory = memory.file(&format!("/srv/shop/a{n}.yaml"), &text);
    }
    let told = say(&memory);
    assert!(told.iter().any(|line| line.contains("more than 1000 files belong together")), "{told:?}");
}

#[test]
fn the_same_thing_twice_is_fine_but_two_things_of_one_name_are_not() {
    let include = |db: &str| {
        Memory::stack("include: [one.yaml, two.yaml]\nservices: {web: {image: x}}\n")
            .file("/srv/shop/one.yaml", "services: {db: {image: y}}\n")
            .file("/srv/shop/two.yaml", db)
    };
    assert_eq!(include("services: {db: {image: y}}\n").loaded().services.len(), 2);
    let told = say(&include("services: {db: {image: z}}\n"));
    assert!(
        told.iter()
            .any(|line| line.contains("services.db is also defined, differently, in what is included")),
        "{told:?}"
    );
}

#[test]
fn mistakes_are_told_in_the_file_that_has_them() {
    let memory = Memory::stack("include: [lib/db.yaml, none.yaml, 'https://example.com/x.yaml']\n")
        .file("/srv/shop/lib/db.yaml", "services:\n  db: {imag: y}\n")
        .with(|options| options.current = "/srv/shop".into());
    let told = say(&memory);
    for expected in [
        "lib/db.yaml:2:8 services.db.imag: unknown key `imag` [did you mean `image`?]",
        "1:24 include.1: none.yaml does not exist [create it, or name another one]",
        "1:35 include.2: files of elsewhere cannot be included [get a copy and name its path]",
    ] {
        assert!(told.iter().any(|line| line == expected), "{expected}\n{told:#?}");
    }
}

#[test]
fn a_variable_that_is_not_set_is_told_once() {
    let db = "services: {$DB: {image: '${DB}', hostname: '$OTHER'}}\n".replace("$DB:", "db:");
    let told = say(&Memory::stack("include: [one.yaml, two.yaml]\nservices: {web: {image: '${DB}'}}\n")
        .file("/srv/shop/one.yaml", &db)
        .file("/srv/shop/two.yaml", &db));
    assert_eq!(told.iter().filter(|line| line.contains("is not set")).count(), 2, "{told:#?}");
}
