//! Log lines of several containers, each with the name of its container in front.

use super::style::{Ink, Style};
use engine::container::{ContainerStatus, LogLine};
use planner::ContainerId;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Names in colours.
    pub(crate) colour: bool,
    /// Names at all.
    pub(crate) prefix: bool,
    /// The time in front of the text.
    pub(crate) timestamps: bool,
}

/// Turns log lines into text.
pub(crate) struct LogView {
    timestamps: bool,
    /// Also those that came later have their names in front.
    prefixed: bool,
    prefixes: BTreeMap<ContainerId, String>,
}

impl LogView {
    /// A view of these containers.
    pub(crate) fn new(style: Style, look: Look, shown: &[ContainerStatus]) -> Self {
        let style = Style { colour: style.colour && look.colour };
        let services: BTreeSet<&str> = shown.iter().map(|one| one.id.slot.service.as_str()).collect();
        let services: Vec<&str> = services.into_iter().collect();
        let width = shown.iter().map(|one| label(one).chars().count()).max().unwrap_or(0);
        let prefix = |one: &ContainerStatus| {
            let ink = Ink::Service(services.binary_search(&one.id.slot.service.as_str()).unwrap_or(0));
            style.paint(ink, format!("{:width$} |", label(one))).into_owned() + " "
        };
        let prefixes = shown.iter().filter(|_| look.prefix).map(|one| (one.id.clone(), prefix(one)));
        Self { timestamps: look.timestamps, prefixed: look.prefix, prefixes: prefixes.collect() }
    }

    /// One line with its line end.
    pub(crate) fn line(&self, id: &ContainerId, line: &LogLine) -> String {
        let later = || if self.prefixed { format!("{} | ", name(id)) } else { String::new() };
        let prefix = self.prefixes.get(id).map_or_else(|| later().into(), |known| Cow::from(known.as_str()));
        match self.timestamps {
            true => format!("{prefix}{} {}\n", line.time, line.text),
            false => format!("{prefix}{}\n", line.text),
        }
    }

    /// Something that is no log line, about one container.
    pub(crate) fn remark(&self, id: &ContainerId, text: &str) -> String {
        match self.prefixes.get(id) {
            Some(prefix) => format!("{prefix}{text}\n"),
            None => format!("{} {text}\n", name(id)),
        }
    }
}

/// The name that was chosen, otherwise `web-1`.
fn label(one: &ContainerStatus) -> String {
    one.spec.name.clone().unwrap_or_else(|| name(&one.id))
}

/// `web-1`: the stack is known.
fn name(id: &ContainerId) -> String {
    format!("{}-{}", id.slot.service, id.slot.index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::status::tests::status_of;
    use engine::container::Stream;
    use planner::live::State;

    fn line(text: &str) -> LogLine {
        let time = "2026-01-02T03:04:05.123456789Z".parse().unwrap();
        LogLine { time, stream: Stream::Stdout, text: text.into() }
    }

    fn shown() -> [ContainerStatus; 2] {
        ["shop.web.1.1", "shop.store.1.1"].map(|id| status_of(id, State::Created))
    }

    const LOOK: Look = Look { colour: true, prefix: true, timestamps: false };

    #[test]
    fn names_line_up_and_each_service_has_its_colour() {
        let mut shown = shown();
        let text = |shown: &[ContainerStatus]| {
            let view = LogView::new(Style { colour: true }, LOOK, shown);
            view.line(&shown[0].id, &line("hi")) + &view.line(&shown[1].id, &line("ho"))
        };
        assert_eq!(text(&shown), "\x1b[33mweb-1   |\x1b[0m hi\n\x1b[36mstore-1 |\x1b[0m ho\n");
        shown[0].spec.name = Some("the-site".into());
        assert_eq!(text(&shown), "\x1b[33mthe-site |\x1b[0m hi\n\x1b[36mstore-1  |\x1b[0m ho\n");
    }

    #[test]
    fn without_name_and_with_time_the_text_is_as_written() {
        let shown = shown();
        let look = Look { prefix: false, timestamps: true, ..LOOK };
        let view = LogView::new(Style::default(), look, &shown);
        assert_eq!(view.line(&shown[0].id, &line("hi")), "2026-01-02T03:04:05.123456789Z hi\n");
    }
}
