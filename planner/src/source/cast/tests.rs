//! Which way of writing a value each kind takes, and what becomes of it.

use super::super::yaml;
use super::*;
use crate::diagnostic::Diagnostics;

/// The value in JSON-like text with `!` behind it when something was said, or else `message [hint]`.
fn read(kind: Kind, written: &str) -> Result<String, String> {
    let mut diagnostics = Diagnostics::default();
    let text = format!("v: {written}\n");
    let file = diagnostics.add_file("compose.yaml", &text);
    let mut documents = yaml::parse(file, &text, &mut diagnostics).unwrap_or_default();
    let mut tree = documents.remove(0).get("v").cloned().unwrap_or_default();
    let mut context = Context { diagnostics: &mut diagnostics, ports_left: 0, variables: false };
    cast(&mut tree, &Path::TOP, &kind, &mut context);
    if diagnostics.has_errors() {
        let item = &diagnostics.items[0];
        let hint = item.hint.as_deref().map(|hint| format!(" [{hint}]")).unwrap_or_default();
        return Err(format!("{}{hint}", item.message));
    }
    let warned = if diagnostics.items.is_empty() { "" } else { "!" };
    Ok(match &tree.value {
        Value::Text(text) => format!("{text:?}{warned}"),
        value => format!("{}{warned}", loose(value)),
    })
}

fn check(kind: Kind, accepted: &[(&str, &str)], refused: &[(&str, &str)]) {
    for (written, expected) in accepted {
        assert_eq!(read(kind, written).as_deref(), Ok(*expected), "{written}");
    }
    for (written, expected) in refused {
        assert_eq!(read(kind, written), Err((*expected).to_owned()), "{written}");
    }
}

#[test]
fn text_is_text_only_and_its_looser_kinds_print_what_go_prints() {
    check(
        Kind::Text,
        &[("a", "\"a\""), ("'5'", "\"5\""), ("yes", "\"yes\"")],
        &[
            ("5", "must be text, not a number [write it in quotes: \"5\"]"),
            ("true", "must be text, not a truth value [write it in quotes: \"true\"]"),
            (
                "[a]",
                "must be text, not a list [write a single text, in quotes if it holds `: `, brackets or braces]",
            ),
        ],
    );
    check(
        Kind::Loose,
        &[
            ("5", "\"5\""),
            ("010", "\"8\"!"),
            ("1.0", "\"1\"!"),
            ("1e30", "\"1e+30\"!"),
            ("true", "\"true\""),
            ("'010'", "\"010\""),
        ],
        &[(
            "{a: b}",
            "must be text, not a mapping [write a single text, in quotes if it holds `: `, brackets or braces]",
        )],
    );
    check(
        Kind::TextOrNumber,
        &[("1.5", "\"1.5\"")],
        &[("true", "must be text, not a truth value [write it in quotes: \"true\"]")],
    );
    check(
        Kind::TextOrInt,
        &[("80", "\"80\"")],
        &[("1.5", "must be text, not a number [write it in quotes: \"1.5\"]")],
    );
}

#[test]
fn truth_has_words_where_text_is_taken() {
    check(
        Kind::Bool,
        &[("true", "true"), ("'TRUE'", "true"), ("yes", "true!"), ("'OFF'", "false!"), ("n", "false!")],
        &[
            ("1", "`1` is neither true nor false [write true]"),
            ("maybe", "`maybe` is neither true nor false [write true or false]"),
        ],
    );
    check(Kind::Truth, &[("false", "false")], &[("'true'", "`true` is neither true nor false [write true]")]);
}

