//! Any bytes as a Dockerfile and as a .dockerignore: neither panics, all places are in the text,
//! no more is told than a person could read, and each instruction reads again as what it is.
#![no_main]

use engine::build::dockerfile::{Expander, Instruction, Statement, Word, parse, parse_trigger};
use engine::build::ignore::Ignore;
use planner::diagnostic::Span;
use std::path::Path;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(text) = str::from_utf8(data) {
        check(text);
        if let Ok(ignore) = Ignore::parse(text, ".dockerignore") {
            for path in text.lines() {
                let (path, folder) = (Path::new(path), Path::new(path).parent());
                let seen = !ignore.ignores(path);
                assert!(!seen || folder.is_none_or(|folder| ignore.may_see_into(folder)), "{path:?}");
            }
        }
    }
});

fn check(text: &str) {
    let parsed = parse(text, "Dockerfile");
    assert!(parsed.diagnostics.items.len() <= 1000, "{} diagnostics", parsed.diagnostics.items.len());
    for span in parsed.diagnostics.items.iter().filter_map(|item| item.span.as_ref()) {
        assert!(is_in(text, span), "{span:?}");
    }
    let file = &parsed.dockerfile;
    let escape = file.directives.escape;
    for statement in file.args.iter().chain(file.stages.iter().flat_map(|stage| &stage.statements)) {
        assert!(is_in(text, &statement.place.span), "{:?}", statement.place);
        check_again(statement, escape);
        if let Instruction::Run(run) = &statement.instruction {
            let known = |_: &str| Some("1".to_owned());
            for mount in &run.mounts {
                let _ = mount.resolve(&Expander::new(escape, &known));
            }
        }
    }
}

fn is_in(text: &str, span: &Span) -> bool {
    text.get(span.range()).is_some()
}

/// What is shown of an instruction on one line is the instruction.
fn check_again(statement: &Statement, escape: char) {
    let first = format!("{}FROM a\n{}\n", if escape == '`' { "# escape=`\n" } else { "" }, statement.text);
    let whole = statement.place.span.line as usize == statement.place.last_line;
    if whole && !statement.text.contains("<<") {
        let again = parse(&first, "Dockerfile").dockerfile;
        let again = again.stages[0].statements.first().map(|statement| &statement.instruction);
        assert_eq!(again, Some(&statement.instruction), "{}", statement.text);
    }
    if let (Instruction::OnBuild(on_build), '\\') = (&statement.instruction, escape) {
        let again = parse_trigger(&on_build.text).ok().map(|statement| statement.instruction);
        assert_eq!(again.as_ref(), Some(&*on_build.instruction), "{}", on_build.text);
    }
    let _ = Expander::new(escape, &|_| Some("a/b".to_owned())).words(&Word::from(statement.text.as_str()));
}
