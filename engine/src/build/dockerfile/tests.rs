//! Dockerfiles, each beside what it says.

use super::ast::*;
use super::{parse, parse_trigger};
use planner::Severity;

/// What a Dockerfile says, a line each statement; what is wrong with it comes last.
fn read(text: &str) -> String {
    let parsed = parse(text, "Dockerfile");
    let mut lines = Vec::new();
    let file = &parsed.dockerfile;
    if file.directives != Directives::default() {
        let Directives { syntax, escape, check } = &file.directives;
        lines.push(format!("# {syntax:?} {escape} {} {:?} {}", check.skip_all, check.skip, check.error));
    }
    lines.extend(file.args.iter().map(|statement| show(&statement.instruction)));
    for stage in &file.stages {
        let platform = stage.platform.iter().map(|word| format!(" on {}", word.0)).collect::<String>();
        let name = stage.name.iter().map(|name| format!(" as {name}")).collect::<String>();
        lines.push(format!("from {}{platform}{name}", stage.base.0));
        lines.extend(stage.statements.iter().map(|statement| show(&statement.instruction)));
    }
    for item in &parsed.diagnostics.items {
        let span = item.span.clone().unwrap_or_default();
        let severity = if item.severity == Severity::Error { "error" } else { "warning" };
        lines.push(format!("{severity} {}:{} {}", span.line, span.column, item.message));
    }
    lines.join("\n")
}

/// One instruction in a few words; what is as usual is left out.
fn show(instruction: &Instruction) -> String {
    match instruction {
        Instruction::Arg(all) => join(
            "arg",
            all.iter().map(|it| match &it.default {
                Some(default) => format!("{}={}", it.name.0, default.0),
                None => it.name.0.clone(),
            }),
        ),
        Instruction::Env(all) => join("env", all.iter().map(|(k, v)| format!("[{}]=[{}]", k.0, v.0))),
        Instruction::Label(all) => join("label", all.iter().map(|(k, v)| format!("[{}]=[{}]", k.0, v.0))),
        Instruction::Maintainer(name) => format!("maintainer {name}"),
        Instruction::Workdir(path) => format!("workdir {}", path.0),
        Instruction::User(user) => format!("user {}", user.0),
        Instruction::Shell(words) => format!("shell {words:?}"),
        Instruction::Expose(ports) => join("expose", ports.iter().map(|port| port.0.clone())),
        Instruction::Volume(paths) => join("volume", paths.iter().map(|path| format!("[{}]", path.0))),
        Instruction::StopSignal(signal) => format!("stopsignal {}", signal.0),
        Instruction::Cmd(command) => format!("cmd {}", show_command(command)),
        Instruction::Entrypoint(command) => format!("entrypoint {}", show_command(command)),
        Instruction::Healthcheck(Healthcheck::None) => "healthcheck none".into(),
        Instruction::Healthcheck(Healthcheck::Check(check)) => {
            let times = [
                ("interval", check.interval),
                ("timeout", check.timeout),
                ("start", check.start_period),
                ("starting", check.start_interval),
            ];
            let times = times.iter().filter_map(|(name, time)| Some(format!(" {name} {:?}", (*time)?)));
            let retries = check.retries.iter().map(|count| format!(" retries {count}"));
            format!("healthcheck {}{}", show_command(&check.test), times.chain(retries).collect::<String>())
        }
        Instruction::OnBuild(it) => format!("onbuild {:?} = {}", it.text, show(&it.instruction)),
        Instruction::Run(run) => show_run(run),
        Instruction::Copy(copy) => {
            let from = copy.from.iter().map(|from| format!(" from {from}")).collect::<String>();
            let parents = if copy.parents { " parents" } else { "" };
            format!("copy{from}{parents}{}", show_files(&copy.files))
        }
        Instruction::Add(add) => {
            let checksum = add.checksum.iter().map(|it| format!(" checksum {}", it.0)).collect::<String>();
            let git = add.keep_git_dir.iter().map(|it| format!(" git {it}")).collect::<String>();
            let unpack = add.unpack.iter().map(|it| format!(" unpack {it}")).collect::<String>();
            format!("add{checksum}{git}{unpack}{}", show_files(&add.files))
        }
    }
}

