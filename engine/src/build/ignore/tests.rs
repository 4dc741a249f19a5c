//! Patterns, each beside what it hides and what it does not.

use super::*;

fn ignore(text: &str) -> Ignore {
    Ignore::parse(text, ".dockerignore").unwrap()
}

#[test]
fn a_pattern_hides_what_it_matches_and_all_that_is_in_it() {
    for (pattern, hidden, seen) in [
        ("a", vec!["a", "a/b", "a/b/c"], vec!["b", "b/a", "ab", "A"]),
        ("/a", vec!["a"], vec!["b/a"]),
        ("a/", vec!["a", "a/b"], vec![]),
        ("./a//b/../c", vec!["a/c"], vec!["a/b"]),
        ("  a  ", vec!["a"], vec![]),
        ("a/b", vec!["a/b", "a/b/c"], vec!["a", "b"]),
        ("*", vec!["a", ".a", "a/b"], vec![]),
        ("*.md", vec!["a.md", ".md"], vec!["a/b.md", "a.mdx"]),
        ("*/b", vec!["a/b", "a/b/c"], vec!["b", "a/c/b"]),
        ("*/*/b", vec!["a/c/b"], vec!["a/b"]),
        ("a?", vec!["ab"], vec!["a", "abc", "a/"]),
        ("a*c", vec!["ac", "abc"], vec!["a/c"]),
        ("[a-c]x", vec!["ax", "cx"], vec!["dx"]),
        ("[^a-c]x", vec!["dx"], vec!["ax"]),
        ("[a\\]]x", vec!["]x", "ax"], vec!["bx"]),
        ("\\*", vec!["*"], vec!["a"]),
        ("\\!a", vec!["!a"], vec!["a"]),
        ("**", vec!["a", "a/b"], vec![]),
        ("**/a", vec!["a", "b/a", "b/c/a", "b/a/c"], vec!["ba", "b/ca"]),
        ("**/*.go", vec!["a.go", "b/a.go", "b/c/a.go"], vec!["a.goo"]),
        ("a/**", vec!["a/b", "a/b/c"], vec!["a", "ab"]),
        ("a/**/b", vec!["a/b", "a/x/b", "a/x/y/b"], vec!["a/xb", "b"]),
        ("**/a/**", vec!["a/b", "x/a/b"], vec!["a", "x/a"]),
        ("**.log", vec!["x.log", "a/x.log"], vec!["x.logs"]),
        ("a**", vec!["a", "ab", "ab/c"], vec!["ba"]),
        (".", vec![], vec!["a", ".a"]),
        ("/", vec![], vec!["a"]),
        ("../a", vec![], vec!["a"]),
        ("/../a", vec!["a"], vec![]),
        (" # a", vec!["# a"], vec!["a"]),
        ("# a", vec![], vec!["a", "# a"]),
        ("\u{feff}a\r\nb\r\n", vec!["a", "b"], vec!["c"]),
        ("ü?", vec!["üß"], vec!["ü"]),
        ("node_modules\n\n.git", vec!["node_modules/x", ".git/HEAD"], vec!["src/node_modules"]),
    ] {
        let ignore = ignore(pattern);
        for path in hidden {
            assert!(ignore.ignores(Path::new(path)), "{pattern:?} hides {path}");
        }
        for path in seen {
            assert!(!ignore.ignores(Path::new(path)), "{pattern:?} does not hide {path}");
        }
    }
}

