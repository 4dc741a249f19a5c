//! Golden plans: each file of `tests/plans` tells what exists, what is asked, and the plan.
//!
//! A file is a sentence of intent and sections, done one after the other:
//!
//! - `== up` brings a stack file up in the world, `== up, interrupted after 3 steps` a part of it.
//! - `== states` says what containers do now, one a line: `web/1 exited 1`.
//! - `== absent` lists images that are not here; all others are.
//! - `== file` is the stack file of today; without it there is none.
//! - `== goal` is the command.
//! - `== plan` is what people read, `== steps` what the engine is handed, in which order.
//!
//! `SAMPAN_BLESS=1` writes the last two anew.

#![expect(clippy::unwrap_used, reason = "a golden file that does not read is a failed test")]

use e2e::schema::misfits;
use planner::desired::Slot;
use planner::goal::{BuildOptions, BuildWhen, ImageOptions, PullOptions, RestoreOptions, UpOptions, Verb};
use planner::live::{Health, Image, Live, State};
use planner::load::{LoadOptions, load};
use planner::plan::{plan, render};
use planner::{Goal, Source, Stack, world};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A stack file that is only a text.
struct Text(String);

impl Source for Text {
    fn read(&self, path: &str) -> io::Result<String> {
        if path == "compose.yaml" { Ok(self.0.clone()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn var(&self, _name: &str) -> Option<String> {
        None
    }
}

fn stack(text: &str) -> Stack {
    let options = LoadOptions {
        files: vec!["compose.yaml".to_owned()],
        name: Some("shop".to_owned()),
        directory: "/srv/shop".to_owned(),
        ..LoadOptions::default()
    };
    load(&options, &Text(text.to_owned())).unwrap_or_else(|errors| panic!("{errors}{text}")).stack
}

/// Every image that a stack names is there; those whose name says so check their health.
fn provide_images(live: &mut Live, stack: &Stack) {
    for (name, service) in stack.services.iter().chain(&stack.disabled) {
        let name = service.image_name(&stack.name, name);
        let image = Image { id: format!("sha256:{name}"), ..Image::default() };
        live.images.insert(name, image);
    }
}

fn bring_up(live: &mut Live, text: &str, steps: usize) {
    let stack = stack(text);
    provide_images(live, &stack);
    let goal = Goal::all(Verb::Up(UpOptions { wait: true, ..UpOptions::default() }));
    let plan = plan(Some(&stack), &goal, live).unwrap();
    plan.nodes.iter().take(steps).for_each(|node| world::enact(live, &node.step).unwrap());
}

fn set_states(live: &mut Live, text: &str) {
    for line in text.lines().filter(|line| !line.is_empty()) {
        let words: Vec<_> = line.split(' ').collect();
        let slot = Slot::try_from(words[0].to_owned()).unwrap();
        let state = match words[1..] {
            ["exited", code] => State::Exited { code: code.parse().unwrap(), requested: false },
            ["stopped"] => State::Exited { code: 143, requested: true },
            ["starting"] => State::Running { health: Health::Starting },
            ["unsupervised"] => State::Unsupervised,
            ["stopping"] => State::Stopping,
            _ => panic!("{line}"),
        };
        let (_, container) = live.containers.iter_mut().rfind(|(id, _)| id.slot == slot).unwrap();
        container.state = state;
    }
}

fn goal(line: &str) -> Goal {
    let mut words = line.split_whitespace();
    let verb = words.next().unwrap();
    let (flags, names): (Vec<_>, Vec<_>) = words.partition(|word| word.starts_with('-'));
    let has = |flag: &str| flags.contains(&flag);
    let scales = flags.iter().filter_map(|flag| flag.strip_prefix("--scale=")?.split_once(':'));
    if verb == "restore" {
        let slots = names.iter().map(|name| Slot::try_from((*name).to_owned()).unwrap()).collect();
        return Goal::all(Verb::Restore(RestoreOptions { slots }));
    }
    let options = UpOptions {
        wait: has("--wait"),
        force_recreate: has("--force-recreate"),
        no_deps: has("--no-deps"),
        remove_orphans: has("--remove-orphans"),
        no_start: has("--no-start"),
        images: ImageOptions {
            build: if has("--build") { BuildWhen::Always } else { BuildWhen::Policy },
            ..Default::default()
        },
        scale: scales.map(|(name, count)| (name.to_owned(), count.parse().unwrap())).collect(),
        ..UpOptions::default()
    };
    let verb = match verb {
        "up" => Verb::Up(options),
        "down" => Verb::Down { volumes: has("-v") },
        "start" => Verb::Start,
        "stop" => Verb::Stop,
        "restart" => Verb::Restart,
        "pull" => {
            Verb::Pull(PullOptions { ignore_buildable: has("--ignore-buildable"), ..Default::default() })
        }
        "build" => Verb::Build(BuildOptions { push: has("--push"), ..Default::default() }),
        _ => panic!("{line}"),
    };
    Goal { services: names.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), ..Goal::all(verb) }
}

/// The schema of plans for programs.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/plan.json");
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
});

