//! `ADD` of what is elsewhere: files of a web server, and repositories.

use crate::Test;
use crate::bench::Bench;
use crate::site::Site;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

pub(crate) const TESTS: &[Test] = &[
    ("a_file_of_the_web_has_its_name_its_time_and_is_its_owners", file),
    ("a_file_of_the_web_is_taken_from_the_cache_until_it_changes", cached),
    ("a_file_with_a_checksum_is_that_file_or_none", checksum),
    ("an_archive_of_the_web_is_unpacked_only_when_that_is_said", unpacked),
    ("what_cannot_be_downloaded_is_told", refused),
    ("a_repository_is_checked_out", repository),
];

/// Paths, and what is answered: status, headers and body.
type Pages = Vec<(&'static str, &'static str, Vec<u8>)>;

/// A web server, and what it was asked for.
struct Web {
    pages: Arc<Mutex<Pages>>,
    asked: Arc<Mutex<Vec<String>>>,
    address: String,
}

impl Web {
    fn new(pages: &[(&'static str, &'static str, &[u8])]) -> Self {
        let pages = pages.iter().map(|(path, head, body)| (*path, *head, body.to_vec())).collect();
        let (pages, asked) = (Arc::new(Mutex::new(pages)), Arc::<Mutex<Vec<String>>>::default());
        let (known, heard) = (pages.clone(), asked.clone());
        let address = serve(move |path| {
            heard.lock().unwrap().push(path.to_owned());
            let pages: std::sync::MutexGuard<'_, Pages> = known.lock().unwrap();
            pages
                .iter()
                .find(|(own, ..)| *own == path)
                .map(|(_, head, body)| ((*head).to_owned(), body.clone()))
        });
        Self { pages, asked, address }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// A web server on this machine; gives its address. It answers with status and headers, and a body.
pub(crate) fn serve(answer: impl Fn(&str) -> Option<(String, Vec<u8>)> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for caller in listener.incoming() {
            let mut reader = BufReader::new(caller.unwrap());
            let head: Vec<String> =
                reader.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
            let path = head[0].split(' ').nth(1).unwrap();
            let (head, body) = answer(path).unwrap_or(("404 Not Found".to_owned(), Vec::new()));
            let head =
                format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let mut caller = reader.into_inner();
            // Who was answered may be gone already.
            let _ = caller.write_all(head.as_bytes()).and_then(|()| caller.write_all(&body));
        }
    });
    address
}

const OK: &str = "200 OK\r\nLast-Modified: Sun, 09 Sep 2001 01:46:40 GMT";

fn file(bench: &Bench) {
    let site = Site::new(bench, &[("local", "local")]);
    let web = Web::new(&[
        ("/d/tool%20kit.sh", OK, b"echo tool"),
        ("/plain?x=1", "200 OK", b"plain"),
        ("/moved", "302 Found\r\nLocation: /d/tool%20kit.sh", b""),
    ]);
    let at = format!("http://{}", web.address);
    site.build(&format!(
        "FROM base\nADD {at}/d/tool%20kit.sh /opt/\nADD {at}/plain?x=1 /renamed\nADD {at}/moved local /both/\n\
         ADD --chown=web:log --chmod=755 {at}/moved /run.sh\n"
    ));
    let files = site.files("web");
    let look = |path: &str| {
        let found = fs::metadata(files.path(path)).unwrap();
        (found.mode() & 0o7777, found.uid(), found.gid(), found.mtime())
    };
    assert_eq!(files.text("opt/tool kit.sh"), "echo tool");
    assert_eq!(look("opt/tool kit.sh"), (0o600, 0, 0, 1_000_000_000));
    assert_eq!((files.text("renamed"), look("renamed")), ("plain".into(), (0o600, 0, 0, 0)));
    assert_eq!((files.text("both/moved"), files.text("both/local")), ("echo tool".into(), "local".into()));
    assert_eq!(look("run.sh"), (0o755, 33, 40, 1_000_000_000));
    let history = site.config("web")["history"].to_string();
    assert!(history.contains(&format!("ADD {at}/plain?x=1 /renamed")), "{history}");
}

fn cached(bench: &Bench) {
    let site = Site::new(bench, &[]);
    let web = Web::new(&[("/a", OK, b"first")]);
    let dockerfile = format!("FROM base\nADD http://{}/a /a\n", web.address);
    let first = site.build(&dockerfile);
    let again = site.build(&dockerfile);
    assert_eq!(again.built, first.built);
    assert!(again.steps[1].ends_with(": cached"), "{:?}", again.steps);
    web.pages.lock().unwrap()[0].2 = b"second".to_vec();
    let changed = site.build(&dockerfile);
    assert!(!changed.steps[1].ends_with(": cached"), "{:?}", changed.steps);
    assert_eq!(site.files("web").text("a"), "second");
    assert_eq!(web.asked(), ["/a", "/a", "/a"]);
}

