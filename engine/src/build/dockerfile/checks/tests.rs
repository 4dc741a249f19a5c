//! Every check: what it warns of, and what it is silent about.

use super::super::{parse, parse_in};
use crate::build::ignore::Ignore;
use planner::Diagnostics;
use planner::Severity;

/// `line:column check`, and what to do.
fn told(text: &str) -> Vec<String> {
    shown(text, &parse(text, "Dockerfile").diagnostics)
}

fn shown(text: &str, diagnostics: &Diagnostics) -> Vec<String> {
    let told = diagnostics.items.iter().map(|item| {
        let span = item.span.clone().unwrap_or_default();
        let marked = &text[span.range()];
        let hint = item.hint.iter().map(|hint| format!(" ({hint})")).collect::<String>();
        format!("{}:{} [{marked}] {}{hint}", span.line, span.column, item.path)
    });
    told.collect()
}

fn silent(cases: &[&str]) {
    for text in cases {
        assert_eq!(told(text), Vec::<String>::new(), "{text}");
    }
}

fn warned(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(told(text), [*expected], "{text}");
    }
}

#[test]
fn names_and_letters() {
    warned(&[
        ("FROM a AS Build", "1:11 [Build] StageNameCasing (write `build`)"),
        ("FROM a as b", "1:8 [as] FromAsCasing (write `AS`)"),
        ("from a AS b", "1:8 [AS] FromAsCasing (write `as`)"),
        ("FROM a AS b\nFROM c AS b", "2:1 [FROM c AS b] DuplicateStageName"),
        ("FROM a AS scratch", "1:1 [FROM a AS scratch] ReservedStageName"),
        ("FROM a AS context", "1:1 [FROM a AS context] ReservedStageName"),
        ("FROM a\nRUN b\nrun c", "3:1 [run] ConsistentInstructionCasing (write `RUN`)"),
        ("from a\nrun b\nRUN c", "3:1 [RUN] ConsistentInstructionCasing (write `run`)"),
        ("FROM a\nRun b\nRUN c", "2:1 [Run] ConsistentInstructionCasing (write `RUN`)"),
    ]);
    silent(&["from a as b\nrun c", "FROM a AS b\nFROM c AS d"]);
}

#[test]
fn old_forms() {
    warned(&[
        ("FROM a\nENV b c d", "2:5 [b c d] LegacyKeyValueFormat (write `ENV b=\"c d\"`)"),
        (
            "FROM a\nMAINTAINER b",
            "2:1 [MAINTAINER] MaintainerDeprecated (write `LABEL org.opencontainers.image.authors=\"b\"`)",
        ),
        ("FROM a\nRUN b \\\n\n c", "3:1 [\n] NoEmptyContinuation (take it out, or put a `#` on it)"),
    ]);
    silent(&["FROM a\nRUN b \\\n # c\n d"]);
}

#[test]
fn commands() {
    warned(&[
        ("FROM a\nCMD b", "2:1 [CMD b] JSONArgsRecommended (write a JSON list)"),
        (
            "FROM a\nENTRYPOINT ['b']",
            "2:1 [ENTRYPOINT ['b']] JSONArgsRecommended (this is not JSON: texts stand in double quotes)",
        ),
        ("FROM a\nCMD [\"b\"]\nCMD [\"c\"]", "2:1 [CMD [\"b\"]] MultipleInstructionsDisallowed"),
        (
            "FROM a\nHEALTHCHECK NONE\nHEALTHCHECK CMD b",
            "2:1 [HEALTHCHECK NONE] MultipleInstructionsDisallowed",
        ),
    ]);
    silent(&[
        "FROM a\nSHELL [\"/bin/bash\", \"-c\"]\nCMD b",
        "FROM a AS b\nSHELL [\"/bin/bash\", \"-c\"]\nFROM b\nCMD c",
        "FROM a AS b\nCMD [\"c\"]\nFROM b\nCMD [\"d\"]",
        "FROM a\nCMD [\"b\"]\nENTRYPOINT [\"c\"]",
    ]);
}

#[test]
fn paths_and_ports() {
    warned(&[
        ("FROM a\nWORKDIR b", "2:9 [b] WorkdirRelativePath (write `WORKDIR /b`)"),
        ("FROM a\nEXPOSE 80/TCP", "2:8 [80/TCP] ExposeProtoCasing"),
        ("FROM a\nEXPOSE 80:8080", "2:8 [80:8080] ExposeInvalidFormat (write `EXPOSE 8080`)"),
    ]);
    silent(&["FROM a AS b\nWORKDIR /c\nFROM b\nWORKDIR d", "FROM a\nWORKDIR \"/b\"", "FROM a\nEXPOSE 80"]);
}

#[test]
fn secrets() {
    warned(&[
        (
            "FROM a\nENV GITHUB_TOKEN=b",
            "2:5 [GITHUB_TOKEN] SecretsUsedInArgOrEnv (use `RUN --mount=type=secret,id=NAME`)",
        ),
        (
            "ARG password=b\nFROM a",
            "1:5 [password] SecretsUsedInArgOrEnv (use `RUN --mount=type=secret,id=NAME`)",
        ),
    ]);
    silent(&["FROM a\nENV KEYBOARD=b PUBLIC_KEY=c TOKEN_FILE=d AUTHOR=e"]);
}