/// Plan and steps, or why there is no plan. Programs get a plan that fits the schema.
fn planned(live: &Live, file: Option<&Stack>, goal: &Goal) -> [String; 2] {
    match plan(file, goal, live) {
        Ok(plan) => {
            let mut world = live.clone();
            plan.nodes.iter().for_each(|node| world::enact(&mut world, &node.step).unwrap());
            let json = render::json(&plan);
            assert_eq!(misfits(&json, &SCHEMA), <[&str; 0]>::default(), "{json:#}");
            [render::text(&plan).to_string(), render::steps(&plan).to_string()]
        }
        Err(refusal) => {
            let told = refusal.problems.iter().map(|problem| {
                format!("refused: {}\nhint: {}\n", problem.message, problem.hint.as_deref().unwrap_or("none"))
            });
            [told.collect(), String::new()]
        }
    }
}

/// The file as it should be.
fn played(text: &str) -> String {
    let mut parts = text.split("\n== ");
    let intent = parts.next().unwrap_or_default();
    let mut live = Live { stack: "shop".to_owned(), ..Live::default() };
    let mut file = None;
    let mut asked = None;
    let mut absent = Vec::new();
    let mut kept = vec![intent.trim_end().to_owned()];
    for part in parts {
        let (title, body) = part.split_once('\n').unwrap_or((part, ""));
        match title.split([',', ' ']).next().unwrap_or_default() {
            "up" => bring_up(&mut live, body, number_in(title).unwrap_or(usize::MAX)),
            "states" => set_states(&mut live, body),
            "file" => file = Some(stack(body)),
            "absent" => absent.extend(body.lines()),
            "goal" => asked = Some(goal(body.trim())),
            "plan" | "steps" => continue,
            _ => panic!("unknown section `{title}`"),
        }
        kept.push(format!("== {title}\n{}", body.trim_end()));
    }
    if let Some(file) = &file {
        provide_images(&mut live, file);
    }
    live.images.retain(|image, _| !absent.contains(&image.as_str()));
    let [plan, steps] = planned(&live, file.as_ref(), &asked.expect("a goal"));
    kept.push(format!("== plan\n{}", plan.trim_end()));
    if !steps.is_empty() {
        kept.push(format!("== steps\n{}", steps.trim_end()));
    }
    kept.join("\n\n") + "\n"
}

fn number_in(title: &str) -> Option<usize> {
    title.split(' ').find_map(|word| word.parse().ok())
}

fn cases() -> BTreeMap<PathBuf, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/plans");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn plans_are_as_written() {
    let cases = cases();
    assert!(cases.len() >= 12, "only {} golden plans are found", cases.len());
    let bless = std::env::var_os("SAMPAN_BLESS").is_some();
    let mut wrong = Vec::new();
    for (path, text) in &cases {
        let played = played(text);
        if bless {
            fs::write(path, &played).unwrap();
        } else if played != *text {
            wrong.push(format!("{}\n\n{played}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "these plans are different now:\n\n{}", wrong.join("\n\n"));
}

#[test]
fn the_schema_has_the_words_of_the_types() {
    let actions = render::Action::ALL.map(|action| json!(action));
    assert_eq!(SCHEMA["$defs"]["change"]["properties"]["action"]["enum"], json!(actions));
    // A misfit is found at all.
    let mut plan = render::json(&planner::Plan::default());
    assert_eq!(misfits(&plan, &SCHEMA), <[&str; 0]>::default());
    plan["summary"] = json!(1);
    plan["more"] = json!(1);
    assert_eq!(misfits(&plan, &SCHEMA), ["/more", "/summary"]);
}
