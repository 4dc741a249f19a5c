//! `ports`: `[host_ip:][published:]target[/protocol]`, ranges included, to one mapping per port.

use super::cast::{Refused, loose};
use super::check::Context;
use super::path::Path;
use super::tree::{Map, Tag, Tree, Value};
use super::words::{self, refused};
use std::ops::RangeInclusive;

/// Makes every entry of the list a long one.
pub(crate) fn expand(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    let Value::List(items) = &mut tree.value else { return };
    let mut long = Vec::with_capacity(items.len());
    for (index, mut item) in std::mem::take(items).into_iter().enumerate() {
        let path = path.index(index);
        match &item.value {
            Value::Text(_) | Value::Int(_) if item.tag != Some(Tag::Reset) => {
                match short(&item, context.ports_left) {
                    Ok(ports) => {
                        context.ports_left -= ports.len();
                        long.extend(ports);
                    }
                    Err(Refused { message, hint, .. }) => context.refuse(&mut item, &path, message, &hint),
                }
            }
            Value::Map(_) => {
                complete(&mut item, &path, context);
                long.push(item);
            }
            _ => long.push(item),
        }
    }
    *items = long;
}

/// A long entry has a target, and defaults.
fn complete(item: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    let span = item.span.clone();
    if item.get("target").is_none_or(|target| target.value == Value::Null) {
        let hint = "`target` is the port inside the container";
        return context.refuse(item, path, "a port needs a `target`", hint);
    }
    let Some(map) = item.as_map_mut() else { return };
    for (key, value) in [("mode", "ingress"), ("protocol", "tcp")] {
        if map.get(key).is_none_or(|value| value.value == Value::Null) {
            map.set(key, Tree::text(value, &span));
        }
    }
}

/// The ports that a short entry means.
fn short(item: &Tree, at_most: usize) -> Result<Vec<Tree>, Refused> {
    const FORM: &str = "the form is [host_ip:][published:]target[/protocol]";
    let text = loose(&item.value);
    let (rest, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
    let protocol = words::protocol(protocol)?;
    let (rest, target) = match rest.rsplit_once(':') {
        Some((rest, target)) => (Some(rest), target),
        None => (None, rest),
    };
    let (host_ip, published) = match rest {
        None => (None, None),
        Some(rest) => match rest.rsplit_once(':') {
            Some((ip, published)) => (Some(words::ip_address(ip)?), Some(published)),
            // `1.2.3.4:80` would be an address with an empty published port.
            None if rest.contains('.') => return Err(refused(format!("`{rest}` is not a port"), FORM)),
            None => (None, Some(rest)),
        },
    };
    if target.is_empty() {
        return Err(refused(format!("`{}` has no container port", text.escape_debug()), FORM));
    }
    let targets = range(target).map_err(|fault| with_form(fault, FORM))?;
    let published = match published.filter(|published| !published.is_empty() && *published != "0") {
        Some(published) => Some(range(published).map_err(|fault| with_form(fault, FORM))?),
        None => None,
    };
    if let Some(published) = &published
        && published.len() != targets.len()
    {
        let message =
            format!("{} published ports cannot serve {} container ports", published.len(), targets.len());
        return Err(refused(message, "give ranges of the same length, or a single published port"));
    }
    if targets.len() > at_most {
        return Err(refused("the ranges of this stack mean too many ports", "publish smaller ranges"));
    }
    let first = published.map(|published| *published.start());
    let port =
        |(offset, target): (u16, u16)| long(item, &host_ip, first.map(|p| p + offset), target, &protocol);
    Ok((0..).zip(targets).map(port).collect())
}

fn with_form(mut fault: Refused, form: &str) -> Refused {
    if fault.hint.is_empty() && !fault.message.contains("between") {
        fault.hint = form.to_owned();
    }
    fault
}

fn range(text: &str) -> Result<RangeInclusive<u16>, Refused> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (words::port(from)?, words::port(to)?);
    if from > to {
        return Err(refused(format!("the range {text} runs backwards"), format!("write {to}-{from}")));
    }
    Ok(from..=to)
}

fn long(item: &Tree, host_ip: &Option<String>, published: Option<u16>, target: u16, protocol: &str) -> Tree {
    let text = |text: &str| Tree::text(text, &item.span);
    let mut map = Map::default();
    map.set("mode", text("ingress"));
    if let Some(ip) = host_ip {
        map.set("host_ip", text(ip));
    }
    map.set("target", Tree::new(Value::Int(i64::from(target)), &item.span));
    if let Some(published) = published {
        map.set("published", text(&published.to_string()));
    }
    map.set("protocol", text(protocol));
    Tree { tag: item.tag, ..Tree::new(Value::Map(map), &item.span) }
}
