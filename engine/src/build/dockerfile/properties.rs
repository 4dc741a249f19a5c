//! What holds of any text.

use super::ast::{Dockerfile, Instruction, Statement, Word};
use super::{Expander, parse, parse_trigger};
use proptest::prelude::*;

/// Pieces of Dockerfiles, right and wrong, put together anyhow.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "FROM ",
        "a",
        " AS ",
        "b",
        "RUN ",
        "COPY ",
        "ADD ",
        "ENV ",
        "ARG ",
        "LABEL ",
        "ONBUILD ",
        "CMD ",
        "HEALTHCHECK ",
        "--mount=",
        "type=cache,",
        "target=/x",
        "--from=",
        "--chown=",
        "--",
        "<<EOF",
        "<<-",
        "EOF",
        "\n",
        "\n",
        "\r\n",
        "\\\n",
        "\\",
        "`",
        "# ",
        "# escape=`\n",
        "# check=skip=",
        "#",
        "[",
        "]",
        "\"",
        "'",
        "$",
        "${x",
        ":-",
        "}",
        "{",
        "=",
        ",",
        " ",
        "\t",
        "ü",
        "\u{feff}",
        "\u{2028}",
        "scratch",
        "0",
        "NONE",
        "EXPOSE ",
        "80:",
        "/tcp",
        "STOPSIGNAL ",
        "WORKDIR ",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn statements(file: &Dockerfile) -> impl Iterator<Item = &Statement> {
    file.args.iter().chain(file.stages.iter().flat_map(|stage| &stage.statements))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_read_and_all_places_are_in_it(text in text()) {
        let parsed = parse(&text, "Dockerfile");
        let spans = parsed.diagnostics.items.iter().filter_map(|item| item.span.clone());
        for span in spans.chain(statements(&parsed.dockerfile).map(|statement| statement.place.span.clone())) {
            let before = text.get(..span.range().start).map(|before| before.matches('\n').count() + 1);
            prop_assert_eq!(before, Some(span.line as usize), "{:?}", span);
            prop_assert!(text.get(span.range()).is_some(), "{:?}", span);
        }
        let lines = text.lines().count();
        for statement in statements(&parsed.dockerfile) {
            let place = &statement.place;
            prop_assert!(place.span.line as usize <= place.last_line && place.last_line <= lines);
        }
    }

    #[test]
    fn what_is_shown_of_an_instruction_is_the_instruction(text in text()) {
        let file = parse(&text, "Dockerfile").dockerfile;
        // Its first line says how escapes are written, and those with bodies need them.
        let plain = statements(&file).filter(|statement| !statement.text.contains("<<"));
        for statement in plain.filter(|statement| statement.place.span.line as usize == statement.place.last_line) {
            let escape = if file.directives.escape == '`' { "# escape=`\n" } else { "" };
            let again = parse(&format!("{escape}FROM a\n{}\n", statement.text), "Dockerfile").dockerfile;
            let again = again.stages[0].statements.first().map(|statement| &statement.instruction);
            prop_assert_eq!(again, Some(&statement.instruction));
        }
    }

    #[test]
    fn triggers_read_as_what_they_were(text in text()) {
        let file = parse(&text, "Dockerfile").dockerfile;
        for statement in statements(&file).filter(|_| file.directives.escape == '\\') {
            if let Instruction::OnBuild(on_build) = &statement.instruction {
                let again = parse_trigger(&on_build.text).ok().map(|statement| statement.instruction);
                prop_assert_eq!(again.as_ref(), Some(&*on_build.instruction));
            }
        }
    }

    #[test]
    fn any_word_is_expanded_or_refused(word in "[a${}:\\-+?#%/*'\"\\\\` ü]{0,24}", value in "[ab/ \n]{0,8}") {
        let lookup = |name: &str| (name == "a").then(|| value.clone());
        for escape in ['\\', '`'] {
            let expander = Expander::new(escape, &lookup);
            let word = Word::from(word.as_str());
            let (one, many) = (expander.word(&word), expander.words(&word));
            prop_assert_eq!(one.is_ok(), many.is_ok());
            let _ = expander.text(word.as_str());
        }
    }
}
