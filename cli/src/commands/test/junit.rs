//! The result as JUnit XML, which CI systems show.

use crate::error::{Exit, Failure};
use crate::output::file;
use jiff::Timestamp;
use std::path::Path;

/// What it says.
pub(super) struct Report<'a> {
    /// The copy that was tested.
    pub(super) stack: &'a str,
    /// The command or service.
    pub(super) name: &'a str,
    pub(super) began: Timestamp,
    pub(super) result: &'a Result<Exit, Failure>,
}

impl Report<'_> {
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let seconds = Timestamp::now().duration_since(self.began).as_secs_f64();
        let text = self.text(seconds);
        file::replace(path, &text).map_err(|error| Failure::io(format!("write {}", path.display()), &error))
    }

    fn text(&self, seconds: f64) -> String {
        let (stack, name) = (escaped(self.stack), escaped(self.name));
        let (failures, body) = match self.why() {
            None => (0, String::new()),
            Some(why) => (1, format!("<failure message=\"{}\"/>", escaped(&why))),
        };
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuite name=\"{stack}\" tests=\"1\" failures=\"{failures}\" time=\"{seconds:.3}\">\n  \
             <testcase classname=\"sampan\" name=\"{name}\" time=\"{seconds:.3}\">{body}</testcase>\n\
             </testsuite>\n"
        )
    }

    /// Why it failed; `None` when it did not.
    fn why(&self) -> Option<String> {
        match self.result {
            Ok(Exit::Done) => None,
            Ok(exit) => Some(format!("exit code {}", exit.code())),
            Err(failure) => Some(format!("exit code {}", failure.exit().code())),
        }
    }
}

/// A text as XML has it; what XML cannot have is left out.
fn escaped(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => all.push_str("&lt;"),
            '>' => all.push_str("&gt;"),
            '&' => all.push_str("&amp;"),
            '"' => all.push_str("&quot;"),
            c if c.is_control() => all.push(' '),
            c => all.push(c),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_with_its_exit_code() {
        let report = |result| {
            let began = Timestamp::UNIX_EPOCH;
            Report { stack: "shop-test-1", name: "sh -c 'a < b'", began, result: &result }.text(1.5)
        };
        let failed = report(Ok(Exit::Program(3)));
        assert!(failed.contains(r#"tests="1" failures="1" time="1.500""#), "{failed}");
        assert!(failed.contains(r#"name="sh -c 'a &lt; b'""#), "{failed}");
        assert!(failed.contains(r#"<failure message="exit code 3"/>"#), "{failed}");
        assert!(report(Ok(Exit::Done)).contains(r#"failures="0""#));
    }
}
