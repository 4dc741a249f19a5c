//! Builds as JSON that `docker buildx bake` reads
//! (<https://docs.docker.com/build/bake/reference/>).

use planner::desired::{
    BuildContext, BuildNetwork, BuildSecret, BuildSpec, CachePlace, DockerfileSource, SshSource, Ulimit,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The label that says whose image it is.
const SERVICE: &str = "com.docker.compose.service";

/// One target for each build, by the name of its service, and a group of them all.
pub(crate) fn definition<'a>(builds: impl Iterator<Item = (&'a str, &'a BuildSpec)>, push: bool) -> Value {
    let name = |reference: &str, spec: &BuildSpec| {
        spec.labels.get(SERVICE).cloned().unwrap_or_else(|| reference.to_owned())
    };
    let targets: BTreeMap<String, Value> =
        builds.map(|(reference, spec)| (name(reference, spec), target(spec, push))).collect();
    let names: Vec<&String> = targets.keys().collect();
    json!({ "group": { "default": { "targets": names } }, "target": targets })
}

fn target(spec: &BuildSpec, push: bool) -> Value {
    let (file, inline) = dockerfile(&spec.dockerfile);
    let contexts = spec.additional_contexts.iter().map(|(name, at)| (name.clone(), context(at).into()));
    let all = json!({
        "context": context(&spec.context),
        "contexts": contexts.collect::<Map<_, _>>(),
        "dockerfile": file,
        "dockerfile-inline": inline,
        "args": spec.args,
        "labels": spec.labels,
        "tags": spec.tags,
        "cache-from": spec.cache_from.iter().map(place).collect::<Vec<_>>(),
        "cache-to": spec.cache_to.iter().map(place).collect::<Vec<_>>(),
        "target": spec.target,
        "secret": spec.secrets.iter().map(secret).collect::<Vec<_>>(),
        "ssh": spec.ssh.iter().map(ssh).collect::<Vec<_>>(),
        "platforms": spec.platforms,
        "pull": spec.pull,
        "no-cache": spec.no_cache,
        "no-cache-filter": spec.no_cache_filter,
        "network": network(&spec.network),
        "shm-size": spec.shm_size.map(|size| size.to_string()),
        "ulimits": spec.ulimits.iter().map(ulimit).collect::<Vec<_>>(),
        "entitlements": entitlements(spec),
        "extra-hosts": hosts(&spec.extra_hosts),
        "output": [if push { "type=registry" } else { "type=docker" }],
    });
    without_nothing(all)
}

/// What says nothing is left out.
fn without_nothing(mut all: Value) -> Value {
    let says = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    };
    if let Value::Object(map) = &mut all {
        map.retain(|_, value| says(value));
    }
    all
}

fn context(context: &BuildContext) -> String {
    match context {
        BuildContext::Empty => String::new(),
        BuildContext::Folder(path) | BuildContext::Archive(path) => path.display().to_string(),
        BuildContext::Url(url) => url.clone(),
        BuildContext::Image(name) => format!("docker-image://{name}"),
        BuildContext::OciLayout { folder, reference } => {
            let mark = match reference {
                Some(digest) if digest.contains(':') => format!("@{digest}"),
                Some(tag) => format!(":{tag}"),
                None => String::new(),
            };
            format!("oci-layout://{}{mark}", folder.display())
        }
        BuildContext::Stage(name) => format!("target:{name}"),
    }
}

fn dockerfile(source: &DockerfileSource) -> (Option<String>, Option<&str>) {
    match source {
        DockerfileSource::File(path) => (Some(path.display().to_string()), None),
        DockerfileSource::InContext(name) => (Some(name.clone()), None),
        DockerfileSource::Inline(text) => (None, Some(text)),
    }
}

fn place(place: &CachePlace) -> String {
    let attributes = place.attributes.iter().map(|(name, value)| format!(",{name}={value}"));
    format!("type={}{}", place.kind, attributes.collect::<String>())
}

fn secret((id, secret): (&String, &BuildSecret)) -> String {
    match secret {
        BuildSecret::File(path) => format!("id={id},type=file,src={}", path.display()),
        BuildSecret::Environment(variable) => format!("id={id},type=env,env={variable}"),
    }
}

fn ssh((id, source): (&String, &SshSource)) -> String {
    match source {
        SshSource::Agent => id.clone(),
        SshSource::Paths(paths) => {
            let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
            format!("{id}={}", paths.join(","))
        }
    }
}

fn network(network: &BuildNetwork) -> Option<&str> {
    match network {
        BuildNetwork::Default => None,
        BuildNetwork::None => Some("none"),
        BuildNetwork::Host => Some("host"),
        BuildNetwork::Named(name) => Some(name),
    }
}

fn ulimit((name, limit): (&String, &Ulimit)) -> String {
    format!("{name}={}:{}", limit.soft, limit.hard)
}

fn entitlements(spec: &BuildSpec) -> Vec<String> {
    let privileged = spec.privileged.then(|| "security.insecure".to_owned());
    let more = privileged.filter(|word| !spec.entitlements.contains(word));
    spec.entitlements.iter().cloned().chain(more).collect()
}

/// One address for each name, which is all that bake knows.
fn hosts(hosts: &[(String, String)]) -> BTreeMap<&str, &str> {
    hosts.iter().rev().map(|(name, address)| (name.as_str(), address.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_a_target_by_its_service_with_what_it_says_only() {
        let plain = BuildSpec {
            context: BuildContext::Folder("/srv".into()),
            tags: vec!["shop-web".into()],
            labels: [(SERVICE.to_owned(), "web".to_owned())].into(),
            ..BuildSpec::default()
        };
        let full = BuildSpec {
            dockerfile: DockerfileSource::Inline("FROM a".into()),
            additional_contexts: [("base".to_owned(), BuildContext::Image("b:1".into()))].into(),
            cache_to: vec![CachePlace::parse("type=local,dest=/c,mode=max")],
            secrets: [("t".to_owned(), BuildSecret::Environment("T".into()))].into(),
            ssh: [("default".to_owned(), SshSource::Agent)].into(),
            network: BuildNetwork::None,
            privileged: true,
            no_cache: true,
            ..BuildSpec::default()
        };
        let told = definition([("shop-web", &plain), ("other", &full)].into_iter(), false);
        let expected = json!({
            "group": { "default": { "targets": ["other", "web"] } },
            "target": {
                "web": {
                    "context": "/srv",
                    "dockerfile": "Dockerfile",
                    "labels": { "com.docker.compose.service": "web" },
                    "tags": ["shop-web"],
                    "output": ["type=docker"],
                },
                "other": {
                    "contexts": { "base": "docker-image://b:1" },
                    "dockerfile-inline": "FROM a",
                    "cache-to": ["type=local,dest=/c,mode=max"],
                    "secret": ["id=t,type=env,env=T"],
                    "ssh": ["default"],
                    "no-cache": true,
                    "network": "none",
                    "entitlements": ["security.insecure"],
                    "output": ["type=docker"],
                },
            },
        });
        assert_eq!(told, expected);
    }
}
