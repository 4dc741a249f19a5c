//! `RUN --mount`: what is written, and once its variables have values, what is to be mounted.

use super::ast::Word;
use super::expand::{ExpandError, Expander};
use super::fields;

/// One `--mount` as written. Variables stand in its values, so that even its type is known only
/// once they have theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    /// `key=value`, or a key alone.
    pub options: Vec<(String, Option<Word>)>,
}

/// What a `RUN` finds mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunMount {
    /// Where: absolute, or seen from the working directory. Only of secrets and ssh it can be
    /// missing: a secret that is a variable only, and the usual place of the agent's socket.
    pub target: Option<String>,
    /// Whether it cannot be written.
    pub read_only: bool,
    /// What.
    pub kind: MountKind,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountKind {
    /// Files of the build context, a stage, an additional context or an image. What is written
    /// into them is lost.
    Bind {
        /// From where; not said: the build context.
        from: Option<String>,
        /// The path there.
        source: String,
    },
    /// A folder that builds keep for each other.
    Cache {
        /// Its name: same name, same folder.
        id: String,
        /// What it begins as; not said: empty.
        from: Option<String>,
        /// The path there.
        source: String,
        /// How builds share it.
        sharing: Sharing,
        /// Whose it is, when it is made.
        owner: Owner,
    },
    /// Memory.
    Tmpfs {
        /// At most so many bytes.
        size: Option<u64>,
    },
    /// A secret of the build as a file, a variable, or both.
    Secret {
        /// Its name.
        id: String,
        /// The name of the variable.
        env: Option<String>,
        /// Without it the build fails; otherwise it is left out.
        required: bool,
        /// Of the file.
        owner: Owner,
    },
    /// The socket of an ssh agent.
    Ssh {
        /// Its name, `default` if not said.
        id: String,
        /// Without it the build fails; otherwise it is left out.
        required: bool,
        /// Of the socket.
        owner: Owner,
    },
}

/// How `RUN`s at the same time share a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    /// All use it.
    #[default]
    Shared,
    /// One at a time: another one gets a folder of its own.
    Private,
    /// One at a time: another one waits.
    Locked,
}

/// Whose something is; what is not said is for its kind to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// Permissions.
    pub mode: Option<u32>,
    /// User.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
}

/// The keys there are, for hints.
const KEYS: &[&str] = &[
    "type",
    "from",
    "source",
    "src",
    "target",
    "dst",
    "destination",
    "readonly",
    "ro",
    "readwrite",
    "rw",
    "id",
    "sharing",
    "required",
    "size",
    "mode",
    "uid",
    "gid",
    "env",
];
const TYPES: &[&str] = &["bind", "cache", "tmpfs", "secret", "ssh"];
const SHARINGS: &[&str] = &["shared", "private", "locked"];

/// Why a `--mount` is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountError {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl From<String> for MountError {
    fn from(message: String) -> Self {
        Self { message, hint: None }
    }
}

impl From<ExpandError> for MountError {
    fn from(error: ExpandError) -> Self {
        error.0.into()
    }
}

impl Mount {
    /// Divides `type=cache,target=/x,…`.
    ///
    /// # Errors
    /// When quotes are not closed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let option = |field: String| match field.split_once('=') {
            Some((key, value)) => (key.to_lowercase(), Some(Word::from(value))),
            None => (field.to_lowercase(), None),
        };
        Ok(Self { options: fields::split(text)?.into_iter().map(option).collect() })
    }

    /// Where files come from, which is never a variable: stages are known before anything runs.
    #[must_use]
    pub fn from(&self) -> Option<&str> {
        let value = |key| self.options.iter().rev().find(|(own, _)| own == key)?.1.as_ref();
        value("from").map(Word::as_str).filter(|from| !from.is_empty())
    }

    /// Whether it can be said what it means before anything runs.
    pub fn has_variables(&self) -> bool {
        self.options.iter().flat_map(|(_, value)| value).any(|value| value.as_str().contains('$'))
    }

    /// What is to be mounted.
    ///
    /// # Errors
    /// When a key or a value is wrong, or two do not go together.
    pub fn resolve(&self, expander: &Expander) -> Result<RunMount, MountError> {
        let mut options = Options::default();
        for (key, value) in &self.options {
            let value = value.as_ref().map(|value| expander.word(value)).transpose()?;
            options.set(key, value.as_deref())?;
        }
        options.finish()
    }
}

/// What the keys say, before it is known whether they go together.
#[derive(Default)]
struct Options {
    kind: String,
    from: Option<String>,
    source: Option<String>,
    target: Option<String>,
    read_only: Option<bool>,
    id: Option<String>,
    sharing: Option<Sharing>,
    required: Option<bool>,
    size: Option<u64>,
    env: Option<String>,
    owner: Owner,
}

