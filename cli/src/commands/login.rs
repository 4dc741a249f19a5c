//! `sampan login` and `sampan logout`

use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use crate::output::{file, prompt};
use clap::Args;
use engine::image::registry::{Login, check_login};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

/// Docker Hub.
const HUB: &str = "docker.io";

/// Log in to a registry; others that read Docker's config.json are logged in with it
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Host of the registry, with its port if it has one; otherwise Docker Hub
    server: Option<String>,

    /// Name of the user; asked for when it is missing
    #[arg(short, long, value_name = "USER")]
    username: Option<String>,

    /// Password or token; others on this machine can see it while the command runs
    #[arg(short, long, value_name = "PASSWORD", conflicts_with = "password_stdin")]
    password: Option<String>,

    /// Read the password from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,
}

/// Forget the login to a registry
#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// Host of the registry; otherwise Docker Hub
    server: Option<String>,
}

pub(crate) fn login(args: &LoginArgs, context: &Context) -> Result<Exit, Failure> {
    let host = host(args.server.as_deref());
    let login = Login::Password { user: user(args, context, &host)?, password: password(args, context)? };
    let registries = context.registries()?;
    // A login that does not work is not remembered.
    check_login(&registries, &host, &login)?;
    let mut credentials = registries.credentials;
    let helper = credentials.helper_of(&host);
    if let Some(text) = credentials.add(&host, &login)? {
        let path = save(context, &text)?;
        if helper.is_none() {
            context.screen.warn(&format!(
                "the password is kept unencrypted in {}; a credential helper (`credsStore` there) keeps it safe",
                path.display()
            ));
        }
    }
    context.screen.tell(&format!("logged in to {host}"));
    Ok(Exit::Done)
}

pub(crate) fn logout(args: &LogoutArgs, context: &Context) -> Result<Exit, Failure> {
    let host = host(args.server.as_deref());
    match context.credentials()?.remove(&host)? {
        Some(text) => {
            save(context, &text)?;
            context.screen.tell(&format!("logged out of {host}"));
        }
        None => context.screen.tell(&format!("there was no login to {host}")),
    }
    Ok(Exit::Done)
}

/// Writes the credentials file, for its owner alone to read; gives its path.
fn save(context: &Context, text: &str) -> Result<PathBuf, Failure> {
    let path = context.credentials_file()?;
    let write = || {
        path.parent()
            .map_or(Ok(()), |folder| DirBuilder::new().recursive(true).mode(0o700).create(folder))?;
        file::put(&path, text, Some(0o600))
    };
    write().map_err(|error| Failure::io(format!("write {}", path.display()), &error))?;
    Ok(path)
}

/// The host of what people write, which often is an address.
fn host(server: Option<&str>) -> String {
    let text = server.unwrap_or(HUB);
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    match rest.split('/').next().unwrap_or_default() {
        "" | "index.docker.io" | "registry-1.docker.io" | "hub.docker.com" => HUB.to_owned(),
        host => host.to_owned(),
    }
}

fn user(args: &LoginArgs, context: &Context, host: &str) -> Result<String, Failure> {
    let asked = || prompt::line(context, &format!("user at {host}: "), "give it with `-u`");
    let user = args.username.clone().map_or_else(asked, Ok)?;
    match user.is_empty() || user.contains(':') {
        true => Err(Failure::usage(format!("`{user}` is not the name of a user"), "give it with `-u`")),
        false => Ok(user),
    }
}

fn password(args: &LoginArgs, context: &Context) -> Result<String, Failure> {
    let password = match &args.password {
        Some(password) => {
            context.screen.warn("everybody on this machine can see `--password`; use `--password-stdin`");
            password.clone()
        }
        None if args.password_stdin => {
            io::read_to_string(io::stdin()).map_err(|error| Failure::io("read the password", &error))?
        }
        None => prompt::secret(context, "password: ", "pipe it in with `--password-stdin`")?,
    };
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    match password.is_empty() {
        true => Err(Message::new(Exit::Usage, "the password is empty").into()),
        false => Ok(password),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_meant_however_it_is_written() {
        for (text, expected) in [
            (None, "docker.io"),
            (Some("https://index.docker.io/v1/"), "docker.io"),
            (Some("docker.io"), "docker.io"),
            (Some("reg:5000"), "reg:5000"),
            (Some("https://reg.example.com/v2/"), "reg.example.com"),
        ] {
            assert_eq!(host(text), expected, "{text:?}");
        }
    }
}
