//! A container by flags, as docker has them: they become a stack file of one service, so that what
//! is typed is read, checked and planned as if it stood in a file.

use clap::Args;
use serde_json::{Value, json};
use std::path::Path;

/// What a container is made from.
#[derive(Debug, Default, Args)]
pub(super) struct SpecArgs {
    /// Its name; by default that of the image with a number
    #[arg(long)]
    pub(super) name: Option<String>,

    /// Set a variable; without a value it takes that of this shell
    #[arg(short, long = "env", value_name = "NAME=VALUE")]
    env: Vec<String>,

    /// File of variables
    #[arg(long = "env-file", value_name = "FILE")]
    env_files: Vec<String>,

    /// Mount a volume or a path: `source:target[:options]`
    #[arg(short, long = "volume", value_name = "VOLUME")]
    volumes: Vec<String>,

    /// Mount memory: `/path[:options]`
    #[arg(long, value_name = "PATH")]
    tmpfs: Vec<String>,

    /// Publish a port: `[address:][port:]port[/protocol]`
    #[arg(short, long, value_name = "PORT")]
    publish: Vec<String>,

    /// Network that it is on, `none`, `host` or `container:NAME`; by default `bridge`, which is made when needed
    #[arg(long = "network", alias = "net", value_name = "NETWORK")]
    networks: Vec<String>,

    /// Another name that it answers to on its networks
    #[arg(long = "network-alias", value_name = "NAME")]
    aliases: Vec<String>,

    /// A name that it knows: `name:address`
    #[arg(long = "add-host", value_name = "HOST")]
    hosts: Vec<String>,

    /// Server that it asks for names
    #[arg(long, value_name = "ADDRESS")]
    dns: Vec<String>,

    /// Host name; by default a number
    #[arg(long)]
    hostname: Option<String>,

    /// Limit of memory
    #[arg(short, long, value_name = "BYTES")]
    memory: Option<String>,

    /// Limit of memory and swap together; -1 is unlimited swap
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true)]
    memory_swap: Option<String>,

    /// Limit of CPUs
    #[arg(long, value_name = "NUMBER")]
    cpus: Option<String>,

    /// Limit of processes
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pids_limit: Option<String>,

    /// Size of /dev/shm
    #[arg(long, value_name = "BYTES")]
    shm_size: Option<String>,

    /// Run as `user[:group]`
    #[arg(short, long)]
    user: Option<String>,

    /// Working directory
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,

    /// Another program than the image's; without a command it gets no arguments
    #[arg(long, value_name = "PROGRAM")]
    entrypoint: Option<String>,

    /// What to do when it ends: no, always, on-failure[:retries], unless-stopped
    #[arg(long, value_name = "POLICY")]
    restart: Option<String>,

    /// Its files cannot be changed
    #[arg(long)]
    read_only: bool,

    /// Add a capability
    #[arg(long, value_name = "CAPABILITY")]
    cap_add: Vec<String>,

    /// Take a capability away
    #[arg(long, value_name = "CAPABILITY")]
    cap_drop: Vec<String>,

    /// All capabilities and devices
    #[arg(long)]
    privileged: bool,

    /// Give it a device: `source[:target[:access]]`
    #[arg(long = "device", value_name = "DEVICE")]
    devices: Vec<String>,

    /// `no-new-privileges`, `seccomp=FILE`, …
    #[arg(long, value_name = "OPTION")]
    security_opt: Vec<String>,

    /// Kernel setting of its namespaces
    #[arg(long = "sysctl", value_name = "NAME=VALUE")]
    sysctls: Vec<String>,

    /// Add a label
    #[arg(short, long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,

    /// A small init is its first process
    #[arg(long)]
    init: bool,

    /// Signal that asks it to end
    #[arg(long, value_name = "SIGNAL")]
    stop_signal: Option<String>,

    /// Seconds between that signal and KILL
    #[arg(long, value_name = "SECONDS")]
    stop_timeout: Option<u32>,

    /// Its standard input stays open
    #[arg(short, long)]
    pub(super) interactive: bool,

    /// It has a terminal
    #[arg(short, long)]
    pub(super) tty: bool,

    /// The image
    pub(super) image: String,

    /// The command and its arguments; otherwise the image's
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    argv: Vec<String>,
}

/// The network of those that name none.
pub(super) const BRIDGE: &str = "bridge";

impl SpecArgs {
    /// The networks that must exist.
    pub(super) fn networks(&self) -> Vec<&str> {
        match self.networks.as_slice() {
            [] => vec![BRIDGE],
            [mode] if is_mode(mode) => Vec::new(),
            networks => networks.iter().map(String::as_str).collect(),
        }
    }

    /// The volumes with a name, which must exist.
    pub(super) fn volumes(&self) -> Vec<&str> {
        let source = |volume: &'_ String| volume.split_once(':').map(|(source, _)| source.len());
        let named = self.volumes.iter().filter_map(|volume| Some(&volume[..source(volume)?]));
        named.filter(|source| !source.starts_with(['/', '.', '~'])).collect()
    }

    /// The stack file: one service with this key, which is called so. Paths begin in `directory`.
    pub(super) fn file(&self, (key, name): (&str, &str), directory: &Path) -> String {
        let mut text = format!("services:\n  {}:\n", json!(key));
        for (key, value) in self.keys(key, name, directory) {
            text.push_str(&format!("    {key}: {value}\n"));
        }
        let external = |names: &[&str], kind: &str| {
            let lines: Vec<String> = names
                .iter()
                .map(|name| format!("  {}: {{external: true, name: {}}}\n", json!(name), json!(name)))
                .collect();
            if names.is_empty() { String::new() } else { format!("{kind}:\n{}", lines.concat()) }
        };
        text + &external(&self.networks(), "networks") + &external(&self.volumes(), "volumes")
    }

