//! `sampan env`

use crate::context::{Context, Target};
use crate::error::{Exit, Failure};
use crate::output::Ink;
use crate::output::table::{self, Cell};
use clap::Args;
use planner::Source;
use planner::source::explain::{Candidate, Explanation, Origin};

/// Show variables of the stack, and which file or shell gave them their values
#[derive(Debug, Args)]
#[command(
    after_help = "Without a service: the variables that the stack files use. With one: what its containers get."
)]
pub(crate) struct EnvArgs {
    /// Only this service's containers
    service: Option<String>,

    /// Tell for one variable every place that has a say, the winner first
    #[arg(long, value_name = "VAR")]
    explain: Option<String>,

    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &EnvArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.stack_with_origins()?;
    let Some(name) = &args.explain else {
        let variables = all(args, &target, context)?;
        match args.json {
            true => context.screen.json(&variables)?,
            false => {
                let rows: Vec<Vec<Cell>> = variables.iter().map(row).collect();
                context.screen.print(&table::render(
                    context.screen.out,
                    &["NAME", "VALUE", "FROM"],
                    &rows,
                ))?;
            }
        }
        return Ok(Exit::Done);
    };
    let variable = one(name, args, &target, context)?;
    match args.json {
        true => context.screen.json(&variable)?,
        false => context.screen.print(&story(&variable, &table_of(&variable, context)))?,
    }
    Ok(if variable.value.is_some() { Exit::Done } else { Exit::NotReached })
}

fn all(args: &EnvArgs, target: &Target, context: &Context) -> Result<Vec<Explanation>, Failure> {
    let Some(service) = &args.service else { return Ok(target.origins.used()) };
    let mut variables = target.origins.of_service(service).ok_or_else(|| unknown(service))?;
    for (name, value) in image_variables(service, target, context) {
        match variables.binary_search_by(|known| known.name.as_str().cmp(&name)) {
            Ok(place) => variables[place].add_image(&value),
            Err(place) => {
                let mut variable = Explanation::unset(&name);
                variable.add_image(&value);
                variables.insert(place, variable);
            }
        }
    }
    Ok(variables)
}

fn one(name: &str, args: &EnvArgs, target: &Target, context: &Context) -> Result<Explanation, Failure> {
    let Some(service) = &args.service else {
        return Ok(target.origins.of_project(name, context.var(name)));
    };
    let mut variable = target.origins.in_service(service, name).ok_or_else(|| unknown(service))?;
    let image = image_variables(service, target, context);
    if let Some((_, value)) = image.iter().find(|(known, _)| known == name) {
        variable.add_image(value);
    }
    Ok(variable)
}

fn unknown(service: &str) -> Failure {
    Failure::usage(format!("no service is called `{service}`"), "`sampan config --services` lists them")
}

/// What the image of a service says, when the image is here.
fn image_variables(service: &str, target: &Target, context: &Context) -> Vec<(String, String)> {
    let service = target.stack.as_ref().and_then(|stack| stack.services.get(service));
    let find = || context.engine().ok()?.images().resolve(&service?.image).ok()?;
    let lines = find().map(|image| image.config.env).unwrap_or_default();
    let pair = |line: &String| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    lines.iter().filter_map(pair).collect()
}

/// One line of the list: the variable and who won.
fn row(variable: &Explanation) -> Vec<Cell> {
    let from = variable.candidates.first().map(source);
    vec![variable.name.clone().into(), value(variable.value.as_deref()), from.unwrap_or_default().into()]
}

fn value(value: Option<&str>) -> Cell {
    match value {
        Some(value) => one_line(value).into(),
        None => Cell::new(Ink::Dim, "(not set)"),
    }
}

/// A value on one line; quotes stay as they are.
fn one_line(value: &str) -> String {
    let escaped = |c: char| match c {
        '\'' | '"' => c.to_string(),
        other => other.escape_debug().to_string(),
    };
    value.chars().map(escaped).collect()
}

fn table_of(variable: &Explanation, context: &Context) -> String {
    let rows: Vec<Vec<Cell>> = variable
        .candidates
        .iter()
        .map(|candidate| match &candidate.value {
            Some(_) => vec![source(candidate).into(), value(candidate.value.as_deref())],
            None => vec![source(candidate).into(), Cell::new(Ink::Dim, "(passed on)")],
        })
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => table::render(context.screen.out, &["FROM", "VALUE"], &rows),
    }
}

/// The value, then every place that has a say, then where it is used.
fn story(variable: &Explanation, candidates: &str) -> String {
    let mut text = match &variable.value {
        Some(value) => format!("{}={}\n", variable.name, one_line(value)),
        None => format!("{} is not set\n", variable.name),
    };
    if !candidates.is_empty() {
        text += &format!("\n{candidates}");
    }
    if !variable.uses.is_empty() {
        text += "\nused at\n";
        text.extend(variable.uses.iter().map(|place| format!("  {place}\n")));
    }
    text
}

/// Where a candidate stands, in words.
fn source(candidate: &Candidate) -> String {
    let kind = match candidate.origin {
        Origin::StackName => "name of the stack",
        Origin::Process => "environment of this command",
        Origin::Dotenv | Origin::Environment | Origin::EnvFile => "",
        Origin::Image => "image",
    };
    candidate.place.as_ref().map_or_else(|| kind.to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_names_the_value_the_candidates_and_the_uses() {
        let mut variable = Explanation::unset("A");
        assert_eq!(story(&variable, ""), "A is not set\n");
        variable.add_image("'x'\n");
        assert_eq!(source(&variable.candidates[0]), "image");
        assert_eq!(story(&variable, "FROM\n"), "A='x'\\n\n\nFROM\n");
    }
}
