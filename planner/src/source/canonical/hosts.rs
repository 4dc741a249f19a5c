//! `extra_hosts` to a list of `host=address`.

use super::super::cast::{loose, refuse};
use super::super::check::Context;
use super::super::path::Path;
use super::super::tree::{Tag, Tree, Value};
use super::super::words::refused;

/// `[host:ip, host=ip,ip]` and `{host: ip, host: [ip, ip]}` mean `[host=ip, …]`, one address an item.
pub(crate) fn extra_hosts(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    let long = match &mut tree.value {
        Value::List(items) => listed(items, path, context),
        Value::Map(map) => {
            let entries = map.values_mut();
            entries.flat_map(|(host, _, value)| mapped(host, value, &path.key(host), context)).collect()
        }
        _ => return,
    };
    tree.value = Value::List(long);
}

fn listed(items: &mut [Tree], path: &Path<'_>, context: &mut Context<'_>) -> Vec<Tree> {
    let mut long = Vec::with_capacity(items.len());
    for (index, item) in items.iter_mut().enumerate() {
        if context.unknowable(item) {
            long.push(item.clone());
            continue;
        }
        let path = path.index(index);
        let Some(text) = item.as_text() else {
            if item.is_bad() {
                continue;
            }
            let message = format!("must be `host=address`, not {}", item.noun());
            context.refuse(item, &path, message, "for example `db=10.0.0.5`");
            continue;
        };
        let fault = match text.split_once('=').or_else(|| text.split_once(':')) {
            Some((host, addresses)) => match bad_host(host) {
                None => {
                    long.extend(addresses.split(',').map(|address| {
                        let pair = pair(host, address, item);
                        let short = pair.value != item.value;
                        Tree { short, ..pair }
                    }));
                    continue;
                }
                Some(message) => refused(message, "the form is host=address").at(text, host),
            },
            None => refused(format!("`{}` has no address", text.escape_debug()), "the form is host=address"),
        };
        refuse(item, &path, &fault, context);
    }
    long
}

fn mapped(host: &str, value: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) -> Vec<Tree> {
    if value.tag == Some(Tag::Reset) {
        return Vec::new();
    }
    if let Some(message) = bad_host(host) {
        context.refuse(value, path, message, "for example `db: 10.0.0.5`");
        return Vec::new();
    }
    match &value.value {
        Value::Text(address) => vec![pair(host, address, value)],
        Value::List(addresses) => {
            addresses.iter().map(|address| pair(host, &loose(&address.value), address)).collect()
        }
        Value::Bad => Vec::new(),
        _ => {
            let message = format!("must be an address or a list of them, not {}", value.noun());
            context.refuse(value, path, message, "for example `db: 10.0.0.5`");
            Vec::new()
        }
    }
}

fn bad_host(host: &str) -> Option<String> {
    let bad = host.is_empty() || host.contains([':', '=']);
    bad.then(|| format!("`{}` is not a host name", host.escape_debug()))
}

fn pair(host: &str, address: &str, at: &Tree) -> Tree {
    let inner = address.strip_prefix('[').and_then(|address| address.strip_suffix(']'));
    let address = inner.filter(|inner| !inner.is_empty()).unwrap_or(address);
    Tree::text(format!("{host}={address}"), &at.span)
}

#[cfg(test)]
mod tests {
    use super::super::testing::long;
    use super::*;

    #[test]
    fn every_form_becomes_a_list_of_pairs() {
        for (written, expected) in [
            ("['a:1.1.1.1', 'b=2.2.2.2']", "[a=1.1.1.1, b=2.2.2.2]"),
            ("['a=1.1.1.1,::1']", "[a=1.1.1.1, a=::1]"),
            ("['a:::1', 'b=[::1]', 'h:host-gateway']", "[a=::1, b=::1, h=host-gateway]"),
            ("{a: 1.1.1.1, b: ['[::1]', 2.2.2.2]}", "[a=1.1.1.1, b=::1, b=2.2.2.2]"),
        ] {
            assert_eq!(long(extra_hosts, written).unwrap(), expected);
        }
    }

    #[test]
    fn a_host_needs_a_name_and_an_address() {
        for (written, expected) in [
            ("[a]", "`a` has no address | a | the form is host=address"),
            ("['a:b=1.1.1.1']", "`a:b` is not a host name | a:b | the form is host=address"),
            ("['=1.1.1.1']", "`` is not a host name | '=1.1.1.1' | the form is host=address"),
            ("[5]", "must be `host=address`, not a number | 5 | for example `db=10.0.0.5`"),
            (
                "{a: {b: c}}",
                "must be an address or a list of them, not a mapping | {b: c} | for example `db: 10.0.0.5`",
            ),
        ] {
            assert_eq!(long(extra_hosts, written).unwrap_err(), expected);
        }
    }
}
