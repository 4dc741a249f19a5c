//! A registry in memory: honest, until a twist is put on its answers.

use crate::image::digest;
use crate::image::fixture::{config, gzip};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// What was asked.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What is answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// The connection breaks after so many bytes of the body.
    pub(super) cut: Option<usize>,
    /// The length is not told: the body ends with the connection.
    pub(super) unmeasured: bool,
    /// The body comes again and again, without an end.
    pub(super) endless: bool,
}

impl Reply {
    pub(super) fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn send(&self, method: &str, to: &mut TcpStream) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Said\r\nconnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let measured = self.headers.iter().any(|(name, _)| name == "content-length");
        if !measured && !self.unmeasured && !self.endless {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        to.write_all(format!("{head}\r\n").as_bytes())?;
        if method == "HEAD" {
            return Ok(());
        }
        to.write_all(&self.body[..self.cut.unwrap_or(self.body.len()).min(self.body.len())])?;
        if self.endless {
            // Until the other side has had enough.
            loop {
                to.write_all(&self.body)?;
            }
        }
        to.flush()
    }
}

/// What the registry has, in every repository.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub(super) manifests: BTreeMap<String, (String, Vec<u8>)>,
    pub(super) blobs: BTreeMap<String, Vec<u8>>,
}

impl Content {
    /// Adds a blob; gives its descriptor.
    pub(super) fn blob(&mut self, kind: &str, bytes: &[u8]) -> Value {
        let digest = digest::of(bytes);
        self.blobs.insert(digest.clone(), bytes.to_vec());
        json!({ "mediaType": kind, "digest": digest, "size": bytes.len() })
    }

    /// Adds the blobs of an image; gives its manifest.
    pub(super) fn image(&mut self, layers: &[Vec<u8>]) -> Value {
        let config = self.blob("application/vnd.oci.image.config.v1+json", &config(layers));
        let kind = "application/vnd.oci.image.layer.v1.tar+gzip";
        let layers: Vec<Value> = layers.iter().map(|layer| self.blob(kind, &gzip(layer))).collect();
        json!({ "schemaVersion": 2, "mediaType": super::MANIFEST, "config": config, "layers": layers })
    }

    /// Adds a manifest or index under its digest and a tag; gives its descriptor.
    pub(super) fn tag(&mut self, tag: &str, kind: &str, manifest: &Value) -> Value {
        let bytes = serde_json::to_vec(manifest).unwrap();
        let descriptor = json!({ "mediaType": kind, "digest": digest::of(&bytes), "size": bytes.len() });
        self.manifests.insert(digest::of(&bytes), (kind.to_owned(), bytes.clone()));
        self.manifests.insert(tag.to_owned(), (kind.to_owned(), bytes));
        descriptor
    }

    fn answer(&self, request: &Request) -> Reply {
        let path = request.path.split('?').next().unwrap();
        let last = path.rsplit('/').next().unwrap();
        if path == "/v2/" {
            return Reply::new(200).body("{}");
        }
        if path.contains("/manifests/") {
            let Some((kind, bytes)) = self.manifests.get(last) else {
                let text = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
                return Reply::new(404).body(text);
            };
            let reply = Reply::new(200).with("content-type", kind).body(bytes.clone());
            return reply.with("docker-content-digest", digest::of(bytes));
        }
        let Some(bytes) = self.blobs.get(last) else { return Reply::new(404) };
        let start = request.header("range").map(|range| {
            range.strip_prefix("bytes=").unwrap().trim_end_matches('-').parse::<usize>().unwrap()
        });
        match start {
            None => Reply::new(200).body(bytes.clone()),
            Some(start) => {
                let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
                Reply::new(206).with("content-range", range).body(&bytes[start..])
            }
        }
    }
}

type Twist = dyn Fn(&Request, Reply) -> Reply + Send + Sync;

/// The registry, until it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn new(content: Content) -> Self {
        Self::twisted(content, |_, honest| honest)
    }

    /// A registry that changes what it would honestly say.
    pub(super) fn twisted(
        content: Content,
        twist: impl Fn(&Request, Reply) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, stopped) = (Arc::<Mutex<Vec<Request>>>::default(), Arc::<AtomicBool>::default());
        let (content, twist): (Arc<Content>, Arc<Twist>) = (Arc::new(content), Arc::new(twist));
        let (seen, stop) = (Arc::clone(&requests), Arc::clone(&stopped));
        let serve = move || {
            for connection in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (content, twist, seen) = (Arc::clone(&content), Arc::clone(&twist), Arc::clone(&seen));
                let mut connection = connection.unwrap();
                thread::spawn(move || {
                    // What is no HTTP is a handshake of TLS: the connection closes.
                    let Some(request) = read(&connection) else { return };
                    seen.lock().unwrap().push(request.clone());
                    let reply = twist(&request, content.answer(&request));
                    // The other side may have had enough.
                    let _ = reply.send(&request.method, &mut connection);
                });
            }
        };
        Self { address, requests, stopped, thread: Some(thread::spawn(serve)) }
    }

    /// `127.0.0.1:port`.
    pub(super) fn host(&self) -> String {
        self.address.to_string()
    }

    /// All that was asked with paths that hold this, in order.
    pub(super) fn asked(&self, part: &str) -> Vec<Request> {
        let all = self.requests.lock().unwrap();
        all.iter().filter(|request| request.path.contains(part)).cloned().collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        self.thread.take().map(JoinHandle::join);
    }
}

fn read(connection: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(connection);
    let mut first = Vec::new();
    reader.read_until(b'\n', &mut first).ok()?;
    let first = String::from_utf8(first).ok()?;
    let mut words = first.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, headers, body })
}