#[test]
fn variables_of_from() {
    warned(&[
        (
            "FROM --platform=linux/amd64 a",
            "1:17 [linux/amd64] FromPlatformFlagConstDisallowed (use `--platform=$BUILDPLATFORM`, or a name for the stage that has the platform in it)",
        ),
        ("FROM --platform=$TARGETPLATFORM a", "1:17 [$TARGETPLATFORM] RedundantTargetPlatform"),
        (
            "ARG VERSION\nFROM a:${VERSION}",
            "2:6 [a:${VERSION}] InvalidDefaultArgInFrom (give the ARG above the first FROM a default)",
        ),
        ("ARG VERSION=1\nFROM a:x$VERSOIN", "2:9 [$VERSOIN] UndefinedArgInFrom (did you mean `VERSION`?)"),
    ]);
    silent(&[
        "FROM --platform=linux/amd64 a AS b-amd64",
        "FROM --platform=$BUILDPLATFORM a",
        "ARG VERSION=1\nFROM a:${VERSION}",
        "ARG VERSION\nFROM a:${VERSION:-1}",
        "ARG A=b\nARG C=$A:1\nFROM $C",
        "FROM b-$TARGETARCH AS c",
    ]);
}

#[test]
fn variables_of_instructions() {
    warned(&[
        (
            "ARG V=1\nFROM a\nENV B=$V",
            "3:7 [$V] UndefinedVar (write `ARG V` behind the FROM of the stage: those above the first FROM are for FROM)",
        ),
        ("FROM scratch\nCOPY $SRC /b", "2:6 [$SRC] UndefinedVar"),
        (
            "FROM a\nARG VERSION\nLABEL v=${VERSOIN:-1}",
            "3:9 [${VERSOIN] UndefinedVar (did you mean `VERSION`?)",
        ),
        ("FROM scratch\nENV A=1 B=$A", "2:11 [$A] UndefinedVar"),
        ("FROM scratch\nCOPY <<EOF /b\n\"$X\"\nEOF", "2:1 [COPY <<EOF /b] UndefinedVar"),
    ]);
    silent(&[
        "ARG V=1\nFROM a\nARG V\nENV B=$V",
        "FROM a\nENV B=$NODE_VERSION",
        "FROM scratch\nENV PATH=/b:$PATH",
        "FROM scratch AS b\nARG C\nENV D=1\nFROM b\nENV E=$C$D",
        "FROM scratch\nENV A='$B' C=\\$D",
        "FROM scratch\nRUN echo $A\nCMD [\"$B\"]",
        "FROM scratch\nCOPY <<'EOF' /b\n$X\nEOF",
    ]);
}

#[test]
fn checks_that_are_not_wanted_are_not_told() {
    silent(&[
        "# check=skip=MaintainerDeprecated,LegacyKeyValueFormat\nFROM a\nMAINTAINER b\nENV c d",
        "# check=skip=all\nFROM a AS B\nCMD c",
        "FROM a\n# check=skip=JSONArgsRecommended\nCMD b",
    ]);
    assert_eq!(told("FROM a\n# check=skip=JSONArgsRecommended\nENTRYPOINT b\nCMD c").len(), 1);
}

#[test]
fn warnings_can_be_errors() {
    let severity = |text: &str| parse(text, "Dockerfile").diagnostics.items[0].severity;
    assert_eq!(severity("# check=error=true\nFROM a\nCMD b"), Severity::Error);
    assert_eq!(severity("FROM a\nCMD b"), Severity::Warning);
}

#[test]
fn files_that_the_build_does_not_see() {
    let ignored = Ignore::parse("tmp\n*.log\n!keep.log\nsrc\n!src/lib\n", ".dockerignore").unwrap();
    let told = |line: &str| {
        let text = format!("FROM a\n{line}");
        shown(&text, &parse_in(&text, "Dockerfile", &ignored).diagnostics)
    };
    assert_eq!(
        told("COPY b ./tmp/c /d"),
        ["2:8 [./tmp/c] CopyIgnoredFile (add a line `!tmp/c` to the ignore file)"]
    );
    assert_eq!(
        told("ADD b.log /d"),
        ["2:5 [b.log] CopyIgnoredFile (add a line `!b.log` to the ignore file)"]
    );
    for line in [
        "COPY . /d",
        "COPY b keep.log *.log src $TMP/c /d/",
        "COPY --from=b tmp /d",
        "ADD https://example.com/b.log /d",
        "# check=skip=CopyIgnoredFile\nCOPY tmp /d",
    ] {
        assert_eq!(told(line), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn descriptions_when_they_are_asked_for() {
    let ask = "# check=experimental=InvalidDefinitionDescription\n";
    for (text, expected) in [
        (
            "# the base\nFROM a AS base",
            "3:6 [a AS base] InvalidDefinitionDescription (begin it with `# base `, or put an empty line between them)",
        ),
        (
            "# it is b\nARG b=1\nFROM a",
            "3:5 [b=1] InvalidDefinitionDescription (begin it with `# b `, or put an empty line between them)",
        ),
    ] {
        assert_eq!(told(&format!("{ask}{text}")), [expected], "{text}");
        silent(&[text]);
    }
    for text in [
        "# base is it\nFROM a AS base",
        "# words\n\nFROM a AS base",
        "# words\n#\nFROM a AS base",
        "# words\nFROM a",
    ] {
        silent(&[&format!("{ask}{text}")]);
    }
}
