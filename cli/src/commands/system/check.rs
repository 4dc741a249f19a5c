//! `sampan system check`

use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use clap::{Args, ValueEnum};
use engine::system::check::{self, Finding, Outcome};
use serde_json::{Value, json};

/// Check that images, containers, networks and volumes are as their records say
///
/// Every blob and layer is compared with its digest, which takes as long as reading them. Repairing
/// mends what can be mended and never takes away what is in use. Ends with 1 when something is left.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Mend what can be mended
    #[arg(long)]
    repair: bool,

    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    #[value(help = None)]
    Text,
    #[value(help = None)]
    Json,
}

pub(super) fn run(args: &CheckArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("system check")?;
    let findings = check::check(engine.store(), args.repair)?;
    let left = findings.iter().filter(|finding| !matches!(finding.outcome, Outcome::Mended)).count();
    if args.format == Format::Json {
        let values: Vec<Value> = findings.iter().map(value).collect();
        context.screen.json(&values)?;
    } else {
        context.screen.print(&findings.iter().map(text).collect::<String>())?;
        context.screen.print(&summary(findings.len(), left))?;
    }
    Ok(if left == 0 { Exit::Done } else { Exit::NotReached })
}

fn summary(found: usize, left: usize) -> String {
    match (found, found - left) {
        (0, _) => "all is sound\n".to_owned(),
        (_, 0) => format!("found {found}\n"),
        (_, mended) => format!("found {found}, mended {mended}\n"),
    }
}

fn text(finding: &Finding) -> String {
    let place = finding.place.display();
    let outcome = match &finding.outcome {
        Outcome::Mended => "mended".to_owned(),
        Outcome::Told(_) => format!("remedy: {}", finding.remedy),
        Outcome::Failed(error) => format!("not mended: {}", reason(error)),
    };
    format!("{}\n  in {place}\n  {outcome}\n", finding.what)
}

fn reason(error: &engine::Error) -> String {
    let message = Message::from(error);
    std::iter::once(message.error).chain(message.causes).collect::<Vec<_>>().join(": ")
}

fn value(finding: &Finding) -> Value {
    let (outcome, why) = match &finding.outcome {
        Outcome::Mended => ("mended", None),
        Outcome::Told(true) => ("mendable", None),
        Outcome::Told(false) => ("told", None),
        Outcome::Failed(error) => ("failed", Some(reason(error))),
    };
    json!({
        "what": finding.what,
        "place": finding.place,
        "remedy": finding.remedy,
        "outcome": outcome,
        "reason": why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_says_how_it_ended() {
        for (found, left, said) in
            [(0, 0, "all is sound\n"), (2, 2, "found 2\n"), (3, 1, "found 3, mended 2\n")]
        {
            assert_eq!(summary(found, left), said);
        }
    }
}
