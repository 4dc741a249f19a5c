//! What configs and secrets hold: read when services are about to get them.

use super::Source;
use super::environment::{Environment, why_unreadable};
use super::resolve::clean;
use super::tree::Tree;
use crate::desired::Content;
use crate::diagnostic::{Diagnostics, Span};
use crate::model::{Config, Secret, Service, Stack};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// Where the content of a config or secret is said to be.
struct Origin<'a> {
    section: &'static str,
    key: &'a str,
    span: &'a Span,
    file: &'a str,
    environment: &'a str,
    /// The content itself, as far as it is known.
    inline: &'a str,
}

/// Gives the stack what the configs and secrets of these services hold; those that cannot be read
/// are reported.
pub(crate) fn gather(
    stack: &mut Stack,
    services: &[String],
    tree: &Tree,
    (source, environment, directory): (&dyn Source, &Environment<'_>, &str),
    refusals: &mut Diagnostics,
) {
    let (mut secrets, mut configs) = (BTreeMap::new(), BTreeMap::new());
    let mut reader = Reader { tree, source, environment, refusals };
    let named = stack.disabled.iter().filter(|(name, _)| services.contains(name));
    let used: Vec<&Service> = stack.services.iter().chain(named).map(|(_, service)| service).collect();
    let names: BTreeSet<&String> =
        used.iter().flat_map(|service| service.secrets.iter().map(|file| &file.source)).collect();
    for (key, secret) in names.into_iter().filter_map(|name| stack.secrets.get_key_value(name)) {
        secrets.extend(reader.content(&of_secret(key, secret)).map(|content| (key.clone(), content)));
    }
    let names: BTreeSet<&String> =
        used.iter().flat_map(|service| service.configs.iter().map(|file| &file.source)).collect();
    for (key, config) in names.into_iter().filter_map(|name| stack.configs.get_key_value(name)) {
        configs.extend(reader.content(&of_config(key, config)).map(|content| (key.clone(), content)));
    }
    let profiles = profiles(&used, directory, &mut reader);
    stack.contents.profiles = profiles;
    stack.contents.secrets = secrets;
    stack.contents.configs = configs;
}

/// The texts of the system call profiles that services name.
fn profiles(used: &[&Service], directory: &str, reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for service in used {
        for written in service.call_profiles().filter(|path| !path.is_empty()) {
            if found.contains_key(written) {
                continue;
            }
            let path =
                if written.starts_with('/') { written.to_owned() } else { format!("{directory}/{written}") };
            match reader.source.read(&clean(&path)) {
                Ok(text) => drop(found.insert(written.to_owned(), text)),
                Err(error) => {
                    let message = why_unreadable(reader.refusals.shown(&clean(&path)), &error);
                    let told = reader.refusals.error(&service.span, "security_opt", message);
                    told.hint("a profile in the format of Docker, or `seccomp=unconfined`");
                }
            }
        }
    }
    found
}

fn of_secret<'a>(key: &'a str, secret: &'a Secret) -> Origin<'a> {
    let Secret { span, file, environment, .. } = secret;
    Origin { section: "secrets", key, span, file, environment, inline: "" }
}

fn of_config<'a>(key: &'a str, config: &'a Config) -> Origin<'a> {
    let Config { span, file, environment, content, .. } = config;
    Origin { section: "configs", key, span, file, environment, inline: content }
}

struct Reader<'a> {
    tree: &'a Tree,
    source: &'a dyn Source,
    environment: &'a Environment<'a>,
    refusals: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn content(&mut self, origin: &Origin<'_>) -> Option<Content> {
        let bytes = match (origin.file, origin.environment) {
            // That of a variable is known already where an included file has variables of its own.
            ("", variable) if variable.is_empty() || !origin.inline.is_empty() => {
                origin.inline.as_bytes().to_vec()
            }
            ("", variable) => match self.environment.get(variable) {
                Some(value) => value.into_bytes(),
                None => {
                    let message = format!("the variable `{}` is not set", variable.escape_debug());
                    return self.refuse(origin, "environment", message, "set it, or name a `file`");
                }
            },
            (file, _) => match self.source.bytes(file) {
                Ok(bytes) => bytes,
                Err(error) => {
                    let message = why_unreadable(self.refusals.shown(file), &error);
                    let hint = match error.kind() {
                        io::ErrorKind::IsADirectory => "mount a folder below `volumes`",
                        _ => "create it, or name another one",
                    };
                    return self.refuse(origin, "file", message, hint);
                }
            },
        };
        if bytes.len() > Content::MAX {
            let message = format!("`{}` holds more than 16 MiB", origin.key.escape_debug());
            return self.refuse(origin, "file", message, "mount the file read-only instead");
        }
        Some(Content::of(bytes))
    }

    fn refuse(&mut self, origin: &Origin<'_>, key: &str, message: String, hint: &str) -> Option<Content> {
        let node = self.tree.at(&[origin.section, origin.key, key]);
        let span = node.map_or(origin.span, |node| &node.span);
        let path = format!("{}.{}.{key}", origin.section, origin.key);
        self.refusals.error(span, path, message).hint(hint);
        None
    }
}
