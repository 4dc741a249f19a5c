//! How fast bytes go from the host to a published port and from container to container, beside a bare
//! pair of interfaces; and what becomes of connections while replicas come and go.

use crate::place::{IMAGE, Place};
use crate::tools::{self, Composer, Engine};
use crate::{Result, line, title};
use e2e::traffic::{self, DISCARD, ECHO};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long bytes are sent, and how often each way gets its turn.
const TIME: Duration = Duration::from_millis(500);
const TURNS: usize = 11;
/// Connections while replicas come and go.
const CONNECTIONS: usize = 10_000;
/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Measures a sampan and, where it runs here, docker.
pub(crate) fn compare(place: &Place, engines: &[Engine]) -> Result<()> {
    throughput(place, engines)?;
    soak(place)
}

/// One way for bytes.
struct Way {
    name: &'static str,
    /// From the host, or by this command, which is told where to and prints bytes a second.
    by: Option<Vec<String>>,
    to: SocketAddr,
    rates: Vec<f64>,
}

impl Way {
    fn new(name: &'static str, by: Option<&str>, to: SocketAddr) -> Self {
        let by = by.map(|by| by.split(' ').map(str::to_owned).collect());
        Self { name, by, to, rates: Vec::new() }
    }

    fn measure(&mut self) -> Result<()> {
        let rate = match &self.by {
            None => traffic::pour(self.to, TIME)?,
            Some(by) => {
                let mut command = Command::new(&by[0]);
                let output = command.args(&by[1..]).arg(self.to.to_string()).output()?;
                String::from_utf8_lossy(&output.stdout).trim().parse()?
            }
        };
        self.rates.push(rate);
        Ok(())
    }

    fn median(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    }
}

fn throughput(place: &Place, engines: &[Engine]) -> Result<()> {
    title("bytes through the network, all ways in turn")?;
    let bare = Bare::new()?;
    let body = format!("command: [/bench, --serve]\nvolumes: ['{}:/bench:ro']\n", own()?.display());
    let file =
        place.stack("network", 2, &format!("{body}stop_signal: KILL\nports: ['127.0.0.1::{DISCARD}']"))?;
    let composer = Composer::sampan(place);
    composer.stack(&file).args(["up", "-d"]).done()?;
    let port = composer.stack(&file).args(["port", "s1", &DISCARD.to_string()]).text()?;
    let peer = composer.stack(&file).args(["exec", "s1", "hostname", "-i"]).text()?;
    let call = composer.stack(&file).args(["exec", "s2", "/bench", "--pour"]).words();
    let bridged = SocketAddr::new(peer.trim().parse()?, DISCARD);
    let mut ways = vec![
        Way::new("bare pair, host to namespace", None, bare.address()),
        Way::new("sampan, published port", None, port.trim().parse()?),
        Way::new("sampan, host to container", None, bridged),
        Way::new("sampan, container to container", Some(&call), bridged),
    ];
    let docker = Docker::of(engines)?;
    ways.extend(docker.as_ref().map(|docker| Way::new("docker, published port", None, docker.published)));
    ways.iter().try_for_each(|way| reachable(way.to))?;
    for _ in 0..TURNS {
        ways.iter_mut().try_for_each(Way::measure)?;
    }
    composer.stack(&file).arg("down").done()?;
    for way in &ways {
        let share = way.median() / ways[0].median();
        line(&format!("  {:<32}{:>9.2} GB/s   {share:.2}×", way.name, way.median() / 1e9))?;
    }
    Ok(())
}

/// Waits until somebody listens there.
fn reachable(at: SocketAddr) -> Result<()> {
    let start = Instant::now();
    while let Err(error) = traffic::pour(at, Duration::ZERO) {
        if start.elapsed() > PATIENCE {
            return Err(format!("{at}: {error}").into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn soak(place: &Place) -> Result<()> {
    title("connections through a published port while replicas come and go")?;
    let body = format!("command: [/bench, --serve]\nvolumes: ['{}:/bench:ro']\n", own()?.display());
    let file =
        place.stack("soak", 1, &format!("{body}stop_signal: KILL\nports: ['127.0.0.1:7070:{ECHO}']"))?;
    let composer = Composer::sampan(place);
    composer.stack(&file).args(["up", "-d"]).done()?;
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 7070));
    reachable(at)?;
    let scale = |turn: usize| {
        let to = if turn.is_multiple_of(2) { "s1=3" } else { "s1=1" };
        composer.stack(&file).args(["scale", to]).command()
    };
    let soaked = traffic::soak(at, CONNECTIONS, scale)?;
    composer.stack(&file).arg("down").done()?;
    for (name, count) in [
        ("to the replica that stayed", soaked.living),
        ("of them lost", soaked.lost),
        ("to replicas that came and went", soaked.others),
        ("not made", soaked.refused),
        ("changes", soaked.changes),
    ] {
        line(&format!("  {name:<32}{count:>9}"))?;
    }
    Ok(())
}

/// This very program, which is also the server in the containers.
fn own() -> Result<PathBuf> {
    Ok(std::env::current_exe()?)
}

/// A server in a network namespace that a pair of interfaces joins to the host, with nothing between.
struct Bare(Child);

impl Bare {
    fn new() -> Result<Self> {
        let child = Command::new("unshare")
            .arg("--net")
            .arg(own()?)
            .arg("--serve")
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let bare = Self(child);
        bare.is_apart()?;
        let pid = bare.0.id();
        let script = format!(
            "set -e; ip link add bare0 type veth peer name bare1 netns {pid}; ip addr add 10.255.0.1/30 dev bare0
            ip link set bare0 up; nsenter --net --target {pid} ip addr add 10.255.0.2/30 dev bare1
            nsenter --net --target {pid} ip link set bare1 up"
        );
        tools::succeed(tools::quiet("sh").args(["-c", &script]))?;
        Ok(bare)
    }

    /// Waits until it has a namespace of its own.
    fn is_apart(&self) -> Result<()> {
        let namespace = |process: &str| fs::read_link(Path::new("/proc").join(process).join("ns/net"));
        let (start, ours) = (Instant::now(), namespace("self")?);
        while namespace(&self.0.id().to_string())? == ours {
            if start.elapsed() > PATIENCE {
                return Err("unshare made no network namespace".into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from(([10, 255, 0, 2], DISCARD))
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It ends with the private host at the latest.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The same server in a container of docker.
struct Docker {
    published: SocketAddr,
}

impl Docker {
    const NAME: &str = "sampan-bench-network";

    fn of(engines: &[Engine]) -> Result<Option<Self>> {
        if !engines.iter().any(|engine| engine.name == "docker" && engine.runs()) {
            line("  docker                          does not run here")?;
            return Ok(None);
        }
        let mount = format!("{}:/bench:ro", own()?.display());
        let options = ["run", "-d", "--name", Self::NAME, "-p", "127.0.0.1:7099:9", "-v", &mount];
        tools::succeed(tools::quiet("docker").args(options).args([IMAGE, "/bench", "--serve"]))?;
        Ok(Some(Self { published: SocketAddr::from((Ipv4Addr::LOCALHOST, 7099)) }))
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // What cannot be removed stays; the user knows it by its name.
        let _ = tools::succeed(tools::quiet("docker").args(["rm", "-f", Self::NAME]));
    }
}

/// The servers and senders of this benchmark, when it is called as one of them.
pub(crate) fn serve() -> Result<()> {
    Ok(traffic::serve()?)
}

/// Sends to this address, and prints bytes a second.
pub(crate) fn pour(to: &str) -> Result<()> {
    line(&traffic::pour(to.parse()?, TIME)?.to_string())
}
