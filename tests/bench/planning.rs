//! What planning costs, with nothing around it: the processor's time from a stack to its plan, where
//! nothing is there but images.

use crate::measure::Sample;
use crate::{Result, load, row, title};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use planner::goal::{UpOptions, Verb};
use planner::live::{Image, Live};
use planner::load::LoadOptions;
use planner::{Goal, Source, Stack};
use std::io;
use std::time::Duration;

/// How large the stacks are: what grows faster than they do is seen.
const SIZES: [usize; 3] = [100, 1000, 5000];
const RUNS: usize = 7;

/// A stack file that is only a text.
struct Text(String);

impl Source for Text {
    fn read(&self, path: &str) -> io::Result<String> {
        if path == "compose.yaml" { Ok(self.0.clone()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn var(&self, _name: &str) -> Option<String> {
        None
    }
}

/// Measures the planner that is built into this program.
pub(crate) fn measure() -> Result<()> {
    title("planning, processor's time")?;
    SIZES.into_iter().try_for_each(one)
}

fn one(services: usize) -> Result<()> {
    let options = LoadOptions {
        files: vec!["compose.yaml".to_owned()],
        directory: "/srv/bench".to_owned(),
        ..LoadOptions::default()
    };
    let loaded = planner::load::load(&options, &Text(load::stack(services)?));
    let stack = loaded.map_err(|errors| errors.to_string())?.stack;
    let goal = Goal::all(Verb::Up(UpOptions::default()));
    let mut live = Live { stack: stack.name.clone(), ..Live::default() };
    for (name, service) in &stack.services {
        let name = service.image_name(&stack.name, name);
        live.images.insert(name.clone(), Image { id: format!("sha256:{name}"), ..Image::default() });
    }
    row(&format!("{services} services"), &times(&stack, &goal, &live)?, None)
}

fn times(stack: &Stack, goal: &Goal, live: &Live) -> Result<Sample> {
    let mut times = Vec::with_capacity(RUNS);
    for warm in 0..=RUNS {
        let before = used()?;
        let plan = planner::plan::plan(Some(stack), goal, live).map_err(|why| format!("{why:?}"))?;
        let took = used()? - before;
        drop(plan);
        if warm > 0 {
            times.push(took);
        }
    }
    Sample::new(times)
}

/// Processor's time of this program.
fn used() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let time = usage.user_time() + usage.system_time();
    Ok(Duration::from_micros(time.num_microseconds().try_into()?))
}
