//! `.dockerignore`: which files of a build context a build does not see.
//!
//! A pattern a line, `#` begins a comment, `!` an exception. Of all patterns that match a path
//! or a folder it is in, the last one counts. Patterns are relative to the context wherever they
//! begin: `/a`, `./a/` and `a` are the same.

mod pattern;

use pattern::Pattern;
use planner::Diagnostics;
use planner::diagnostic::Span;
use std::path::Path;

/// The patterns of a file, ready to be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    exception: bool,
    pattern: Pattern,
}

/// Where the patterns may be, in order: the first file that is there counts, alone. The first
/// belongs to the Dockerfile and stands beside it, the second to the context.
#[must_use]
pub fn candidates(dockerfile: &Path, context: &Path) -> [std::path::PathBuf; 2] {
    let mut own = dockerfile.as_os_str().to_owned();
    own.push(".dockerignore");
    [own.into(), context.join(".dockerignore")]
}

impl Ignore {
    /// Reads a `.dockerignore`. `name` is what diagnostics call the file.
    ///
    /// # Errors
    /// When a pattern is none.
    pub fn parse(text: &str, name: &str) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let file = diagnostics.add_file(name, text);
        let mut ignore = Self::default();
        let mut start = 0;
        for (index, line) in text.split_inclusive('\n').enumerate() {
            let plain = if index == 0 { line.trim_start_matches('\u{feff}') } else { line };
            match rule(plain) {
                Ok(rule) => ignore.rules.extend(rule),
                Err(message) => {
                    let at = start + line.len() - line.trim_start().len();
                    let end = start + line.trim_end().len();
                    let column = line.len() - line.trim_start().len() + 1;
                    let span = Span::new(file, at..end.max(at), index + 1, column);
                    diagnostics.error(&span, "", message);
                }
            }
            start += line.len();
        }
        if diagnostics.has_errors() { Err(diagnostics) } else { Ok(ignore) }
    }

    /// Patterns that come from elsewhere, such as `COPY --exclude`.
    ///
    /// # Errors
    /// When a pattern is none.
    pub fn of<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let rules = patterns.into_iter().filter_map(|text| pattern_rule(text.trim()).transpose());
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    /// Whether there are no patterns.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a build does not see a path, which is relative to the context.
    #[must_use]
    pub fn ignores(&self, path: &Path) -> bool {
        self.judge(&path.to_string_lossy()).0
    }

    /// Whether something in a folder may be seen: in one that is ignored only when an exception
    /// reaches into it. Otherwise nobody needs to look.
    #[must_use]
    pub fn may_see_into(&self, folder: &Path) -> bool {
        let folder = folder.to_string_lossy();
        let (ignored, matched) = self.judge(&folder);
        let last = (0..self.rules.len()).rfind(|index| matched[*index] && !self.rules[*index].exception);
        let behind = last.map_or(0, |last| last + 1);
        !ignored
            || self.rules[behind..].iter().any(|rule| rule.exception && rule.pattern.reaches_into(&folder))
    }

    /// Whether a path is ignored, and which rules matched it or a folder that it is in. Going
    /// down, a rule that would change nothing is not asked.
    fn judge(&self, path: &str) -> (bool, Vec<bool>) {
        let mut matched = vec![false; self.rules.len()];
        let mut ignored = false;
        // The context itself is there whatever matches it.
        if path.is_empty() || path == "." {
            return (ignored, matched);
        }
        for end in path.match_indices('/').map(|(at, _)| at).chain([path.len()]) {
            ignored = false;
            for (rule, matched) in self.rules.iter().zip(&mut matched) {
                *matched = *matched || rule.exception == ignored && rule.pattern.matches(&path[..end]);
                if *matched {
                    ignored = !rule.exception;
                }
            }
        }
        (ignored, matched)
    }
}

/// What a line says, if anything.
fn rule(line: &str) -> Result<Option<Rule>, String> {
    if line.starts_with('#') { Ok(None) } else { pattern_rule(line.trim()) }
}

fn pattern_rule(text: &str) -> Result<Option<Rule>, String> {
    let (exception, text) = match text.strip_prefix('!') {
        Some(rest) if rest.trim().is_empty() => return Err("there is no pattern behind the `!`".to_owned()),
        Some(rest) => (true, rest.trim()),
        None => (false, text),
    };
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(Rule { exception, pattern: Pattern::new(&clean(text))? }))
}

/// Without `.`, `..`, doubled slashes and those at the ends.
fn clean(text: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            // There is nothing above the root.
            ".." if text.starts_with('/') => {}
            _ => parts.push(part),
        }
    }
    // What is left of `.` and `/` names the context itself, which is never ignored.
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests;
