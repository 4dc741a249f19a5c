//! Where the services of a stack can be reached from this machine, as variables and as JSON.

use crate::output::status::protocol;
use engine::container::ContainerStatus;
use planner::desired::Protocol;
use serde::Serialize;
use std::net::IpAddr;

/// All published ports of a stack, by service, container and port.
pub(super) struct Endpoints(Vec<Endpoint>);

/// One published port.
#[derive(Clone, Debug, Serialize)]
struct Endpoint {
    service: String,
    /// Number of the container, from 1.
    index: u32,
    /// The port in the container.
    port: u16,
    protocol: &'static str,
    /// Where on this machine.
    address: String,
    /// The same for programs that want a URL.
    url: String,
}

impl Endpoints {
    /// Those of these containers.
    pub(super) fn of(containers: Vec<ContainerStatus>) -> Self {
        let mut all: Vec<Endpoint> = containers.iter().flat_map(of_container).collect();
        all.sort_by(|a, b| (&a.service, a.index, a.port).cmp(&(&b.service, b.index, b.port)));
        Self(all)
    }

    /// The variables for a program that tests the stack.
    pub(super) fn variables(&self, stack: &str) -> Vec<(String, String)> {
        let mut all = vec![
            ("COMPOSE_PROJECT_NAME".to_owned(), stack.to_owned()),
            ("SAMPAN_ENDPOINTS".to_owned(), serde_json::to_string(&self.0).unwrap_or_default()),
        ];
        for endpoint in &self.0 {
            let name = endpoint.name();
            all.push((format!("SAMPAN_URL_{name}"), endpoint.url.clone()));
            all.push((format!("SAMPAN_ADDRESS_{name}"), endpoint.address.clone()));
        }
        all
    }
}

fn of_container(container: &ContainerStatus) -> impl Iterator<Item = Endpoint> {
    container.ports.iter().map(|port| {
        // What is published everywhere is here, too.
        let here = |address: IpAddr| match (address.is_unspecified(), address) {
            (true, IpAddr::V6(_)) => "[::1]".to_owned(),
            (true, IpAddr::V4(_)) => "127.0.0.1".to_owned(),
            (false, IpAddr::V6(address)) => format!("[{address}]"),
            (false, IpAddr::V4(address)) => address.to_string(),
        };
        let host = port.host_ip.map_or_else(|| "127.0.0.1".to_owned(), here);
        let address = format!("{host}:{}", port.published);
        let scheme = match (port.protocol, port.target) {
            (Protocol::Tcp, 443 | 8443) => "https",
            (Protocol::Tcp, _) => "http",
            (other, _) => protocol(other),
        };
        Endpoint {
            service: container.id.slot.service.clone(),
            index: container.id.slot.index,
            port: port.target,
            protocol: protocol(port.protocol),
            url: format!("{scheme}://{address}"),
            address,
        }
    })
}

impl Endpoint {
    /// `WEB_80`; for the second container `WEB_80_2`.
    fn name(&self) -> String {
        let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let service: String = self.service.chars().map(upper).collect();
        let number = if self.index > 1 { format!("_{}", self.index) } else { String::new() };
        format!("{service}_{}{number}", self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(service: &str, index: u32) -> Endpoint {
        let (address, url) = ("127.0.0.1:4000".to_owned(), "http://127.0.0.1:4000".to_owned());
        Endpoint { service: service.into(), index, port: 80, protocol: "tcp", address, url }
    }

    #[test]
    fn variables_are_named_after_service_port_and_number() {
        let endpoints = Endpoints(vec![endpoint("my-web", 1), endpoint("my-web", 2)]);
        let variables = endpoints.variables("copy");
        let names: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "COMPOSE_PROJECT_NAME",
                "SAMPAN_ENDPOINTS",
                "SAMPAN_URL_MY_WEB_80",
                "SAMPAN_ADDRESS_MY_WEB_80",
                "SAMPAN_URL_MY_WEB_80_2",
                "SAMPAN_ADDRESS_MY_WEB_80_2",
            ]
        );
        let all: serde_json::Value = serde_json::from_str(&variables[1].1).unwrap();
        assert_eq!(all[0]["url"], "http://127.0.0.1:4000");
    }
}
