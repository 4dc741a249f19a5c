//! Which variables a place of the Dockerfile sees, and what they are.
//!
//! `ARG` above the first `FROM` is for `FROM` lines; a stage sees one of them once it says `ARG
//! name`. In a stage, what `ENV` says wins over `ARG`. Both are passed on to stages that start
//! from it.

use crate::image::platform;
use planner::desired::BuildSpec;
use std::collections::BTreeMap;

/// Arguments that every `RUN` gets when the build was given them, without an `ARG`. They say how
/// to reach the outside, not what to make: the cache does not look at them, and no history tells.
const PROXIES: &[&str] = &["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

/// What `ARG`s there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Globals {
    /// What the build was given.
    given: BTreeMap<String, String>,
    /// What needs no value: the platforms, and the target.
    predefined: BTreeMap<String, String>,
    /// `ARG` above the first `FROM`.
    declared: BTreeMap<String, Option<String>>,
}

impl Globals {
    pub(super) fn new(spec: &BuildSpec) -> Self {
        let mut predefined = BTreeMap::new();
        let (os, processor) = (platform::OS, platform::ARCHITECTURE);
        for side in ["BUILD", "TARGET"] {
            let mut say = |name: &str, value: String| drop(predefined.insert(format!("{side}{name}"), value));
            say("PLATFORM", format!("{os}/{processor}"));
            say("OS", os.to_owned());
            say("ARCH", processor.to_owned());
            say("VARIANT", String::new());
        }
        predefined.insert("TARGETSTAGE".to_owned(), spec.target.clone().unwrap_or("default".to_owned()));
        let mut given = spec.args.clone();
        if let Some(epoch) = spec.source_date_epoch {
            given.entry("SOURCE_DATE_EPOCH".to_owned()).or_insert_with(|| epoch.to_string());
        }
        Self { given, predefined, declared: BTreeMap::new() }
    }

    /// `ARG name=default` above the first `FROM`.
    pub(super) fn declare(&mut self, name: &str, default: Option<String>) {
        let value = self.given.get(name).cloned().or(default);
        self.declared.insert(name.to_owned(), value);
    }

    /// What a `FROM` line sees.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let declared = self.declared.get(name).cloned().flatten();
        declared.or_else(|| self.given_or_predefined(name))
    }

    fn given_or_predefined(&self, name: &str) -> Option<String> {
        let predefined = self.predefined.get(name)?;
        Some(self.given.get(name).unwrap_or(predefined).clone())
    }

    /// What the build was given that nothing has declared.
    pub(super) fn undeclared<'a>(&'a self, is_declared: impl Fn(&str) -> bool + 'a) -> Vec<&'a str> {
        let known = move |name: &&str| {
            !is_declared(name)
                && !self.declared.contains_key(*name)
                && !self.predefined.contains_key(*name)
                && !is_proxy(name)
                && *name != "SOURCE_DATE_EPOCH"
        };
        self.given.keys().map(String::as_str).filter(known).collect()
    }

    /// Proxies that the build was given.
    pub(super) fn proxies(&self) -> impl Iterator<Item = (&String, &String)> {
        self.given.iter().filter(|(name, _)| is_proxy(name))
    }
}

fn is_proxy(name: &str) -> bool {
    PROXIES.iter().any(|proxy| name.eq_ignore_ascii_case(proxy))
}

/// The variables of one stage, as they are behind the statements so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    /// `ARG`s, in the order of their first mention; without a value they are unset.
    arguments: Vec<(String, Option<String>)>,
    /// `ENV`, in its order.
    env: Vec<(String, String)>,
}

impl Variables {
    /// Those that an image sets.
    pub(super) fn of_image(env: &[String]) -> Self {
        let pair = |variable: &String| {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            (name.to_owned(), value.to_owned())
        };
        Self { arguments: Vec::new(), env: env.iter().map(pair).collect() }
    }

