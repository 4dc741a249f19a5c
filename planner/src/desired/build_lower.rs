//! A service's build section to what the engine is handed.

use super::{BuildContext, BuildNetwork, BuildSecret, BuildSpec, CachePlace, DockerfileSource, SshSource};
use crate::goal::{BuildOptions, Goal, Verb};
use crate::model::{Build, FileReference, Service, Stack};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How the image of a service is built; `None` when it has no build section.
pub(crate) fn build_spec(stack: &Stack, name: &str, service: &Service, goal: &Goal) -> Option<BuildSpec> {
    let build = service.build.as_ref()?;
    let nothing = BuildOptions::default();
    let asked = if let Verb::Build(options) = &goal.verb { options } else { &nothing };
    let context = place(stack, &build.context);
    let image = service.image_name(&stack.name, name);
    let more = build.additional_contexts.iter();
    let mut args = known(&build.args);
    args.extend(asked.args.clone());
    Some(BuildSpec {
        dockerfile: dockerfile(build, &context),
        context,
        additional_contexts: more.map(|(name, at)| (name.clone(), place(stack, at))).collect(),
        source_date_epoch: args.get("SOURCE_DATE_EPOCH").and_then(|seconds| seconds.parse().ok()),
        args,
        target: Some(build.target.clone()).filter(|target| !target.is_empty()),
        tags: tags(image, &build.tags),
        labels: labels(stack, name, build),
        cache_from: build.cache_from.iter().map(|text| CachePlace::parse(text)).collect(),
        cache_to: build.cache_to.iter().map(|text| CachePlace::parse(text)).collect(),
        no_cache: build.no_cache || asked.no_cache,
        no_cache_filter: build.no_cache_filter.clone(),
        pull: build.pull || asked.pull,
        network: network(stack, &build.network),
        extra_hosts: hosts(build),
        platforms: platforms(service, build),
        secrets: build.secrets.iter().filter_map(|secret| secret_of(stack, secret)).collect(),
        ssh: build.ssh.0.iter().chain(&asked.ssh).map(|(id, key)| (id.clone(), ssh(key))).collect(),
        shm_size: build.shm_size.amount(),
        ulimits: super::service::process_limits(&build.ulimits),
        memory: asked.memory,
        privileged: build.privileged,
        entitlements: build.entitlements.clone(),
    })
}

/// Where the files of a context are, as it is written once its path is resolved.
fn place(stack: &Stack, text: &str) -> BuildContext {
    if let Some(service) = text.strip_prefix("service:") {
        let other = stack.services.get(service).or_else(|| stack.disabled.get(service));
        let image = other.map(|other| other.image_name(&stack.name, service));
        return image.map_or(BuildContext::Empty, BuildContext::Image);
    }
    // Docker Compose takes `target:STAGE` for a path below its folder, and prints it so.
    let last = text.rsplit('/').next().filter(|last| last.starts_with("target:"));
    BuildContext::parse(last.unwrap_or(text))
}

/// A path that leads out of the context is a file of this machine.
fn dockerfile(build: &Build, context: &BuildContext) -> DockerfileSource {
    if !build.dockerfile_inline.is_empty() {
        return DockerfileSource::Inline(build.dockerfile_inline.clone());
    }
    let path = Path::new(&build.dockerfile);
    match context {
        _ if build.dockerfile.is_empty() => DockerfileSource::default(),
        _ if path.is_absolute() => DockerfileSource::File(path.to_owned()),
        BuildContext::Folder(folder) if build.dockerfile.split('/').any(|part| part == "..") => {
            DockerfileSource::File(folder.join(path))
        }
        _ => DockerfileSource::InContext(build.dockerfile.clone()),
    }
}

/// Arguments without a value are not given.
fn known(args: &BTreeMap<String, Option<String>>) -> BTreeMap<String, String> {
    args.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect()
}

fn tags(image: String, more: &[String]) -> Vec<String> {
    let more = more.iter().filter(|tag| **tag != image).cloned().collect::<Vec<_>>();
    [image].into_iter().chain(more).collect()
}

/// The file's labels, and whose image it is. A version of ours is not among them: it would make
/// another image of the same files.
fn labels(stack: &Stack, service: &str, build: &Build) -> BTreeMap<String, String> {
    let mut labels = build.labels.clone();
    labels.insert("com.docker.compose.project".to_owned(), stack.name.clone());
    labels.insert("com.docker.compose.service".to_owned(), service.to_owned());
    labels
}

/// A network of the stack goes by its key, others by their names.
fn network(stack: &Stack, name: &str) -> BuildNetwork {
    if let Some(network) = stack.networks.get(name).filter(|_| name != "default") {
        return BuildNetwork::Named(network.name.clone());
    }
    BuildNetwork::parse(name)
}

fn hosts(build: &Build) -> Vec<(String, String)> {
    let pairs = build.extra_hosts.0.iter();
    pairs.flat_map(|(name, all)| all.iter().map(|address| (name.clone(), address.clone()))).collect()
}

/// The service's platform when the build section has none.
fn platforms(service: &Service, build: &Build) -> Vec<String> {
    match build.platforms.is_empty() && !service.platform.is_empty() {
        true => vec![service.platform.clone()],
        false => build.platforms.clone(),
    }
}

/// A secret by its id. One that somebody else keeps has no content here.
fn secret_of(stack: &Stack, reference: &FileReference) -> Option<(String, BuildSecret)> {
    let secret = stack.secrets.get(&reference.source)?;
    let id = if reference.target.is_empty() { &reference.source } else { &reference.target };
    let content = match (secret.file.as_str(), secret.environment.as_str()) {
        ("", "") => return None,
        ("", variable) => BuildSecret::Environment(variable.to_owned()),
        (file, _) => BuildSecret::File(PathBuf::from(file)),
    };
    Some((id.clone(), content))
}

fn ssh(key: &str) -> SshSource {
    match key {
        "" => SshSource::Agent,
        paths => SshSource::Paths(paths.split(',').map(PathBuf::from).collect()),
    }
}
