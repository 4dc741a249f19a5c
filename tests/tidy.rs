//! House rules as tests.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file that may not be exceeded, without its tests.
const LINES: usize = 600;

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("read the folder").flatten() {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "target" {
            sources(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push(path);
        }
    }
}

fn all() -> Vec<(PathBuf, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in ["planner", "engine", "cli", "tests"] {
        sources(&top.join(folder), &mut files);
    }
    assert!(files.len() > 50, "the sources were found");
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).expect("read a source"))).collect()
}

#[test]
fn every_file_says_its_one_job() {
    for (path, text) in all() {
        assert!(text.starts_with("//!"), "{} has no header", path.display());
    }
}

#[test]
fn no_file_is_too_long_to_know() {
    for (path, text) in all() {
        if path.to_string_lossy().ends_with("tests.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = code.lines().count();
        assert!(lines <= LINES, "{} has {lines} lines", path.display());
    }
}

#[test]
fn unsafe_code_is_only_where_system_calls_are() {
    for (path, text) in all() {
        let place = path.to_string_lossy().contains("engine/src/sys/");
        let found =
            text.lines().any(|line| line.contains("unsafe {") && !line.trim_start().starts_with("//"));
        assert!(place || !found || path.ends_with("tests/tidy.rs"), "{} has unsafe code", path.display());
    }
}

#[test]
fn work_that_is_left_has_an_issue() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    for (path, text) in all() {
        for (number, line) in text.lines().enumerate() {
            let open = marks.iter().any(|mark| line.contains(mark)) && !line.contains("issue");
            assert!(!open, "{}:{} has work without an issue", path.display(), number + 1);
        }
    }
}
