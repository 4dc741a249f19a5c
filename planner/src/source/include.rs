//! `include`: whole projects with folders and variables of their own, whose services and
//! resources become part of the document that includes them.

use super::environment::Environment;
use super::loader::{Asked, Loader, Scope};
use super::path::Path;
use super::project;
use super::resolve::{self, folder, join};
use super::schema::{self, Made, Shape};
use super::tree::{Entry, Tag, Tree, Value};
use std::collections::BTreeSet;

/// What is taken over from an included project.
const SECTIONS: [&str; 6] = ["services", "volumes", "networks", "secrets", "configs", "models"];

/// Longer trails of files that include each other are refused; loading recurses.
const LONGEST_TRAIL: usize = 64;

/// Takes what the `include` of a document names into it.
pub(crate) fn apply(document: &mut Tree, scope: Scope<'_>, loader: &mut Loader<'_>) {
    let Some(map) = document.as_map_mut() else { return };
    let Some(includes) = map.get("include").cloned() else { return };
    map.retain(|entry| entry.key != "include");
    let mut taken = BTreeSet::new();
    for (index, include) in includes.items().iter().enumerate() {
        let path = Path::TOP.key("include");
        let path = path.index(index);
        if let Some(project) = included(include, &path, scope, loader) {
            import(document, project, (&path, include), &mut taken, loader);
        }
    }
}

/// One included project as a tree, with paths relative to the including one.
fn included(include: &Tree, path: &Path<'_>, scope: Scope<'_>, loader: &mut Loader<'_>) -> Option<Tree> {
    let files = include.get("path")?.items();
    let main = files.first()?.as_text()?;
    if let Some(remote) = files.iter().find(|file| file.as_text().is_some_and(is_remote)) {
        let message = "files of elsewhere cannot be included".to_owned();
        loader.context.diagnostics.error(&remote.span, path, message).hint("get a copy and name its path");
        return None;
    }
    let first = join(scope.directory, main);
    if loader.trail.contains(&first) || loader.trail.len() >= LONGEST_TRAIL {
        let circle = loader.trail.iter().chain([&first]).map(String::as_str).collect::<Vec<_>>().join(" → ");
        let message = format!("files include each other in a circle: {circle}");
        let hint = "take one of these includes out";
        loader.context.diagnostics.error(&files[0].span, path, message).hint(hint);
        return None;
    }
    let chosen = include.get("project_directory").and_then(Tree::as_text).filter(|chosen| !chosen.is_empty());
    let mut relative = chosen.unwrap_or_else(|| folder(main)).to_owned();
    let directory = join(scope.directory, &relative);
    let environment = environment(include, &directory, scope, loader);
    if let Some(chosen) = include.get("project_directory").filter(|_| is_missing(chosen, &directory, loader))
    {
        // As in Docker Compose, which does so in silence.
        relative = folder(&relative).to_owned();
        let message = format!("there is no folder {}", loader.context.diagnostics.shown(&directory));
        let hint =
            "paths in what is included are relative to the folder above; create this one, or name another";
        loader.context.diagnostics.warning(&chosen.span, path, message).hint(hint);
    }

    let mut documents = Some(Vec::new());
    let length = loader.trail.len();
    for file in files {
        let Some(name) = file.as_text() else { continue };
        let name = join(scope.directory, name);
        let more = loader.documents(&name, Some(Asked { span: &file.span, path }));
        loader.trail.push(name);
        documents = documents.zip(more).map(|(all, more): (Vec<Tree>, Vec<Tree>)| [all, more].concat());
    }
    let scope = Scope { directory: &directory, environment: &environment };
    let mut tree = documents.map(|documents| project::merged(documents, scope, loader));
    loader.trail.truncate(length);
    if let Some(tree) = &mut tree {
        resolve::paths(tree, &relative, &environment);
    }
    tree
}

