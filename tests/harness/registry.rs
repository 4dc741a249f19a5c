//! A real registry on a private host: Debian's `docker-registry`.

use crate::host::{Host, skip};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use tempfile::TempDir;

/// `me:secret`, hashed as htpasswd does.
const HTPASSWD: &str = "me:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n";
/// An authority, and a certificate from it for 192.0.2.10.
const CERTIFICATES: &str = "
    key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
    openssl req -x509 $key -days 2 -subj /CN=authority -keyout ca.key -out ca.pem &&
    openssl req $key -subj /CN=registry -keyout key.pem -out request.pem &&
    printf 'subjectAltName=IP:192.0.2.10\\nbasicConstraints=CA:FALSE\\n' > extensions &&
    openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \\
        -extfile extensions -out cert.pem";

/// Where it writes a line for each request that it answered.
const LOG: &str = "log";

/// What a registry asks of those who come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Nothing: plain HTTP on 127.0.0.1:5000.
    Open,
    /// The password `secret` of `me`, on 127.0.0.1:5001.
    Password,
    /// Trust in its authority: TLS on 192.0.2.10:5443, which is not loopback.
    Tls,
}

/// A registry, until it is dropped.
#[derive(Debug)]
pub struct Registry {
    process: Child,
    folder: TempDir,
    address: &'static str,
}

impl Registry {
    /// Starts one; `None`, with the reason printed, when a program for it is missing.
    ///
    /// # Panics
    /// When it does not start, and when a program is missing where `SAMPAN_REQUIRE_ROOT` is set.
    #[must_use]
    pub fn start(host: &Host, guard: Guard) -> Option<Self> {
        if !have(&["docker-registry", "skopeo", "openssl"]) {
            return None;
        }
        let folder = TempDir::with_prefix("sampan-registry-").expect("make a temporary folder");
        let at = folder.path().display();
        let (address, http, beside) = match guard {
            Guard::Open => ("127.0.0.1:5000", String::new(), String::new()),
            Guard::Password => {
                fs::write(folder.path().join("htpasswd"), HTPASSWD).expect("write the passwords");
                let beside = format!("auth: {{htpasswd: {{realm: here, path: {at}/htpasswd}}}}\n");
                ("127.0.0.1:5001", String::new(), beside)
            }
            Guard::Tls => {
                let make = format!("cd {at} && {CERTIFICATES}");
                host.shell(&make).succeeds();
                host.shell("ip addr add 192.0.2.10/32 dev lo").succeeds();
                let http = format!("  tls: {{certificate: {at}/cert.pem, key: {at}/key.pem}}\n");
                ("192.0.2.10:5443", http, String::new())
            }
        };
        let config = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {at}/data}}, delete: {{enabled: true}}}}\n\
             http:\n  addr: {address}\n{http}{beside}"
        );
        let file = folder.path().join("config.yml");
        fs::write(&file, config).expect("write the configuration");
        // It ends with this thread, however that ends.
        let mut command = host.command(Path::new("/usr/bin/setpriv"), folder.path());
        command.args(["--pdeathsig", "KILL", "docker-registry", "serve"]).arg(file);
        let log = File::create(folder.path().join(LOG)).expect("make the log");
        let mut process = command.stderr(Stdio::piped()).stdout(log).spawn().expect("start docker-registry");
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let listens = lines.any(|line| line.is_ok_and(|line| line.contains("listening on")));
        assert!(listens, "docker-registry ended");
        // It must never wait for somebody to read.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { process, folder, address })
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        self.address
    }

    /// The name of an image here.
    #[must_use]
    pub fn name(&self, image: &str) -> String {
        format!("{}/{image}", self.address)
    }

    /// What it was asked for and has answered, as `GET /v2/web/manifests/1`.
    ///
    /// # Panics
    /// When its log cannot be read.
    #[must_use]
    pub fn answered(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.path().join(LOG)).expect("read the log");
        let asked = log.lines().filter_map(|line| line.split('"').nth(1));
        asked.map(|asked| asked.trim_end_matches(" HTTP/1.1").to_owned()).collect()
    }

    /// The certificate of its authority.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether these programs are installed. Says so when they are not, and fails when they must be.
///
/// # Panics
/// When one is missing where `SAMPAN_REQUIRE_ROOT` is set.
#[must_use]
pub fn have(programs: &[&str]) -> bool {
    let missing = missing(programs);
    assert!(
        missing.is_none() || std::env::var_os("SAMPAN_REQUIRE_ROOT").is_none(),
        "this test needs {missing:?}"
    );
    may_have(programs)
}

/// Whether these programs, which nobody needs to have, are installed. Says so when they are not.
#[must_use]
pub fn may_have(programs: &[&str]) -> bool {
    let missing = missing(programs);
    if let Some(missing) = missing {
        skip(&format!("{missing} is not installed"));
    }
    missing.is_none()
}

fn missing<'a>(programs: &[&'a str]) -> Option<&'a str> {
    let is_here = |name: &&str| {
        let path = "/usr/sbin:/usr/bin:/sbin:/bin";
        path.split(':').any(|folder| Path::new(folder).join(name).exists())
    };
    programs.iter().copied().find(|name| !is_here(name))
}
