//! `sampan image build`

use super::piped::{self, Piped, Sources, Spool, standard_input};
use crate::args::Telling;
use crate::commands::build::{Elsewhere, arguments, check, memory};
use crate::commands::converge::do_alone;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use engine::build::BuildEvent;
use engine::{Event, Progress};
use planner::Step;
use planner::desired::{
    BuildContext, BuildNetwork, BuildSecret, BuildSpec, CachePlace, DockerfileSource, SshSource,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Build an image from a Dockerfile
#[derive(Debug, Args)]
pub(super) struct BuildArgs {
    /// Folder that COPY and ADD see, or its address; `-` reads an archive of it from standard input,
    /// or a Dockerfile that sees no files
    #[arg(value_name = "PATH|-")]
    place: String,

    /// The Dockerfile; otherwise that of the folder, `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<String>,

    /// Name of the image; may be given more than once
    #[arg(short, long = "tag", value_name = "NAME")]
    tags: Vec<String>,

    /// The stage to build; otherwise the last one
    #[arg(long, value_name = "STAGE")]
    target: Option<String>,

    /// Value of an ARG; without a value, that of the variable of this name
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    build_args: Vec<String>,

    /// Label of the image
    #[arg(long = "label", value_name = "NAME[=VALUE]")]
    labels: Vec<String>,

    /// Take nothing from the cache
    #[arg(long)]
    no_cache: bool,

    /// Ask for newer images of FROM even when they are here
    #[arg(long)]
    pull: bool,

    /// Secret for `RUN --mount=type=secret`: id=ID, and src=FILE or env=VARIABLE
    #[arg(long = "secret", value_name = "SECRET")]
    secrets: Vec<String>,

    /// Agent or key for `RUN --mount=type=ssh`: default, or an id and a key file or socket
    #[arg(long, value_name = "ID[=PATH]")]
    ssh: Vec<String>,

    /// Where earlier results may be taken from: type=registry,ref=NAME or type=local,src=FOLDER
    #[arg(long, value_name = "PLACE")]
    cache_from: Vec<String>,

    /// Where results are kept for others: type=registry,ref=NAME, type=local,dest=FOLDER or
    /// type=inline; with mode=max those of all stages
    #[arg(long, value_name = "PLACE")]
    cache_to: Vec<String>,

    /// Another context for FROM and --from: NAME=FOLDER, an address, docker-image://IMAGE,
    /// oci-layout://FOLDER or target:STAGE
    #[arg(long = "build-context", value_name = "NAME=CONTEXT")]
    build_contexts: Vec<String>,

    /// What RUN reaches: default, none, host or a network
    #[arg(long, value_name = "NETWORK")]
    network: Option<String>,

    /// Further name for the hosts file of RUN
    #[arg(long = "add-host", value_name = "NAME:ADDRESS")]
    hosts: Vec<String>,

    /// Memory that a RUN may use, such as 512m
    #[arg(short, long, value_name = "SIZE", value_parser = memory)]
    memory: Option<u64>,

    /// What instructions may ask for: network.host, security.insecure
    #[arg(long = "allow", value_name = "WHAT", value_delimiter = ',')]
    entitlements: Vec<String>,

    /// Look for mistakes in the Dockerfile, and build nothing
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    elsewhere: Elsewhere,

    /// Platform of the image; only that of this machine can be built
    #[arg(long = "platform", value_name = "PLATFORM", value_delimiter = ',')]
    platforms: Vec<String>,

    /// File to write the image's id to
    #[arg(long, value_name = "FILE")]
    iidfile: Option<PathBuf>,

    /// How to tell what is done
    #[arg(long, value_name = "HOW")]
    progress: Option<Telling>,

    /// Say nothing but the image's id, and what goes wrong
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &BuildArgs, context: &Context) -> Result<Exit, Failure> {
    args.elsewhere.tell(context);
    let (spec, _piped) = spec(args, context)?;
    let name = spec.tags.first().cloned().unwrap_or_else(|| args.place.clone());
    if args.check {
        return check([(name.as_str(), &spec)].into_iter(), context);
    }
    let step = Step::BuildImage { reference: name.clone(), spec: Box::new(spec) };
    let built = RefCell::new(None);
    let heard = |event: &Event| {
        if let Event::Progress(_, Progress::Build(BuildEvent::Built(id))) = event {
            *built.borrow_mut() = Some(id.clone());
        }
    };
    let quiet = args.quiet || args.progress == Some(Telling::Quiet);
    let exit = do_alone(&context.telling(args.progress), &name, vec![step], quiet, heard)?;
    if let Some(id) = built.into_inner().filter(|_| exit == Exit::Done) {
        if let Some(file) = &args.iidfile {
            let file = context.environment.directory.join(file);
            std::fs::write(&file, &id)
                .map_err(|error| Failure::io(format!("write {}", file.display()), &error))?;
        }
        context.screen.print(&format!("{id}\n"))?;
    }
    Ok(exit)
}

/// The build, and the archive that came by standard input, which goes when it is dropped.
fn spec(args: &BuildArgs, context: &Context) -> Result<(BuildSpec, Option<Spool>), Failure> {
    let directory = &context.environment.directory;
    let (place, dockerfile, piped) = sources(args, context)?;
    let build_args = arguments(&args.build_args, context);
    let labels = args.labels.iter().map(|text| text.split_once('=').unwrap_or((text, "")));
    let more = args.build_contexts.iter().map(|text| another(text, directory));
    let spec = BuildSpec {
        context: place,
        dockerfile,
        additional_contexts: more.collect::<Result<_, _>>()?,
        network: args.network.as_deref().map_or_else(BuildNetwork::default, BuildNetwork::parse),
        extra_hosts: args.hosts.iter().map(|text| host(text)).collect::<Result<_, _>>()?,
        memory: args.memory,
        entitlements: args.entitlements.clone(),
        source_date_epoch: build_args.get("SOURCE_DATE_EPOCH").and_then(|seconds| seconds.parse().ok()),
        args: build_args,
        target: args.target.clone().filter(|target| !target.is_empty()),
        tags: args.tags.clone(),
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        cache_from: args.cache_from.iter().map(|text| CachePlace::parse(text)).collect(),
        cache_to: args.cache_to.iter().map(|text| CachePlace::parse(text)).collect(),
        no_cache: args.no_cache,
        pull: args.pull,
        platforms: args.platforms.clone(),
        secrets: args.secrets.iter().map(|text| secret(text, context)).collect::<Result<_, _>>()?,
        ssh: ssh(&args.ssh, directory),
        ..BuildSpec::default()
    };
    Ok((spec, piped))
}

/// `NAME=CONTEXT`; a path is seen from here.
fn another(text: &str, directory: &Path) -> Result<(String, BuildContext), Failure> {
    let wrong = || Failure::usage(format!("`{text}` is not a context"), "write `NAME=FOLDER` or an address");
    let (name, at) =
        text.split_once('=').filter(|(name, at)| !name.is_empty() && !at.is_empty()).ok_or_else(wrong)?;
    let (scheme, path) = match at.strip_prefix("oci-layout://") {
        Some(path) => ("oci-layout://", path),
        None if is_address(at) || at.starts_with("target:") => {
            return Ok((name.to_owned(), BuildContext::parse(at)));
        }
        None => ("", at),
    };
    let path = format!("{scheme}{}", directory.join(path).display());
    Ok((name.to_owned(), BuildContext::parse(&path)))
}

fn is_address(text: &str) -> bool {
    text.contains("://") || text.starts_with("git@")
}

/// `NAME:ADDRESS` or `NAME=ADDRESS`.
fn host(text: &str) -> Result<(String, String), Failure> {
    let pair = text.split_once('=').or_else(|| text.split_once(':'));
    let (name, address) =
        pair.filter(|(name, address)| !name.is_empty() && !address.is_empty()).ok_or_else(|| {
            Failure::usage(format!("`{text}` is no name with an address"), "write `NAME:ADDRESS`")
        })?;
    Ok((name.to_owned(), address.to_owned()))
}

/// The files that the build sees, and its instructions.
fn sources(args: &BuildArgs, context: &Context) -> Result<Sources, Failure> {
    let directory = &context.environment.directory;
    if args.place == "-" {
        return piped::sources(args.file.as_deref(), context);
    }
    let (place, folder) = match is_address(&args.place) {
        true => (BuildContext::Url(args.place.clone()), None),
        false => {
            let folder = directory.join(&args.place);
            let folder = folder.canonicalize().map_err(|error| {
                Failure::io(format!("open the build context {}", folder.display()), &error)
            })?;
            (BuildContext::Folder(folder.clone()), Some(folder))
        }
    };
    let dockerfile = match (args.file.as_deref(), folder) {
        (None, _) => DockerfileSource::default(),
        (Some("-"), _) => match standard_input(context)? {
            Piped::Text(text) => DockerfileSource::Inline(text),
            Piped::Archive(_) => {
                let hint = "with `-` in place of the folder it is what the build sees";
                return Err(Failure::usage("standard input is an archive, not a Dockerfile", hint));
            }
        },
        (Some(file), Some(folder)) => in_folder(&directory.join(file), &folder),
        (Some(file), None) => DockerfileSource::InContext(file.to_owned()),
    };
    Ok((place, dockerfile, None))
}

/// A Dockerfile by its path in the folder when it lies there.
fn in_folder(file: &Path, folder: &Path) -> DockerfileSource {
    let real = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    match real.strip_prefix(folder).ok().and_then(Path::to_str) {
        Some(inside) => DockerfileSource::InContext(inside.to_owned()),
        None => DockerfileSource::File(file.to_owned()),
    }
}

/// `id=ID`, `src=FILE` or `env=VARIABLE`, in any order. Without a source it is the variable of
/// this name if there is one, else the file.
fn secret(text: &str, context: &Context) -> Result<(String, BuildSecret), Failure> {
    let pairs: BTreeMap<&str, &str> = text.split(',').filter_map(|pair| pair.split_once('=')).collect();
    let get = |names: [&str; 2]| names.iter().find_map(|name| pairs.get(name).copied());
    let wrong = || {
        let hint = "write `id=ID,src=FILE` or `id=ID,env=VARIABLE`";
        Failure::usage(format!("`{text}` is not a secret"), hint)
    };
    let known = ["id", "type", "src", "source", "env"];
    let strange =
        text.split(',').any(|pair| pair.split_once('=').is_none_or(|(name, _)| !known.contains(&name)));
    let id = pairs.get("id").copied().filter(|id| !id.is_empty() && !strange).ok_or_else(wrong)?;
    let source = get(["src", "source"]).unwrap_or(id);
    let variable = match (pairs.get("env").copied(), pairs.get("type").copied()) {
        (Some(variable), _) => Some(variable),
        (None, Some("env")) => Some(source),
        (None, Some("file")) => None,
        (None, None) => {
            Some(id).filter(|_| get(["src", "source"]).is_none() && context.environment.var(id).is_some())
        }
        (None, Some(_)) => return Err(wrong()),
    };
    let content = match variable {
        Some(variable) => BuildSecret::Environment(variable.to_owned()),
        None => BuildSecret::File(context.environment.directory.join(source)),
    };
    Ok((id.to_owned(), content))
}

fn ssh(texts: &[String], directory: &Path) -> BTreeMap<String, SshSource> {
    let one = |text: &String| match text.split_once('=') {
        None => (text.clone(), SshSource::Agent),
        Some((id, paths)) => {
            let paths = paths.split(',').map(|path| directory.join(path)).collect();
            (id.to_owned(), SshSource::Paths(paths))
        }
    };
    texts.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Global;
    use crate::context::Environment;
    use crate::output::Screen;

    fn context() -> Context {
        let mut environment = Environment { directory: "/here".into(), ..Environment::default() };
        environment.vars.insert("TOKEN".into(), "t".into());
        Context::new(Global::default(), environment, Screen::default())
    }

    #[test]
    fn a_secret_is_a_file_or_a_variable() {
        let file = |path: &str| BuildSecret::File(path.into());
        let variable = |name: &str| BuildSecret::Environment(name.into());
        for (text, expected) in [
            ("id=a,src=b/c", file("/here/b/c")),
            ("source=/b,id=a", file("/b")),
            ("id=a,env=B", variable("B")),
            ("id=a,type=env,src=B", variable("B")),
            ("id=TOKEN", variable("TOKEN")),
            ("id=TOKEN,type=file", file("/here/TOKEN")),
            ("id=a", file("/here/a")),
        ] {
            assert_eq!(secret(text, &context()).unwrap().1, expected, "{text}");
        }
        for text in ["", "a", "src=b", "id=", "id=a,file=b", "id=a,type=x"] {
            assert_eq!(secret(text, &context()).unwrap_err().exit(), Exit::Usage, "{text}");
        }
    }

    #[test]
    fn contexts_that_are_paths_are_seen_from_here() {
        let parsed = |text: &str| another(text, Path::new("/here")).map(|(_, context)| context);
        let layout = BuildContext::OciLayout { folder: "/here/l".into(), reference: Some("v1".into()) };
        for (text, expected) in [
            ("a=sub", BuildContext::Folder("/here/sub".into())),
            ("a=/sub", BuildContext::Folder("/sub".into())),
            ("a=oci-layout://l:v1", layout),
            ("a=docker-image://b", BuildContext::Image("b".into())),
            ("a=target:b", BuildContext::Stage("b".into())),
        ] {
            assert_eq!(parsed(text).unwrap(), expected, "{text}");
        }
        for text in ["a", "=b", "a="] {
            assert_eq!(parsed(text).unwrap_err().exit(), Exit::Usage, "{text}");
        }
    }

    #[test]
    fn keys_lie_in_files_and_an_id_alone_is_the_agent() {
        let texts = ["default".to_owned(), "git=a,b".to_owned()];
        let keys = SshSource::Paths(vec!["/here/a".into(), "/here/b".into()]);
        let expected = [("default".to_owned(), SshSource::Agent), ("git".to_owned(), keys)];
        assert_eq!(ssh(&texts, Path::new("/here")), expected.into());
    }
}