    /// `ARG name=default`. Gives the value.
    pub(super) fn declare(&mut self, globals: &Globals, name: &str, default: Option<String>) {
        let value = globals.given.get(name).cloned().or(default).or_else(|| globals.get(name));
        match self.arguments.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => *old = value,
            None => self.arguments.push((name.to_owned(), value)),
        }
    }

    /// `ENV name=value`.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        match self.env.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.env.push((name.to_owned(), value.to_owned())),
        }
    }

    /// What words of the stage see.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let env = self.env.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
        env.or_else(|| self.arguments.iter().find(|(other, _)| other == name)?.1.clone())
    }

    /// `ENV`, as an image keeps it.
    pub(super) fn env(&self) -> Vec<String> {
        self.env.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    /// `ARG`s that have a value and that `ENV` does not hide.
    fn arguments(&self) -> Vec<(&str, &str)> {
        let set = self.arguments.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?)));
        set.filter(|(name, _)| !self.env.iter().any(|(other, _)| other == name)).collect()
    }

    /// All `ARG`s with what the stage takes them for, as the history of a `RUN` tells them.
    pub(super) fn declared(&self) -> Vec<(&str, String)> {
        self.arguments.iter().map(|(name, _)| (name.as_str(), self.get(name).unwrap_or_default())).collect()
    }

    /// The environment of a `RUN`, without proxies.
    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        self.arguments().into_iter().map(own).chain(self.env.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globals(given: &[(&str, &str)]) -> Globals {
        let args = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Globals::new(&BuildSpec { args, ..BuildSpec::default() })
    }

    #[test]
    fn a_stage_sees_a_global_argument_once_it_declares_it() {
        let mut globals = globals(&[("GIVEN", "by the build")]);
        globals.declare("GLOBAL", Some("above".into()));
        globals.declare("GIVEN", Some("above".into()));
        assert_eq!(globals.get("GIVEN").as_deref(), Some("by the build"));
        let mut stage = Variables::default();
        assert_eq!(stage.get("GLOBAL"), None);
        stage.declare(&globals, "GLOBAL", None);
        stage.declare(&globals, "GIVEN", Some("own default".into()));
        stage.declare(&globals, "NEITHER", None);
        assert_eq!(stage.get("GLOBAL").as_deref(), Some("above"));
        assert_eq!(stage.get("GIVEN").as_deref(), Some("by the build"));
        assert_eq!(stage.get("NEITHER"), None);
        assert_eq!(stage.declared().last(), Some(&("NEITHER", String::new())));
        stage.declare(&globals, "GLOBAL", Some("own default".into()));
        assert_eq!(stage.get("GLOBAL").as_deref(), Some("own default"));
    }

    #[test]
    fn env_wins_over_arg_in_words_and_in_run() {
        let globals = globals(&[("A", "argument")]);
        let mut stage = Variables::of_image(&["PATH=/bin".into()]);
        stage.declare(&globals, "A", None);
        stage.declare(&globals, "B", Some("b".into()));
        stage.set("A", "environment");
        assert_eq!(stage.get("A").as_deref(), Some("environment"));
        assert_eq!(stage.arguments(), [("B", "b")]);
        assert_eq!(stage.env(), ["PATH=/bin", "A=environment"]);
        assert_eq!(stage.environment()["A"], "environment");
        assert_eq!(stage.environment()["B"], "b");
    }

    #[test]
    fn platforms_are_known_to_from_and_to_stages_that_ask() {
        let globals = globals(&[]);
        assert_eq!(globals.get("TARGETARCH").as_deref(), Some(platform::ARCHITECTURE));
        let mut stage = Variables::default();
        assert_eq!(stage.get("TARGETOS"), None);
        stage.declare(&globals, "TARGETOS", None);
        assert_eq!(stage.get("TARGETOS").as_deref(), Some("linux"));
    }

    #[test]
    fn what_nothing_declares_is_told_unless_it_is_a_proxy() {
        let mut globals = globals(&[("http_proxy", "x"), ("TYPO", "x"), ("USED", "x"), ("TOP", "x")]);
        globals.declare("TOP", None);
        assert_eq!(globals.undeclared(|name| name == "USED"), ["TYPO"]);
        assert_eq!(globals.proxies().count(), 1);
    }
}
