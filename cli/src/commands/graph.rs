//! `sampan graph`

use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::{Args, ValueEnum};
use planner::Stack;
use planner::model::Condition;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Draw which service waits for which
#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    /// Form of the drawing; `dot` is for Graphviz
    #[arg(long, value_enum, default_value_t = Form::Tree)]
    format: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    #[value(help = None)]
    Tree,
    #[value(help = None)]
    Dot,
}

pub(crate) fn run(args: &GraphArgs, context: &Context) -> Result<Exit, Failure> {
    let reading = context.read(|_| {})?;
    context.screen.diagnostics(&reading.remarks);
    let stack = &reading.loaded.stack;
    context.screen.print(&match args.format {
        Form::Tree => Trees { stack, drawn: BTreeSet::new() }.draw(),
        Form::Dot => dot(stack),
    })?;
    Ok(Exit::Done)
}

/// What a service waits for: each service with what must have become of it, by name.
fn waits_for<'a>(stack: &'a Stack, service: &str) -> Vec<(&'a str, &'static str)> {
    let there = stack.services.get(service).into_iter().flat_map(|service| &service.depends_on);
    let there = there.filter(|(name, _)| stack.services.contains_key(*name));
    there.map(|(name, dependency)| (name.as_str(), word(dependency.condition))).collect()
}

fn word(condition: Condition) -> &'static str {
    match condition {
        Condition::ServiceStarted => "",
        Condition::ServiceHealthy => "healthy",
        Condition::ServiceCompletedSuccessfully => "completed",
    }
}

/// One tree for each service that nobody waits for.
struct Trees<'a> {
    stack: &'a Stack,
    /// What stands in a tree already: below it nothing is repeated.
    drawn: BTreeSet<&'a str>,
}

impl<'a> Trees<'a> {
    fn draw(mut self) -> String {
        let mut text = String::new();
        let names = || self.stack.services.keys().map(String::as_str);
        let needed: BTreeSet<&str> =
            names().flat_map(|name| waits_for(self.stack, name)).map(|(name, _)| name).collect();
        let roots: Vec<&str> = names().filter(|name| !needed.contains(name)).collect();
        for root in roots {
            text.push_str(root);
            text.push('\n');
            self.below(root, "", &mut text);
        }
        text
    }

    fn below(&mut self, service: &'a str, indent: &str, text: &mut String) {
        let all = waits_for(self.stack, service);
        for (at, (name, how)) in all.iter().enumerate() {
            let last = at + 1 == all.len();
            let (branch, bar) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let how = if how.is_empty() { String::new() } else { format!(" ({how})") };
            let is_new = self.drawn.insert(name);
            let more = if is_new || waits_for(self.stack, name).is_empty() { "" } else { " …" };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{indent}{branch}{name}{how}{more}");
            if is_new {
                self.below(name, &format!("{indent}{bar}"), text);
            }
        }
    }
}

/// The language of Graphviz: <https://graphviz.org/doc/info/lang.html>. Names of services need quotes,
/// but no escapes.
fn dot(stack: &Stack) -> String {
    let mut text = format!("digraph \"{}\" {{\n", stack.name);
    for service in stack.services.keys() {
        let _ = writeln!(text, "  \"{service}\";");
        for (name, how) in waits_for(stack, service) {
            let label = if how.is_empty() { String::new() } else { format!(" [label=\"{how}\"]") };
            let _ = writeln!(text, "  \"{service}\" -> \"{name}\"{label};");
        }
    }
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use planner::model::{Dependency, Service};

    fn stack() -> Stack {
        let service = |needs: &[(&str, Condition)]| {
            let one = |(name, condition): &(&str, Condition)| {
                ((*name).to_owned(), Dependency { condition: *condition, ..Dependency::default() })
            };
            Service { depends_on: needs.iter().map(one).collect(), ..Service::default() }
        };
        let (started, healthy) = (Condition::ServiceStarted, Condition::ServiceHealthy);
        let services = [
            ("api", service(&[("cache", started), ("db", healthy)])),
            ("cache", service(&[])),
            ("db", service(&[("disk", started)])),
            ("disk", service(&[])),
            ("job", service(&[("db", Condition::ServiceCompletedSuccessfully), ("gone", started)])),
        ];
        let services = services.map(|(name, service)| (name.to_owned(), service)).into();
        Stack { name: "shop".into(), services, ..Stack::default() }
    }

    #[test]
    fn a_tree_says_nothing_twice() {
        let stack = stack();
        assert_eq!(
            Trees { stack: &stack, drawn: BTreeSet::new() }.draw(),
            "api\n├─ cache\n└─ db (healthy)\n   └─ disk\njob\n└─ db (completed) …\n"
        );
    }

    #[test]
    fn graphviz_gets_every_service_and_edge() {
        let text = dot(&stack());
        assert!(text.starts_with("digraph \"shop\" {\n  \"api\";\n  \"api\" -> \"cache\";\n"), "{text}");
        assert!(text.contains("  \"api\" -> \"db\" [label=\"healthy\"];\n"), "{text}");
        assert!(!text.contains("gone"));
    }
}
