//! Names that must mean something: networks, volumes, files, models, services.

use super::{Named, Rules};
use crate::diagnostic::Span;
use crate::model::{FileReference, Stack};
use crate::source::suggest::{did_you_mean, known_names};
use crate::source::tree::Tree;
use std::collections::BTreeMap;

/// A use of something that the top level does not declare.
struct Use {
    /// The key below the service.
    key: &'static str,
    /// One of these: `network`.
    noun: &'static str,
    name: String,
    span: Span,
}

const ADD: &str = "define it below `services`";

impl Rules<'_> {
    /// Everything that a service uses is declared.
    pub(super) fn references(&mut self, service: Named<'_>, stack: &Stack) {
        for used in service.undeclared(stack) {
            if self.diagnostics.is_full() {
                return;
            }
            let section = format!("{}s", used.noun);
            let unknowable = self.tree.get(&section).is_some_and(|section| section.is_bad());
            // Without networks there is no default one either, which has been told.
            let alone = used.noun == "network" && !service.model.network_mode.is_empty();
            if unknowable || alone {
                continue;
            }
            let shown = used.name.escape_debug();
            let hint = match used.noun {
                "volume" if used.name.contains('/') => format!("for a folder of the host write `./{shown}`"),
                noun => did_you_mean(&used.name, declared(noun, stack))
                    .unwrap_or_else(|| format!("add `{shown}:` to the top-level `{section}`")),
            };
            let message = format!("{} `{shown}` is not defined", used.noun);
            let path = format!("services.{}.{}", service.name, used.key);
            self.diagnostics.error(&used.span, path, message).hint(hint);
        }
    }

    pub(super) fn dependencies(&mut self, service: Named<'_>, stack: &Stack) {
        let name = service.name;
        for (target, edge) in &service.model.depends_on {
            if self.diagnostics.is_full() {
                return;
            }
            if stack.services.contains_key(target) {
                continue;
            }
            let path = format!("services.{name}.depends_on.{target}");
            let shown = target.escape_debug();
            if let Some(disabled) = stack.disabled.get(target) {
                if edge.required {
                    let message = format!("service `{shown}` is not in an active profile");
                    let hint =
                        format!("use --profile {}, or say `required: false`", disabled.profiles.join(" or "));
                    self.diagnostics.error(&edge.span, path, message).hint(hint);
                }
                continue;
            }
            let message = format!("service `{shown}` is not defined");
            let all = stack.services.keys().chain(stack.disabled.keys()).map(String::as_str);
            let hint = known_names(target, all.filter(|other| *other != name), ADD);
            self.diagnostics.error(&edge.span, path, message).hint(hint);
        }
    }

    /// The service whose network is shared is there, also where nothing implied a dependency.
    pub(super) fn shared_network(&mut self, service: Named<'_>, stack: &Stack) {
        let Some(target) = service.model.network_mode.strip_prefix("service:") else { return };
        if !stack.services.contains_key(target) && !service.model.depends_on.contains_key(target) {
            let message = format!("service `{}` is not defined", target.escape_debug());
            let all = stack.services.keys().map(String::as_str);
            let hint = known_names(target, all.filter(|other| *other != service.name), ADD);
            self.error(service, &["network_mode"], message, &hint);
        }
    }
}

impl Named<'_> {
    fn undeclared(self, stack: &Stack) -> Vec<Use> {
        let service = self.model;
        let entry = |key: &'static str, noun, used: &String| {
            let entry = self.node(&[key]).and_then(|uses| uses.as_map()?.entry(used));
            let span = entry.map_or(&service.span, |entry| &entry.key_span).clone();
            Use { key, noun, name: used.clone(), span }
        };
        let networks = service.networks.keys().filter(|name| !stack.networks.contains_key(*name));
        let models = service.models.keys().filter(|name| !stack.models.contains_key(*name));
        let networks = networks.map(|name| entry("networks", "network", name));
        let models = models.map(|name| entry("models", "model", name));
        let mut uses: Vec<Use> = networks.chain(models).collect();
        for mount in &service.volumes {
            let unknown = mount.volume_key().filter(|name| !stack.volumes.contains_key(*name));
            if let Some(name) = unknown.filter(|_| self.has_type(&mount.span)) {
                let (key, noun) = ("volumes", "volume");
                uses.push(Use { key, noun, name: name.to_owned(), span: mount.span.clone() });
            }
        }
        let file = |key, noun, file: &FileReference| {
            let (name, span) = (file.source.clone(), file.span.clone());
            (span != Span::default()).then_some(Use { key, noun, name, span })
        };
        let configs = service.configs.iter().filter(|file| !stack.configs.contains_key(&file.source));
        uses.extend(configs.filter_map(|config| file("configs", "config", config)));
        let built = service.build.as_ref().map_or(&[][..], |build| &build.secrets);
        for (key, secrets) in [("secrets", &service.secrets[..]), ("build.secrets", built)] {
            let secrets = secrets.iter().filter(|file| !stack.secrets.contains_key(&file.source));
            uses.extend(secrets.filter_map(|secret| file(key, "secret", secret)));
        }
        uses
    }

    /// Whether the type of a mount is one, as far as it was written.
    fn has_type(self, mount: &Span) -> bool {
        let mounts = self.node(&["volumes"]).map_or(&[][..], Tree::items).iter();
        let kind = mounts.filter(|item| item.span == *mount).find_map(|item| item.get("type"));
        kind.is_none_or(|kind| !kind.is_bad())
    }
}

/// The names that the section of one kind of thing has.
fn declared<'a>(noun: &str, stack: &'a Stack) -> Vec<&'a str> {
    fn names<T>(map: &BTreeMap<String, T>) -> Vec<&str> {
        map.keys().map(String::as_str).collect()
    }
    match noun {
        "network" => [names(&stack.networks), vec!["default"]].concat(),
        "volume" => names(&stack.volumes),
        "config" => names(&stack.configs),
        "model" => names(&stack.models),
        _ => names(&stack.secrets),
    }
}
