//! Which files make up the stack: named by flags, by variables, or found on the way up
//! from the current directory.

use super::Environment;
use crate::args::Global;
use crate::error::{Exit, Failure, Message};
use planner::load::LoadOptions;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Names under which a stack file is found, the first one wins.
const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// Names of a file that is merged over a found one, the first one wins.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// The files of a stack and what else loading needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// For the planner; without files when there are none.
    pub(crate) options: LoadOptions,
    /// What the user should know about the choice.
    pub(crate) warnings: Vec<String>,
}

/// Finds the files: `--file`, then `COMPOSE_FILE`, then the known names in the current
/// directory and those above it.
pub(crate) fn find(global: &Global, environment: &Environment) -> Result<Found, Failure> {
    let mut found = Found::default();
    let start = start(global, environment);
    // The names of dotenv files cannot come from dotenv files.
    found.options.env_files = list(&global.env_files, environment, "COMPOSE_ENV_FILES");
    let environment = &with_dotenv(&found.options.env_files, environment, &start);
    let named = named(global, environment);
    let mut directory = start.clone();
    if named.is_empty() {
        if let Some(place) = search(&start) {
            pick(&place, &environment.directory, &mut found);
            directory = place;
        }
    } else {
        check(&named, &environment.directory)?;
        directory = folder_of(&named, environment).unwrap_or(directory);
        found.options.files = named;
    }
    if global.project_directory.is_some() {
        directory.clone_from(&start);
    }
    found.options.directory = clean(&directory);
    found.options.current = clean(&environment.directory);
    found.options.env_directory = Some(clean(&start)).filter(|start| *start != found.options.directory);
    found.options.name = global.project_name.clone().or_else(|| owned(environment, "COMPOSE_PROJECT_NAME"));
    check(&found.options.env_files, &environment.directory)?;
    found.options.all_resources = global.all_resources;
    found.options.profiles = list(&global.profiles, environment, "COMPOSE_PROFILES");
    Ok(found)
}

/// Where the search begins: at `--project-directory`, beside the first named file, here.
fn start(global: &Global, environment: &Environment) -> PathBuf {
    match &global.project_directory {
        Some(directory) => environment.directory.join(directory),
        None => folder_of(&global.files, environment).unwrap_or_else(|| environment.directory.clone()),
    }
}

/// The folder of the first file that is not standard input.
fn folder_of(files: &[String], environment: &Environment) -> Option<PathBuf> {
    let first = files.iter().find(|file| *file != "-")?;
    environment.directory.join(first).parent().map(Path::to_owned)
}

/// The surroundings with what dotenv files add: `COMPOSE_FILE` and its like may stand there.
/// Broken files are left to loading, which says where they are broken.
fn with_dotenv(env_files: &[String], environment: &Environment, start: &Path) -> Environment {
    let mut environment = environment.clone();
    let mut files = env_files.to_vec();
    let disabled = environment.var("COMPOSE_DISABLE_ENV_FILE").and_then(planner::source::truth);
    if files.is_empty() && disabled != Some(true) {
        files.push(start.join(".env").display().to_string());
    }
    let mut added = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(environment.directory.join(file)).unwrap_or_default();
        let outer = |name: &str| environment.var(name).map(str::to_owned);
        let pairs = planner::source::dotenv_variables(&text, &outer).unwrap_or_default();
        added.extend(pairs.into_iter().filter(|(name, _)| name.starts_with("COMPOSE_")));
    }
    for (name, value) in added {
        environment.vars.entry(name).or_insert(value);
    }
    environment
}

/// The files that flags or variables name.
fn named(global: &Global, environment: &Environment) -> Vec<String> {
    let separator = environment.set("COMPOSE_PATH_SEPARATOR").unwrap_or(":");
    match environment.set("COMPOSE_FILE") {
        Some(files) if global.files.is_empty() => files.split(separator).map(str::to_owned).collect(),
        _ => global.files.clone(),
    }
}

/// The first folder, from this one upwards, that holds a stack file.
fn search(base: &Path) -> Option<PathBuf> {
    let holds = |folder: &&Path| NAMES.iter().any(|name| folder.join(name).is_file());
    base.ancestors().find(holds).map(Path::to_owned)
}

