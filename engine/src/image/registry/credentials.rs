//! Who we are at a registry: the `auths`, `credHelpers` and `credsStore` of Docker's `config.json`
//! (<https://docs.docker.com/reference/cli/docker/login/#credential-stores>).

use super::fields::Fields;
use crate::error::{Error, Kind, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Docker Hub's entry, as every tool writes it.
const HUB_ENTRY: &str = "https://index.docker.io/v1/";
/// The user that stands for an identity token.
const TOKEN_USER: &str = "<token>";
/// The field of `config.json` that logins are in.
const AUTHS: &str = "auths";

/// Runs a credential helper: the program's name (`docker-credential-pass`), its one argument
/// (`get`, `store`, `erase`) and what it reads. Gives what it prints; an error holds what it said.
pub type Helper = Arc<dyn Fn(&str, &str, &str) -> std::result::Result<String, String> + Send + Sync>;

/// Name and secret of somebody.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// User and password or access token.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A token that stands for a user who logged in elsewhere.
    Identity(String),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { user, .. } => write!(f, "Password({user})"),
            Self::Identity(_) => f.write_str("Identity"),
        }
    }
}

/// Everybody we are, by registry.
#[derive(Clone, Default)]
pub struct Credentials {
    /// `config.json`; what we do not know in it stays.
    config: Fields,
    /// Its `auths`: by registry, as they are written.
    auths: Fields,
    /// Where it was read, for messages.
    name: String,
    helper: Option<Helper>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Reads a `config.json`; `name` is for messages. An empty text is an empty file.
    pub fn parse(json: &str, name: &str, helper: Option<Helper>) -> Result<Self> {
        let config: Fields = match json.trim() {
            "" => Fields::default(),
            json => serde_json::from_str(json).map_err(|error| {
                Error::new(Kind::Unsupported, format!("the credentials file {name} cannot be read"))
                    .hint("it is the `config.json` of docker: a JSON object with `auths`")
                    .because(error)
            })?,
        };
        let auths = config.get(AUTHS).unwrap_or_default();
        Ok(Self { config, auths, name: name.to_owned(), helper })
    }

    /// Who we are at a registry host; `None` is nobody in particular.
    pub fn of(&self, host: &str) -> Result<Option<Login>> {
        match self.helper_of(host) {
            Some(helper) => self.ask(&helper, host),
            None => self.entry(host).map_or(Ok(None), |(_, entry)| self.decode(host, &entry)),
        }
    }

    /// Remembers a login. Gives the new text of `config.json` when that changes; a helper
    /// keeps the secret itself.
    pub fn add(&mut self, host: &str, login: &Login) -> Result<Option<String>> {
        let server = server_of(host);
        let (user, secret) = match login {
            Login::Password { user, password } => (user.as_str(), password.as_str()),
            Login::Identity(token) => (TOKEN_USER, token.as_str()),
        };
        if let Some(helper) = self.helper_of(host) {
            let input = json!({ "ServerURL": server, "Username": user, "Secret": secret });
            self.run(&helper, "store", &input.to_string())?;
            // The empty entry is how other tools know that the helper has one.
            self.enter(&server, &json!({}))?;
        } else {
            let entry = match login {
                Login::Password { .. } => json!({ "auth": BASE64.encode(format!("{user}:{secret}")) }),
                Login::Identity(_) => json!({ "identitytoken": secret }),
            };
            if let Some((old, _)) = self.entry(host).filter(|(old, _)| *old != server) {
                self.auths.remove(&old);
            }
            self.enter(&server, &entry)?;
        }
        self.text().map(Some)
    }

    /// Forgets a login. Gives the new text of `config.json`, or `None` when there was none.
    pub fn remove(&mut self, host: &str) -> Result<Option<String>> {
        let mut is_known = false;
        if let Some(helper) = self.helper_of(host) {
            is_known = self.ask(&helper, host)?.is_some();
            if is_known {
                self.run(&helper, "erase", &server_of(host))?;
            }
        }
        if let Some((key, _)) = self.entry(host) {
            self.auths.remove(&key);
            is_known = true;
        }
        if is_known { self.text().map(Some) } else { Ok(None) }
    }

