//! `sampan cp`

use super::containers::{known, select};
use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use crate::output::archive;
use clap::Args;
use engine::LinuxEngine;
use engine::container::CopyOptions;
use planner::ContainerId;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Copy files between a service's container and this machine, whether it runs or not
///
/// One of the two is SERVICE:PATH, the other a path here or `-` for a tar stream. What goes in goes
/// into every container of the service, what comes out comes from the first. A folder goes into one
/// that is there; with `/.` behind it what is in it does.
#[derive(Debug, Args)]
pub(crate) struct CpArgs {
    /// Number of the container when there are several
    #[arg(long, value_name = "N")]
    index: Option<u32>,

    #[command(flatten)]
    what: What,
}

/// What is copied, and how.
#[derive(Debug, Args)]
pub(super) struct What {
    /// Files keep their owners; otherwise they are root's in a container, and yours here
    #[arg(short, long)]
    archive: bool,

    /// Copy what a symbolic link at the end of FROM leads to
    #[arg(short = 'L', long)]
    follow_link: bool,

    /// What is copied
    from: String,

    /// Where it goes
    to: String,
}

/// What is meant by FROM or TO.
#[derive(Debug, PartialEq, Eq)]
enum End<'a> {
    /// Who has a path, and the path.
    Inside(&'a str, &'a Path),
    Outside(&'a Path),
    Stream,
}

/// `NAME:PATH` unless it begins like a path.
fn end(text: &str) -> End<'_> {
    let is_path = text.starts_with(['/', '.']);
    match text.split_once(':').filter(|(name, _)| !is_path && !name.contains('/')) {
        _ if text == "-" => End::Stream,
        Some((name, path)) => End::Inside(name, Path::new(if path.is_empty() { "/" } else { path })),
        None => End::Outside(Path::new(text)),
    }
}

pub(crate) fn run(args: &CpArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.target()?;
    let engine = context.engine_as_root("cp")?;
    args.what.copy(context, &engine, |service, is_source| {
        let services = [service.to_owned()];
        let all = select(known(&engine, &target)?, &target, &services)?;
        let numbered =
            all.into_iter().filter(|one| args.index.is_none_or(|index| one.id.slot.index == index));
        // The newest of each.
        let newest: BTreeMap<u32, ContainerId> = numbered.map(|one| (one.id.slot.index, one.id)).collect();
        if newest.is_empty() {
            let number = args.index.map(|index| format!(" {index}")).unwrap_or_default();
            let message =
                Message::new(Exit::NotReached, format!("service `{service}` has no container{number}"));
            return Err(message.hint("`sampan up -d` creates what is missing").into());
        }
        let most = if is_source { 1 } else { newest.len() };
        Ok(newest.into_values().take(most).collect())
    })
}

impl What {
    /// Copies it. `who` finds the containers that a name means; only the first is a source.
    pub(super) fn copy(
        &self,
        context: &Context,
        engine: &LinuxEngine,
        who: impl Fn(&str, bool) -> Result<Vec<ContainerId>, Failure>,
    ) -> Result<Exit, Failure> {
        let options = CopyOptions { archive: self.archive, follow: self.follow_link };
        let here = |path: &Path| -> PathBuf { context.environment.directory.join(path) };
        match (end(&self.from), end(&self.to)) {
            (End::Inside(name, path), End::Outside(to)) => {
                for id in who(name, true)? {
                    engine.copy_out((&id, path), &here(to), options)?;
                }
            }
            (End::Inside(name, path), End::Stream) => {
                for id in who(name, true)? {
                    archive::write(None, context, |to| engine.pack((&id, path), to, options))?;
                }
            }
            (End::Outside(from), End::Inside(name, path)) => {
                for id in who(name, false)? {
                    engine.copy_in(&here(from), (&id, path), options)?;
                }
            }
            (End::Stream, End::Inside(name, path)) => match who(name, false)?.as_slice() {
                [id] => engine.unpack(&mut io::stdin(), (id, path))?,
                several => {
                    let text =
                        format!("a stream goes into one container, and `{name}` has {}", several.len());
                    return Err(Failure::usage(text, "say which with `--index`"));
                }
            },
            _ => {
                let text = format!("`{}` and `{}` are not a container and a place here", self.from, self.to);
                return Err(Failure::usage(text, "write one as `NAME:PATH`, the other as a path or `-`"));
            }
        }
        Ok(Exit::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_before_a_colon_is_who_has_the_path() {
        for (text, meant) in [
            ("web:/etc/hosts", End::Inside("web", Path::new("/etc/hosts"))),
            ("web:", End::Inside("web", Path::new("/"))),
            ("web:a:b", End::Inside("web", Path::new("a:b"))),
            ("./web:a", End::Outside(Path::new("./web:a"))),
            ("a/web:b", End::Outside(Path::new("a/web:b"))),
            ("/a:b", End::Outside(Path::new("/a:b"))),
            ("file", End::Outside(Path::new("file"))),
            ("-", End::Stream),
        ] {
            assert_eq!(end(text), meant, "{text}");
        }
    }
}
