//! Places in a stack file: `services.web.ports.0`, and patterns of them.

use std::fmt;

/// The way from the top of a file to a node. It borrows from the walk that makes it, so that
/// walking costs nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step<'a> {
    Top,
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    /// The whole file.
    pub(crate) const TOP: Path<'static> = Path { parent: None, step: Step::Top };

    /// The value of a key below this.
    pub(crate) fn key<'b>(&'b self, key: &'b str) -> Path<'b>
    where
        'a: 'b,
    {
        Path { parent: Some(self), step: Step::Key(key) }
    }

    /// An item of the list that this is.
    pub(crate) fn index<'b>(&'b self, index: usize) -> Path<'b>
    where
        'a: 'b,
    {
        Path { parent: Some(self), step: Step::Index(index) }
    }

    /// The key that leads here; `None` for an item of a list and the whole file.
    pub(crate) fn name(&self) -> Option<&str> {
        if let Step::Key(key) = self.step { Some(key) } else { None }
    }

    /// Whether this place is one that the pattern means. A `*` stands for one step of any name.
    pub(crate) fn matches(&self, pattern: &str) -> bool {
        let mut here = Some(self);
        for segment in pattern.rsplit('.') {
            let Some(path) = here else { return false };
            let same = match path.step {
                Step::Top => segment.is_empty(),
                Step::Key(key) => segment == "*" || segment == key,
                Step::Index(_) => segment == "*",
            };
            if !same {
                return false;
            }
            here = path.parent;
        }
        here.is_none_or(|path| path.step == Step::Top)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent
            && parent.step != Step::Top
        {
            write!(f, "{parent}.")?;
        }
        match self.step {
            Step::Top => Ok(()),
            Step::Key(key) => f.write_str(key),
            Step::Index(index) => write!(f, "{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_like_the_file_and_matches_its_pattern() {
        let services = Path::TOP.key("services");
        let web = services.key("web.v2");
        let ports = web.key("ports");
        let first = ports.index(0);
        assert_eq!(first.to_string(), "services.web.v2.ports.0");
        assert!(first.matches("services.*.ports.*"));
        assert!(ports.matches("services.*.ports"));
        assert!(!ports.matches("services.*.volumes"));
        assert!(!ports.matches("*.ports"));
        assert!(!services.matches("a.services"));
        assert!(Path::TOP.matches(""));
        assert_eq!(Path::TOP.to_string(), "");
    }
}
