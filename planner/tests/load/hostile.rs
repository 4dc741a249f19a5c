//! Files that want to exhaust time or memory, or a reader's patience: what they cost is bounded,
//! and what is wrong is said.

use crate::Memory;
use std::fmt::Write;

/// Diagnostics that one load may give.
const MOST_DIAGNOSTICS: usize = 1000;
/// Bytes that all of them together may have.
const MOST_SAID: usize = 4 << 20;

/// What loading says; never more than a terminal can take.
fn told(memory: &Memory) -> String {
    let told = memory.told();
    assert!(told.items.len() <= MOST_DIAGNOSTICS, "{} diagnostics", told.items.len());
    let hints = told.items.iter().filter_map(|item| item.hint.as_ref());
    let paths = told.items.iter().map(|item| &item.path);
    let said: usize = hints.chain(paths).map(String::len).sum();
    let told = told.to_string();
    assert!(said + told.len() <= MOST_SAID, "{} bytes are said", said + told.len());
    told
}

/// A stack whose `x-` key holds anything.
fn extension(text: &str) -> Memory {
    Memory::stack(&format!("services: {{a: {{image: i}}}}\nx-data:{text}\n"))
}

#[test]
fn what_multiplies_is_refused_with_its_place() {
    let mut aliases = "\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]".to_owned();
    let mut merges = "\n  m0: &m0 {a: {x: 1}, b: {x: 1}}".to_owned();
    for level in 1..40 {
        let below = level - 1;
        write!(aliases, "\n  a{level}: &a{level} [{}*a{below}]", format!("*a{below}, ").repeat(9)).unwrap();
        write!(merges, "\n  m{level}: &m{level} {{<<: *m{below}, c{level}: *m{below}, d{level}: *m{below}}}")
            .unwrap();
    }
    for text in [aliases, merges] {
        assert!(told(&extension(&text)).contains("expand to too much"), "{}", told(&extension(&text)));
    }
    let list = format!("\n  a: &a {{{}}}\n  b: {{<<: [{}*a]}}", keys(1000), "*a, ".repeat(100_000));
    assert!(told(&extension(&list)).contains("expand to too much"));
    let itself = told(&extension("\n  a: &a [*a]"));
    assert!(itself.contains("3:10: this alias is inside its own anchor"), "{itself}");
}

