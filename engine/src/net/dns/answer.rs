//! What is to be said to a question: from the tables, or by asking elsewhere.

use super::packet::{self, A, AAAA, ANY, Code, PTR, Question, Unreadable};
use super::table::{Known, Tables};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What to do with a packet that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send this back.
    Say(Vec<u8>),
    /// Ask the resolvers of the host.
    Forward,
    /// Nothing.
    Ignore,
}

/// How an answer is to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// At which of several addresses to begin.
    pub(super) turn: usize,
    /// Largest answer in bytes; `None`: what the asker says.
    pub(super) limit: Option<usize>,
    /// Whether other names may be asked for elsewhere: not on internal networks.
    pub(super) outside: bool,
}

/// Decides what becomes of a packet.
pub(super) fn decide(packet: &[u8], tables: &mut Tables, manner: Manner) -> Verdict {
    let question = match Question::read(packet) {
        Ok(question) => question,
        Err(Unreadable::Noise) => return Verdict::Ignore,
        Err(Unreadable::Refused(code)) => {
            return packet::bare(packet, code).map_or(Verdict::Ignore, Verdict::Say);
        }
    };
    let own = question.name().and_then(|name| known(&question, &name, tables, manner));
    match own {
        Some(reply) => Verdict::Say(reply),
        None if manner.outside => Verdict::Forward,
        None => Verdict::Say(question.reply(Code::NoName)),
    }
}

/// The answer to a name of ours.
fn known(question: &Question<'_>, name: &str, tables: &mut Tables, manner: Manner) -> Option<Vec<u8>> {
    if let Some(address) = reversed(name).or_else(|| reversed6(name)) {
        let Some(found) = tables.find_address(address) else {
            return tables.is_ours(address).then(|| question.reply(Code::NoName));
        };
        let asked = matches!(question.kind, PTR | ANY);
        return Some(if asked { question.pointer(&found) } else { question.reply(Code::Good) });
    }
    match tables.find(name) {
        // The name exists; when it has nothing of that type a resolver must not look further.
        Known::At(mut addresses) => {
            addresses.retain(|address| is_asked(question.kind, address));
            let turn = manner.turn % addresses.len().max(1);
            addresses.rotate_left(turn);
            Some(question.addresses(&addresses, manner.limit.unwrap_or_else(|| question.room())))
        }
        Known::Declared => Some(question.reply(Code::Failure)),
        Known::Nobody => Some(question.reply(Code::NoName)),
        Known::No => None,
    }
}

fn is_asked(kind: u16, address: &IpAddr) -> bool {
    match kind {
        ANY => true,
        A => address.is_ipv4(),
        AAAA => address.is_ipv6(),
        _ => false,
    }
}

/// The address in a name such as `2.0.201.10.in-addr.arpa`.
fn reversed(name: &str) -> Option<IpAddr> {
    let address: Ipv4Addr = name.strip_suffix(".in-addr.arpa")?.parse().ok()?;
    let [a, b, c, d] = address.octets();
    Some(Ipv4Addr::new(d, c, b, a).into())
}

/// The address in a name such as `2.0.….d.f.ip6.arpa`: 32 digits, the last one first.
fn reversed6(name: &str) -> Option<IpAddr> {
    let digits = name.strip_suffix(".ip6.arpa")?.split('.').rev();
    let mut number = 0u128;
    let mut count = 0;
    for digit in digits {
        let digit = u128::from_str_radix(digit, 16).ok().filter(|_| digit.len() == 1)?;
        (number, count) = (number << 4 | digit, count + 1);
    }
    (count == 32).then(|| Ipv6Addr::from(number).into())
}

