//! Steps of images: the real engine has a registry beside it, the one in memory needs none.

use super::Case;
use super::bench::{BUILT, Bench, IMAGE, PULLED};
use planner::Step;
use planner::desired::{BuildContext, BuildSpec, DockerfileSource};

pub(super) const CASES: &[Case] = &[
    ("an image that is pulled is here", pulling),
    ("an image that is built has all its names", building),
    ("nothing is built on what is missing", missing),
    ("an image that is here is pushed", pushing),
];

fn pull() -> Step {
    Step::PullImage { reference: PULLED.to_owned(), platform: None, may_fail: false }
}

fn build() -> Step {
    let spec = BuildSpec {
        dockerfile: DockerfileSource::Inline(format!("FROM {IMAGE}\nRUN echo made > /made\n")),
        tags: BUILT.map(str::to_owned).to_vec(),
        ..BuildSpec::default()
    };
    Step::BuildImage { reference: BUILT[0].to_owned(), spec: Box::new(spec) }
}

fn push(reference: &str) -> Step {
    Step::PushImage { reference: reference.to_owned(), may_fail: false }
}

fn pulling(bench: &mut Bench) {
    bench.does(pull());
}

fn building(bench: &mut Bench) {
    bench.does(build());
}

fn missing(bench: &mut Bench) {
    let absent = BuildContext::Image("127.0.0.1:5000/absent:1".to_owned());
    let spec = BuildSpec {
        dockerfile: DockerfileSource::Inline("FROM base\n".to_owned()),
        additional_contexts: [("base".to_owned(), absent)].into(),
        ..BuildSpec::default()
    };
    bench.refuses(&Step::BuildImage { reference: "127.0.0.1:5000/other:1".to_owned(), spec: Box::new(spec) });
}

fn pushing(bench: &mut Bench) {
    bench.refuses(&push("127.0.0.1:5000/absent:1"));
    bench.does(build());
    bench.does(push(BUILT[0]));
}
