//! Beside the firewalls of others.

use super::*;
use crate::net::foreign;
use std::process::Command;

/// Whether nft could do it; it may not be installed.
fn nft(script: &str) -> bool {
    Command::new("nft").arg(script).status().is_ok_and(|status| status.success())
}

fn shell(command: &str) -> bool {
    Command::new("sh").args(["-c", command]).status().is_ok_and(|status| status.success())
}

#[test]
fn a_firewall_that_stops_our_packets_is_told_and_what_it_is_told_to_do_helps() {
    on_a_host(|host| {
        host.network("shop_a");
        let web = host.serve("shop.web.1.1", &["shop_a"], &[tcp(8080)]);
        serve_in(&host.remote(), "remote");
        assert_eq!(foreign::stopping(true).unwrap(), []);
        let docker = "add table ip filter; add chain ip filter DOCKER-USER; \
                      add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }; \
                      add rule ip filter FORWARD jump DOCKER-USER";
        if !nft(docker) {
            return;
        }
        assert!(is_cut_off(Some(&web.netns), REMOTE, 80));
        let found = foreign::stopping(true).unwrap();
        let [one] = &found[..] else { panic!("{found:?}") };
        assert_eq!(
            (one.table.as_str(), one.chain.as_str(), one.open.as_str()),
            ("ip filter", "FORWARD", "DOCKER-USER")
        );
        assert!(one.commands().iter().all(|command| shell(command)), "{}", one.advice());
        assert_eq!(ask(Some(&web.netns), REMOTE, 80).unwrap(), format!("remote {HOST}"));
        assert_eq!(word(ask(Some(&host.remote()), HOST, 8080)), "shop.web.1.1");
        assert_eq!(foreign::stopping(true).unwrap(), [], "it lets them pass now");
    });
}

#[test]
fn a_filter_that_nf_tables_does_not_show_is_told_and_what_it_is_told_to_do_helps() {
    on_a_host(|host| {
        host.network("shop_a");
        let web = host.serve("shop.web.1.1", &["shop_a"], &[tcp(8080)]);
        serve_in(&host.remote(), "remote");
        if !shell("iptables-legacy -P FORWARD ACCEPT") {
            return;
        }
        assert_eq!(foreign::stopping(true).unwrap(), [], "it lets everything pass");
        assert!(shell("iptables-legacy -P FORWARD DROP && ip6tables-legacy -P FORWARD DROP"));
        assert!(is_cut_off(Some(&web.netns), REMOTE, 80));
        let found = foreign::stopping(true).unwrap();
        let programs: Vec<_> = found.iter().map(|one| one.tool).collect();
        assert_eq!(
            programs,
            [foreign::Tool::Legacy("iptables-legacy"), foreign::Tool::Legacy("ip6tables-legacy")]
        );
        assert_eq!(foreign::stopping(false).unwrap(), found[..1]);
        assert!(found.iter().flat_map(foreign::Firewall::commands).all(|command| shell(&command)));
        assert_eq!(ask(Some(&web.netns), REMOTE, 80).unwrap(), format!("remote {HOST}"));
        assert_eq!(foreign::stopping(true).unwrap(), [], "it lets them pass now");
        assert!(shell("iptables-legacy -F && iptables-legacy -N DOCKER-USER"));
        assert_eq!(foreign::stopping(false).unwrap()[0].open, "DOCKER-USER");
    });
}

/// The parts of what firewalld 1.3 makes that forwarded packets meet.
const FIREWALLD: &str = "add table inet firewalld; \
    add chain inet firewalld filter_FWD_trusted; add rule inet firewalld filter_FWD_trusted accept; \
    add chain inet firewalld filter_FORWARD_POLICIES; \
    add chain inet firewalld filter_FORWARD { type filter hook forward priority 10; policy accept; }; \
    add rule inet firewalld filter_FORWARD ct state { established, related } accept; \
    add rule inet firewalld filter_FORWARD ct status dnat accept; \
    add rule inet firewalld filter_FORWARD iifname \"lo\" accept; \
    add rule inet firewalld filter_FORWARD jump filter_FORWARD_POLICIES; \
    add rule inet firewalld filter_FORWARD reject with icmpx admin-prohibited";

#[test]
fn a_firewall_of_zones_is_told_to_trust_our_bridges() {
    on_a_host(|host| {
        host.network("shop_a");
        let web = host.serve("shop.web.1.1", &["shop_a"], &[]);
        serve_in(&host.remote(), "remote");
        if !nft(FIREWALLD) {
            return;
        }
        assert!(is_cut_off(Some(&web.netns), REMOTE, 80));
        let found = foreign::stopping(true).unwrap();
        assert_eq!(found.iter().map(|one| one.tool).collect::<Vec<_>>(), [foreign::Tool::Firewalld]);
        assert!(found[0].advice().contains("--zone=trusted --add-interface=sp+"));
        // What it makes of that.
        assert!(nft(
            "add rule inet firewalld filter_FORWARD_POLICIES iifname \"sp*\" jump filter_FWD_trusted"
        ));
        assert_eq!(ask(Some(&web.netns), REMOTE, 80).unwrap(), format!("remote {HOST}"));
        assert_eq!(foreign::stopping(true).unwrap(), []);
    });
}
