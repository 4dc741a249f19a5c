//! How registries are reached: credentials, mirrors, certificates, proxies, from where the
//! environment says that they are.

use super::Context;
use crate::error::{Exit, Failure, Message};
use engine::image::registry::{Credentials, Helper, Proxies, Registries, Settings};
use engine::linux::Caller;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Mirrors, insecure registries and certificates, unless `SAMPAN_REGISTRIES` names another file.
const SETTINGS: &str = "/etc/sampan/registries.json";
/// Folders with certificates of authorities for single registries.
const CERTIFICATES: [&str; 2] = ["/etc/sampan/certs.d", "/etc/docker/certs.d"];

impl Context {
    /// Everything that says how registries are reached.
    pub(crate) fn registries(&self) -> Result<Registries, Failure> {
        Ok(Registries {
            credentials: self.credentials()?,
            settings: self.registry_settings()?,
            proxies: self.proxies(),
            ..Registries::default()
        })
    }

    /// Who we are at registries.
    pub(crate) fn credentials(&self) -> Result<Credentials, Failure> {
        let path = self.credentials_file()?;
        let text = read_optional(&path)?.unwrap_or_default();
        Ok(Credentials::parse(&text, &path.display().to_string(), Some(helper()))?)
    }

    /// What builds may know of whoever runs sampan.
    pub(crate) fn caller(&self) -> Caller {
        let agent = self.environment.set("SSH_AUTH_SOCK").map(PathBuf::from);
        Caller { environment: self.environment.vars.clone(), agent }
    }

    /// The file that `login` writes.
    pub(crate) fn credentials_file(&self) -> Result<PathBuf, Failure> {
        let environment = &self.environment;
        let folder = environment.set("DOCKER_CONFIG").map(PathBuf::from);
        let home = || environment.set("HOME").map(|home| Path::new(home).join(".docker"));
        let folder = folder.or_else(home).ok_or_else(|| {
            Failure::usage("there is no home folder to keep logins in", "set HOME or DOCKER_CONFIG")
        })?;
        Ok(environment.directory.join(folder).join("config.json"))
    }

    fn registry_settings(&self) -> Result<Settings, Failure> {
        let named = self.environment.set("SAMPAN_REGISTRIES");
        let path = self.environment.directory.join(named.unwrap_or(SETTINGS));
        let text = match (read_optional(&path)?, named) {
            (None, Some(_)) => {
                let message = format!("the registries file {} does not exist", path.display());
                return Err(Message::new(Exit::FileNotFound, message)
                    .hint("SAMPAN_REGISTRIES names it")
                    .into());
            }
            (text, _) => text,
        };
        let mut settings = match text {
            Some(text) => Settings::parse(&text, &path.display().to_string())?,
            None => Settings::default(),
        };
        settings.certificates = CERTIFICATES.map(PathBuf::from).to_vec();
        settings.roots = self.environment.set("SSL_CERT_FILE").map(PathBuf::from).into_iter().collect();
        Ok(settings)
    }

    /// Lower-case names win, as everywhere.
    fn proxies(&self) -> Proxies {
        let var = |lower: &str, upper: &str| {
            self.environment.set(lower).or_else(|| self.environment.set(upper)).map(str::to_owned)
        };
        Proxies {
            http: var("http_proxy", "HTTP_PROXY"),
            https: var("https_proxy", "HTTPS_PROXY"),
            no_proxy: var("no_proxy", "NO_PROXY").unwrap_or_default(),
        }
    }
}

fn read_optional(path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io(format!("read {}", path.display()), &error)),
    }
}

/// Runs credential helpers: they read from standard input and print to standard output, complaints
/// too.
fn helper() -> Helper {
    Arc::new(|program, verb, input| {
        let start = || {
            let mut child = Command::new(program)
                .arg(verb)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                // A helper that does not read what it is told says itself what is wrong.
                let _ = stdin.write_all(input.as_bytes());
            }
            child.wait_with_output()
        };
        let output = start().map_err(|error: std::io::Error| format!("start {program}: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(format!("{}\n{}", text(&output.stdout), text(&output.stderr)).trim().to_owned()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Global;
    use crate::context::Environment;
    use crate::output::Screen;

    fn context(vars: &[(&str, &str)], folder: &Path) -> Context {
        let mut environment = Environment { directory: folder.to_owned(), ..Environment::default() };
        environment.vars.extend(vars.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        Context::new(Global::default(), environment, Screen::default())
    }

    #[test]
    fn logins_are_kept_where_docker_keeps_them() {
        let file = |vars: &[_]| context(vars, Path::new("/here")).credentials_file();
        assert_eq!(file(&[("HOME", "/root")]).unwrap(), Path::new("/root/.docker/config.json"));
        let both = [("HOME", "/root"), ("DOCKER_CONFIG", "conf")];
        assert_eq!(file(&both).unwrap(), Path::new("/here/conf/config.json"));
        assert_eq!(file(&[]).unwrap_err().exit(), Exit::Usage);
    }

    #[test]
    fn a_registries_file_that_is_named_must_be_there_and_right() {
        let folder = tempfile::tempdir().unwrap();
        let named = [("HOME", "/root"), ("SAMPAN_REGISTRIES", "registries.json")];
        let context = context(&named, folder.path());
        assert_eq!(context.registries().unwrap_err().exit(), Exit::FileNotFound);
        std::fs::write(folder.path().join("registries.json"), "{").unwrap();
        assert_eq!(context.registries().unwrap_err().exit(), Exit::NotReached);
        let text = r#"{"registries": {"reg:5000": {"insecure": true}}}"#;
        std::fs::write(folder.path().join("registries.json"), text).unwrap();
        assert!(context.registries().unwrap().settings.registries["reg:5000"].insecure.is_some());
    }

    #[test]
    fn lower_case_proxies_win_and_empty_ones_do_not_count() {
        let vars = [
            ("http_proxy", "http://a:1"),
            ("HTTP_PROXY", "http://b:1"),
            ("https_proxy", ""),
            ("HTTPS_PROXY", "http://c:1"),
        ];
        let proxies = context(&vars, Path::new("/")).proxies();
        assert_eq!(
            (proxies.http.as_deref(), proxies.https.as_deref()),
            (Some("http://a:1"), Some("http://c:1"))
        );
    }

    #[test]
    fn a_helper_gives_what_it_prints_or_what_it_complains_about() {
        let helper = helper();
        assert_eq!(helper("cat", "-", "hello\n"), Ok("hello".to_owned()));
        assert!(helper("sh", "/no/such/script", "").unwrap_err().contains("/no/such/script"));
        assert!(helper("docker-credential-that-is-not-there", "get", "").unwrap_err().contains("start"));
    }
}
