//! When images are pulled and built: the policies one by one.

use super::*;
use crate::Goal;
use crate::goal::{BuildWhen, ImageOptions, UpOptions, Verb};
use crate::live::Image;
use crate::load::{LoadOptions, load};
use crate::plan::Step;
use std::io;

struct Text(String);

impl crate::Source for Text {
    fn read(&self, path: &str) -> io::Result<String> {
        if path == "compose.yaml" { Ok(self.0.clone()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn var(&self, _name: &str) -> Option<String> {
        None
    }
}

fn stack(service: &str) -> Stack {
    let options = LoadOptions {
        files: vec!["compose.yaml".to_owned()],
        name: Some("shop".to_owned()),
        directory: "/srv/shop".to_owned(),
        ..LoadOptions::default()
    };
    let text = format!("services: {{web: {{{service}}}}}");
    load(&options, &Text(text)).unwrap_or_else(|errors| panic!("{errors}")).stack
}

const HOUR: u64 = 3600;

/// The image `a` (and what `web` is called when it has no name), tagged so many hours ago.
fn world(hours: Option<u64>) -> Live {
    let now = 1_000 * HOUR;
    let image = |hours| Image {
        id: "sha256:a".into(),
        tagged_at: now - hours * HOUR,
        platform: "linux/amd64".into(),
        ..Image::default()
    };
    let images = ["a", "shop-web"].map(|name| (name.to_owned(), hours.map(image)));
    let images = images.into_iter().filter_map(|(name, image)| Some((name, image?))).collect();
    Live { stack: "shop".into(), now, images, ..Live::default() }
}

fn goal(images: ImageOptions) -> Goal {
    Goal::all(Verb::Up(UpOptions { images, ..UpOptions::default() }))
}

/// What is done about images, in words.
fn ways(stack: &Stack, images: ImageOptions, live: &Live) -> Vec<String> {
    let plan = plan(Some(stack), &goal(images), live).unwrap();
    plan.nodes.iter().filter(|node| node.step.image().is_some()).map(|node| node.step.to_string()).collect()
}

#[test]
fn each_policy_pulls_when_it_says() {
    for (policy, missing, fresh, old) in [
        ("", true, false, false),
        ("pull_policy: missing,", true, false, false),
        ("pull_policy: if_not_present,", true, false, false),
        ("pull_policy: always,", true, true, true),
        ("pull_policy: daily,", true, false, true),
        ("pull_policy: weekly,", true, false, false),
        ("pull_policy: every_12h,", true, false, true),
        ("pull_policy: every_1d2h30m,", true, false, false),
    ] {
        let stack = stack(&format!("{policy} image: a"));
        for (hours, expected) in [(None, missing), (Some(1), fresh), (Some(25), old)] {
            let expected: &[&str] = if expected { &["pull image a"] } else { &[] };
            assert_eq!(ways(&stack, ImageOptions::default(), &world(hours)), expected, "{policy} {hours:?}");
        }
    }
}

#[test]
fn what_can_be_built_is_built_when_it_is_missing_or_its_policy_says_so() {
    for (service, missing, there) in [
        ("build: .", &["build image shop-web"][..], &[][..]),
        ("build: ., image: a", &["pull image a"], &[]),
        ("build: ., image: a, pull_policy: missing", &["pull image a"], &[]),
        ("build: ., image: a, pull_policy: never", &["build image a"], &[]),
        ("build: ., image: a, pull_policy: build", &["build image a"], &["build image a"]),
        ("build: ., image: a, pull_policy: always", &["pull image a"], &["pull image a"]),
        ("build: ., pull_policy: always", &["build image shop-web"], &[]),
    ] {
        let stack = stack(service);
        assert_eq!(ways(&stack, ImageOptions::default(), &world(None)), missing, "{service}");
        assert_eq!(ways(&stack, ImageOptions::default(), &world(Some(1))), there, "{service}");
    }
}

#[test]
fn what_cannot_be_pulled_is_built_in_the_next_round() {
    let stack = stack("build: ., image: a");
    let mut goal = goal(ImageOptions::default());
    let first = plan(Some(&stack), &goal, &world(None)).unwrap().images_first().unwrap();
    assert!(first.is_optional(0));
    goal.settle(&first.nodes[0].step, false);
    let second = plan(Some(&stack), &goal, &world(None)).unwrap().images_first().unwrap();
    assert!(matches!(second.nodes[0].step, Step::BuildImage { .. }) && !second.is_optional(0));
    goal.settle(&second.nodes[0].step, true);
    let third = plan(Some(&stack), &goal, &world(Some(0))).unwrap();
    assert_eq!(third.images_first(), None);
    let ids = third.nodes.iter().filter_map(|node| match &node.step {
        Step::CreateContainer { image_id, .. } => Some(image_id.as_str()),
        _ => None,
    });
    assert_eq!(ids.collect::<Vec<_>>(), ["sha256:a"]);
}

#[test]
fn what_this_command_has_fetched_is_not_fetched_again() {
    let stack = stack("image: a, pull_policy: always");
    let settled = ImageOptions { settled: ["a".to_owned()].into(), ..ImageOptions::default() };
    assert!(ways(&stack, settled.clone(), &world(Some(0))).is_empty());
    // It vanished meanwhile: that is told, not tried for ever.
    assert!(plan(Some(&stack), &goal(settled), &world(None)).is_err());
}

#[test]
fn the_command_line_comes_before_the_file() {
    let both = stack("build: ., image: a, pull_policy: always");
    let pull = |policy| ImageOptions { pull: Some(policy), ..ImageOptions::default() };
    assert!(ways(&both, pull(crate::desired::PullPolicy::Missing), &world(Some(1))).is_empty());
    let when = |build| ImageOptions { build, ..ImageOptions::default() };
    assert_eq!(ways(&both, when(BuildWhen::Always), &world(Some(1))), ["build image a"]);
    let never = when(BuildWhen::Never);
    let plan = plan(Some(&both), &goal(never), &world(None)).unwrap();
    assert!(!plan.is_optional(0), "there is nothing to fall back to");
}

#[test]
fn an_image_for_another_platform_is_pulled_again() {
    for (platform, expected) in [
        ("linux/amd64", &[][..]),
        ("linux/x86_64", &[]),
        ("linux/amd64/v2", &[]),
        ("linux/arm64", &["pull image a"]),
        ("windows/amd64", &["pull image a"]),
    ] {
        let stack = stack(&format!("image: a, platform: {platform}"));
        assert_eq!(ways(&stack, ImageOptions::default(), &world(Some(1))), expected, "{platform}");
    }
}
