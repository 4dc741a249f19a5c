//! Mistakes of several files together, of files that are missing, and of files of variables.

use crate::Memory;
use crate::mistakes::{say, web};

#[test]
fn all_mistakes_of_all_files_are_told_at_once() {
    let memory = Memory::stack(&web("tty: true\nports: [x]"))
        .and("over.yaml", "services: {web: {imagee: y}}\n")
        .and("broken.yaml", "a: [")
        .and("more.yaml", "services: [");
    assert_eq!(say(&memory).len(), 2, "files that are not YAML are told first, alone");
    let memory =
        Memory::stack(&web("cpus: x\nports: [x]")).and("over.yaml", "services: {web: {imagee: y}}\n");
    let told = say(&memory);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[2].starts_with("over.yaml:1:18 services.web.imagee: unknown key"), "{told:?}");
}

#[test]
fn a_mistake_in_one_field_hides_none_in_others() {
    let memory = Memory::stack(&web(
        "imagee: x\nports: [x]\nnetworks: [nowhere]\nmem_limit: big\ncpus: many\ndepends_on: [nobody]",
    ));
    let told = say(&memory).join("\n");
    let all = [
        "4:5 services.web.imagee: unknown key",
        "5:13 services.web.ports.0: `x` is not a port",
        "6:16 services.web.networks: network `nowhere` is not defined",
        "7:16 services.web.mem_limit: `big` is not a size",
        "8:11 services.web.cpus: ",
        "9:18 services.web.depends_on.nobody: service `nobody` is not defined",
    ];
    for expected in all {
        assert!(told.contains(expected), "{expected} is missing in\n{told}");
    }
}

#[test]
fn a_file_that_is_not_there_is_told_apart() {
    let memory = Memory::default().with(|options| options.files.push("compose.yaml".into()));
    assert_eq!(say(&memory), ["compose.yaml does not exist [create it, or name another one]"]);
    assert!(memory.told().missing_file);
    assert!(!Memory::stack("a: [").told().missing_file);
}

#[test]
fn the_format_of_a_file_of_variables_only_matters_when_it_is_there() {
    let text = web("env_file: [{path: x, format: json, required: false}]");
    assert_eq!(say(&Memory::stack(&text)), <[&str; 0]>::default());
    let told = "4:34 services.web.env_file.format: `json` is not a format [write raw, or leave it out]";
    assert_eq!(say(&Memory::stack(&text).file("/srv/shop/x", "A=1")), [told]);
}

#[test]
fn a_dotenv_file_is_told_with_its_own_place() {
    let memory = Memory::stack(&web("env_file: [x.env]"))
        .file("/srv/shop/.env", "A=1\nB B\n")
        .file("/srv/shop/x.env", "C='\n");
    assert_eq!(
        say(&memory),
        [
            ".env:2:3 expected `=` after the name of the variable [write KEY=value, a comment begins with `#`]",
            "x.env:1:3 this quote is not closed [put the same one at the end of the value, or leave it out]"
        ]
    );
}

#[test]
fn names_that_were_typed_must_be_names() {
    let memory = Memory::stack(&web("")).with(|options| options.name = Some("Bad.Name".into()));
    assert_eq!(memory.told().items[0].message, "stack name `Bad.Name` is not valid");
    let memory = Memory::stack(&web("")).var("COMPOSE_PROJECT_NAME", "Bad");
    assert_eq!(memory.told().items[0].message, "COMPOSE_PROJECT_NAME `Bad` is not valid");
}