fn join(name: &str, words: impl Iterator<Item = String>) -> String {
    std::iter::once(name.to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

fn show_command(command: &Command) -> String {
    match command {
        Command::Shell(text) => format!("{text:?}"),
        Command::Exec(words) => format!("{words:?}"),
    }
}

fn show_run(run: &Run) -> String {
    let mut text = "run".to_owned();
    for mount in &run.mounts {
        let options = mount.options.iter().map(|(key, value)| match value {
            Some(value) => format!("{key}={}", value.0),
            None => key.clone(),
        });
        text += &format!(" mount {}", options.collect::<Vec<_>>().join(","));
    }
    if run.network != Network::Default {
        text += &format!(" network {:?}", run.network);
    }
    if run.security != Security::Sandbox {
        text += &format!(" security {:?}", run.security);
    }
    for device in &run.devices {
        text += &format!(" device {}{}", device.name, if device.required { " required" } else { "" });
    }
    text + &match &run.command {
        RunCommand::Shell(line) => format!(" {line:?}"),
        RunCommand::Exec(words) => format!(" {words:?}"),
        RunCommand::Script { name, body } => format!(" script {name} {body:?}"),
    }
}

fn show_files(files: &Files) -> String {
    let mut text = String::new();
    for (name, word) in [("chown", &files.chown), ("chmod", &files.chmod)] {
        text += &word.iter().map(|word| format!(" {name} {}", word.0)).collect::<String>();
    }
    if files.link {
        text += " link";
    }
    text += &files.exclude.iter().map(|pattern| format!(" without {pattern}")).collect::<String>();
    text += &files.sources.iter().map(|source| format!(" [{}]", source.0)).collect::<String>();
    for heredoc in &files.contents {
        text += &format!(" {}={:?}", heredoc.name, heredoc.body);
        text += if heredoc.expand { "" } else { " as it is" };
    }
    text + &format!(" to [{}]", files.destination.0)
}

/// Below `FROM a`, with casing and the like of no interest.
fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let whole = read(&format!("FROM a\n{text}"));
        let found = whole.strip_prefix("from a").map(str::trim_start);
        assert_eq!(found, Some(*expected), "{text}");
    }
}

