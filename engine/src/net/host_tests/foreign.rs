//! Beside the firewalls of others.

use super::*;
use crate::net::foreign;
use std::process::Command;

/// Whether nft could do it; it may not be installed.
fn nft(script: &str) -> bool {
    Command::new("nft").arg(script).status().is_ok_and(|status| status.success())
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
        let advice = one.advice();
        let commands: Vec<&str> =
            advice.split("nft insert ").skip(1).map(|rest| rest.trim_end_matches("; ")).collect();
        assert_eq!(commands.len(), 2, "{advice}");
        assert!(commands.iter().all(|command| nft(&format!("insert {command}"))), "{advice}");
        assert_eq!(ask(Some(&web.netns), REMOTE, 80).unwrap(), format!("remote {HOST}"));
        assert_eq!(word(ask(Some(&host.remote()), HOST, 8080)), "shop.web.1.1");
        assert_eq!(foreign::stopping(true).unwrap(), [], "it lets them pass now");
    });
}
