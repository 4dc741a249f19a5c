//! What reading stack files costs, and printing them: the processor's time of `config -q` and of
//! `config`, for a file as people write them and for files that grow, beside Docker Compose where
//! it is installed.

use crate::measure::Sample;
use crate::{Result, line, row, title, tools};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Services of the files, each with the number of runs that are measured: one as people write
/// them, then some that grow.
const FILES: [(usize, usize); 4] = [(15, 51), (100, 25), (1000, 15), (5000, 7)];
/// The peer is given no larger files, for it would take minutes, and at most so many runs.
const LARGEST_OF_PEER: usize = 100;
const RUNS_OF_PEER: usize = 5;

/// What is measured: reading alone, and reading and printing.
const COMMANDS: [&[&str]; 2] = [&["config", "-q"], &["config"]];

/// Measures a sampan and, where it is installed, Docker Compose.
pub(crate) fn compare(sampan: &Path) -> Result<()> {
    let folder = TempDir::with_prefix("sampan-bench-")?;
    let peer = peer();
    for (services, runs) in FILES {
        title(&format!("a stack file of {services} services, processor's time"))?;
        let file = folder.path().join(format!("{services}.yaml"));
        fs::write(&file, stack(services)?)?;
        for command in COMMANDS {
            let measure = |composer: &[&str], runs| {
                let program = composer.first().copied().unwrap_or_default();
                let call = || {
                    let mut call = tools::quiet(program);
                    call.args(&composer[1..]).arg("-f").arg(&file).args(command);
                    call
                };
                processor_time(runs, call)
            };
            let shown = command.join(" ");
            let ours = measure(&[&sampan.to_string_lossy()], runs)?;
            row(&format!("sampan {shown}"), &ours, None)?;
            let each = ours.median() / u32::try_from(services)?;
            line(&format!("  {:<32}{:>9} µs", "    each service", each.as_micros()))?;
            if let Some(peer) = peer.filter(|_| services <= LARGEST_OF_PEER) {
                let theirs = measure(peer, runs.min(RUNS_OF_PEER))?;
                row(&format!("{} {shown}", peer.join(" ")), &theirs, Some(&ours))?;
            }
        }
    }
    if peer.is_none() {
        line("  docker-compose                  not installed")?;
    }
    Ok(())
}

/// How Docker Compose is called here.
fn peer() -> Option<&'static [&'static str]> {
    let names: [&[&str]; 2] = [&["docker-compose"], &["docker", "compose"]];
    names.into_iter().find(|name| {
        let mut version = tools::quiet(name[0]);
        tools::succeed(version.args(&name[1..]).arg("version")).is_ok()
    })
}

/// What runs of a command cost user and system together, after one that warms the caches.
pub(crate) fn processor_time(runs: usize, command: impl Fn() -> Command) -> Result<Sample> {
    let mut costs = Vec::with_capacity(runs);
    for warm in 0..=runs {
        let before = of_children()?;
        tools::succeed(&mut command())?;
        let cost = of_children()? - before;
        if warm > 0 {
            costs.push(cost);
        }
    }
    Sample::new(costs)
}

/// Processor's time of all children that have ended.
fn of_children() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let time = usage.user_time() + usage.system_time();
    Ok(Duration::from_micros(time.num_microseconds().try_into()?))
}

/// A stack of so many services that use what people use: anchors, variables, dependencies,
/// ports, volumes, health checks, limits, labels. Each is a little different.
pub(crate) fn stack(services: usize) -> Result<String> {
    let mut text = HEAD.to_owned();
    for n in 0..services {
        write!(
            text,
            "  service-{n}:
    <<: *common
    image: \"registry.example.com/team/image-{kind}:${{TAG:-1.{n}}}\"
    hostname: host-{n}
    command: [serve, --listen, \"0.0.0.0:80\", --name, service-{n}]
    environment:
      <<: *variables
      SERVICE_NUMBER: {n}
      DATABASE_URL: \"postgres://${{DB_USER:-app}}:${{DB_PASSWORD:-secret}}@service-0:5432/app\"
    ports: [\"{port}:80\", \"127.0.0.1:{other}:9090/udp\"]
    volumes:
      - data-{kind}:/var/lib/data
      - ./config/{n}:/etc/service:ro
      - type: tmpfs
        target: /tmp
    labels: [\"tier=back\", \"number={n}\"]
",
            kind = n % 20,
            port = 10_000 + n,
            other = 30_000 + n,
        )?;
        dependencies(&mut text, n)?;
        if n % 3 == 0 {
            text += CHECKED;
        }
        if n % 4 == 1 {
            text += LIMITED;
        }
    }
    text += "networks:\n  front:\n  back:\n    driver: bridge\nvolumes:\n";
    (0..services.min(20)).try_for_each(|kind| writeln!(text, "  data-{kind}:"))?;
    Ok(text)
}

/// Each service needs some of those before it.
fn dependencies(text: &mut String, n: usize) -> Result<()> {
    match n {
        0 => {}
        1..=3 => text.push_str("    depends_on: [service-0]\n"),
        _ => {
            let checked = n / 6 * 3;
            write!(
                text,
                "    depends_on:\n      service-{checked}: {{condition: service_healthy}}\n      service-{}:\n        condition: service_started\n",
                n - 1,
            )?;
        }
    }
    Ok(())
}

const HEAD: &str = "name: bench-load
x-variables: &variables
  LANG: C.UTF-8
  LOG_LEVEL: ${LOG_LEVEL:-info}
  FEATURES: \"a,b,c\"
x-common: &common
  restart: unless-stopped
  networks: [front, back]
  cap_drop: [ALL]
  stop_grace_period: 20s
services:
";

const CHECKED: &str = "    healthcheck:
      test: [CMD, wget, -qO-, http://localhost/health]
      interval: 10s
      timeout: 2s
      retries: 5
      start_period: 1m30s
";

const LIMITED: &str = "    deploy:
      replicas: 2
      resources:
        limits: {cpus: \"0.5\", memory: 128M}
";