#[cfg(test)]
mod tests {
    use super::super::table::{self, Names};
    use super::*;
    use crate::store::Store;
    use planner::ContainerId;
    use proptest::prelude::*;
    use simple_dns::rdata::RData;
    use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, RCODE, TYPE};

    const PLAIN: Manner = Manner { turn: 0, limit: None, outside: true };

    fn ask(name: &str, kind: TYPE) -> Vec<u8> {
        let mut packet = Packet::new_query(77);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        let name = Name::new(name).unwrap();
        packet.questions.push(simple_dns::Question::new(
            name,
            QTYPE::TYPE(kind),
            QCLASS::CLASS(CLASS::IN),
            false,
        ));
        packet.build_bytes_vec().unwrap()
    }

    fn six(last: u8) -> Ipv6Addr {
        Ipv6Addr::new(0xfd73, 0, 0, 0, 0, 0, 0, last.into())
    }

    fn tables() -> (tempfile::TempDir, Tables) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("root"), folder.path().join("run"));
        let add = |id: &str, name: &str, address: Option<[u8; 4]>| {
            let names = Names {
                names: vec![name.into(), id.parse::<ContainerId>().unwrap().name()],
                address: address.map(Into::into),
                six: address.map(|[.., last]| six(last)),
            };
            table::write(&store, "shop_default", &id.parse().unwrap(), &names).unwrap();
        };
        add("shop.web.1.1", "web", Some([10, 201, 0, 2]));
        add("shop.web.2.1", "web", Some([10, 201, 0, 3]));
        add("shop.db.1.1", "db", None);
        (
            folder,
            Tables::of(&store, ["shop_default"].into_iter()).over(vec!["10.201.0.0/24".parse().unwrap()]),
        )
    }

    fn addresses(verdict: &Verdict) -> Vec<IpAddr> {
        let Verdict::Say(reply) = verdict else { panic!("{verdict:?}") };
        let reply = Packet::parse(reply).unwrap();
        assert_eq!((reply.id(), reply.rcode()), (77, RCODE::NoError));
        let address = |answer: &simple_dns::ResourceRecord<'_>| match &answer.rdata {
            RData::A(address) => Ipv4Addr::from(address.address).into(),
            RData::AAAA(address) => Ipv6Addr::from(address.address).into(),
            other => panic!("{other:?}"),
        };
        reply.answers.iter().map(address).collect()
    }

    fn code(verdict: &Verdict) -> RCODE {
        let Verdict::Say(reply) = verdict else { panic!("{verdict:?}") };
        Packet::parse(reply).unwrap().rcode()
    }

    #[test]
    fn a_service_is_answered_with_all_its_addresses_in_turn_and_case_does_not_matter() {
        let (_folder, mut tables) = tables();
        let (two, three): (IpAddr, IpAddr) = ([10, 201, 0, 2].into(), [10, 201, 0, 3].into());
        let first = decide(&ask("WeB", TYPE::A), &mut tables, PLAIN);
        assert_eq!(addresses(&first), [two, three]);
        let second = decide(&ask("web", TYPE::A), &mut tables, Manner { turn: 1, ..PLAIN });
        assert_eq!(addresses(&second), [three, two]);
    }

    #[test]
    fn other_types_of_a_known_name_are_answered_with_nothing_rather_than_forwarded() {
        let (_folder, mut tables) = tables();
        let six_only = addresses(&decide(&ask("web", TYPE::AAAA), &mut tables, PLAIN));
        assert_eq!(six_only, [six(2), six(3)]);
        assert!(addresses(&decide(&ask("web", TYPE::MX), &mut tables, PLAIN)).is_empty());
        let mut unknown_type = ask("web", TYPE::A);
        let end = unknown_type.len();
        unknown_type[end - 4..end - 2].copy_from_slice(&4711u16.to_be_bytes());
        let Verdict::Say(reply) = decide(&unknown_type, &mut tables, PLAIN) else { panic!() };
        assert_eq!(reply[3] & 0x0f, 0);
        let forwarded = decide(&ask("example.org", TYPE::A), &mut tables, PLAIN);
        assert_eq!(forwarded, Verdict::Forward);
    }

    #[test]
    fn a_name_that_does_not_run_yet_asks_to_try_again() {
        let (_folder, mut tables) = tables();
        let verdict = decide(&ask("db", TYPE::A), &mut tables, PLAIN);
        assert_eq!(code(&verdict), RCODE::ServerFailure);
    }

    #[test]
    fn without_an_outside_other_names_do_not_exist() {
        let (_folder, mut tables) = tables();
        let inside = Manner { outside: false, ..PLAIN };
        assert_eq!(code(&decide(&ask("example.org", TYPE::A), &mut tables, inside)), RCODE::NameError);
        assert_eq!(addresses(&decide(&ask("web", TYPE::A), &mut tables, inside)).len(), 2);
    }

    #[test]
    fn an_address_is_answered_with_the_containers_name() {
        let (_folder, mut tables) = tables();
        let Verdict::Say(reply) = decide(&ask("3.0.201.10.in-addr.arpa", TYPE::PTR), &mut tables, PLAIN)
        else {
            panic!()
        };
        let reply = Packet::parse(&reply).unwrap();
        let RData::PTR(name) = &reply.answers[0].rdata else { panic!() };
        assert_eq!(name.to_string(), "shop-web-2.shop_default");
        let foreign = decide(&ask("1.1.1.1.in-addr.arpa", TYPE::PTR), &mut tables, PLAIN);
        assert_eq!(foreign, Verdict::Forward);
    }

    #[test]
    fn what_is_of_our_networks_and_nobodys_does_not_exist_anywhere() {
        let (_folder, mut tables) = tables();
        for (name, kind) in [("nobody.shop_default", TYPE::A), ("9.0.201.10.in-addr.arpa", TYPE::PTR)] {
            assert_eq!(code(&decide(&ask(name, kind), &mut tables, PLAIN)), RCODE::NameError, "{name}");
        }
        let six = "3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.7.d.f.ip6.arpa";
        let Verdict::Say(reply) = decide(&ask(six, TYPE::PTR), &mut tables, PLAIN) else { panic!() };
        assert_eq!(Packet::parse(&reply).unwrap().answers.len(), 1);
        let short = decide(&ask("3.7.d.f.ip6.arpa", TYPE::PTR), &mut tables, PLAIN);
        assert_eq!(short, Verdict::Forward);
    }

    #[test]
    fn an_answer_over_udp_holds_as_many_addresses_as_fit_and_says_when_there_are_more() {
        let many: Vec<IpAddr> = (0..200).map(|last| Ipv4Addr::new(10, 0, 0, last).into()).collect();
        let plain = ask("web", TYPE::A);
        let mut with_option = plain.clone();
        with_option[11] = 1;
        with_option.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
        for (packet, limit, count) in
            [(&plain, None, 30), (&with_option, None, 75), (&plain, Some(packet::LARGEST), 200)]
        {
            let question = Question::read(packet).unwrap();
            let limit = limit.unwrap_or_else(|| question.room());
            let reply = question.addresses(&many, limit);
            assert!(reply.len() <= limit);
            let reply = Packet::parse(&reply).unwrap();
            assert_eq!((reply.answers.len(), reply.has_flags(PacketFlag::TRUNCATION)), (count, count < 200));
        }
    }

    proptest! {
        #[test]
        fn no_packet_makes_it_panic_and_what_is_said_can_be_read(
            noise in proptest::collection::vec(any::<u8>(), 0..80),
            flips in proptest::collection::vec((0usize..29, any::<u8>()), 0..6),
        ) {
            let (_folder, mut tables) = tables();
            let mut mutated = ask("web.shop_default", TYPE::A);
            for (at, value) in flips {
                let at = at % mutated.len();
                mutated[at] = value;
            }
            for packet in [noise, mutated] {
                if let Verdict::Say(reply) = decide(&packet, &mut tables, PLAIN) {
                    prop_assert_eq!(&reply[..2], &packet[..2]);
                    prop_assert!(reply[2] & 0x80 != 0 && reply.len() <= packet.len() + 64);
                }
                prop_assert!(!packet::is_answer_to(&packet, &packet) || packet[2] & 0x80 != 0);
            }
        }
    }
}
