//! `sampan kill`

use super::converge::converge_known;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use nix::sys::signal::Signal;
use planner::Goal;
use planner::goal::Verb;
use std::str::FromStr;

/// Send a signal to containers, at once
#[derive(Debug, Args)]
pub(crate) struct KillArgs {
    /// Only these services
    services: Vec<String>,

    /// The signal, by name or number
    #[arg(short, long, default_value = "KILL", value_parser = signal)]
    signal: String,

    /// Show the plan and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// The name of a signal without `SIG`, from `HUP`, `sighup` or `1`.
pub(crate) fn signal(text: &str) -> Result<String, String> {
    let name = text.to_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let signal = match name.parse::<i32>() {
        Ok(number) => Signal::try_from(number),
        Err(_) => Signal::from_str(&format!("SIG{name}")),
    };
    let signal = signal.map_err(|_| "no such signal".to_owned())?;
    Ok(signal.as_str().trim_start_matches("SIG").to_owned())
}

pub(crate) fn run(args: &KillArgs, context: &Context) -> Result<Exit, Failure> {
    let goal = Goal {
        verb: Verb::Kill { signal: args.signal.clone() },
        services: args.services.iter().cloned().collect(),
        stop_timeout: None,
    };
    converge_known(context, "kill", &goal, args.dry_run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_may_be_written_in_every_usual_way() {
        for text in ["HUP", "SIGHUP", "sighup", "1"] {
            assert_eq!(signal(text).as_deref(), Ok("HUP"));
        }
        assert!(signal("SIGFOO").is_err());
        assert!(signal("99").is_err());
    }
}