    fn keys(&self, key: &str, name: &str, directory: &Path) -> Vec<(&'static str, Value)> {
        let mut keys = vec![("image", typed(&self.image)), ("container_name", typed(name))];
        keys.push(("hostname", typed(self.hostname.as_deref().unwrap_or(key))));
        let mut absolute: Vec<String> = Vec::new();
        absolute.extend(self.volumes.iter().map(|volume| whole(volume, directory)));
        let files = self.env_files.iter().map(|file| directory.join(file).display().to_string());
        let files: Vec<Value> = files.map(|file| json!({"path": typed(&file), "format": "raw"})).collect();
        let lists = [
            ("environment", &self.env),
            ("volumes", &absolute),
            ("tmpfs", &self.tmpfs),
            ("ports", &self.publish),
            ("extra_hosts", &self.hosts),
            ("dns", &self.dns),
            ("cap_add", &self.cap_add),
            ("cap_drop", &self.cap_drop),
            ("devices", &self.devices),
            ("security_opt", &self.security_opt),
            ("sysctls", &self.sysctls),
            ("labels", &self.labels),
        ];
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        keys.extend(lists.map(|(key, list)| (key, all(list))));
        keys.extend(Some(("env_file", json!(files))).filter(|_| !self.env_files.is_empty()));
        let texts = [
            ("mem_limit", &self.memory),
            ("memswap_limit", &self.memory_swap),
            ("cpus", &self.cpus),
            ("pids_limit", &self.pids_limit),
            ("shm_size", &self.shm_size),
            ("user", &self.user),
            ("working_dir", &self.workdir),
            ("restart", &self.restart),
            ("stop_signal", &self.stop_signal),
        ];
        keys.extend(texts.into_iter().filter_map(|(key, text)| Some((key, typed(text.as_deref()?)))));
        keys.extend(self.stop_timeout.map(|seconds| ("stop_grace_period", json!(format!("{seconds}s")))));
        if let Some(program) = &self.entrypoint {
            keys.push(("entrypoint", all(std::slice::from_ref(program))));
        }
        if !self.argv.is_empty() || self.entrypoint.is_some() {
            keys.push(("command", all(&self.argv)));
        }
        let flags = [
            ("read_only", self.read_only),
            ("privileged", self.privileged),
            ("init", self.init),
            ("tty", self.tty),
            ("stdin_open", self.interactive),
        ];
        keys.extend(flags.into_iter().filter(|(_, set)| *set).map(|(key, _)| (key, json!(true))));
        keys.push(self.network());
        keys
    }

    fn network(&self) -> (&'static str, Value) {
        match self.networks.as_slice() {
            [mode] if is_mode(mode) => ("network_mode", typed(mode)),
            _ => {
                let aliases = json!({"aliases": all(&self.aliases)});
                let on = self.networks().into_iter().map(|name| (name.to_owned(), aliases.clone()));
                ("networks", Value::Object(on.collect()))
            }
        }
    }
}

fn is_mode(network: &str) -> bool {
    ["none", "host"].contains(&network) || network.starts_with("container:")
}

/// A text that stands for itself: what was typed holds no variables.
fn typed(text: &str) -> Value {
    json!(text.replace('$', "$$"))
}

fn all(texts: &[String]) -> Value {
    texts.iter().map(|text| typed(text)).collect()
}

/// A relative source begins where the command was typed.
fn whole(volume: &str, directory: &Path) -> String {
    match volume.starts_with("./") || volume.starts_with("../") || volume == "." {
        true => format!("{}/{volume}", directory.display()),
        false => volume.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        spec: SpecArgs,
    }

    fn file(args: &[&str]) -> String {
        let typed = Typed::try_parse_from([&["run"], args].concat()).unwrap();
        typed.spec.file(("1a", "web"), Path::new("/here"))
    }

    #[test]
    fn what_was_typed_is_a_stack_of_one_service() {
        assert_eq!(
            file(&["busybox"]),
            "services:\n  \"1a\":\n    image: \"busybox\"\n    container_name: \"web\"\n    hostname: \"1a\"\n    \
             networks: {\"bridge\":{\"aliases\":[]}}\n\
             networks:\n  \"bridge\": {external: true, name: \"bridge\"}\n"
        );
        let args = [
            "-it",
            "-e",
            "A=$B",
            "-v",
            "data:/d",
            "-v",
            "./x:/y",
            "-v",
            "/z",
            "--env-file",
            "vars",
            "-m",
            "64m",
            "--network",
            "none",
            "--entrypoint",
            "sh",
            "busybox",
            "-c",
            "exit 3",
        ];
        let text = file(&args);
        for line in [
            "environment: [\"A=$$B\"]",
            "volumes: [\"data:/d\",\"/here/./x:/y\",\"/z\"]",
            "env_file: [{\"format\":\"raw\",\"path\":\"/here/vars\"}]",
            "mem_limit: \"64m\"",
            "entrypoint: [\"sh\"]",
            "command: [\"-c\",\"exit 3\"]",
            "tty: true",
            "stdin_open: true",
            "network_mode: \"none\"",
        ] {
            assert!(text.contains(&format!("    {line}\n")), "{line}: {text}");
        }
        assert!(text.ends_with("volumes:\n  \"data\": {external: true, name: \"data\"}\n"), "{text}");
    }
}