/// Takes the stack file of a folder and its override.
fn pick(folder: &Path, current: &Path, found: &mut Found) {
    for names in [NAMES, OVERRIDES] {
        let mut there = names.iter().filter(|name| folder.join(name).is_file());
        let Some(first) = there.next() else { continue };
        found.options.files.push(shown(&folder.join(first), current));
        let others: Vec<&str> = there.copied().collect();
        if !others.is_empty() {
            let text = format!("using {first}, not {}, which is there too", others.join(" and "));
            found.warnings.push(text);
        }
    }
}

/// A path as people would write it: relative to the current directory when it lies below.
fn shown(path: &Path, current: &Path) -> String {
    path.strip_prefix(current).unwrap_or(path).display().to_string()
}

/// A path without `.` and `x/..`; symbolic links stay, they may have been chosen for their name.
fn clean(path: &Path) -> String {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean.display().to_string()
}

/// Refuses files that are not there.
fn check(files: &[String], current: &Path) -> Result<(), Failure> {
    let remote = |file: &&String| file.contains("://") || file.starts_with("git@");
    if let Some(file) = files.iter().find(remote) {
        let message = Message::new(Exit::NotReached, format!("files of elsewhere cannot be loaded: {file}"));
        return Err(message.hint("get a copy and name its path").into());
    }
    let missing = files.iter().find(|file| *file != "-" && !current.join(file).exists());
    match missing {
        Some(file) => Err(Message::new(Exit::FileNotFound, format!("no such file: {file}")).into()),
        None => Ok(()),
    }
}

/// What flags say, otherwise what a variable lists with commas.
fn list(flags: &[String], environment: &Environment, variable: &str) -> Vec<String> {
    if !flags.is_empty() {
        return flags.to_vec();
    }
    let items = environment.set(variable).map(|text| text.split(','));
    let items = items.into_iter().flatten().map(str::trim).filter(|item| !item.is_empty());
    items.map(str::to_owned).collect()
}

fn owned(environment: &Environment, variable: &str) -> Option<String> {
    environment.set(variable).map(str::to_owned)
}