    /// The program that keeps the secrets for a host, if one does: otherwise they lie in the file
    /// for everybody to read who can read it.
    pub fn helper_of(&self, host: &str) -> Option<String> {
        let own = self.config.get::<BTreeMap<String, String>>("credHelpers").unwrap_or_default();
        let own = own.get(host).or_else(|| own.get(&server_of(host))).cloned();
        let suffix = own.or_else(|| self.config.get("credsStore")).filter(|suffix| !suffix.is_empty())?;
        Some(format!("docker-credential-{suffix}"))
    }

    fn enter(&mut self, server: &str, entry: &Value) -> Result<()> {
        self.auths.set(server, entry).map_err(|error| self.unwritten(error))
    }

    fn text(&mut self) -> Result<String> {
        let written = self.config.set(AUTHS, &self.auths).and_then(|()| self.config.text());
        written.map_err(|error| self.unwritten(error))
    }

    fn unwritten(&self, error: serde_json::Error) -> Error {
        Error::new(Kind::System, format!("write {}", self.name)).because(error)
    }

    /// The entry for a host, however its key is written.
    fn entry(&self, host: &str) -> Option<(String, Value)> {
        let wanted = server_of(host);
        let exact = || self.auths.names().find(|key| *key == wanted || *key == host);
        let similar = || self.auths.names().find(|key| host_of(key) == host);
        let key = exact().or_else(similar)?.to_owned();
        let entry = self.auths.get(&key)?;
        Some((key, entry))
    }

