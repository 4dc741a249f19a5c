//! A private copy of a stack: it may run beside another one of the same files, and neither notices.

use super::{Network, Service, Stack};

/// Where the ports of a private copy are published that say nothing of it.
const ONLY_HERE: &str = "127.0.0.1";

impl Stack {
    /// Takes out what only one stack of a machine can have: ports of the host become free ones, on
    /// this machine only where nothing else is said, and names and address ranges are those of the
    /// copy. What is built keeps the names that images of `original` have, so that a copy leaves no
    /// image behind. Gives what could not be made private, in words.
    pub fn isolate(&mut self, original: &str) -> Vec<String> {
        let mut shared = Vec::new();
        let named = |key: &str| format!("{}_{key}", self.name);
        for (key, network) in self.networks.iter_mut().filter(|(_, network)| !network.external) {
            network.name = named(key);
            if self.services.values().any(|service| service.has_fixed_address(key)) {
                shared.push(format!(
                    "network `{key}` keeps its address range: services have fixed addresses in it"
                ));
            } else {
                network.forget_ranges();
            }
        }
        for (key, volume) in self.volumes.iter_mut().filter(|(_, volume)| !volume.external) {
            volume.name = named(key);
        }
        for (name, service) in self.services.iter_mut().chain(&mut self.disabled) {
            service.image = service.image_name(original, name);
            service.isolate();
            if service.network_mode == "host" {
                shared.push(format!(
                    "service `{name}` is in the network of the host, where its ports are fixed"
                ));
            }
        }
        shared
    }
}

impl Network {
    fn forget_ranges(&mut self) {
        self.ipam.config.clear();
        // The name of a bridge is one of the machine.
        self.driver_opts.remove("com.docker.network.bridge.name");
    }
}

impl Service {
    fn has_fixed_address(&self, network: &str) -> bool {
        let there = self.networks.get(network).and_then(Option::as_ref);
        there.is_some_and(|there| !there.ipv4_address.is_empty() || !there.ipv6_address.is_empty())
    }

    fn isolate(&mut self) {
        for port in &mut self.ports {
            port.published.clear();
            if port.host_ip.is_empty() {
                ONLY_HERE.clone_into(&mut port.host_ip);
            }
        }
        // Others still find it by the name that it gives up.
        let name = std::mem::take(&mut self.container_name);
        if !name.is_empty() {
            for network in self.networks.values_mut() {
                network.get_or_insert_default().aliases.push(name.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Port, ServiceNetwork, Subnet, Volume};
    use super::*;

    fn stack() -> Stack {
        let port = |published: &str, host_ip: &str| Port {
            target: 80,
            published: published.into(),
            host_ip: host_ip.into(),
            ..Port::default()
        };
        let web = Service {
            container_name: "site".into(),
            build: Some(Default::default()),
            ports: vec![port("8080", ""), port("9000-9010", "::1")],
            networks: [("front".into(), None)].into(),
            ..Service::default()
        };
        let range = Subnet { subnet: "10.1.0.0/24".into(), ..Subnet::default() };
        let mut front = Network { name: "front".into(), ..Network::default() };
        front.ipam.config.push(range);
        let volume = |name: &str, external| Volume { name: name.into(), external, ..Volume::default() };
        Stack {
            name: "copy".into(),
            services: [("web".into(), web)].into(),
            networks: [("front".into(), front)].into(),
            volumes: [("data".into(), volume("data", false)), ("other".into(), volume("real", true))].into(),
            ..Stack::default()
        }
    }

    #[test]
    fn a_private_copy_has_nothing_that_only_one_can_have() {
        let mut stack = stack();
        assert!(stack.isolate("shop").is_empty());
        let web = &stack.services["web"];
        let ports: Vec<_> = web.ports.iter().map(|port| (&*port.published, &*port.host_ip)).collect();
        assert_eq!(ports, [("", "127.0.0.1"), ("", "::1")]);
        assert_eq!((&*web.container_name, &*web.image), ("", "shop-web"));
        assert_eq!(web.networks["front"].as_ref().unwrap().aliases, ["site"]);
        let front = &stack.networks["front"];
        assert!(front.name == "copy_front" && front.ipam.config.is_empty());
        assert_eq!([&*stack.volumes["data"].name, &*stack.volumes["other"].name], ["copy_data", "real"]);
    }

    #[test]
    fn what_stays_shared_is_told() {
        let mut stack = stack();
        let fixed = ServiceNetwork { ipv4_address: "10.1.0.5".into(), ..ServiceNetwork::default() };
        let web = stack.services.get_mut("web").unwrap();
        web.networks.insert("front".into(), Some(fixed));
        web.network_mode = "host".into();
        assert_eq!(stack.isolate("shop").len(), 2);
        assert_eq!(stack.networks["front"].ipam.config.len(), 1);
    }
}