fn checksum(bench: &Bench) {
    let site = Site::new(bench, &[]);
    let web = Web::new(&[("/a", "200 OK", b"abc")]);
    let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let add =
        |sum: &str| format!("FROM base\nARG SUM={sum}\nADD --checksum=$SUM http://{}/a /a\n", web.address);
    site.build(&add(abc));
    assert_eq!(site.files("web").text("a"), "abc");
    let again = site.build(&add(abc));
    assert!(again.steps[1].ends_with(": cached"), "{:?}", again.steps);
    assert_eq!(web.asked(), ["/a"], "what is known is not downloaded");
    let (line, message) = site.refused(&add(&abc.replace("ba78", "0000"))).at();
    assert!(line == 3 && message.contains("does not have the checksum"), "{message}");
    let (_, message) = site.refused(&add("md5:00")).at();
    assert!(message.contains("64 hexadecimal digits"), "{message}");
}

fn unpacked(bench: &Bench) {
    let site = Site::new(bench, &[]);
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o644);
    header.set_cksum();
    tar.append_data(&mut header, "in/side", &b"text"[..]).unwrap();
    let tar = tar.into_inner().unwrap();
    let web = Web::new(&[("/x.tar", "200 OK", &tar), ("/text", "200 OK", b"text")]);
    let at = format!("http://{}", web.address);
    site.build(&format!(
        "FROM base\nADD {at}/x.tar /as/\nADD --unpack {at}/x.tar /un/\nADD --unpack=true {at}/text /no/\n"
    ));
    let files = site.files("web");
    assert_eq!(fs::read(files.path("as/x.tar")).unwrap(), tar);
    assert_eq!((files.text("un/in/side"), files.text("no/text")), ("text".into(), "text".into()));
}

fn refused(bench: &Bench) {
    let site = Site::new(bench, &[]);
    let web = Web::new(&[("/", "200 OK", b"x"), ("/loop", "301 Moved\r\nLocation: /loop", b"")]);
    let at = format!("http://{}", web.address);
    for (source, expected) in [
        (format!("{at}/none"), format!("download {at}/none")),
        (format!("{at}/loop"), "leads in a circle".to_owned()),
        (format!("{at}/"), "the file from the web has no name (write the name".to_owned()),
        ("http://127.0.0.1:1/x".to_owned(), "connect to 127.0.0.1:1".to_owned()),
    ] {
        let (line, message) = site.refused(&format!("FROM base\nADD {source} /n/\n")).at();
        assert!(line == 2 && message.contains(&expected), "{message}");
    }
}

/// The commands of a repository's owner.
pub(crate) fn git(folder: &Path, line: &str) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "init.defaultBranch=main"]);
    command.args(line.split(' ')).current_dir(folder).env("GIT_COMMITTER_DATE", "@1000000000 +0000");
    assert!(command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success(), "git {line}");
}

fn repository(bench: &Bench) {
    let (site, folder) = (Site::new(bench, &[]), bench.folder("repositories/tool.git"));
    if Command::new("git").arg("--version").output().is_err() {
        assert!(site.refused("FROM base\nADD git://127.0.0.1/x /x\n").at().1.contains("install git"));
        return;
    }
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("src/main"), "one").unwrap();
    git(&folder, "init -q");
    git(&folder, "add .");
    git(&folder, "commit -q -m one");
    git(&folder, "tag v1");
    fs::write(folder.join("src/main"), "two").unwrap();
    git(&folder, "commit -q -a -m two");
    // As a server that knows nothing of git can give it away.
    let top = bench.folder("repositories");
    let address = serve(move |path| {
        let file = path.split('?').next().unwrap().trim_start_matches('/');
        fs::read(top.join(file)).ok().map(|body| ("200 OK".to_owned(), body))
    });
    let at = format!("http://{address}");
    let refresh = || git(&folder, "update-server-info");
    refresh();
    let dockerfile = format!(
        "FROM base\nADD {at}/tool.git/.git#v1 /one/\nADD {at}/tool.git/.git#main:src /src/\n\
         ADD --keep-git-dir=true --chown=7 {at}/tool.git/.git /all/\n"
    );
    let first = site.build(&dockerfile);
    let files = site.files("web");
    assert_eq!(
        [files.text("one/src/main"), files.text("src/main"), files.text("all/src/main")],
        ["one", "two", "two"]
    );
    let found = fs::metadata(files.path("one/src/main")).unwrap();
    assert_eq!((found.uid(), found.mode() & 0o7777, found.mtime()), (0, 0o644, 1_000_000_000));
    assert!(!files.has("one/.git") && files.has("all/.git/HEAD"));
    assert_eq!(fs::metadata(files.path("all/src")).unwrap().uid(), 7);
    assert_eq!(site.build(&dockerfile).built, first.built);
    fs::write(folder.join("src/main"), "three").unwrap();
    git(&folder, "commit -q -a -m three");
    refresh();
    let third = site.build(&dockerfile);
    assert!(
        third.steps[1].ends_with(": cached") && !third.steps[2].ends_with(": cached"),
        "{:?}",
        third.steps
    );
    assert_eq!(site.files("web").text("src/main"), "three");
    for (source, expected) in [
        (format!("{at}/tool.git/.git#none"), "no branch or tag `none`"),
        (format!("{at}/tool.git/.git#v1:none"), "`none` is not there"),
        (format!("{at}/tool.git/.git?checksum=0000000"), "is at another commit"),
    ] {
        let (_, message) = site.refused(&format!("FROM base\nADD {source} /x/\n")).at();
        assert!(message.contains(expected), "{message}");
    }
}
