//! `sampan container update`

use super::named;
use crate::commands::converge::do_steps;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use planner::desired::{Limits, Swap, lower};
use planner::goal::{UpOptions, Verb};
use planner::{ContainerSpec, Goal, Live, Step};
use serde_json::json;

/// Change the limits and the restart policy of containers, while they run
///
/// For a container of a stack file `plan` shows it as a change, which the next `up` takes back.
#[derive(Debug, Args)]
pub(super) struct UpdateArgs {
    /// Limit of memory
    #[arg(short, long, value_name = "BYTES")]
    memory: Option<String>,

    /// Limit of memory and swap together; -1 is unlimited swap
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true)]
    memory_swap: Option<String>,

    /// Memory that it keeps when the machine runs short
    #[arg(long, value_name = "BYTES")]
    memory_reservation: Option<String>,

    /// Limit of CPUs
    #[arg(long, value_name = "NUMBER")]
    cpus: Option<String>,

    /// Weight against others
    #[arg(short, long, value_name = "NUMBER")]
    cpu_shares: Option<String>,

    /// The CPUs that it may use
    #[arg(long, value_name = "CPUS")]
    cpuset_cpus: Option<String>,

    /// Limit of processes; -1 is none
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pids_limit: Option<String>,

    /// What to do when it ends: no, always, on-failure[:retries], unless-stopped
    #[arg(long, value_name = "POLICY")]
    restart: Option<String>,

    /// Names
    #[arg(required = true)]
    containers: Vec<String>,
}

pub(super) fn run(args: &UpdateArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("container update")?;
    let mut all = Vec::new();
    for name in &args.containers {
        let id = named(&engine, name)?;
        let known = engine.inspect(&id)?.record.spec;
        let memory = args.memory.is_none().then_some(known.limits.memory).flatten();
        let typed = args.typed(memory, context)?;
        let spec = Box::new(args.over(known, typed));
        all.push((id.clone(), vec![Step::UpdateContainer { id, spec }]));
    }
    do_steps(context, engine, all)
}

impl UpdateArgs {
    /// What was typed is read and checked as if it stood in a stack file; what goes with it is the
    /// limit of memory that there is.
    fn typed(&self, memory: Option<u64>, context: &Context) -> Result<ContainerSpec, Failure> {
        let memory = self.memory.clone().or_else(|| memory.map(|bytes| bytes.to_string()));
        let keys = [
            ("mem_limit", &memory),
            ("memswap_limit", &self.memory_swap),
            ("mem_reservation", &self.memory_reservation),
            ("cpus", &self.cpus),
            ("cpu_shares", &self.cpu_shares),
            ("cpuset", &self.cpuset_cpus),
            ("pids_limit", &self.pids_limit),
            ("restart", &self.restart),
        ];
        let line = |(key, value): (&str, &Option<String>)| {
            value.as_ref().map(|value| format!("    {key}: {}\n", json!(value.replace('$', "$$"))))
        };
        let lines: String = keys.into_iter().filter_map(line).collect();
        let text = format!("services:\n  update:\n    image: update\n{lines}");
        let stack = context.stack_alone("update", text)?;
        let desired = lower(&stack, &Goal::all(Verb::Up(UpOptions::default())), &Live::default());
        Ok(desired.containers.into_values().next().unwrap_or_default())
    }

    /// What was not typed stays.
    fn over(&self, known: ContainerSpec, typed: ContainerSpec) -> ContainerSpec {
        let (old, new) = (known.limits, typed.limits);
        let swap = match (&self.memory_swap, old.swap) {
            (Some(_), _) => new.swap,
            // No more than memory alone can be had then.
            (None, Swap::Total(total)) if new.memory.is_some_and(|memory| memory > total) => {
                Swap::SameAsMemory
            }
            (None, swap) => swap,
        };
        let limits = Limits {
            memory: new.memory.or(old.memory),
            swap,
            reservation: new.reservation.or(old.reservation),
            nano_cpus: new.nano_cpus.or(old.nano_cpus),
            cpu_shares: new.cpu_shares.or(old.cpu_shares),
            cpuset: new.cpuset.or(old.cpuset),
            pids: if self.pids_limit.is_some() { new.pids } else { old.pids },
            ..old
        };
        let restart = if self.restart.is_some() { typed.restart } else { known.restart };
        ContainerSpec { limits, restart, ..known }
    }
}
