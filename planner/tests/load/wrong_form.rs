//! What was written in another form than its place wants, and what of it is marked.

use super::mistakes::{Mistakes, differ, web};
use crate::Memory;

/// What was written in another form than its place wants.
const IN_ANOTHER_FORM: Mistakes = &[
    ("ports: '8080:80'", &["4:12 services.web.ports: must be a list, not text [write a list: ['8080:80']]"]),
    (
        "volumes: {data: /data}",
        &["4:14 services.web.volumes: must be a list, not a mapping [begin each entry with `- `]"],
    ),
    (
        "cap_add: NET_ADMIN",
        &["4:14 services.web.cap_add: must be a list, not text [write a list: [NET_ADMIN]]"],
    ),
    (
        "depends_on: db",
        &["4:17 services.web.depends_on: must be a list or a mapping, not text [write a list: [db]]"],
    ),
    (
        "environment: A=b",
        &["4:18 services.web.environment: must be a list or a mapping, not text [write a list: [A=b]]"],
    ),
    (
        "logging: json-file",
        &["4:14 services.web.logging: must be a mapping, not text [the keys here are driver, options]"],
    ),
    (
        "build: [.]",
        &[
            "4:12 services.web.build: must be a mapping, not a list [its keys stand below it, indented deeper]",
        ],
    ),
    (
        "ulimits: {nofile: 1.0}",
        &["4:23 services.web.ulimits.nofile: must be a whole number without a point [for example 1024]"],
    ),
    (
        "ulimits: nofile:5",
        &[
            "4:14 services.web.ulimits: must be a mapping, not text [put a blank behind the colon: `nofile: 5`]",
        ],
    ),
    (
        "environment:\nA: b",
        &[
            "4:5 services.web.environment: `environment` is empty [what belongs to it stands below it, indented deeper]",
            "5:5 services.web.A: unknown key `A` [keys of your own begin with `x-`]",
        ],
    ),
    ("user:", &["4:5 services.web.user: `user` is empty [give it a value, or leave it out]"]),
    (
        "deploy: {resources: {limits: {memory: 64}}}",
        &[
            "4:43 services.web.deploy.resources.limits.memory: must be a size with its unit, not a number [write it with its unit: 64m for mebibytes, 64b for bytes]",
        ],
    ),
    (
        "cpu_percent: 120",
        &["4:18 services.web.cpu_percent: `120` is not a whole number from 0 to 100 [for example 50]"],
    ),
    (
        "volumes: [{type: bnd, source: ., target: /x}]",
        &["4:22 services.web.volumes.0.type: `bnd` is not possible here [did you mean `bind`?]"],
    ),
    (
        "network_mode: host\nnetworks: [default]",
        &[
            "4:19 services.web.network_mode: `network_mode` and `networks` contradict each other [keep one of them]",
        ],
    ),
    // The parser ends at these.
    ("  user: x", &["4:11 not valid YAML: a key is not possible here [indent it like the keys above it]"]),
    (
        "command: echo a: b",
        &["4:20 not valid YAML: a text with `: ` in it needs quotes [put all of the text in quotes]"],
    ),
    (
        "command: @x",
        &["4:14 not valid YAML: a text cannot begin with this character [put the text in quotes]"],
    ),
    ("user:x", &["4:5 not valid YAML: a blank is missing behind the colon [write `user: x`]"]),
    (
        "command: {a: b",
        &["4:14 not valid YAML: a bracket is not closed [write `}` where what `{` opens ends]"],
    ),
    (
        "container_name: -",
        &[
            "4:21 not valid YAML: a list cannot begin here [begin it on a line of its own, or put a text in quotes]",
        ],
    ),
];

/// The same about whole files.
const FILES_IN_ANOTHER_FORM: Mistakes = &[
    (
        "web:\n  image: a\n",
        &["1:1 web: unknown key `web` [services stand below `services`: indent `web` deeper]"],
    ),
    (
        "services:\nweb:\n  image: a\n",
        &[
            "1:1 services: `services` is empty [what belongs to it stands below it, indented deeper]",
            "2:1 web: unknown key `web` [services stand below `services`: indent `web` deeper]",
        ],
    ),
    (
        "services:\n  web:\n  image: a\n",
        &[
            "2:3 services.web: `web` is empty [what belongs to it stands below it, indented deeper]",
            "3:10 services.image: `image` is taken for a name, which wants a mapping [to be a key of the entry above, indent `image` deeper]",
        ],
    ),
    (
        "services:\n  web:\n    image: a\n   user: b\n",
        &[
            "4:4 not valid YAML: this is indented like nothing above it [give it the indentation of its neighbours]",
        ],
    ),
    (
        "services:\n  web:\n    image: a\n\tuser: b\n",
        &["4:1 a tab is used as indentation [indent with spaces]"],
    ),
    (
        "services: {a: {image: x}}\nfoo: 1\n",
        &["2:1 foo: unknown key `foo` [keys of your own begin with `x-`]"],
    ),
    (
        "include: a.yaml\nservices: {a: {image: x}}\n",
        &["1:10 include: must be a list, not text [write a list: [a.yaml]]"],
    ),
];

#[test]
fn every_mistake_of_form_is_told_with_the_right_form() {
    differ(IN_ANOTHER_FORM.iter().map(|(lines, expected)| (web(lines), *expected)));
    differ(FILES_IN_ANOTHER_FORM.iter().map(|(text, expected)| ((*text).to_owned(), *expected)));
}

/// The text that the first diagnostic marks.
fn marked(text: &str) -> String {
    let told = Memory::stack(text).told();
    let span = told.items[0].span.clone().expect("a place");
    told.files[span.file as usize].text[span.start as usize..span.end as usize].to_owned()
}

#[test]
fn a_variable_is_marked_to_its_end() {
    for (image, expected) in [
        ("a:${TAG:?set it}", "${TAG:?set it}"),
        ("a:${TAG", "${TAG"),
        ("a${TAG!x}b", "${TAG!x}"),
        ("'${A:-${1}}'", "${1}"),
    ] {
        assert_eq!(marked(&format!("services: {{a: {{image: {image:?}}}}}")), expected, "{image}");
    }
}
