//! Contexts that are elsewhere: archives and Dockerfiles of the web, and repositories.

use crate::Test;
use crate::adds::{git, serve};
use crate::bench::Bench;
use crate::site::{Ended, Site};
use engine::build::BuildInputs;
use planner::desired::{BuildContext, BuildSpec, DockerfileSource};
use std::fs;
use std::path::Path;
use std::process::Command;

pub(crate) const TESTS: &[Test] = &[
    ("an_archive_of_the_web_can_be_the_context", archive),
    ("a_file_of_the_web_can_be_the_dockerfile", file),
    ("a_repository_can_be_the_context", repository),
];

const DOCKERFILE: &str = "FROM base\nCOPY --from=more . /more/\nCOPY . /all/\n";

/// Gives what is in a folder away; gives the address.
fn web(folder: &Path) -> String {
    let folder = folder.to_owned();
    let address = serve(move |path| {
        let file = path.split('?').next().unwrap().trim_start_matches('/');
        fs::read(folder.join(file)).ok().map(|body| ("200 OK".to_owned(), body))
    });
    format!("http://{address}")
}

fn build(site: &Site<'_>, url: &str) -> engine::Result<Ended> {
    let context = BuildContext::Url(url.to_owned());
    let more = [("more".to_owned(), context.clone())].into();
    let dockerfile = DockerfileSource::default();
    let spec = BuildSpec { context, additional_contexts: more, dockerfile, ..site.spec("") };
    site.try_build(&spec, &BuildInputs::default())
}

fn archive(bench: &Bench) {
    let (site, folder) = (Site::new(bench, &[]), bench.folder("web"));
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in [("Dockerfile", DOCKERFILE), (".dockerignore", "skip\n"), ("skip", "s"), ("d/a", "a")]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    fs::write(folder.join("x.tar"), tar.into_inner().unwrap()).unwrap();
    let url = format!("{}/x.tar", web(&folder));
    let first = build(&site, &url).unwrap();
    let files = site.files("web");
    assert_eq!([files.text("all/d/a"), files.text("more/d/a")], ["a", "a"]);
    assert!(!files.has("all/skip") && files.has("all/Dockerfile"));
    let again = build(&site, &url).unwrap();
    assert!(again.steps.iter().all(|step| step.ends_with(": cached")), "{:?}", again.steps);
    assert_eq!(again.built, first.built);
    let error = build(&site, &url.replace("x.tar", "none")).unwrap_err();
    assert!(error.chain().contains("download"), "{}", error.chain());
}

fn file(bench: &Bench) {
    let (site, folder) = (Site::new(bench, &[("a", "a")]), bench.folder("web"));
    fs::write(folder.join("Dockerfile"), "FROM base\nRUN echo web > /where\n").unwrap();
    let url = format!("{}/Dockerfile", web(&folder));
    site.build_with("", |spec| spec.context = BuildContext::Url(url.clone()));
    assert_eq!(site.files("web").text("where"), "web\n");
    let error = build(&site, &url).unwrap_err();
    assert!(error.doing.contains("cannot be a build context"), "{}", error.doing);
}

fn repository(bench: &Bench) {
    let (site, folder) = (Site::new(bench, &[]), bench.folder("web/tool.git"));
    if Command::new("git").arg("--version").output().is_err() {
        let error = build(&site, "git://127.0.0.1/x").unwrap_err();
        assert!(error.hint.unwrap().contains("install git"));
        return;
    }
    fs::create_dir_all(folder.join("sub")).unwrap();
    fs::write(folder.join("sub/Dockerfile"), DOCKERFILE).unwrap();
    fs::write(folder.join("sub/a"), "one").unwrap();
    std::os::unix::fs::symlink("/etc", folder.join("out")).unwrap();
    for line in ["init -q", "add .", "commit -q -m one", "tag v1"] {
        git(&folder, line);
    }
    fs::write(folder.join("sub/a"), "two").unwrap();
    git(&folder, "commit -q -a -m two");
    git(&folder, "update-server-info");
    let at = web(&bench.folder("web"));
    for (fragment, expected) in [(":sub", "two"), ("v1:sub", "one"), ("main:/sub", "two")] {
        build(&site, &format!("{at}/tool.git/.git#{fragment}")).unwrap();
        let files = site.files("web");
        assert_eq!([files.text("all/a"), files.text("more/a")], [expected; 2], "{fragment}");
        assert!(!files.has("all/.git"));
    }
    for (fragment, expected) in [("v9:sub", "no branch or tag"), (":none", "`none`"), (":out", "`out`")] {
        let error = build(&site, &format!("{at}/tool.git/.git#{fragment}")).unwrap_err();
        assert!(error.chain().contains(expected), "{fragment}: {}", error.chain());
    }
}
