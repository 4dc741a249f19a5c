//! A real registry: Debian's `docker-registry` on a port of its own, and skopeo as the other side.

use super::*;
use crate::Kind;
use crate::image::Input;
use crate::image::fixture::docker_archive;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// `me:secret`, hashed as htpasswd does.
const HTPASSWD: &str = "me:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n";
const LOGIN: &str = "bWU6c2VjcmV0";

/// A registry, until it is dropped.
pub(super) struct Real {
    process: Child,
    folder: TempDir,
    pub(super) port: u16,
}

/// Whether the programs are here. Says so when they are not, and fails when they must be.
pub(super) fn have(programs: &[&str]) -> bool {
    let is_here = |name: &&&str| ["/usr/bin", "/bin"].iter().any(|at| Path::new(at).join(name).exists());
    let Some(missing) = programs.iter().find(|name| !is_here(name)) else { return true };
    assert!(std::env::var_os("SAMPAN_REQUIRE_ROOT").is_none(), "this test needs {missing}");
    writeln!(std::io::stderr(), "skipped: {missing} is not installed").unwrap();
    false
}

impl Real {
    /// A registry whose config has these lines under `http` and these beside it.
    pub(super) fn new(http: &str, beside: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self::start(folder, http, beside)
    }

    fn start(folder: TempDir, http: &str, beside: &str) -> Self {
        let at = folder.path().display().to_string();
        let config = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {at}/data}}, delete: {{enabled: true}}}}\n\
             http:\n  addr: 127.0.0.1:0\n{http}{beside}"
        );
        fs::write(folder.path().join("config.yml"), config.replace("@", &at)).unwrap();
        // It ends with this thread, however that ends.
        let mut process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "docker-registry", "serve"])
            .arg(folder.path().join("config.yml"))
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.unwrap();
            let (_, rest) = line.split_once("listening on 127.0.0.1:")?;
            rest.split(['"', ',']).next()?.parse().ok()
        });
        // It must never wait for somebody to read.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, folder, port: port.expect("the registry says its port") }
    }

    pub(super) fn name(&self, image: &str) -> Reference {
        format!("127.0.0.1:{}/{image}", self.port).parse().unwrap()
    }

    pub(super) fn pull(&self, images: &Images, image: &str, registries: &Registries) -> Result<Pulled> {
        let request = PullRequest { reference: self.name(image), platform: None };
        images.pull(&request, registries, &|_| {})
    }

    /// What skopeo says of an image here.
    fn inspect(&self, image: &str) -> Value {
        let url = format!("docker://{}", self.name(image).familiar());
        serde_json::from_slice(&skopeo(&["inspect", "--tls-verify=false", &url])).unwrap()
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn skopeo(args: &[&str]) -> Vec<u8> {
    let output = Command::new("skopeo").args(args).output().unwrap();
    assert!(output.status.success(), "skopeo {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

pub(super) fn load(images: &Images, tag: &Reference) -> String {
    let archive = docker_archive(&[&tag.familiar()], &[layer("a", 200_000), layer("b", 3000)]);
    images.load(Input::Stream(&mut archive.as_slice())).unwrap()[0].id.clone()
}

#[test]
fn what_is_pushed_is_pulled_by_others_and_comes_back_the_same() {
    let Some(images) = fixture::images().filter(|_| have(&["docker-registry", "skopeo", "setpriv"])) else {
        return;
    };
    let registry = Real::new("", "", &[]);
    let name = registry.name("team/web:1");
    let id = load(&images, &name);
    let pushed = images.push(&name, &registries(), &|_| {}).unwrap();
    let seen = registry.inspect("team/web:1");
    assert_eq!((&seen["Digest"], &seen["Layers"].as_array().unwrap().len()), (&json!(pushed.digest), &2));
    let copy = registry.folder.path().join("copy");
    let from = format!("docker://{}", name.familiar());
    skopeo(&["copy", "-q", "--src-tls-verify=false", &from, &format!("dir:{}", copy.display())]);

    let digests = images.inspect(&name.familiar()).unwrap()["RepoDigests"].clone();
    assert_eq!(digests, json!([format!("{}@{}", name.familiar_repository(), pushed.digest)]));
    images.remove(&id, &|_| None).unwrap();
    let pulled = registry.pull(&images, "team/web:1", &registries()).unwrap();
    assert_eq!((pulled.id, pulled.digest, pulled.is_new), (id, pushed.digest, true));
}

#[test]
fn a_push_under_another_name_takes_the_blobs_over_and_keeps_the_digest() {
    let Some(images) = fixture::images().filter(|_| have(&["docker-registry", "skopeo", "setpriv"])) else {
        return;
    };
    let registry = Real::new("", "", &[]);
    load(&images, &registry.name("one:1"));
    let first = images.push(&registry.name("one:1"), &registries(), &|_| {}).unwrap();
    images.tag(&registry.name("one:1").familiar(), &registry.name("two:2").familiar()).unwrap();
    let told = Mutex::new(Vec::new());
    let tell = |progress: Progress| told.lock().unwrap().push(progress.bytes.done);
    let second = images.push(&registry.name("two:2"), &registries(), &tell).unwrap();
    assert_eq!(first.digest, second.digest);
    // Only the config went over the wire.
    let config = images.inspect(&registry.name("two:2").familiar()).unwrap()["Id"].clone();
    let size = fs::metadata(images.blob(config.as_str().unwrap())).unwrap().len();
    assert_eq!(told.into_inner().unwrap().into_iter().max(), Some(size));
    assert_eq!(registry.inspect("two:2")["Digest"], json!(second.digest));
}

#[test]
fn a_registry_with_passwords_lets_in_who_has_one() {
    let Some(images) = fixture::images().filter(|_| have(&["docker-registry", "setpriv"])) else { return };
    let beside = "auth: {htpasswd: {realm: here, path: @/htpasswd}}\n";
    let registry = Real::new("", beside, &[("htpasswd", HTPASSWD)]);
    let name = registry.name("web:1");
    load(&images, &name);
    let json = format!(r#"{{"auths": {{"{}": {{"auth": "{LOGIN}"}}}}}}"#, name.domain);
    let credentials = Credentials::parse(&json, "c", None).unwrap();
    let with_login = Registries { credentials, ..registries() };
    assert_eq!(images.push(&name, &registries(), &|_| {}).unwrap_err().kind, Kind::Denied);
    images.push(&name, &with_login, &|_| {}).unwrap();
    registry.pull(&images, "web:1", &with_login).unwrap();
    let login = |password: &str| Login::Password { user: "me".into(), password: password.into() };
    check_login(&registries(), &name.domain, &login("secret")).unwrap();
    let error = check_login(&registries(), &name.domain, &login("wrong")).unwrap_err();
    assert_eq!(error.kind, Kind::Denied);
}

#[test]
fn a_certificate_counts_only_with_its_authority() {
    let programs = ["docker-registry", "setpriv", "openssl"];
    let Some(images) = fixture::images().filter(|_| have(&programs)) else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
                  -subj /CN=authority -keyout ca.key -out ca.pem &&\
                  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=registry \
                  -keyout key.pem -out request.pem &&\
                  printf 'subjectAltName=IP:127.0.0.1\\nbasicConstraints=CA:FALSE\\n' > ext &&\
                  openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
                  -extfile ext -out cert.pem";
    let made = Command::new("sh").args(["-c", script]).current_dir(folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let registry = Real::start(folder, "  tls: {certificate: @/cert.pem, key: @/key.pem}\n", "");
    let name = registry.name("web:1");
    load(&images, &name);
    let with = |insecure: bool, ca: &[&str]| {
        let ca = ca.iter().map(|file| registry.folder.path().join(file)).collect();
        let one = Registry { insecure: Some(insecure), ca, ..Registry::default() };
        let settings = Settings { registries: [(name.domain.clone(), one)].into(), ..Settings::default() };
        Registries { settings, ..registries() }
    };
    let error = images.push(&name, &with(false, &[]), &|_| {}).unwrap_err();
    assert!(shown(&error).contains("make a secure connection"), "{error:?}");
    images.push(&name, &with(false, &["ca.pem"]), &|_| {}).unwrap();
    registry.pull(&images, "web:1", &with(true, &[])).unwrap();
}

#[test]
fn a_catalog_is_searched() {
    if !have(&["docker-registry", "skopeo", "setpriv"]) {
        return;
    }
    let Some(images) = fixture::images() else { return };
    let registry = Real::new("", "", &[]);
    for image in ["team/web:1", "team/db:1", "webshop:1"] {
        load(&images, &registry.name(image));
        images.push(&registry.name(image), &registries(), &|_| {}).unwrap();
    }
    let domain = registry.name("a").domain;
    let names = |term: &str, most: usize| -> Vec<String> {
        search(&registries(), &domain, term, most).unwrap().into_iter().map(|found| found.name).collect()
    };
    assert_eq!(names("web", 10), ["team/web", "webshop"]);
    assert_eq!((names("", 1).len(), names("nothing", 10).len()), (1, 0));
}