#[test]
fn run_takes_text_for_the_shell_or_a_json_list() {
    check(&[
        ("RUN echo hi", r#"run "echo hi""#),
        (
            "run echo hi\nCMD []",
            "run \"echo hi\"\ncmd []\nwarning 2:1 `run` is not written as the other instructions are",
        ),
        ("RUN\techo hi  ", r#"run "echo hi""#),
        (r#"RUN ["echo", "hi there"]"#, r#"run ["echo", "hi there"]"#),
        (r#"RUN [ "a" , "b\n\u00fc" ] "#, r#"run ["a", "b\nü"]"#),
        (r#"RUN ["a", "b""#, r#"run "[\"a\", \"b\"""#),
        ("RUN [ -f x ] && y", r#"run "[ -f x ] && y""#),
        ("RUN ['a']", r#"run "['a']""#),
        (
            "RUN apt-get update && \\\n    apt-get install -y \\\n    # tools\n      curl \\\n      git\n",
            r#"run "apt-get update &&     apt-get install -y       curl       git""#,
        ),
        ("RUN a \\\n\n b", "run \"a  b\"\nwarning 3:1 an empty line inside an instruction"),
        ("RUN echo \"$HOME\" ${x:-y} \\$z", r#"run "echo \"$HOME\" ${x:-y} \\$z""#),
        ("RUN echo # no comment", r#"run "echo # no comment""#),
        ("RUN set -eux; \\\n\tfoo; \\\n\tbar", r#"run "set -eux; \tfoo; \tbar""#),
        ("RUN --network=none make", r#"run network None "make""#),
        ("RUN --network=host --security=insecure make", r#"run network Host security Insecure "make""#),
        ("RUN --device=vendor.com/gpu=all,required x", r#"run device vendor.com/gpu=all required "x""#),
        ("RUN --device=name=vendor.com/gpu x", r#"run device vendor.com/gpu "x""#),
        ("RUN -- --x", r#"run "--x""#),
        ("RUN \\\n  --network=none \\\n  make", r#"run network None "make""#),
    ]);
}

#[test]
fn run_has_mounts_of_five_types() {
    check(&[
        ("RUN --mount=target=/x make", r#"run mount target=/x "make""#),
        (
            "RUN --mount=type=bind,from=b,source=/s,target=/t,rw make",
            "run mount type=bind,from=b,source=/s,target=/t,rw \"make\"",
        ),
        (
            "RUN --mount=type=cache,target=/root/.cache,id=c,sharing=locked,mode=0755,uid=1,gid=2 make",
            "run mount type=cache,target=/root/.cache,id=c,sharing=locked,mode=0755,uid=1,gid=2 \"make\"",
        ),
        (
            "RUN --mount=type=cache,dst=/a --mount=type=tmpfs,destination=/b,size=64m make",
            "run mount type=cache,dst=/a mount type=tmpfs,destination=/b,size=64m \"make\"",
        ),
        (
            "RUN --mount=type=secret,id=token,required make",
            "run mount type=secret,id=token,required \"make\"",
        ),
        (
            "RUN --mount=type=secret,id=token,env=TOKEN make",
            "run mount type=secret,id=token,env=TOKEN \"make\"",
        ),
        (
            "RUN --mount=type=ssh,required=true git clone x",
            "run mount type=ssh,required=true \"git clone x\"",
        ),
        (
            "ARG D=/x\nRUN --mount=type=cache,target=$D make",
            "arg D=/x\nrun mount type=cache,target=$D \"make\"",
        ),
        ("RUN --mount=type=bind,\"source=a,b\",target=/t make", "error 2:5 `--mount` has no key `b`"),
        (
            "RUN --mount='type=bind,\"source=a,b\",target=/t' make",
            "run mount type=bind,source=a,b,target=/t \"make\"",
        ),
    ]);
}

#[test]
fn run_takes_here_documents() {
    check(&[
        ("RUN <<EOF\na\n b\nEOF\nRUN c", "run \"a\\n b\\n\"\nrun \"c\""),
        ("RUN <<-EOF\n\ta\n\t\tb\n\tEOF", r#"run "a\nb\n""#),
        (
            "RUN <<EOF\n#!/usr/bin/env python3\nprint(1)\nEOF",
            r##"run script EOF "#!/usr/bin/env python3\nprint(1)\n""##,
        ),
        ("RUN <<EOF bash -e\na\nEOF", r#"run "<<EOF bash -e\na\nEOF""#),
        ("RUN cat <<A <<'B' > x\n1\nA\n2\nB", r#"run "cat <<A <<'B' > x\n1\nA\n2\nB""#),
        ("RUN <<EOF\n# no comment\n\\\nEOF", r##"run "# no comment\n\\\n""##),
        ("RUN <<EOF\nEOF", r#"run """#),
        ("RUN --network=none <<EOF\na\nEOF", r#"run network None "a\n""#),
        ("RUN echo \"<<EOF\"", r#"run "echo \"<<EOF\"""#),
        (
            "RUN python3 - <<'PY' && \\\n   echo done\nprint('$x')\nPY",
            r#"run "python3 - <<'PY' &&    echo done\nprint('$x')\nPY""#,
        ),
        ("RUN <<EOF\r\na\r\nEOF\r\nRUN b", "run \"a\\r\\n\"\nrun \"b\""),
        (
            "CMD cat <<EOF",
            "cmd \"cat <<EOF\"\nwarning 2:1 CMD in shell form: the program does not get signals",
        ),
    ]);
}

#[test]
fn copy_and_add_take_files() {
    check(&[
        ("COPY a /b", "copy [a] to [/b]"),
        ("COPY a b /c/", "copy [a] [b] to [/c/]"),
        (r#"COPY ["a b", "/c d/"]"#, "copy [a b] to [/c d/]"),
        ("COPY *.go go.{mod,sum} ./", "copy [*.go] [go.{mod,sum}] to [./]"),
        ("COPY --from=build /x /y", "copy from build [/x] to [/y]"),
        ("COPY --from=nginx:latest /x /y", "copy from nginx:latest [/x] to [/y]"),
        ("COPY --chown=app:app --chmod=755 a /b", "copy chown app:app chmod 755 [a] to [/b]"),
        ("COPY --link a /b", "copy link [a] to [/b]"),
        ("COPY --link=false a /b", "copy [a] to [/b]"),
        ("COPY --parents ./x/./*.txt /b/", "copy parents [./x/./*.txt] to [/b/]"),
        ("COPY --exclude=*.md --exclude=**/x a /b", "copy without *.md without **/x [a] to [/b]"),
        ("COPY <<EOF /etc/x.conf\nkey=$value\nEOF", "copy EOF=\"key=$value\\n\" to [/etc/x.conf]"),
        ("COPY <<\"EOF\" /x\n$a\nEOF", "copy EOF=\"$a\\n\" as it is to [/x]"),
        ("COPY <<-a.txt <<b.txt /x/\n\t1\na.txt\n2\nb.txt", "copy a.txt=\"1\\n\" b.txt=\"2\\n\" to [/x/]"),
        ("COPY f <<g /x/\n1\ng", "copy [f] g=\"1\\n\" to [/x/]"),
        ("ADD https://example.com/x.tar.gz /x/", "add [https://example.com/x.tar.gz] to [/x/]"),
        (
            "ADD --checksum=sha256:ab --unpack=true https://e.com/x.tar /x/",
            "add checksum sha256:ab unpack true [https://e.com/x.tar] to [/x/]",
        ),
        (
            "ADD --keep-git-dir=true https://github.com/a/b.git#v1 /x",
            "add git true [https://github.com/a/b.git#v1] to [/x]",
        ),
        ("ADD rootfs.tar.xz /", "add [rootfs.tar.xz] to [/]"),
        ("ADD --chown=1:2 --link --exclude=x a b", "add chown 1:2 link without x [a] to [b]"),
        ("ADD <<EOF /x\n1\nEOF", "add EOF=\"1\\n\" to [/x]"),
        ("COPY --chown=$U a /b", "copy chown $U [a] to [/b]"),
        ("COPY \\\n  a \\\n  /b", "copy [a] to [/b]"),
    ]);
}

#[test]
fn env_label_and_arg_take_names_and_values() {
    check(&[
        ("ENV a=1 b=\"x y\" c=x\\ y d='z'", "env [a]=[1] [b]=[\"x y\"] [c]=[x\\ y] [d]=['z']"),
        ("ENV a=", "env [a]=[]"),
        ("ENV a=b=c", "env [a]=[b=c]"),
        ("ENV PATH=/x:$PATH", "env [PATH]=[/x:$PATH]"),
        ("ENV a=1 \\\n    b=2", "env [a]=[1] [b]=[2]"),
        ("ENV a some words", "env [a]=[some words]\nwarning 2:5 `ENV key value` is the old form"),
        ("LABEL a=1 \"b c\"=\"d e\"", "label [a]=[1] [\"b c\"]=[\"d e\"]"),
        ("LABEL a b", "label [a]=[b]\nwarning 2:7 `LABEL key value` is the old form"),
        (
            "LABEL org.opencontainers.image.title=\"x\" \\\n      version=\"1\"",
            "label [org.opencontainers.image.title]=[\"x\"] [version]=[\"1\"]",
        ),
        ("ARG a", "arg a"),
        ("ARG a=1 b c=\"x y\"", "arg a=1 b c=\"x y\""),
        ("ARG a=", "arg a="),
        ("ARG a=${b:-c}", "arg a=${b:-c}"),
        (
            "ENV API_TOKEN=x",
            "env [API_TOKEN]=[x]\nwarning 2:5 `API_TOKEN` looks like a secret, and ENV keeps it in the image",
        ),
        (
            "ARG password",
            "arg password\nwarning 2:5 `password` looks like a secret, and ARG keeps it in the image",
        ),
        ("ENV PUBLIC_KEY=x TOKENIZER=y KEY_FILE=/z", "env [PUBLIC_KEY]=[x] [TOKENIZER]=[y] [KEY_FILE]=[/z]"),
    ]);
}

#[test]
fn the_other_instructions() {
    check(&[
        ("WORKDIR /app", "workdir /app"),
        ("WORKDIR /a b", "workdir /a b"),
        ("WORKDIR app", "workdir app\nwarning 2:9 what `app` is in depends on the base image"),
        ("WORKDIR /a\nWORKDIR b", "workdir /a\nworkdir b"),
        ("WORKDIR $HOME/x", "workdir $HOME/x"),
        ("USER app", "user app"),
        ("USER 1000:1000", "user 1000:1000"),
        ("USER ${UID:-1}", "user ${UID:-1}"),
        ("EXPOSE 80 443/tcp 53/udp", "expose 80 443/tcp 53/udp"),
        ("EXPOSE 8000-8010", "expose 8000-8010"),
        ("EXPOSE $PORT/tcp", "expose $PORT/tcp"),
        ("EXPOSE 80/TCP", "expose 80/TCP\nwarning 2:8 the protocol `TCP` should be in lower case"),
        (
            "EXPOSE 127.0.0.1:80:80",
            "expose 127.0.0.1:80:80\nwarning 2:8 EXPOSE takes ports of the container, no addresses or ports of the host",
        ),
        ("VOLUME /data", "volume [/data]"),
        ("VOLUME /a /b", "volume [/a] [/b]"),
        (r#"VOLUME ["/a b", "/c"]"#, "volume [/a b] [/c]"),
        ("STOPSIGNAL SIGQUIT", "stopsignal SIGQUIT"),
        ("STOPSIGNAL 9", "stopsignal 9"),
        ("STOPSIGNAL SIGRTMIN+3", "stopsignal SIGRTMIN+3"),
        ("STOPSIGNAL $S", "stopsignal $S"),
        (r#"CMD ["nginx", "-g", "daemon off;"]"#, r#"cmd ["nginx", "-g", "daemon off;"]"#),
        ("CMD []", "cmd []"),
        ("# check=skip=JSONArgsRecommended\nCMD", "cmd \"\""),
        ("# check=skip=JSONArgsRecommended\nENTRYPOINT  ", "entrypoint \"\""),
        ("ENTRYPOINT []", "entrypoint []"),
        (r#"ENTRYPOINT ["/e"]"#, r#"entrypoint ["/e"]"#),
        (
            "ENTRYPOINT exec top -b",
            "entrypoint \"exec top -b\"\nwarning 2:1 ENTRYPOINT in shell form: the program does not get signals",
        ),
        (
            "CMD ['nginx']",
            "cmd \"['nginx']\"\nwarning 2:1 CMD in shell form: the program does not get signals",
        ),
        (
            "SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nCMD nginx",
            "shell [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\ncmd \"nginx\"",
        ),
        ("MAINTAINER A B <a@b.c>", "maintainer A B <a@b.c>\nwarning 2:1 MAINTAINER is deprecated"),
        ("HEALTHCHECK NONE", "healthcheck none"),
        (
            "HEALTHCHECK CMD curl -f http://localhost/ || exit 1",
            r#"healthcheck "curl -f http://localhost/ || exit 1""#,
        ),
        (r#"HEALTHCHECK cmd ["a", "b"]"#, r#"healthcheck ["a", "b"]"#),
        (
            "HEALTHCHECK --interval=5m --timeout=3s --start-period=1m30s --start-interval=500ms --retries=4 \\\n  CMD x",
            "healthcheck \"x\" interval 300s timeout 3s start 90s starting 500ms retries 4",
        ),
        ("HEALTHCHECK --interval=0s --retries=0 CMD x", r#"healthcheck "x""#),
        ("ONBUILD RUN make", r#"onbuild "RUN make" = run "make""#),
        ("ONBUILD COPY . /app", r#"onbuild "COPY . /app" = copy [.] to [/app]"#),
        ("ONBUILD RUN <<EOF\na\nEOF", r#"onbuild "RUN <<EOF\na\nEOF" = run "a\n""#),
        ("ONBUILD copy <<x /y\n1\nx", "onbuild \"copy <<x /y\\n1\\nx\" = copy x=\"1\\n\" to [/y]"),
    ]);
}

#[test]
fn a_file_has_directives_global_arguments_and_stages() {
    for (text, expected) in [
        ("FROM scratch", "from scratch"),
        ("from a as b", "from a as b"),
        (
            "FROM a:1@sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "from a:1@sha256:0000000000000000000000000000000000000000000000000000000000000000",
        ),
        (
            "FROM a AS b\nFROM b\nCOPY --from=0 /x /y\nCOPY --from=B /x /y",
            "from a as b\nfrom b\ncopy from 0 [/x] to [/y]\ncopy from B [/x] to [/y]",
        ),
        ("ARG V=1\nFROM a:${V} AS b\nARG V", "arg V=1\nfrom a:${V} as b\narg V"),
        ("FROM --platform=$BUILDPLATFORM a AS b", "from a on $BUILDPLATFORM as b"),
        ("# syntax=docker/dockerfile:1\nFROM a", "# Some(\"docker/dockerfile:1\") \\ false [] false\nfrom a"),
        (
            "# escape=`\nFROM a\nRUN dir C:\\ `\n  x\nCOPY a `\n b",
            "# None ` false [] false\nfrom a\nrun \"dir C:\\\\   x\"\ncopy [a] to [b]",
        ),
        ("\u{feff}FROM a\r\nRUN b \\\r\n  c\r\n", "from a\nrun \"b   c\""),
        ("# c\n\n  # d\n\tFROM a\n", "from a"),
        ("FROM a AS b-1_2.c\n", "from a as b-1_2.c"),
        ("FROM localhost:5000/a/b:c AS d", "from localhost:5000/a/b:c as d"),
        ("FROM \\\n  a \\\n  AS b", "from a as b"),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn places_and_texts_are_those_of_the_file() {
    let text = "FROM a\n\n# c\n  RUN x \\\n  # d\n   y\nCOPY <<E /z\n1\nE\n";
    let file = parse(text, "Dockerfile").dockerfile;
    let [run, copy] = file.stages[0].statements.as_slice() else { panic!("two statements") };
    assert_eq!((run.place.span.line, run.place.span.column, run.place.last_line), (4, 3, 6));
    assert_eq!(&text[run.place.span.range()], "RUN x \\\n  # d\n   y");
    assert_eq!(run.text, "RUN x    y");
    assert_eq!((copy.place.span.line, copy.place.last_line), (7, 9));
    assert_eq!(copy.text, "COPY <<E /z");
    assert_eq!(file.stages[0].text, "FROM a");
}

#[test]
fn stages_are_found_by_name_and_number() {
    let file = parse("FROM x AS a\nFROM y\nFROM z AS c\n", "Dockerfile").dockerfile;
    assert_eq!(file.base(2, "A"), Base::Stage(0));
    assert_eq!(file.base(0, "a"), Base::Image("a".into()));
    assert_eq!(file.base(2, "scratch"), Base::Scratch);
    assert_eq!(file.source_stage(2, "1", true), Some(1));
    assert_eq!(file.source_stage(2, "1", false), None);
    assert_eq!(file.source_stage(2, "2", true), None);
    assert_eq!((file.target("c"), file.target("1"), file.target("x")), (Some(2), Some(1), None));
}

#[test]
fn a_trigger_is_read_as_it_is_kept() {
    let read = |text: &str| parse_trigger(text).map(|statement| show(&statement.instruction)).ok();
    for (text, expected) in [
        ("RUN make", Some("run \"make\"")),
        ("RUN <<EOF\na\nEOF", Some("run \"a\\n\"")),
        ("COPY --chown=a . /b", Some("copy chown a [.] to [/b]")),
        ("FROM a", None),
        ("ONBUILD RUN a", None),
        ("RUN a\nRUN b", None),
        ("", None),
    ] {
        assert_eq!(read(text).as_deref(), expected, "{text}");
    }
}
