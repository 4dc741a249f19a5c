//! Who logs in to a registry is let in, by sampan and by all who read docker's config.json.

use e2e::{Guard, Host, Project, Registry};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Runs a script with a home of its own.
fn at_home(host: &Host, project: &Project, script: &str) -> e2e::Output {
    let home = project.folder().display().to_string();
    let prelude = format!("unset DOCKER_CONFIG; export HOME={home} PATH={home}:$PATH\n");
    host.script(project.folder(), &format!("{prelude}{script}"))
}

fn config(project: &Project) -> String {
    fs::read_to_string(project.folder().join(".docker/config.json")).expect("read config.json")
}

#[test]
fn a_login_is_kept_as_docker_keeps_it_and_forgotten_again() {
    let Some(host) = Host::bare() else { return };
    let Some(registry) = Registry::start(&host, Guard::Password) else { return };
    let project = host.project("login", "services: {}\n");
    let at = registry.address();
    project.write(
        ".docker/config.json",
        "{\"zeta\": 1.50, \"auths\": {\"other\": {\"auth\": \"dTpw\"}}, \"a\": [1,  2]}",
    );
    let output =
        at_home(&host, &project, &format!("printf secret | $sampan login -u me --password-stdin {at}"));
    output.succeeds().says(&format!("logged in to {at}")).says("unencrypted").does_not_say("secret");
    let text = format!(
        "{{\n\t\"zeta\": 1.50,\n\t\"auths\": {{\n\t\t\"other\": {{\n\t\t\t\"auth\": \"dTpw\"\n\t\t}},\n\t\t\"{at}\": {{\
         \n\t\t\t\"auth\": \"bWU6c2VjcmV0\"\n\t\t}}\n\t}},\n\t\"a\": [1,  2]\n}}\n"
    );
    assert_eq!(config(&project), text);
    let file = fs::metadata(project.folder().join(".docker/config.json")).expect("look at config.json");
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    at_home(&host, &project, &format!("skopeo login --authfile .docker/config.json --get-login {at}"))
        .succeeds()
        .says("me");

    at_home(&host, &project, &format!("$sampan logout {at}")).succeeds().says("logged out");
    at_home(&host, &project, &format!("$sampan logout {at}")).succeeds().says("there was no login");
    assert!(!config(&project).contains(at) && config(&project).contains("other"));
}

#[test]
fn a_login_that_is_refused_is_not_kept() {
    let Some(host) = Host::bare() else { return };
    let Some(registry) = Registry::start(&host, Guard::Password) else { return };
    let project = host.project("login", "services: {}\n");
    let at = registry.address();
    at_home(&host, &project, &format!("$sampan login -u me -p wrong {at}"))
        .exits(1)
        .says(&format!("log in to {at}"))
        .says("--password-stdin");
    at_home(&host, &project, &format!("$sampan login {at} < /dev/null")).exits(2).says("`-u`");
    at_home(&host, &project, &format!("$sampan login -u me {at} < /dev/null"))
        .exits(2)
        .says("--password-stdin");
    at_home(&host, &project, "echo x | $sampan login -u me --password-stdin 127.0.0.1:1")
        .exits(1)
        .says("127.0.0.1:1")
        .says("refused");
    assert!(!project.folder().join(".docker").exists());
}

#[test]
fn a_credential_helper_keeps_the_secret_itself() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(registry) = Registry::start(&host, Guard::Password) else { return };
    let project = host.project("login", "services: {}\n");
    let at = registry.address();
    // A box that anybody can open.
    let helper = "#!/bin/sh\ncd \"$HOME\"\ncase $1 in\nstore) cat > box;;\nerase) rm box;;\n\
                  get) cat box 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; };;\nesac\n";
    project.write("docker-credential-box", helper);
    let program = project.folder().join("docker-credential-box");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("make it a program");
    project.write(".docker/config.json", "{\"credsStore\": \"box\"}");

    at_home(&host, &project, &format!("printf secret | $sampan login -u me --password-stdin {at}"))
        .succeeds()
        .does_not_say("unencrypted");
    assert!(config(&project).contains(&format!("\"{at}\": {{}}")) && !config(&project).contains("auth\""));
    let stored = fs::read_to_string(project.folder().join("box")).expect("read the box");
    assert!(stored.contains("\"Secret\":\"secret\"") && stored.contains(at), "{stored}");

    // Whoever it lets in brings images there and back.
    let name = format!("{at}/web:1");
    let (image, run) = ("$sampan image", |script: &str| at_home(&host, &project, script));
    run(&format!("{image} tag busybox {name} && {image} push -q {name} && {image} rm {name}")).succeeds();
    run(&format!("{image} pull -q {name}")).succeeds();

    at_home(&host, &project, &format!("$sampan logout {at}")).succeeds().says("logged out");
    run(&format!("{image} pull -q {name}")).exits(1).says("login");
    assert!(!project.folder().join("box").exists() && !config(&project).contains(at));
}