    fn decode(&self, host: &str, entry: &Value) -> Result<Option<Login>> {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        if let Some(token) = text("identitytoken") {
            return Ok(Some(Login::Identity(token.to_owned())));
        }
        if let (Some(user), Some(password)) = (text("username"), text("password")) {
            return Ok(Some(Login::Password { user: user.to_owned(), password: password.to_owned() }));
        }
        let Some(auth) = text("auth") else { return Ok(None) };
        let decoded = BASE64.decode(auth.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = decoded.as_deref().and_then(|text| text.trim_end_matches('\0').split_once(':'));
        let (user, password) = pair.ok_or_else(|| {
            Error::new(
                Kind::Unsupported,
                format!("the entry for {host} in {} is not `user:password` in base64", self.name),
            )
            .hint(format!("log in again: `sampan login {host}`"))
        })?;
        Ok(Some(Login::Password { user: user.to_owned(), password: password.to_owned() }))
    }

    fn ask(&self, helper: &str, host: &str) -> Result<Option<Login>> {
        let output = match self.call(helper, "get", &server_of(host)) {
            Ok(output) => output,
            // What every helper says of somebody it does not know.
            Err(said) if said.to_ascii_lowercase().contains("credentials not found") => return Ok(None),
            Err(said) => return Err(failed(helper, "get", said)),
        };
        let value: Value = serde_json::from_str(&output)
            .map_err(|error| failed(helper, "get", "it did not print JSON".to_owned()).because(error))?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(match (text("Username"), text("Secret")) {
            (_, secret) if secret.is_empty() => None,
            (user, secret) if user == TOKEN_USER => Some(Login::Identity(secret)),
            (user, password) => Some(Login::Password { user, password }),
        })
    }

    fn run(&self, helper: &str, verb: &str, input: &str) -> Result<()> {
        self.call(helper, verb, input).map(drop).map_err(|said| failed(helper, verb, said))
    }

    fn call(&self, helper: &str, verb: &str, input: &str) -> std::result::Result<String, String> {
        let run = self.helper.as_ref().ok_or_else(|| "programs cannot be started here".to_owned())?;
        run(helper, verb, input)
    }
}

fn failed(helper: &str, verb: &str, said: String) -> Error {
    let lines: Vec<String> = said.lines().map(str::to_owned).collect();
    Error::new(Kind::System, format!("the credential helper `{helper} {verb}` failed")).evidence(lines).hint(
        "is it installed and set up? `credsStore` and `credHelpers` in config.json say when it is asked",
    )
}

/// The key of a registry host in `auths`.
fn server_of(host: &str) -> String {
    if host == "docker.io" { HUB_ENTRY.to_owned() } else { host.to_owned() }
}

/// The registry host that a key of `auths` means; older tools wrote URLs.
fn host_of(key: &str) -> &str {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    match rest.split('/').next().unwrap_or_default() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    fn password(user: &str, password: &str) -> Option<Login> {
        Some(Login::Password { user: user.into(), password: password.into() })
    }

    #[test]
    fn entries_are_found_however_their_key_is_written() {
        let json = format!(
            r#"{{"auths": {{
                "https://index.docker.io/v1/": {{"auth": "{hub}"}},
                "https://old.example.com/v2/": {{"auth": "{old}"}},
                "plain:5000": {{"username": "u", "password": "p:q"}},
                "token.example.com": {{"identitytoken": "t", "auth": "{old}"}},
                "empty.example.com": {{}}
            }}}}"#,
            hub = BASE64.encode("hub:secret"),
            old = BASE64.encode("old:se:cret"),
        );
        let credentials = Credentials::parse(&json, "config.json", None).unwrap();
        for (host, expected) in [
            ("docker.io", password("hub", "secret")),
            ("old.example.com", password("old", "se:cret")),
            ("plain:5000", password("u", "p:q")),
            ("plain:5001", None),
            ("token.example.com", Some(Login::Identity("t".into()))),
            ("empty.example.com", None),
            ("other", None),
        ] {
            assert_eq!(credentials.of(host).unwrap(), expected, "{host}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_without_the_secret() {
        assert!(Credentials::parse("[]", "c", None).unwrap_err().doing.contains("c cannot be read"));
        let json = r#"{"auths": {"a": {"auth": "c2VjcmV0"}}}"#;
        let error = Credentials::parse(json, "c", None).unwrap().of("a").unwrap_err();
        let shown = format!("{error:?}");
        assert!(shown.contains("sampan login a") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn a_login_is_added_and_removed_and_the_rest_stays() {
        let json =
            r#"{"psFormat": "x", "auths": {"https://reg/v1/": {"auth": "dTpw"}}, "HttpHeaders": {"a": "b"}}"#;
        let mut credentials = Credentials::parse(json, "c", None).unwrap();
        let login = password("me", "pass").unwrap();
        let text = credentials.add("reg", &login).unwrap().unwrap();
        let entry = "\"auths\": {\n\t\t\"reg\": {\n\t\t\t\"auth\": \"bWU6cGFzcw==\"\n\t\t}\n\t}";
        let rest = "\"HttpHeaders\": {\n\t\t\"a\": \"b\"\n\t}";
        assert_eq!(text, format!("{{\n\t\"psFormat\": \"x\",\n\t{entry},\n\t{rest}\n}}\n"));
        assert_eq!(credentials.of("reg").unwrap(), Some(login));
        assert!(credentials.remove("reg").unwrap().unwrap().contains("HttpHeaders"));
        assert_eq!((credentials.of("reg").unwrap(), credentials.remove("reg").unwrap()), (None, None));
    }

    #[test]
    fn helpers_are_asked_where_the_file_says_so() {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        let helper: Helper = Arc::new(move |program, verb, input| {
            seen.lock().unwrap().push(format!("{program} {verb} {input}"));
            match (verb, input) {
                ("get", "reg") => Ok(r#"{"Username": "<token>", "Secret": "t"}"#.into()),
                ("get", "https://index.docker.io/v1/" | "new") => {
                    Ok(r#"{"Username": "u", "Secret": "s"}"#.into())
                }
                ("get", "broken") => Err("pass is locked".into()),
                ("get", _) => Err("credentials not found in native keychain".into()),
                _ => Ok(String::new()),
            }
        });
        let json = r#"{"credsStore": "pass", "credHelpers": {"reg": "own"}}"#;
        let mut credentials = Credentials::parse(json, "c", Some(helper)).unwrap();
        assert_eq!(credentials.of("reg").unwrap(), Some(Login::Identity("t".into())));
        assert_eq!(credentials.of("docker.io").unwrap(), password("u", "s"));
        assert_eq!(credentials.of("unknown").unwrap(), None);
        assert_eq!(credentials.of("broken").unwrap_err().evidence, ["pass is locked"]);
        let text = credentials.add("new", &password("n", "secret").unwrap()).unwrap().unwrap();
        assert!(text.contains("\"new\": {}") && !text.contains("secret"), "{text}");
        credentials.remove("new").unwrap();
        let calls = calls.lock().unwrap();
        assert_eq!(calls[0], "docker-credential-own get reg");
        assert!(calls[4].starts_with("docker-credential-pass store {") && calls[4].contains("secret"));
        assert_eq!(calls[5..], ["docker-credential-pass get new", "docker-credential-pass erase new"]);
    }
}