impl Options {
    fn set(&mut self, key: &str, value: Option<&str>) -> Result<(), MountError> {
        if !KEYS.contains(&key) {
            let message = format!("`--mount` has no key `{key}`");
            return Err(MountError { message, hint: fields::hint(key, KEYS) });
        }
        let flag = || value.map_or(Ok(true), |value| boolean(key, value));
        let Some(text) =
            value.or(matches!(key, "readonly" | "ro" | "readwrite" | "rw" | "required").then_some(""))
        else {
            let hint = Some(format!("write `{key}=VALUE`"));
            return Err(MountError { message: format!("`{key}` has no value"), hint });
        };
        let given = Some(text.to_owned()).filter(|text| !text.is_empty());
        match key {
            "readonly" | "ro" => self.read_only = Some(flag()?),
            "readwrite" | "rw" => self.read_only = Some(!flag()?),
            "required" => self.required = Some(flag()?),
            "type" => self.kind = word(key, text, TYPES)?.to_owned(),
            "from" => self.from = given,
            "source" | "src" => self.source = given,
            "target" | "dst" | "destination" => self.target = given,
            "id" => self.id = given,
            "env" => self.env = Some(text.to_owned()),
            "sharing" => self.sharing = Some(sharing(word(key, text, SHARINGS)?)),
            "size" => self.size = Some(size(text)?),
            "mode" => self.owner.mode = Some(number(key, text, 8)?),
            "uid" => self.owner.uid = Some(number(key, text, 10)?),
            "gid" => self.owner.gid = Some(number(key, text, 10)?),
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<RunMount, MountError> {
        self.check()?;
        let read_only = self.read_only.unwrap_or(!matches!(self.kind.as_str(), "cache" | "tmpfs"));
        let required = self.required.unwrap_or(false);
        let source = self.source.clone().unwrap_or_else(|| "/".to_owned());
        let (mut target, owner) = (self.target, self.owner);
        let kind = match self.kind.as_str() {
            "cache" => MountKind::Cache {
                id: self.id.or_else(|| target.clone()).unwrap_or_default(),
                from: self.from,
                source,
                sharing: self.sharing.unwrap_or_default(),
                owner,
            },
            "tmpfs" => MountKind::Tmpfs { size: self.size },
            "secret" => {
                let named = self.source.or(self.id);
                let id = named.or_else(|| target.as_deref().map(last_part)).unwrap_or_default();
                if self.env.is_none() && target.is_none() {
                    target = Some(format!("/run/secrets/{}", last_part(&id)));
                }
                // A variable without a name is named as the secret is.
                let env = self.env.map(|env| if env.is_empty() { id.clone() } else { env });
                MountKind::Secret { id, env, required, owner }
            }
            "ssh" => MountKind::Ssh { id: self.id.unwrap_or_else(|| "default".into()), required, owner },
            _ => MountKind::Bind { from: self.from, source },
        };
        Ok(RunMount { target, read_only, kind })
    }

    /// Which keys go with which type.
    fn check(&self) -> Result<(), MountError> {
        let kind = if self.kind.is_empty() { "bind" } else { &self.kind };
        let owner = self.owner != Owner::default();
        let needless = [
            ("required", self.required.is_some(), !matches!(kind, "secret" | "ssh")),
            ("size", self.size.is_some(), kind != "tmpfs"),
            ("sharing", self.sharing.is_some(), kind != "cache"),
            ("mode`, `uid` or `gid", owner, !matches!(kind, "secret" | "ssh" | "cache")),
            ("from", self.from.is_some(), kind == "secret"),
        ];
        if let Some((key, ..)) = needless.iter().find(|(_, said, wrong)| *said && *wrong) {
            return Err(format!("a mount of type {kind} has no `{key}`").into());
        }
        let named = self.source.is_some() || self.target.is_some() || self.id.is_some();
        match kind {
            "secret" if !named => Err(missing("a secret", "id=NAME")),
            "secret" if self.source.is_some() && self.id.is_some() => {
                Err("`source` and `id` both name the secret".to_owned().into())
            }
            "bind" | "cache" | "tmpfs" if self.target.is_none() => {
                Err(missing(&format!("a mount of type {kind}"), "target=/PATH"))
            }
            "bind" | "cache" | "tmpfs" if self.target.as_deref() == Some("/") => {
                Err("nothing can be mounted over the whole image".to_owned().into())
            }
            _ => Ok(()),
        }
    }
}

fn missing(what: &str, key: &str) -> MountError {
    let name = key.split('=').next().unwrap_or_default();
    MountError { message: format!("{what} needs `{name}`"), hint: Some(format!("add `{key}`")) }
}

fn last_part(path: &str) -> String {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
}

fn boolean(key: &str, value: &str) -> Result<bool, MountError> {
    planner::source::truth(value).ok_or_else(|| format!("`{key}` is true or false, not `{value}`").into())
}

fn word<'a>(key: &str, value: &str, words: &[&'a str]) -> Result<&'a str, MountError> {
    let found = words.iter().copied().find(|word| word.eq_ignore_ascii_case(value));
    found.ok_or_else(|| MountError {
        message: format!("`{key}` cannot be `{value}`"),
        hint: Some(fields::hint(value, words).unwrap_or_else(|| format!("it is {}", fields::one_of(words)))),
    })
}

fn sharing(word: &str) -> Sharing {
    match word {
        "private" => Sharing::Private,
        "locked" => Sharing::Locked,
        _ => Sharing::Shared,
    }
}

fn number(key: &str, value: &str, radix: u32) -> Result<u32, MountError> {
    let digits = !value.is_empty() && value.chars().all(|c| c.is_digit(radix));
    let found = if digits { u32::from_str_radix(value, radix).ok() } else { None };
    let form = if radix == 8 { "an octal number, such as 0755" } else { "a number" };
    found.ok_or_else(|| format!("`{key}` is {form}, not `{value}`").into())
}

fn size(value: &str) -> Result<u64, MountError> {
    let found = planner::model::parse_bytes(value);
    found.ok_or_else(|| format!("`size` is a number of bytes, such as 64m, not `{value}`").into())
}
