//! The steps of images. They may take long, so each can be interrupted.

use super::LinuxEngine;
use crate::Tell;
use crate::build::{self, BuildInputs};
use crate::error::{Error, Kind, Result};
use crate::event::Progress;
use crate::image::registry::{self, PullRequest, Stop};
use planner::Step;
use planner::desired::{BuildSecret, BuildSpec};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What builds may know of whoever asks for them.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Variables, for secrets that are kept in them.
    pub environment: BTreeMap<String, String>,
    /// Socket of the ssh agent.
    pub agent: Option<PathBuf>,
}

/// The builds that run.
#[derive(Clone, Debug, Default)]
pub(super) struct Builds(Arc<Mutex<Vec<build::Cancel>>>);

impl Builds {
    /// Cancels them all.
    pub(super) fn cancel(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(build::Cancel::cancel);
    }

    /// One more, which can be cancelled as long as the process lives.
    fn begin(&self) -> Result<build::Cancel> {
        let cancel = build::Cancel::new()?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(cancel.clone());
        Ok(cancel)
    }
}

/// Does a step of an image to its end.
pub(super) fn perform(engine: &LinuxEngine, step: &Step, tell: &Tell) -> Result<()> {
    match step {
        Step::BuildImage { spec, .. } => build(engine, spec, tell),
        Step::PullImage { reference, platform, .. } => pull(engine, reference, platform.as_deref(), tell),
        Step::PushImage { reference, .. } => {
            let pushed =
                engine.images().push(&reference.parse()?, &engine.registries, &|how| transfer(how, tell));
            pushed.map(drop)
        }
        other => Err(Error::new(Kind::Unsupported, format!("`{other}` is no step of an image"))),
    }
}

/// What was pulled counts as new from now on, even when it is what was there: so policies such as
/// `daily` know when they last asked.
fn pull(engine: &LinuxEngine, reference: &str, platform: Option<&str>, tell: &Tell) -> Result<()> {
    let request =
        PullRequest { reference: reference.parse()?, platform: platform.map(str::parse).transpose()? };
    let images = engine.images();
    let pulled = images.pull(&request, &engine.registries, &|how| transfer(how, tell))?;
    match request.reference.digest {
        None if !pulled.is_new => images.tag(&pulled.id, reference),
        _ => Ok(()),
    }
}

/// How long a transfer that is to end may take to notice: a connection may be silent.
const GRACE: Duration = Duration::from_secs(1);

/// Ends when a transfer was asked to end and has not: it is left behind, as it only waits for a
/// connection and what it has is taken away by whoever comes next. Nothing else is left behind.
pub(super) async fn given_up(stop: Option<&Stop>) {
    let Some(stop) = stop else { return std::future::pending().await };
    stop.asked().await;
    tokio::time::sleep(GRACE).await;
}

/// What is said of it.
pub(super) fn unheard() -> Error {
    Error::new(Kind::Cancelled, "interrupted while a registry was silent")
}

fn transfer(how: registry::Progress, tell: &Tell) {
    tell(Progress::Transfer { done: how.bytes.done, total: how.bytes.total });
}

fn build(engine: &LinuxEngine, spec: &BuildSpec, tell: &Tell) -> Result<()> {
    let inputs = BuildInputs {
        secrets: secrets(spec, &engine.caller.environment)?,
        agent: engine.caller.agent.clone(),
        registries: (*engine.registries).clone(),
        jobs: None,
    };
    let cancel = engine.builds.begin()?;
    build::build(&engine.store, spec, &inputs, &cancel, &|event| tell(Progress::Build(event))).map(drop)
}

/// The secrets that are kept in variables.
fn secrets(spec: &BuildSpec, environment: &BTreeMap<String, String>) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut secrets = BTreeMap::new();
    for (id, secret) in &spec.secrets {
        let BuildSecret::Environment(variable) = secret else { continue };
        let value = environment.get(variable).ok_or_else(|| {
            Error::new(Kind::NotFound, format!("the variable {variable} of the secret `{id}` is not set"))
        })?;
        secrets.insert(id.clone(), value.clone().into_bytes());
    }
    Ok(secrets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_from_the_variables_that_they_name() {
        let secret = |variable: &str| BuildSecret::Environment(variable.to_owned());
        let mut spec = BuildSpec::default();
        spec.secrets.insert("token".into(), secret("TOKEN"));
        spec.secrets.insert("file".into(), BuildSecret::File("/secret".into()));
        let environment = [("TOKEN".to_owned(), "t".to_owned())].into();
        assert_eq!(secrets(&spec, &environment).unwrap(), [("token".to_owned(), b"t".to_vec())].into());
        let error = secrets(&spec, &BTreeMap::new()).unwrap_err();
        assert_eq!(error.doing, "the variable TOKEN of the secret `token` is not set");
    }
}
