//! Containers on networks, as far as their life has to do with it.

use super::Test;
use super::host::{Host, id, shell};
use engine::Kind;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use planner::desired::{Attachment, PortSpec, RestartPolicy};
use planner::live::State;
use planner::plan::Until;
use planner::{ContainerSpec, Step};
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

pub(crate) const TESTS: &[Test] = &[
    ("a_name_leads_to_a_container_and_a_port_of_the_host_too", reached),
    ("address_and_port_survive_restart_and_adoption", kept),
    ("a_host_port_that_is_taken_fails_the_start_and_leaves_nothing", taken),
];

const SERVER: &str = "while :; do echo hello from $HOSTNAME | nc -l -p 8080; done";

fn on_network(name: &str, spec: ContainerSpec) -> ContainerSpec {
    let attachment =
        Attachment { network: "s_default".to_owned(), aliases: vec![name.to_owned()], ..Default::default() };
    ContainerSpec { networks: vec![attachment], ..spec }
}

fn published(spec: ContainerSpec, port: u16) -> ContainerSpec {
    let port = PortSpec { published: Some(port), target: 8080, ..Default::default() };
    ContainerSpec { ports: vec![port], ..spec }
}

fn hear(port: u16) -> String {
    let mut text = String::new();
    if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
        let _ = stream.read_to_string(&mut text);
    }
    text
}

fn reached(host: &Host) {
    host.network("s_default");
    let web = host.run("web", &published(on_network("web", shell(SERVER)), 18_080));
    host.eventually("the port answers", || hear(18_080) == "hello from s-web-1\n");
    let line = "until nc web 8080 < /dev/null | grep hello; do sleep 0.05; done";
    let client = host.run("client", &on_network("client", shell(line)));
    host.wait(&client, Until::Completed).unwrap();
    assert_eq!(host.log(&client).last().unwrap(), "hello from s-web-1");
    let status = host.engine.list(Some("s")).unwrap();
    let web_status = status.iter().find(|status| status.id == web).unwrap();
    assert_eq!((web_status.addresses.len(), web_status.ports[0].published), (1, 18_080));
    let in_use = host.enact(Step::RemoveNetwork { name: "s_default".to_owned() }).unwrap_err();
    assert_eq!(in_use.kind, Kind::Conflict);
    host.remove(&client);
    host.stop(&web, Duration::ZERO);
    assert_eq!(hear(18_080), "");
    host.remove(&web);
    host.enact(Step::RemoveNetwork { name: "s_default".to_owned() }).unwrap();
}

fn kept(host: &Host) {
    host.network("s_default");
    let spec = ContainerSpec { restart: RestartPolicy::Always, ..shell(SERVER) };
    let web = host.run("web", &published(on_network("web", spec), 18_081));
    host.eventually("the port answers", || !hear(18_081).is_empty());
    let address = host.engine.list(None).unwrap()[0].addresses.clone();
    let process = host.record(&web).process.unwrap();
    kill(Pid::from_raw(process.pid), Signal::SIGKILL).unwrap();
    let runs = |id| matches!(host.state(id), State::Running { .. });
    host.eventually("it was started again", || host.record(&web).restarts == 1 && runs(&web));
    host.eventually("the port answers again", || !hear(18_081).is_empty());
    let shim = host.record(&web).shim.unwrap();
    kill(Pid::from_raw(shim.pid), Signal::SIGKILL).unwrap();
    host.eventually("the supervisor is gone", || !shim.is_alive());
    assert_eq!(host.state(&web), State::Unsupervised);
    host.start(&web);
    host.eventually("the port answers under the new supervisor", || !hear(18_081).is_empty());
    assert_eq!(host.engine.list(None).unwrap()[0].addresses, address);
    let found = host.exec(&web, "plain", &["nslookup", "web", "127.0.0.11"]);
    assert!(String::from_utf8_lossy(&found.stdout).contains(&address[0].1.to_string()), "{found:?}");
    host.stop(&web, Duration::ZERO);
    host.remove(&web);
    host.enact(Step::RemoveNetwork { name: "s_default".to_owned() }).unwrap();
}

fn taken(host: &Host) {
    host.network("s_default");
    let _listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 18_082)).unwrap();
    host.create("web", &published(on_network("web", shell(SERVER)), 18_082));
    let error = host.try_start(&id("web")).unwrap_err();
    assert_eq!(error.kind, Kind::Conflict, "{}", error.chain());
    assert!(error.doing.contains("18082"), "{error}");
    assert!(!host.store().runtime_container(&id("web")).exists());
    host.remove(&id("web"));
    host.enact(Step::RemoveNetwork { name: "s_default".to_owned() }).unwrap();
}
