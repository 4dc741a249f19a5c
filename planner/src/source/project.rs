//! The documents of one project, the stack itself or one that it includes, to one tree.

use super::canonical::{forget_forms, known_ports};
use super::complete::complete;
use super::extends::Extends;
use super::interpolate::Interpolation;
use super::loader::{Loader, Scope};
use super::merge::{How, Tags, merge};
use super::path::Path;
use super::support::used_up;
use super::tree::{Tree, Value};
use super::visit::visit;
use super::{clash, defaults, include, mended, schema, structure};
use crate::diagnostic::{Diagnostics, Span};

/// So many mistakes are kept until it is known whether a later document replaces what is wrong.
const MOST_LATE: usize = 1000;

/// All documents in one, the later ones over the earlier ones.
pub(crate) fn merged(documents: Vec<Tree>, scope: Scope<'_>, loader: &mut Loader<'_>) -> Tree {
    let mut all = Tree::empty_map(&documents.first().map_or_else(Span::default, |first| first.span.clone()));
    let mut late = Vec::new();
    let mut interpolation = Interpolation::new(scope.environment);
    let mut extends = Extends::new(loader, scope, &mut interpolation);
    for (index, mut document) in documents.into_iter().enumerate() {
        let told = extends.loader.context.diagnostics.items.len();
        extends.loader.prepare(&mut document, extends.interpolation);
        if late.len() < MOST_LATE {
            let found = &mut extends.loader.context.diagnostics.items;
            late.extend(mended::late(found, told, &document, &schema::TOP));
        }
        extends.loader.used.extend(used_up(&document, &Path::TOP, &schema::TOP, &["version", "include"]));
        obsolete(&mut document, extends.loader.context.diagnostics);
        extends.apply(&mut document);
        include::apply(&mut document, scope, extends.loader);
        let how = How { tags: Tags::Spent, written: extends.loader.skip.interpolation };
        clash::check(&all, &document, extends.loader.context.diagnostics);
        forget_forms(&mut document);
        let joined = (index > 0).then(|| document.clone());
        merge(&mut all, document, &schema::TOP, how);
        if how.written {
            let context = &mut extends.loader.context;
            visit(&mut all, "services.*.ports", &mut |ports| known_ports(ports, context));
        }
        complete(&mut all, joined.as_ref(), &Path::TOP, &schema::TOP, &mut extends.loader.context);
    }
    late.retain(|item| !mended::is_replaced(&all, &schema::TOP, &item.path));
    loader.context.diagnostics.items.append(&mut late);
    structure::check(&all, loader.context.diagnostics);
    defaults::fill(&mut all, loader.skip.interpolation);
    if !loader.skip.interpolation {
        contents(&mut all, scope);
    }
    all
}

/// `version` once chose a format; there is only one now.
fn obsolete(document: &mut Tree, diagnostics: &mut Diagnostics) {
    let Some(map) = document.as_map_mut() else { return };
    if let Some(entry) = map.entry("version").filter(|entry| !entry.value.is_bad()) {
        let message = "`version` is obsolete and has no effect".to_owned();
        diagnostics.warning(&entry.key_span, "version", message).hint("leave it out");
    }
    map.retain(|entry| entry.key != "version" || entry.value.is_null());
}

/// Configs that take their content from a variable get it.
fn contents(tree: &mut Tree, scope: Scope<'_>) {
    visit(tree, "configs.*", &mut |config| {
        let name = config.get("environment").and_then(Tree::as_text);
        let Some(content) = name.and_then(|name| scope.environment.get(name)) else { return };
        let span = config.span.clone();
        if let Some(map) = config.as_map_mut() {
            map.set("content", Tree::new(Value::Text(content.into()), &span));
        }
    });
}
