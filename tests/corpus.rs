//! What Docker Compose makes of real stack files, `sampan config` makes of them too.
//!
//! The reference corpus is no part of this repository: `SAMPAN_CORPUS` names its folder, which
//! otherwise is looked for at `../shared/corpus` beside the repository. It holds `cases.jsonl`,
//! one case a line, the stack files below `files/`, and what the reference printed below
//! `expected/`, where `@CORPUS@` stands for the folder. Needs no root.

use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The environment that the references were made in.
const ENVIRONMENT: [(&str, &str); 4] =
    [("HOME", "/root"), ("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8"), ("NO_COLOR", "1")];

/// Differences of one case that are shown.
const SHOWN: usize = 5;

/// One call of `config`, and what the reference answered.
#[derive(Deserialize)]
struct Case {
    id: String,
    /// Where it is called, below the corpus.
    dir: String,
    /// Options before the verb.
    args: Vec<String>,
    /// Options behind the verb.
    #[serde(default)]
    config_args: Vec<String>,
    /// Exit code of the reference: any but 0 is a rejection.
    exit: i32,
    /// File below `expected/` with what an accepting reference printed.
    #[serde(default)]
    expected: String,
    /// Why a rejecting reference did so.
    #[serde(default)]
    reference_error: String,
}

#[test]
fn real_stacks_mean_what_they_mean_to_docker_compose() {
    let Some(corpus) = corpus() else { return };
    let cases = cases(&corpus);
    assert!(!cases.is_empty(), "{} has no cases", corpus.display());
    let failures = failures(&corpus, &cases);
    assert!(
        failures.is_empty(),
        "{} of {} cases differ from the reference:\n{}",
        failures.len(),
        cases.len(),
        failures.concat()
    );
}

/// The folder of the corpus; `None`, with the reason printed, when there is none.
fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let named = std::env::var_os("SAMPAN_CORPUS").map(PathBuf::from);
    let folder = named.clone().unwrap_or_else(beside);
    match folder.canonicalize() {
        Ok(folder) => Some(folder),
        Err(error) if named.is_some() => panic!("SAMPAN_CORPUS={}: {error}", folder.display()),
        Err(_) => {
            e2e::skip("no reference corpus: SAMPAN_CORPUS is not set");
            None
        }
    }
}

fn cases(corpus: &Path) -> Vec<Case> {
    let text = fs::read_to_string(corpus.join("cases.jsonl")).expect("read the cases");
    text.lines().map(|line| serde_json::from_str(line).expect("read a case")).collect()
}

/// What differs, one text for each case that does, in the order of the cases.
fn failures(corpus: &Path, cases: &[Case]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let work = || {
        let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        let mine = numbers.map_while(|number| Some((number, cases.get(number)?)));
        mine.filter_map(|(number, case)| Some((number, failure(corpus, case)?))).collect::<Vec<_>>()
    };
    let mut failures = thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("run the cases")).collect::<Vec<_>>()
    });
    failures.sort();
    failures.into_iter().map(|(_, text)| text).collect()
}

/// What differs in one case, in lines that name it.
fn failure(corpus: &Path, case: &Case) -> Option<String> {
    let found = run(corpus, case);
    let first = found.first()?;
    let mut text = format!("{}  {}\n    {first}\n", case.id, case.args.join(" "));
    found.iter().skip(1).take(SHOWN - 1).for_each(|line| text += &format!("    {line}\n"));
    if found.len() > SHOWN {
        text += &format!("    … and {} more\n", found.len() - SHOWN);
    }
    Some(text)
}

fn run(corpus: &Path, case: &Case) -> Vec<String> {
    let folder = corpus.join(&case.dir);
    let output = Command::new(e2e::binary())
        .args(&case.args)
        .arg("config")
        .args(&case.config_args)
        .args(["--format", "json"])
        .current_dir(&folder)
        .env_clear()
        .envs(ENVIRONMENT)
        .env("PWD", &folder)
        .stdin(Stdio::null())
        .output()
        .expect("run sampan");
    match (case.exit == 0, output.status.success()) {
        (false, false) => return Vec::new(),
        (false, true) => return vec![format!("accepted, reference rejects: {}", case.reference_error)],
        (true, false) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let errors: Vec<_> = said.lines().filter(|line| line.starts_with("error")).collect();
            let errors = if errors.is_empty() { vec![said.trim()] } else { errors };
            return errors.iter().map(|error| format!("reference accepts: {error}")).collect();
        }
        (true, true) => {}
    }
    let want = fs::read_to_string(corpus.join("expected").join(&case.expected)).expect("read the reference");
    let want = want.replace("@CORPUS@", &corpus.to_string_lossy());
    let want = serde_json::from_str(&want).expect("read the reference");
    match serde_json::from_slice(&output.stdout) {
        Err(error) => vec![format!("output is not JSON: {error}")],
        Ok(got) => {
            let mut found = Vec::new();
            compare(&want, &got, "", &mut found);
            found
        }
    }
}

/// Collects the places at which two trees differ: mappings without order, lists with it.
fn compare(want: &Value, got: &Value, at: &str, found: &mut Vec<String>) {
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => {
            let ours = |key: &&String| key.starts_with("x-sampan");
            for key in want.keys().filter(|key| !ours(key) && !got.contains_key(*key)) {
                found.push(format!("{at}.{key}: missing, want {}", short(&want[key])));
            }
            for (key, got) in got.iter().filter(|(key, _)| !ours(key)) {
                match want.get(key) {
                    Some(want) => compare(want, got, &format!("{at}.{key}"), found),
                    None => found.push(format!("{at}.{key}: unexpected {}", short(got))),
                }
            }
        }
        (Value::Array(want), Value::Array(got)) if want.len() == got.len() => {
            for (index, (want, got)) in want.iter().zip(got).enumerate() {
                compare(want, got, &format!("{at}[{index}]"), found);
            }
        }
        // 1 and 1.0 are one number.
        (Value::Number(want), Value::Number(got)) if want.as_f64() == got.as_f64() => {}
        _ if want == got => {}
        _ => found.push(format!("{at}: want {}, got {}", short(want), short(got))),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 120 { text } else { text.chars().take(120).chain(['…']).collect() }
}
