//! Which services stay when the command line names some: these and what they depend on.

use super::profiles::is_active;
use super::tree::Tree;
use crate::graph::DependencyGraph;
use crate::model::Stack;

/// Adds the profiles of named services that would be off without.
pub(crate) fn activate(tree: &Tree, names: &[String], active: &mut Vec<String>) {
    for name in names {
        let service = tree.at(&["services", name]);
        if let Some(service) = service.filter(|service| !is_active(service, active)) {
            let profiles = service.get("profiles").map_or(&[][..], Tree::items);
            active.extend(profiles.iter().filter_map(Tree::as_text).map(str::to_owned));
        }
    }
}

/// Turns off all services but the named ones and what they depend on; none named keeps all. Names
/// that are no services are passed over.
pub(crate) fn apply(stack: &mut Stack, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let wanted = DependencyGraph::of_enabled(stack).closure(names.iter().map(String::as_str));
    for (name, mut service) in std::mem::take(&mut stack.services) {
        if wanted.contains(&name) {
            service.depends_on.retain(|target, _| wanted.contains(target));
            stack.services.insert(name, service);
        } else {
            stack.disabled.insert(name, service);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Diagnostics, Span};
    use crate::model::{Dependency, Service};
    use crate::source::yaml;

    #[test]
    fn what_a_named_service_depends_on_stays_too_and_the_rest_goes() {
        let mut stack = Stack::default();
        for (name, targets) in
            [("web", &["db", "gone"][..]), ("db", &["disk"]), ("disk", &[]), ("x", &["web"])]
        {
            let edge = |target: &&str| {
                ((*target).to_owned(), Dependency { span: Span::default(), ..Default::default() })
            };
            let service = Service { depends_on: targets.iter().map(edge).collect(), ..Default::default() };
            stack.services.insert(name.to_owned(), service);
        }
        apply(&mut stack, &["web".into(), "nonsense".into()]);
        assert_eq!(stack.services.keys().collect::<Vec<_>>(), ["db", "disk", "web"]);
        assert_eq!(stack.disabled.keys().collect::<Vec<_>>(), ["x"]);
        assert_eq!(stack.services["web"].depends_on.keys().collect::<Vec<_>>(), ["db"]);
        apply(&mut stack, &[]);
        assert_eq!(stack.services.len(), 3);
    }

    #[test]
    fn a_named_service_brings_its_profiles_along_unless_it_is_on() {
        let text = "services: {web: {profiles: [a, b]}, job: {profiles: [c]}, db: {}}";
        let tree = yaml::parse(0, text, &mut Diagnostics::default()).unwrap().remove(0);
        let mut active = vec!["a".to_owned()];
        activate(&tree, &["web".into(), "db".into(), "nonsense".into()], &mut active);
        assert_eq!(active, ["a"]);
        activate(&tree, &["job".into()], &mut active);
        assert_eq!(active, ["a", "c"]);
    }
}