/// Whether a folder was chosen, relative to this one, that is not there.
fn is_missing(chosen: Option<&str>, directory: &str, loader: &Loader<'_>) -> bool {
    chosen.is_some_and(|chosen| !chosen.starts_with('/')) && !loader.source.is_folder(directory)
}

/// The variables of an included project: those of the including one, then those of its own
/// dotenv files.
fn environment<'a>(
    include: &Tree,
    directory: &str,
    scope: Scope<'a>,
    loader: &mut Loader<'_>,
) -> Environment<'a> {
    let named = include.get("env_file").map(Tree::items).unwrap_or_default();
    let place = |file: &Tree| Some((join(scope.directory, file.as_text()?), file.span.clone()));
    let files: Vec<_> = named.iter().filter_map(place).collect();
    scope.environment.child(directory, &files, loader.context.diagnostics)
}

/// Whether a name is that of something remote.
pub(crate) fn is_remote(name: &str) -> bool {
    name.contains("://") || name.starts_with("git@") || name.starts_with("github.com/")
}

const RENAME: &str = "rename one of them, or change it in an override file named in the entry's `path`";

/// Takes services and resources over. The same one twice is fine, two of one name are not. Those of
/// earlier includes are `taken`.
fn import(
    document: &mut Tree,
    project: Tree,
    (path, include): (&Path<'_>, &Tree),
    taken: &mut BTreeSet<String>,
    loader: &mut Loader<'_>,
) {
    let Value::Map(mut project) = project.value else { return };
    let Some(map) = document.as_map_mut() else { return };
    for section in SECTIONS {
        let Some(Value::Map(from)) = project.get_mut(section).map(|node| std::mem::take(&mut node.value))
        else {
            continue;
        };
        if map.get(section).is_none() {
            map.set(section, Tree::empty_map(&include.span));
        }
        let Some(into) = map.get_mut(section).and_then(Tree::as_map_mut) else { continue };
        let shape = schema::TOP.key(section).and_then(|row| row.shape.entry()).unwrap_or(&Shape::Any);
        for Entry { key, key_span, mut value, .. } in from.into_entries() {
            let place = format!("{section}.{key}");
            match into.entry(&key) {
                // What is reset is not there, in earlier documents neither.
                Some(known) if known.value.tag == Some(Tag::Reset) => {
                    value.tag = Some(Tag::Override);
                    into.insert(Entry::new(key, key_span, value));
                }
                Some(known)
                    if known.value.same(&value)
                        && same_form(&known.value, &value, shape, taken.contains(&place)) => {}
                Some(known) => {
                    let (how, hint) = match known.value.same(&value) {
                        true => (", written in another way,", "define it once"),
                        false => (", differently,", RENAME),
                    };
                    let message = format!("{place} is also defined{how} in what is included");
                    loader.context.diagnostics.error(&known.key_span, path, message).hint(hint);
                }
                None => into.insert(Entry::new(key, key_span, value)),
            }
            taken.insert(place);
        }
    }
}

/// Whether two equal nodes are so for Docker Compose too. It compares what is included, where most
/// short forms are long, with what the document has as it is written, unless that is `taken` from
/// another include.
fn same_form(known: &Tree, more: &Tree, shape: &Shape, taken: bool) -> bool {
    let as_written = match shape {
        Shape::Nullable(shape) => return same_form(known, more, shape, taken),
        Shape::Short(form, _) if form.made == Made::Last => known.rewritten == more.rewritten,
        Shape::Short(..) => taken || !known.rewritten,
        _ => true,
    };
    let below = |entry: &Entry| {
        let shape = shape.key(&entry.key).map(|row| row.shape).or_else(|| shape.entry());
        let other = more.get(&entry.key);
        other.is_none_or(|other| same_form(&entry.value, other, shape.unwrap_or(&Shape::Any), taken))
    };
    let item =
        |(one, other): (&Tree, &Tree)| same_form(one, other, shape.item().unwrap_or(&Shape::Any), taken);
    as_written && known.entries().iter().all(below) && known.items().iter().zip(more.items()).all(item)
}