#[test]
fn nesting_is_bounded_however_it_is_made() {
    let levels = 10_000;
    let block: String = (0..levels).map(|level| format!("\n{}a:", " ".repeat(level % 200 + 1))).collect();
    let stairs: String = (0..200).map(|level| format!("\n{}a:", " ".repeat(level + 1))).collect();
    let mut aliases = "\n  a0: &a0 [x]".to_owned();
    for level in 1..levels {
        write!(aliases, "\n  a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    for text in ["[", "{a: ", "[{a: ", "!reset ["].map(|open| format!(" {}", open.repeat(levels))) {
        assert!(told(&extension(&text)).contains("nested deeper than"), "{text:.20}");
    }
    for text in [stairs, aliases, format!("\n  {}x", "- ".repeat(levels))] {
        assert!(told(&extension(&text)).contains("nested deeper than"), "{text:.20}");
    }
    assert!(!told(&extension(&block)).is_empty());
    let variables = format!(" \"{}x{}\"", "${A:-".repeat(levels), "}".repeat(levels));
    assert!(told(&extension(&variables)).contains("expand to too much"));
}

#[test]
fn variables_cannot_make_much_of_little() {
    let mut text = "A0=xxxxxxxxxxxxxxxx\n".to_owned();
    for level in 1..64 {
        writeln!(text, "A{level}=${{A{0}}}${{A{0}}}", level - 1).unwrap();
    }
    let memory = extension(" $A63").file("/srv/shop/.env", &text);
    assert!(told(&memory).contains("expand to too much"), "{}", told(&memory));
    let long = "y".repeat(1 << 20);
    let memory = extension(&format!(" [{}]", "$LONG, ".repeat(1000))).var("LONG", &long);
    assert!(told(&memory).contains("expand to too much"));
}

#[test]
fn numbers_and_ranges_of_any_size_are_only_wrong() {
    let huge = "9".repeat(10_000);
    for number in
        [&huge, "99999999999999999999", "-9223372036854775809", "1e999", ".inf", "0x8000000000000000"]
    {
        for line in [
            format!("scale: {number}"),
            format!("mem_limit: {number}"),
            format!("mem_limit: {number}g"),
            format!("stop_grace_period: {number}h"),
            format!("cpus: {number}"),
            format!("ports: ['{number}:80']"),
            format!("ports: ['1-{number}:80']"),
            format!("ports: [{{target: 80, published: '{number}-{number}'}}]"),
            format!("ulimits: {{nofile: {number}}}"),
            format!("healthcheck: {{retries: {number}, interval: {number}s}}"),
        ] {
            let memory = Memory::stack(&format!("services: {{a: {{image: i, {line}}}}}"));
            told(&memory);
        }
    }
    let ranges = "'1-65535:1-65535', ".repeat(1000);
    let memory = Memory::stack(&format!("services: {{a: {{image: i, ports: [{ranges}]}}}}"));
    assert!(told(&memory).contains("the ranges of this stack mean too many ports"), "{}", told(&memory));
}

#[test]
fn many_mistakes_are_told_up_to_a_number_and_long_words_are_cut() {
    let many: String = (0..5000).fold(String::new(), |all, n| all + &format!("    unknown{n}: 1\n"));
    told(&Memory::stack(&format!("services:\n  a:\n    image: i\n{many}")));
    let long = "k".repeat(1 << 20);
    told(&Memory::stack(&format!("services:\n  {long}:\n    image: i\n{many}")));
    told(&Memory::stack(&format!("services: {{a: {{image: i, \"{long}\": 1, environment: [\"{long}\"]}}}}")));
    told(&Memory::stack(&format!("services: {{a: {{image: i, ports: [\"{long}\"], restart: \"{long}\"}}}}")));
    told(&Memory::stack(&format!(
        "services: {{a: {{image: i, depends_on: [\"{long}\"], networks: [{long}]}}}}"
    )));
    told(&extension(&format!(" \"${{{long}?{long}}}\"")));
    told(&extension(&format!(" *{long}")));
    told(&extension(&format!(" !{long} x")));
}

#[test]
fn an_error_is_not_lost_among_warnings() {
    let variables: String = (0..2000).fold(String::new(), |all, n| all + &format!("$V{n}"));
    let text = format!(
        "services: {{a: {{image: i, hostname: '{variables}', imgae: 1, domainname: '{variables}x'}}}}"
    );
    let told = Memory::stack(&text).load().unwrap_err();
    assert!(told.to_string().contains("unknown key `imgae`") && told.items.len() == MOST_DIAGNOSTICS);
}

#[test]
fn garbage_is_an_error_with_a_place() {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let binary = String::from_utf8_lossy(&bytes);
    assert!(
        told(&Memory::stack(&binary)).contains("compose.yaml:1:1: "),
        "{}",
        told(&Memory::stack(&binary))
    );
    for text in [
        "\0",
        "\u{feff}\u{feff}",
        "%YAML 9.9\n---",
        "--- --- ---",
        "\u{2028}",
        "&a",
        "? ? ?",
        "- - -\n\t-",
        "'",
        "|\n\t",
    ] {
        assert!(!told(&Memory::stack(text)).is_empty(), "{text:?}");
    }
    let large = format!("services: {{a: {{image: i}}}}\n#{}", "x".repeat(5 << 20));
    assert!(told(&Memory::stack(&large)).contains("larger than 4 MiB"));
}

#[test]
fn a_thousand_files_are_merged_and_no_more() {
    let one = "services: {a: {image: i, environment: {A: 1}, labels: [x=y], cap_add: [KILL]}}";
    let many = |count| (1..count).fold(Memory::stack(one), |memory, n| memory.and(&format!("{n}.yaml"), one));
    assert_eq!(told(&many(1000)), "");
    assert!(told(&many(5000)).contains("more than 1000 files"), "{}", told(&many(5000)));
}

/// Services that each say the same.
fn services(count: usize, each: &str) -> String {
    (0..count).fold("services:\n".to_owned(), |all, n| all + &format!("  s{n}: {{{each}}}\n"))
}

#[test]
fn what_many_services_extend_is_not_large() {
    let base = format!("services: {{base: {{image: i, environment: {{{}}}}}}}", keys(10_000));
    let extend = |count| Memory::stack(&services(count, "extends: {file: base.yaml, service: base}"));
    assert_eq!(told(&extend(10).file("/srv/shop/base.yaml", &base)), "");
    let said = told(&extend(5000).file("/srv/shop/base.yaml", &base));
    assert!(said.contains("take over too much from those that they extend"), "{said}");
    assert_eq!(said.lines().count(), 1, "it is told once: {said}");
}

#[test]
fn a_file_of_variables_for_many_services_is_read_and_understood_once() {
    let variables = |count: usize, value: &str| -> String {
        (0..count).fold(String::new(), |all, n| all + &format!("VARIABLE_{n}={value}\n"))
    };
    for (key, name) in [("env_file", "few.env"), ("label_file", "few.labels")] {
        let place = format!("/srv/shop/{name}");
        let stack = Memory::stack(&services(3000, &format!("image: i, {key}: [{name}]")));
        // Most of it is a comment: to read that for every service would take a while.
        let long = format!("# {}\n{}", "c".repeat(1 << 20), variables(10, "x"));
        assert_eq!(told(&stack.clone().file(&place, &long)), "");
        let said = told(&stack.clone().file(&place, &(long + "9 = 1\n'")));
        assert_eq!(said.lines().count(), 1, "what is wrong in it is told once: {said}");
        for value in ["x", "${VARIABLE_0:-x}"] {
            let said = told(&stack.clone().file(&place, &variables(10_000, value)));
            assert!(said.contains("say too much to all services together"), "{said}");
            assert_eq!(said.lines().count(), 1, "it is told once: {said}");
        }
    }
}

#[test]
fn a_large_file_cannot_be_included_over_and_over() {
    let large = format!("services: {{a: {{image: i}}}}\n#{}", "x".repeat(3 << 20));
    let includes = |count| format!("include: [{}]", "large.yaml, ".repeat(count));
    let load = |count| told(&Memory::stack(&includes(count)).file("/srv/shop/large.yaml", &large));
    assert_eq!(load(5), "");
    assert!(
        load(500).contains("large.yaml brings the files of this stack to more than 16 MiB"),
        "{}",
        load(500)
    );
}

#[test]
fn includes_of_includes_cannot_multiply_without_end() {
    let level = |n: usize| format!("include: [{0}.yaml, {0}.yaml]\nservices: {{s{n}: {{image: i}}}}", n + 1);
    let many = (0..40).fold(Memory::stack(&level(0)), |memory, n| {
        memory.file(&format!("/srv/shop/{}.yaml", n + 1), &level(n + 1))
    });
    assert!(told(&many).contains("more than 1000 files belong together"), "{}", told(&many));
}

/// So many keys of a mapping in flow style.
fn keys(count: usize) -> String {
    (0..count).fold(String::new(), |all, n| all + &format!("k{n}: {n}, "))
}
