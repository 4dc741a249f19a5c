//! Steps and causes in words.

use crate::plan::{Cause, Step, Until};
use std::fmt;
use std::time::Duration;

impl fmt::Display for Step {
    /// `create network shop_default`, `wait until container shop-db-1 is healthy`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PullImage { reference, .. } => write!(f, "pull image {reference}"),
            Self::BuildImage { reference, .. } => write!(f, "build image {reference}"),
            Self::PushImage { reference, .. } => write!(f, "push image {reference}"),
            Self::CreateNetwork { spec } => write!(f, "create network {}", spec.name),
            Self::UpdateNetwork { spec } => write!(f, "update network {}", spec.name),
            Self::RemoveNetwork { name } => write!(f, "remove network {name}"),
            Self::CreateVolume { spec } => write!(f, "create volume {}", spec.name),
            Self::RemoveVolume { name } => write!(f, "remove volume {name}"),
            Self::CreateContainer { id, .. } => write!(f, "create container {}.{}", id.name(), id.generation),
            Self::StartContainer { id } => write!(f, "start container {}.{}", id.name(), id.generation),
            Self::StartAside { id } => {
                write!(f, "start container {}.{}, nothing leads to it yet", id.name(), id.generation)
            }
            Self::SwitchPorts { to, .. } => {
                write!(f, "lead names and ports to container {}.{}", to.name(), to.generation)
            }
            Self::Drain { id, most } => {
                let (name, generation, most) = (id.name(), id.generation, most.as_secs_f64());
                write!(f, "wait until nobody is connected to container {name}.{generation}, at most {most} s")
            }
            Self::Proceed { service, group, delay, spare } => proceed(f, service, *group, (*delay, *spare)),
            Self::StopContainer { id, .. } => write!(f, "stop container {}.{}", id.name(), id.generation),
            Self::RemoveContainer { id } => write!(f, "remove container {}.{}", id.name(), id.generation),
            Self::UpdateContainer { id, .. } => write!(f, "update container {}.{}", id.name(), id.generation),
            Self::KillContainer { id, signal } => {
                write!(f, "send {signal} to container {}.{}", id.name(), id.generation)
            }
            Self::PauseContainer { id } => write!(f, "pause container {}.{}", id.name(), id.generation),
            Self::UnpauseContainer { id } => write!(f, "unpause container {}.{}", id.name(), id.generation),
            Self::Await { id, until, .. } => {
                write!(f, "wait until container {}.{} {until}", id.name(), id.generation)
            }
        }
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Healthy => "is healthy",
            Self::Completed => "has completed",
            Self::Ready => "is ready",
            Self::Steady(time) => {
                return write!(f, "is healthy or, without a check, has run for {} s", time.as_secs_f64());
            }
        })
    }
}

fn proceed(
    f: &mut fmt::Formatter<'_>,
    service: &str,
    group: usize,
    (delay, spare): (Duration, Option<usize>),
) -> fmt::Result {
    write!(f, "go on to part {group} of the update of {service}")?;
    if !delay.is_zero() {
        write!(f, " after {} s", delay.as_secs_f64())?;
    }
    match spare {
        None => Ok(()),
        Some(0) => f.write_str(", if nothing failed"),
        Some(most) => write!(f, ", if at most {most} failed"),
    }
}

impl fmt::Display for Cause {
    /// A clause that answers "why": `its service is not in the file`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declared => f.write_str("does not exist yet"),
            Self::Changed(fields) => {
                let names: Vec<_> = fields.iter().map(|change| change.field.as_str()).collect();
                write!(f, "{} changed", names.join(", "))
            }
            Self::NotRunning(state) => f.write_str(state),
            Self::Asked => f.write_str("asked for"),
            Self::Forced => f.write_str("forced"),
            Self::ScaledDown => f.write_str("fewer replicas are wanted"),
            Self::NotInFile => f.write_str("its service is not in the file"),
            Self::ReplacedBy(id) => write!(f, "replaced by generation {}", id.generation),
            Self::Leftover => f.write_str("left over from an interrupted command"),
            Self::NetworkReplaced(network) => write!(f, "network {network} is made anew"),
            Self::DependencyRestarted(service) => write!(f, "{service} restarts, on which it depends"),
            Self::NeededBy(slot) => write!(f, "{slot} waits for it"),
            Self::Policy(policy) => f.write_str(policy),
            Self::NotPulled => f.write_str("it could not be pulled"),
            Self::UpdateFailed(id) => write!(f, "the update to generation {} failed", id.generation),
        }
    }
}

impl Cause {
    /// One word for programs.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Changed(_) => "changed",
            Self::NotRunning(_) => "not_running",
            Self::Asked => "asked",
            Self::Forced => "forced",
            Self::ScaledDown => "scaled_down",
            Self::NotInFile => "not_in_file",
            Self::ReplacedBy(_) => "replaced_by",
            Self::Leftover => "leftover",
            Self::NetworkReplaced(_) => "network_replaced",
            Self::DependencyRestarted(_) => "dependency_restarted",
            Self::NeededBy(_) => "needed_by",
            Self::Policy(_) => "policy",
            Self::NotPulled => "not_pulled",
            Self::UpdateFailed(_) => "update_failed",
        }
    }
}

impl Step {
    /// One word for programs: the variant's name in snake case.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::PullImage { .. } => "pull_image",
            Self::BuildImage { .. } => "build_image",
            Self::PushImage { .. } => "push_image",
            Self::CreateNetwork { .. } => "create_network",
            Self::UpdateNetwork { .. } => "update_network",
            Self::RemoveNetwork { .. } => "remove_network",
            Self::CreateVolume { .. } => "create_volume",
            Self::RemoveVolume { .. } => "remove_volume",
            Self::CreateContainer { .. } => "create_container",
            Self::StartContainer { .. } => "start_container",
            Self::StartAside { .. } => "start_aside",
            Self::SwitchPorts { .. } => "switch_ports",
            Self::Drain { .. } => "drain",
            Self::Proceed { .. } => "proceed",
            Self::Await { .. } => "await",
            Self::StopContainer { .. } => "stop_container",
            Self::KillContainer { .. } => "kill_container",
            Self::PauseContainer { .. } => "pause_container",
            Self::UnpauseContainer { .. } => "unpause_container",
            Self::RemoveContainer { .. } => "remove_container",
            Self::UpdateContainer { .. } => "update_container",
        }
    }
}