#[test]
fn whole_numbers_have_bounds_and_a_say_on_texts_and_fractions() {
    check(
        Kind::Int(0, 10),
        &[("5", "5"), ("'5'", "5"), ("'+5'", "5"), ("1.0", "1"), ("010", "8"), ("'010'", "10")],
        &[
            ("-1", "`-1` is not a whole number from 0 to 10 [for example 1]"),
            ("1.5", "`1.5` is not a whole number from 0 to 10 [for example 1]"),
            ("'1.0'", "`1.0` is not a whole number [for example 1]"),
            ("' 5'", "` 5` is not a whole number [for example 1]"),
            ("true", "`true` is not a whole number [for example 1]"),
        ],
    );
    check(
        Kind::PlainInt(0, i64::MAX),
        &[("5", "5")],
        &[
            ("'5'", "must be a number, not text [write it without quotes: 5]"),
            ("-1", "`-1` is not a whole number from 0 [for example 1]"),
        ],
    );
    check(
        Kind::Cut(i64::MIN, i64::MAX),
        &[("1.5", "1"), ("-1.5", "-1"), ("'5'", "5")],
        &[
            ("'1.5'", "`1.5` is not a number [for example 1]"),
            (".nan", "`NaN` is not a number [for example 1]"),
        ],
    );
    check(
        Kind::PlainCut(0, 9),
        &[("1.5", "1")],
        &[("'1'", "must be a number, not text [write it without quotes: 1]")],
    );
    check(
        Kind::Percent,
        &[("5", "5"), ("'5.0'", "5")],
        &[
            ("5.5", "`5.5` is not a whole number from 0 to 100 [for example 50]"),
            ("101", "`101` is not a whole number from 0 to 100 [for example 50]"),
        ],
    );
    check(
        Kind::Count,
        &[("all", "-1"), ("'ALL'", "-1"), ("2", "2"), ("'2'", "2")],
        &[("some", "`some` is not a whole number [for example 1]")],
    );
}

#[test]
fn numbers_are_held_in_32_bits() {
    check(
        Kind::Cores,
        &[
            ("0.5", "0.5"),
            ("'.5'", "0.5"),
            ("'1_000'", "1000"),
            ("'1e3'", "1000"),
            ("1.23456789", "1.2345679"),
            ("4294967296", "4294967300"),
            ("-1", "-1"),
        ],
        &[
            ("half", "`half` is not a number of cores [for example 0.5]"),
            ("' 5'", "` 5` is not a number of cores [for example 0.5]"),
            (".inf", "`+Inf` is not a number of cores [for example 0.5]"),
        ],
    );
}

#[test]
fn file_modes_are_octal_as_text() {
    check(
        Kind::Mode,
        &[("0444", "292"), ("'0444'", "292"), ("444", "444"), ("'444'", "292")],
        &[
            ("'0888'", "`0888` is not a file mode [write octal digits: 0444]"),
            ("4.4", "`4.4` is not a file mode [write octal digits: 0444]"),
        ],
    );
}

#[test]
fn sizes_are_decimal_text() {
    const HINT: &str = "[write a number with a unit: 64m, 1.5g, 512k]";
    check(
        Kind::Bytes,
        &[
            ("64m", "\"67108864\""),
            ("5", "\"5\""),
            ("-1", "\"-1\""),
            ("'-2'", "\"-2\""),
            ("'1.5'", "\"1\""),
            ("1.5", "\"0\"!"),
        ],
        &[("5x", &format!("`5x` is not a size {HINT}")), ("true", &format!("`true` is not a size {HINT}"))],
    );
    check(Kind::BytesOrUnlimited, &[("-1", "\"-1\""), ("'-1'", "\"-1\"")], &[]);
    check(
        Kind::WholeBytes(0),
        &[("5", "\"5\""), ("1.0", "\"0\"!"), ("1m", "\"1048576\"")],
        &[
            ("-1", "`-1` is not a size [for example 64m]"),
            ("1.5", "`1.5` is not a whole number of bytes [write it in quotes: \"1.5\"]"),
        ],
    );
    check(
        Kind::TextBytes,
        &[("'5'", "\"5\""), ("64m", "\"67108864\"")],
        &[(
            "5",
            "must be a size with its unit, not a number [write it with its unit: 5m for mebibytes, 5b for bytes]",
        )],
    );
}

#[test]
fn durations_have_a_unit() {
    check(
        Kind::Duration,
        &[("90s", "\"1m30s\""), ("1d", "\"24h0m0s\""), ("-5m", "\"-5m0s\""), ("'0'", "\"0s\"")],
        &[
            ("10", "`10` is not a duration [give it a unit: 10s]"),
            ("soon", "`soon` is not a duration [for example 1m30s or 500ms]"),
        ],
    );
}

#[test]
fn a_word_is_one_of_those_known() {
    check(
        Kind::Word(&["host", "private"]),
        &[("host", "\"host\"")],
        &[
            ("hots", "`hots` is not possible here [did you mean `host`?]"),
            ("none", "`none` is not possible here [possible are host, private]"),
        ],
    );
}
