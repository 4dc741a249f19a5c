//! Mistakes, each beside what people are told: where, what is marked, what is wrong, what to do.

use super::parse;

fn told(text: &str) -> String {
    let diagnostics = parse(text, "Dockerfile").diagnostics;
    let lines = diagnostics.items.iter().map(|item| {
        let span = item.span.clone().unwrap_or_default();
        let marked = text[span.range()].lines().next().unwrap_or_default();
        let hint = item.hint.iter().map(|hint| format!(" ({hint})")).collect::<String>();
        let check = if item.path.is_empty() { String::new() } else { format!("{}: ", item.path) };
        format!("{}:{} [{marked}] {check}{}{hint}", span.line, span.column, item.message)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Below `FROM a`.
fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(told(&format!("FROM a\n{text}")), *expected, "{text}");
    }
}

#[test]
fn names_that_are_nearly_right_are_offered() {
    check(&[
        ("RNU a", "2:1 [RNU] there is no instruction `RNU` (did you mean `RUN`?)"),
        ("COPPY a b", "2:1 [COPPY] there is no instruction `COPPY` (did you mean `COPY`?)"),
        (
            "apt-get update",
            "2:1 [apt-get] there is no instruction `apt-get` (does the line above it miss an escape at its end?)",
        ),
        ("COPY --form=b a c", "2:6 [--form] COPY has no flag `--form` (did you mean `--from`?)"),
        (
            "RUN --mont=type=cache,target=/x a",
            "2:5 [--mont] RUN has no flag `--mont` (did you mean `--mount`?)",
        ),
        (
            "ADD --from=b a c",
            "2:5 [--from] ADD has no flag `--from` (there are `--chown`, `--chmod`, `--link`, `--exclude`, `--checksum`, `--keep-git-dir` and `--unpack`)",
        ),
        ("ENV --x a=b", "2:5 [--x] ENV has no flag `--x` (it has no flags)"),
        (
            "RUN --mount=typ=cache,target=/x a",
            "2:5 [--mount=typ=cache,target=/x] `--mount` has no key `typ` (did you mean `type`?)",
        ),
        (
            "RUN --mount=type=cahce,target=/x a",
            "2:5 [--mount=type=cahce,target=/x] `type` cannot be `cahce` (did you mean `cache`?)",
        ),
        (
            "RUN --mount=type=cache,target=/x,sharing=x a",
            "2:5 [--mount=type=cache,target=/x,sharing=x] `sharing` cannot be `x` (it is `shared`, `private` or `locked`)",
        ),
        ("RUN --network=hots a", "2:5 [--network=hots] `--network` cannot be `hots` (did you mean `host`?)"),
        ("STOPSIGNAL SIGTEMR", "2:12 [SIGTEMR] there is no signal `SIGTEMR` (did you mean `SIGTERM`?)"),
    ]);
}

#[test]
fn what_is_missing_is_said_with_an_example() {
    check(&[
        ("RUN", "2:1 [RUN] RUN has no argument (write `RUN COMMAND`)"),
        ("RUN []", "2:5 [[]] RUN has no command"),
        ("COPY a", "2:6 [a] COPY needs a source and a destination (write `COPY SOURCE DESTINATION`)"),
        ("COPY", "2:1 [COPY] COPY needs a source and a destination (write `COPY SOURCE DESTINATION`)"),
        ("ENV", "2:1 [ENV] ENV has no argument (write `ENV KEY=value`)"),
        ("ENV a", "2:5 [a] `a` has no value (write `ENV a=value`)"),
        ("WORKDIR", "2:1 [WORKDIR] WORKDIR has no argument (write `WORKDIR /path`)"),
        (
            "HEALTHCHECK CMD",
            "2:13 [CMD] HEALTHCHECK CMD has no command (write `HEALTHCHECK CMD [\"curl\", \"-f\", \"http://localhost/\"]`)",
        ),
        ("ONBUILD", "2:1 [ONBUILD] ONBUILD has no argument (write `ONBUILD RUN make`)"),
        ("COPY --from a b", "2:6 [--from] `--from` has no value"),
        (
            "RUN --mount=type=cache a",
            "2:5 [--mount=type=cache] a mount of type cache needs `target` (add `target=/PATH`)",
        ),
        ("RUN --mount=type=secret a", "2:5 [--mount=type=secret] a secret needs `id` (add `id=NAME`)"),
        (
            "RUN --mount=type=bind,from a",
            "2:5 [--mount=type=bind,from] `from` has no value (write `from=VALUE`)",
        ),
        (
            "RUN <<EOF\na\n",
            "2:5 [<<EOF] the here-document `EOF` has no end (end it with a line that is `EOF`)",
        ),
        (
            "COPY <<A <<B /x/\nA\n",
            "2:10 [<<B] the here-document `B` has no end (end it with a line that is `B`)",
        ),
    ]);
}

#[test]
fn what_does_not_fit_says_why() {
    check(&[
        (
            "ENV a=1 b",
            "2:9 [b] `b` has no `=` (names and values are written as `KEY=value`; a value with spaces in it in quotes)",
        ),
        ("ENV =1", "2:5 [=] there is no name before the `=`"),
        ("CMD [\"a\", 1]", "2:5 [[\"a\", 1]] in a JSON list only texts may stand, not `1` (write `\"1\"`)"),
        (
            "SHELL /bin/bash -c",
            "2:7 [/bin/bash -c] SHELL takes a JSON list (write `SHELL [\"/bin/bash\", \"-c\"]`)",
        ),
        ("SHELL []", "2:7 [[]] SHELL has no program"),
        (
            "EXPOSE 99999",
            "2:8 [99999] `99999` is no port (a port is written as `8080`, `53/udp` or `8000-8010`)",
        ),
        (
            "EXPOSE 80/http",
            "2:8 [80/http] `http` is no protocol (a port is written as `8080`, `53/udp` or `8000-8010`)",
        ),
        (
            "EXPOSE 90-80",
            "2:8 [90-80] `90-80` is no port (a port is written as `8080`, `53/udp` or `8000-8010`)",
        ),
        (
            "HEALTHCHECK curl x",
            "2:13 [curl] HEALTHCHECK takes CMD or NONE, not `curl` (write `HEALTHCHECK CMD curl x`)",
        ),
        ("HEALTHCHECK NONE x", "2:18 [x] behind HEALTHCHECK NONE nothing may follow"),
        (
            "HEALTHCHECK --interval=5 CMD x",
            "2:13 [--interval=5] `--interval` is a time, not `5` (a time is written as `30s`, `1m30s` or `500ms`)",
        ),
        ("HEALTHCHECK --timeout=1us CMD x", "2:13 [--timeout=1us] `--timeout` is shorter than a millisecond"),
        ("HEALTHCHECK --retries=-1 CMD x", "2:13 [--retries=-1] `--retries` is a number, not `-1`"),
        ("ONBUILD FROM a", "2:9 [FROM] FROM cannot be a trigger"),
        ("ONBUILD ONBUILD RUN a", "2:9 [ONBUILD] ONBUILD cannot be a trigger"),
    ]);
}

#[test]
fn flags_that_do_not_fit_say_why() {
    check(&[
        (
            "COPY --from=ü",
            "2:1 [COPY] COPY needs a source and a destination (write `COPY SOURCE DESTINATION`)",
        ),
        (
            "COPY --from=$X a b",
            "2:6 [--from=$X] `from` cannot have variables (begin a stage with `FROM $NAME AS name` and take files from that)",
        ),
        (
            "RUN --mount=type=bind,from=$X,target=/x a",
            "2:5 [--mount=type=bind,from=$X,target=/x] `from` cannot have variables (begin a stage with `FROM $NAME AS name` and take files from that)",
        ),
        ("COPY --link=x a b", "2:6 [--link=x] `--link` is true or false, not `x`"),
        ("COPY --chown=a --chown=b c d", "2:16 [--chown=b] `--chown` is there twice"),
        (
            "COPY a <<EOF\nEOF",
            "2:8 [<<EOF] a here-document cannot be the destination (write `COPY SOURCE DESTINATION`)",
        ),
        ("ADD --checksum=sha256:a b c d", "2:5 [--checksum=sha256:a] `--checksum` is for one source"),
        (
            "RUN --mount=type=tmpfs,target=/x,size=big a",
            "2:5 [--mount=type=tmpfs,target=/x,size=big] `size` is a number of bytes, such as 64m, not `big`",
        ),
        (
            "RUN --mount=type=cache,target=/x,mode=rwx a",
            "2:5 [--mount=type=cache,target=/x,mode=rwx] `mode` is an octal number, such as 0755, not `rwx`",
        ),
        (
            "RUN --mount=type=cache,target=/x,required a",
            "2:5 [--mount=type=cache,target=/x,required] a mount of type cache has no `required`",
        ),
        (
            "RUN --mount=type=bind,target=/x,uid=1 a",
            "2:5 [--mount=type=bind,target=/x,uid=1] a mount of type bind has no `mode`, `uid` or `gid`",
        ),
        (
            "RUN --mount=type=bind,target=/ a",
            "2:5 [--mount=type=bind,target=/] nothing can be mounted over the whole image",
        ),
        (
            "RUN --mount=type=secret,id=a,src=b a",
            "2:5 [--mount=type=secret,id=a,src=b] `source` and `id` both name the secret",
        ),
        ("VOLUME [\"\"]", "2:8 [[\"\"]] the path of a volume is empty"),
    ]);
}

#[test]
fn stages_are_told_as_such() {
    for (text, expected) in [
        ("", "1:1 [] the Dockerfile has no stage (begin with `FROM image`)"),
        ("# a\n", "1:1 [# a] the Dockerfile has no stage (begin with `FROM image`)"),
        ("ARG a\n", "1:1 [ARG a] the Dockerfile has no stage (begin with `FROM image`)"),
        (
            "RUN a\nCMD [\"b\"]\n",
            "1:1 [RUN a] only ARG may stand before the first FROM (begin with `FROM image`)",
        ),
        (
            "services:\n  web:\n",
            "1:1 [services:] there is no instruction `services:` (a Dockerfile begins with `FROM`)\n2:3 [web:] there is no instruction `web:` (does the line above it miss an escape at its end?)",
        ),
        ("FROM", "1:1 [FROM] FROM has no argument (write `FROM image AS name`)"),
        (
            "FROM a b",
            "1:8 [b] FROM takes an image and perhaps `AS name` (write `FROM image` or `FROM image AS name`)",
        ),
        (
            "FROM a AS b c",
            "1:8 [AS b c] FROM takes an image and perhaps `AS name` (the name of a stage is one word)",
        ),
        (
            "FROM a AS 1",
            "1:11 [1] `1` cannot name a stage (it begins with a letter and has letters, digits, `-`, `_` and `.`)",
        ),
        (
            "FROM a AS\nRUN b",
            "1:8 [AS] FROM takes an image and perhaps `AS name` (the name of a stage is one word)",
        ),
        (
            "FROM Ubuntu",
            "1:1 [FROM Ubuntu] `Ubuntu` is no name of an image (names of images are in lower case)",
        ),
        (
            "FROM a:",
            "1:1 [FROM a:] `a:` is no name of an image (it is written as `name`, `name:tag` or `registry/name:tag`)",
        ),
        (
            "FROM a AS b\nCOPY --from=c /x /y\nFROM d AS c",
            "2:1 [COPY --from=c /x /y] the stage `c` is further below (a stage stands above those that use it)",
        ),
        (
            "FROM a AS b\nRUN --mount=target=/x,from=b c",
            "2:1 [RUN --mount=target=/x,from=b c] the stage `b` takes files from itself",
        ),
        (
            "FROM a\nCOPY --from=3 /x /y",
            "2:1 [COPY --from=3 /x /y] there is no stage 3 (stages count from 0; better give them names)",
        ),
        ("FROM a\nCOPY --from=0 /x /y", "2:1 [COPY --from=0 /x /y] the stage `0` takes files from itself"),
        ("# escape=x\nFROM a", "1:10 [x] the escape cannot be `x` (it is a backslash or a backtick)"),
        (
            "# syntax=some/thing\nFROM a",
            "1:10 [some/thing] the front end `some/thing` is not used (the file is read as a Dockerfile; where it is written in another language, that fails)",
        ),
    ] {
        assert_eq!(told(text), expected, "{text}");
    }
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    let text = "FROM a AS b\nRUN \\\n  --network=x \\\n  y\n# c\nCOPY d\nENVV e=f\nRUN ok\n";
    let expected = "\
3:3 [--network=x] `--network` cannot be `x` (it is `default`, `none` or `host`)
6:6 [d] COPY needs a source and a destination (write `COPY SOURCE DESTINATION`)
7:1 [ENVV] there is no instruction `ENVV` (did you mean `ENV`?)";
    assert_eq!(told(text), expected);
}

#[test]
fn the_file_goes_along_for_excerpts() {
    let diagnostics = parse("FROM", "web.Dockerfile").diagnostics;
    assert_eq!((diagnostics.files[0].name.as_str(), &*diagnostics.files[0].text), ("web.Dockerfile", "FROM"));
}