/// A stack's name from a folder's: lower case, other characters left out.
pub(crate) fn stack_name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let allowed = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let name: String = name.chars().filter(allowed).collect();
    name.trim_start_matches(['-', '_']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A folder with these files, and surroundings whose current directory is `at` in it.
    fn place(files: &[&str], at: &str) -> (tempfile::TempDir, Environment) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join(at)).unwrap();
        files.iter().for_each(|file| fs::write(folder.path().join(file), "").unwrap());
        let directory = fs::canonicalize(folder.path().join(at)).unwrap();
        (folder, Environment { directory, ..Default::default() })
    }

    fn with(mut environment: Environment, name: &str, value: &str) -> Environment {
        environment.vars.insert(name.into(), value.into());
        environment
    }

    #[test]
    fn the_newer_name_wins_with_a_warning_and_the_override_comes_along() {
        let files = ["compose.yaml", "docker-compose.yml", "compose.override.yaml"];
        let (_folder, environment) = place(&files, ".");
        let found = find(&Global::default(), &environment).unwrap();
        assert_eq!(found.options.files, ["compose.yaml", "compose.override.yaml"]);
        assert_eq!(found.warnings, ["using compose.yaml, not docker-compose.yml, which is there too"]);
        assert_eq!(found.options.directory, environment.directory.display().to_string());
    }

    #[test]
    fn the_dotenv_file_of_where_the_search_began_stands_above_that_of_the_stack() {
        let (_folder, environment) = place(&["compose.yml"], "a");
        let found = find(&Global::default(), &environment).unwrap().options;
        assert_eq!(found.env_directory, Some(environment.directory.display().to_string()));
        let global = Global { files: vec!["../compose.yml".into()], ..Default::default() };
        let found = find(&global, &environment).unwrap().options;
        assert_eq!((found.directory, found.env_directory), (parent(&environment), None));
        let global = Global { files: vec!["-".into(), "../compose.yml".into()], ..Default::default() };
        assert_eq!(find(&global, &environment).unwrap().options.directory, parent(&environment));
    }

    fn parent(environment: &Environment) -> String {
        environment.directory.parent().unwrap().display().to_string()
    }

    #[test]
    fn folders_above_are_searched_and_give_the_stack_its_directory() {
        let (folder, environment) = place(&["compose.yml"], "a/b");
        let found = find(&Global::default(), &environment).unwrap();
        let top = fs::canonicalize(folder.path()).unwrap();
        assert_eq!(found.options.files, [top.join("compose.yml").display().to_string()]);
        assert_eq!(found.options.directory, top.display().to_string());
    }

    #[test]
    fn named_files_take_no_override_and_flags_beat_the_variable() {
        let (_folder, environment) = place(&["compose.yaml", "compose.override.yml", "x.yaml"], ".");
        let environment = with(environment, "COMPOSE_FILE", "compose.yaml:x.yaml");
        let found = find(&Global::default(), &environment).unwrap();
        assert_eq!(found.options.files, ["compose.yaml", "x.yaml"]);
        let global = Global { files: vec!["x.yaml".into()], ..Default::default() };
        assert_eq!(find(&global, &environment).unwrap().options.files, ["x.yaml"]);
        let environment = with(environment, "COMPOSE_PATH_SEPARATOR", ";");
        let environment = with(environment, "COMPOSE_FILE", "x.yaml;compose.yaml");
        assert_eq!(find(&Global::default(), &environment).unwrap().options.files, ["x.yaml", "compose.yaml"]);
    }

    #[test]
    fn a_file_that_is_named_but_missing_has_an_exit_code_of_its_own() {
        let (_folder, environment) = place(&[], ".");
        let global = Global { files: vec!["no.yaml".into()], ..Default::default() };
        assert_eq!(find(&global, &environment).unwrap_err().exit(), Exit::FileNotFound);
        assert!(find(&Global::default(), &environment).unwrap().options.files.is_empty());
    }

    #[test]
    fn profiles_and_name_come_from_flags_then_from_variables() {
        let (_folder, environment) = place(&[], ".");
        let environment = with(environment, "COMPOSE_PROFILES", "a, b");
        let environment = with(environment, "COMPOSE_PROJECT_NAME", "shop");
        let found = find(&Global::default(), &environment).unwrap().options;
        assert_eq!((found.profiles, found.name.as_deref()), (vec!["a".into(), "b".into()], Some("shop")));
        let global =
            Global { profiles: vec!["c".into()], project_name: Some("other".into()), ..Default::default() };
        let found = find(&global, &environment).unwrap().options;
        assert_eq!((found.profiles, found.name.as_deref()), (vec!["c".into()], Some("other")));
    }

    #[test]
    fn files_of_variables_come_from_flags_then_from_a_variable() {
        let (_folder, environment) = place(&["a.env", "b.env"], ".");
        let environment = with(environment, "COMPOSE_ENV_FILES", "a.env,b.env");
        assert_eq!(find(&Global::default(), &environment).unwrap().options.env_files, ["a.env", "b.env"]);
        let global = Global { env_files: vec!["b.env".into()], ..Default::default() };
        assert_eq!(find(&global, &environment).unwrap().options.env_files, ["b.env"]);
        let environment = with(environment, "COMPOSE_ENV_FILES", "a.env,no.env");
        assert_eq!(find(&Global::default(), &environment).unwrap_err().exit(), Exit::FileNotFound);
    }

    #[test]
    fn a_dotenv_file_may_name_the_files_but_the_shell_wins() {
        let (folder, environment) = place(&["x.yaml", "y.yaml"], ".");
        fs::write(folder.path().join(".env"), "COMPOSE_FILE=x.yaml\nCOMPOSE_PROFILES=a\n").unwrap();
        let found = find(&Global::default(), &environment).unwrap().options;
        assert_eq!((found.files, found.profiles), (vec!["x.yaml".into()], vec!["a".into()]));
        let environment = with(environment, "COMPOSE_FILE", "y.yaml");
        assert_eq!(find(&Global::default(), &environment).unwrap().options.files, ["y.yaml"]);
        let environment = with(environment, "COMPOSE_DISABLE_ENV_FILE", "1");
        assert!(find(&Global::default(), &environment).unwrap().options.profiles.is_empty());
    }

    #[test]
    fn a_folder_gives_a_name_without_what_names_may_not_hold() {
        assert_eq!(stack_name(Path::new("/srv/My Shop.v2")), "myshopv2");
        assert_eq!(stack_name(Path::new("/srv/__x")), "x");
        assert_eq!(stack_name(Path::new("/")), "");
    }
}
