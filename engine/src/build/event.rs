//! What is told while an image is built.

use crate::image::registry::Progress;
use planner::Diagnostics;
use std::fmt;
use std::time::Duration;

/// One step of a build: counts from 0, in the order of the Dockerfile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub usize);

/// What a step is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildStep {
    /// Name of its stage, or `stage-<number>`.
    pub stage: String,
    /// Its number in the stage, from 1.
    pub number: usize,
    /// Steps of the stage.
    pub of: usize,
    /// The instruction on one line, as it is kept in the image's history.
    pub text: String,
    /// Line of the Dockerfile, from 1.
    pub line: usize,
}

/// Told while an image is built, in the order in which things happen. Events of steps that run
/// at the same time are mixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildEvent {
    /// What is surprising in the Dockerfile, before anything is done; later, caches elsewhere that
    /// could not be used.
    Warnings(Diagnostics),
    /// These steps are ahead; those of stages that nothing needs are not among them.
    Planned(Vec<(StepId, BuildStep)>),
    /// The step begins, because the cache does not have it.
    Started(StepId, Missed),
    /// The step was taken from the cache.
    Cached(StepId),
    /// How far the image is that the step pulls.
    Transfer(StepId, Progress),
    /// A line that the step's program wrote.
    Output(StepId, String),
    /// The step was done.
    Done(StepId, Duration),
    /// The step failed; the error follows as the result of the build.
    Failed(StepId, Duration),
    /// What is done before or after the steps: `write the image`.
    Note(String),
    /// The image is there; its id.
    Built(String),
}

/// Why the cache did not have a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missed {
    /// `--no-cache`, or this stage is in `--no-cache-filter`.
    NotAsked,
    /// This place of this Dockerfile was never built.
    Never,
    /// The step before it was done anew.
    Parent,
    /// The image that the stage is based on is another one.
    Base,
    /// The instruction was another one.
    Instruction {
        /// What it was.
        before: String,
    },
    /// These variables have other values.
    Arguments(Vec<String>),
    /// These files are new, gone, or have another content, mode or kind.
    Files(Vec<String>),
    /// What it is done with from another stage or image is another one.
    Source(String),
    /// The layer that it made is gone from the disk.
    Lost,
    /// The image is not here, or its registry is to be asked.
    Absent,
    /// What it downloads may be another thing than before.
    Download,
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("the cache was not asked"),
            Self::Never => f.write_str("never built before"),
            Self::Parent => f.write_str("the step before it was done anew"),
            Self::Base => f.write_str("the base image is another one"),
            Self::Instruction { before } => write!(f, "the instruction was `{before}`"),
            Self::Arguments(names) => write!(f, "other values: {}", few(names)),
            Self::Files(names) => write!(f, "changed: {}", few(names)),
            Self::Source(name) => write!(f, "`{name}` is another one"),
            Self::Lost => f.write_str("its layer is gone from the disk"),
            Self::Absent => f.write_str("the image is pulled"),
            Self::Download => f.write_str("it is looked whether what it downloads has changed"),
        }
    }
}

/// Names that are told before the rest is only counted.
const NAMED: usize = 3;

fn few(names: &[String]) -> String {
    let mut text = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > NAMED {
        text.push_str(&format!(" and {} more", names.len() - NAMED));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_names_are_told_and_the_rest_is_counted() {
        let names: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        assert_eq!(Missed::Files(names[..2].to_vec()).to_string(), "changed: a, b");
        assert_eq!(Missed::Files(names).to_string(), "changed: a, b, c and 2 more");
    }
}
