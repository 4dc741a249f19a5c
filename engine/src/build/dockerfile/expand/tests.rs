//! What words mean, each beside what it is written as.

use super::*;

fn lookup(name: &str) -> Option<String> {
    let value = match name {
        "a" => "1",
        "path" => "/usr/local/lib/x.tar.gz",
        "list" => "one two  three",
        "empty" => "",
        "lines" => "ab\ncd",
        "word" => "banana",
        "ümlaut" => "ü",
        _ => return None,
    };
    Some(value.to_owned())
}

fn expand(word: &str, escape: char) -> Result<String, String> {
    Expander::new(escape, &lookup).word(&Word::from(word)).map_err(|e| e.to_string())
}

#[test]
fn a_word_means_what_its_variables_quotes_and_escapes_say() {
    for (word, expected) in [
        ("", ""),
        ("plain", "plain"),
        ("$a", "1"),
        ("${a}", "1"),
        ("x${a}y$a", "x1y1"),
        ("$ab", ""),
        ("$unset", ""),
        ("$ümlaut", "ü"),
        ("$1a", "a"),
        ("$", "$"),
        ("a$", "a$"),
        ("$/x", "$/x"),
        ("$$", ""),
        ("$@x", "x"),
        // Quotes.
        ("'$a'", "$a"),
        ("\"$a\"", "1"),
        ("\"'$a'\"", "'1'"),
        ("'\"$a\"'", "\"$a\""),
        ("a'b c'd", "ab cd"),
        ("\"a b\"", "a b"),
        ("\"\"", ""),
        ("'a\\'", "a\\"),
        // Escapes.
        ("\\$a", "$a"),
        ("\\\\$a", "\\1"),
        ("\\\"a", "\"a"),
        ("a\\ b", "a b"),
        ("\\n", "n"),
        ("a\\", "a"),
        ("\"\\$a\"", "$a"),
        ("\"\\\"\"", "\""),
        ("\"\\n\"", "\\n"),
        ("\"\\\\\"", "\\"),
        // Defaults.
        ("${a:-d}", "1"),
        ("${empty:-d}", "d"),
        ("${empty-d}", ""),
        ("${unset:-d}", "d"),
        ("${unset-d}", "d"),
        ("${unset:-$a}", "1"),
        ("${unset:-${other:-${a}2}}", "12"),
        ("${unset:-\"a } b\"}", "a } b"),
        ("${unset:-a\\}b}", "a}b"),
        ("${unset:-}", ""),
        ("${a:+d}", "d"),
        ("${a+d}", "d"),
        ("${empty:+d}", ""),
        ("${empty+d}", "d"),
        ("${unset+d}", ""),
        ("${a:?m}", "1"),
        ("${empty?m}", ""),
    ] {
        assert_eq!(expand(word, '\\'), Ok(expected.to_owned()), "{word}");
    }
}

#[test]
fn patterns_take_away_and_replace() {
    for (word, expected) in [
        ("${path#*/}", "usr/local/lib/x.tar.gz"),
        ("${path##*/}", "x.tar.gz"),
        ("${path%.*}", "/usr/local/lib/x.tar"),
        ("${path%%.*}", "/usr/local/lib/x"),
        ("${path#/???/}", "local/lib/x.tar.gz"),
        ("${path%x}", "/usr/local/lib/x.tar.gz"),
        ("${path##*}", ""),
        ("${path%%*}", ""),
        ("${path#}", "/usr/local/lib/x.tar.gz"),
        ("${unset#x}", ""),
        ("${lines#*}", "ab\ncd"),
        ("${lines##*}", "\ncd"),
        ("${path/local/share}", "/usr/share/lib/x.tar.gz"),
        ("${path/l*l/L}", "/usr/Lib/x.tar.gz"),
        ("${path/\\//_}", "_usr/local/lib/x.tar.gz"),
        ("${path//\\//_}", "_usr_local_lib_x.tar.gz"),
        ("${word//a/o}", "bonono"),
        ("${word/a/o}", "bonana"),
        ("${word//an/}", "ba"),
        ("${word//?/x}", "xxxxxx"),
        ("${word//*/x}", "x"),
        ("${word//z/x}", "banana"),
        ("${word//a/$a}", "b1n1n1"),
        ("${word/$word/x}", "x"),
        ("${empty/x/y}", ""),
    ] {
        assert_eq!(expand(word, '\\'), Ok(expected.to_owned()), "{word}");
    }
}

#[test]
fn the_escape_is_the_one_of_the_file() {
    for (word, expected) in [("`$a", "$a"), ("C:\\$a", "C:\\1"), ("\"`$a\"", "$a"), ("`'", "'")] {
        assert_eq!(expand(word, '`'), Ok(expected.to_owned()), "{word}");
    }
}

#[test]
fn what_cannot_be_expanded_says_why() {
    for (word, expected) in [
        ("${", "the closing `}` is missing"),
        ("${a", "the closing `}` is missing"),
        ("${}", "the name of a variable is missing behind `${`"),
        ("${:-a}", "the name of a variable is missing behind `${`"),
        ("${a!}", "`!` is not known behind the name of a variable"),
        ("${a:#x}", "`:#` is not known behind the name of a variable"),
        ("${a:-b", "`}` is missing at the end"),
        ("${a/b}", "`/` is missing at the end"),
        ("${a#\\x}", "`\\x` means nothing in a pattern"),
        ("'a", "the closing `'` is missing"),
        ("\"a", "the closing `\"` is missing"),
        ("${unset:?}", "`unset` must be set"),
        ("${unset?}", "`unset` must be set"),
        ("${empty:?}", "`empty` must not be empty"),
        ("${unset:?give a version}", "`unset`: give a version"),
    ] {
        assert_eq!(expand(word, '\\'), Err(expected.to_owned()), "{word}");
    }
    let deep = "${a:-".repeat(100_000);
    assert_eq!(expand(&deep, '\\'), Err("variables are nested too deeply".into()));
}

#[test]
fn spaces_of_variables_divide_words_and_quoted_ones_do_not() {
    for (word, expected) in [
        ("$list", vec!["one", "two", "three"]),
        ("\"$list\"", vec!["one two  three"]),
        ("a$list", vec!["aone", "two", "three"]),
        ("80${unset:-80}", vec!["8080"]),
        ("$unset", vec![]),
        ("a\\ b", vec!["a b"]),
    ] {
        let words = Expander::new('\\', &lookup).words(&Word::from(word)).unwrap();
        assert_eq!(words, expected, "{word}");
    }
}

#[test]
fn in_a_here_document_quotes_are_text() {
    let expander = Expander::new('`', &lookup);
    assert_eq!(expander.text("echo \"$a\" 'it''s $a' \\$a `x\n").unwrap(), "echo \"1\" 'it''s 1' $a `x\n");
}