#[test]
fn the_last_pattern_that_matches_counts() {
    for (patterns, hidden, seen) in [
        ("*.md\n!README.md", vec!["a.md"], vec!["README.md"]),
        ("*.md\n!README*.md\nREADME-secret.md", vec!["a.md", "README-secret.md"], vec!["README.md"]),
        ("*.md\nREADME-secret.md\n!README*.md", vec!["a.md"], vec!["README-secret.md"]),
        ("!a\na", vec!["a"], vec![]),
        ("a\n!a/b", vec!["a", "a/c"], vec!["a/b", "a/b/c"]),
        ("*\n!src\n!go.mod", vec!["x", "x/src"], vec!["src", "src/a", "go.mod"]),
        ("*\n!src\nsrc/**/*_test.go", vec!["src/a_test.go", "src/b/a_test.go"], vec!["src/a.go"]),
        ("**\n!**/package.json", vec!["a", "a/x"], vec!["package.json", "a/b/package.json"]),
        ("a/b\n! a/b/c ", vec!["a/b/d"], vec!["a/b/c"]),
        // An exception for a folder that is not hidden says nothing about what is in it.
        ("a/b\n!a", vec!["a/b"], vec!["a"]),
    ] {
        let ignore = ignore(patterns);
        for path in hidden {
            assert!(ignore.ignores(Path::new(path)), "{patterns:?} hides {path}");
        }
        for path in seen {
            assert!(!ignore.ignores(Path::new(path)), "{patterns:?} does not hide {path}");
        }
    }
}

#[test]
fn only_an_exception_makes_looking_into_a_hidden_folder_worth_while() {
    for (patterns, folder, expected) in [
        ("a", "b", true),
        ("**", "", true),
        ("a", "a", false),
        ("a\n!b", "a", false),
        ("a\n!a/b", "a", true),
        ("a\n!a/b", "a/b", true),
        ("a\n!a/b", "a/c", false),
        ("a\n!a/b/c", "a/b", true),
        ("a\n!*/b", "a", true),
        ("a\n!*/b", "a/c", false),
        ("a\n!**/b", "a/c/d", true),
        ("a\n!**", "a", true),
        ("!a/b\na", "a", false),
        ("*\n!src", "node_modules", false),
        ("*\n!src", "src", true),
        ("*\n!s*/x", "src", true),
    ] {
        assert_eq!(ignore(patterns).may_see_into(Path::new(folder)), expected, "{patterns:?} {folder}");
    }
}

#[test]
fn what_is_no_pattern_is_told_with_its_place() {
    for (text, line, message) in [
        ("a\n  [b\n", 2, "`[b` has a `[` that begins no set of characters"),
        ("[]a]", 1, "`[]a]` has a `[` that begins no set of characters"),
        ("[z-a]", 1, "`[z-a]` has a `[` that begins no set of characters"),
        ("a\\", 1, "`a\\` has nothing behind its `\\`"),
        ("a\n\n! ", 3, "there is no pattern behind the `!`"),
    ] {
        let found = Ignore::parse(text, ".dockerignore").unwrap_err();
        let span = found.items[0].span.clone().unwrap();
        assert_eq!((span.line, found.items[0].message.as_str()), (line, message), "{text:?}");
    }
}

#[test]
fn patterns_of_flags_are_the_same() {
    let ignore = Ignore::of(["*.md", "!a.md", "**/x"]).unwrap();
    assert!(ignore.ignores(Path::new("b.md")) && ignore.ignores(Path::new("b/x")));
    assert!(!ignore.ignores(Path::new("a.md")));
    assert!(Ignore::of(["["]).is_err());
    assert!(Ignore::of([]).unwrap().is_empty());
}

#[test]
fn a_dockerfile_can_have_patterns_of_its_own() {
    let found = candidates(Path::new("/c/docker/web.Dockerfile"), Path::new("/c"));
    assert_eq!(found, [Path::new("/c/docker/web.Dockerfile.dockerignore"), Path::new("/c/.dockerignore")]);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a!#*?\\[\\]^\\\\/. \n-]{0,40}", path in "[a./-]{0,12}") {
        if let Ok(ignore) = Ignore::parse(&text, ".dockerignore") {
            let path = Path::new(&path);
            let hidden = ignore.ignores(path);
            // What is to be seen can be reached.
            if !hidden {
                for folder in path.ancestors().skip(1) {
                    proptest::prop_assert!(ignore.may_see_into(folder), "{folder:?}");
                }
            }
        }
    }
}
