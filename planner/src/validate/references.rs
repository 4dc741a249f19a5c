//! Names that must mean something: networks, volumes, files, models, services.

use super::{Named, Rules};
use crate::diagnostic::Span;
use crate::model::Stack;
use crate::source::suggest::did_you_mean;
use crate::source::tree::{Tree, Value};

/// A use of something that the top level declares.
struct Use {
    /// The key below the service.
    key: &'static str,
    /// One of these: `network`.
    noun: &'static str,
    name: String,
    span: Span,
}

impl Rules<'_> {
    /// Everything that a service uses is declared.
    pub(super) fn references(&mut self, service: Named<'_>, stack: &Stack) {
        for used in self.uses(service) {
            if self.diagnostics.is_full() {
                return;
            }
            let (section, known) = declared(used.noun, stack);
            let unknowable = self.tree.get(section).is_some_and(|section| section.value == Value::Bad);
            // Without networks there is no default one either, which has been told.
            let alone = used.noun == "network" && !service.1.network_mode.is_empty();
            if known.contains(&used.name.as_str()) || unknowable || alone {
                continue;
            }
            let shown = used.name.escape_debug();
            let hint = match used.noun {
                "volume" if used.name.contains('/') => format!("for a folder of the host write `./{shown}`"),
                noun => did_you_mean(
                    &used.name,
                    known.into_iter().chain((noun == "network").then_some("default")),
                )
                .unwrap_or_else(|| format!("add `{shown}:` to the top-level `{section}`")),
            };
            let message = format!("{} `{shown}` is not defined", used.noun);
            let path = format!("services.{}.{}", service.0, used.key);
            self.diagnostics.error(&used.span, path, message).hint(hint);
        }
    }

    fn uses(&self, (name, service): Named<'_>) -> Vec<Use> {
        let entry = |key: &'static str, used: &str| {
            let entry = self.node(name, &[key]).and_then(|uses| uses.as_map()?.entry(used));
            entry.map_or_else(|| service.span.clone(), |entry| entry.key_span.clone())
        };
        let mut uses = Vec::new();
        for (key, noun, names) in [
            ("networks", "network", service.networks.keys().collect::<Vec<_>>()),
            ("models", "model", service.models.keys().collect()),
        ] {
            uses.extend(names.into_iter().map(|name| Use {
                key,
                noun,
                name: name.clone(),
                span: entry(key, name),
            }));
        }
        for mount in &service.volumes {
            let Some(name) = mount.volume_key().filter(|_| self.has_type(name, &mount.span)) else {
                continue;
            };
            let (key, noun) = ("volumes", "volume");
            uses.push(Use { key, noun, name: name.to_owned(), span: mount.span.clone() });
        }
        let built = service.build.as_ref().map_or(&[][..], |build| &build.secrets);
        for (key, noun, files) in [
            ("configs", "config", &service.configs[..]),
            ("secrets", "secret", &service.secrets),
            ("build.secrets", "secret", built),
        ] {
            uses.extend(files.iter().filter(|file| file.span != Span::default()).map(|file| Use {
                key,
                noun,
                name: file.source.clone(),
                span: file.span.clone(),
            }));
        }
        uses
    }

    /// Whether the type of a mount is one, as far as it was written.
    fn has_type(&self, service: &str, mount: &Span) -> bool {
        let mounts = self.node(service, &["volumes"]).map_or(&[][..], Tree::items).iter();
        let kind = mounts.filter(|item| item.span == *mount).find_map(|item| item.get("type"));
        kind.is_none_or(|kind| kind.value != Value::Bad)
    }

    pub(super) fn dependencies(&mut self, (name, service): Named<'_>, stack: &Stack) {
        for (target, edge) in &service.depends_on {
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
            self.diagnostics.error(&edge.span, path, message).hint =
                did_you_mean(target, all.filter(|other| *other != name));
        }
    }

    /// The service whose network is shared is there, also where nothing implied a dependency.
    pub(super) fn shared_network(&mut self, service: Named<'_>, stack: &Stack) {
        let Some(target) = service.1.network_mode.strip_prefix("service:") else { return };
        if !stack.services.contains_key(target) && !service.1.depends_on.contains_key(target) {
            let message = format!("service `{}` is not defined", target.escape_debug());
            self.error(service, &["network_mode"], message, "");
        }
    }
}

/// The section of one kind of thing, and the names in it.
fn declared<'a>(noun: &str, stack: &'a Stack) -> (&'static str, Vec<&'a str>) {
    fn names<T>(map: &std::collections::BTreeMap<String, T>) -> Vec<&str> {
        map.keys().map(String::as_str).collect()
    }
    match noun {
        "network" => ("networks", names(&stack.networks)),
        "volume" => ("volumes", names(&stack.volumes)),
        "config" => ("configs", names(&stack.configs)),
        "model" => ("models", names(&stack.models)),
        _ => ("secrets", names(&stack.secrets)),
    }
}
