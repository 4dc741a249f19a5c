//! Who may pull: logins, tokens, and who is told of them.

use super::*;
use crate::Kind;

fn with_login(host: &str) -> Registries {
    // me:secret
    let json = format!(r#"{{"auths": {{"{host}": {{"auth": "bWU6c2VjcmV0"}}}}}}"#);
    Registries { credentials: Credentials::parse(&json, "config.json", None).unwrap(), ..registries() }
}

#[test]
fn a_password_is_sent_only_after_it_was_asked_for() {
    let Some(images) = fixture::images() else { return };
    let server = Server::twisted(web(), |request, honest| match request.header("authorization") {
        Some("Basic bWU6c2VjcmV0") => honest,
        _ => Reply::new(401).with("www-authenticate", "Basic realm=\"here\""),
    });
    images.pull(&request(&server, "web:1"), &with_login(&server.host()), &|_| {}).unwrap();
    let manifests = server.asked("/manifests/");
    assert_eq!(manifests[0].header("authorization"), None);
    // Once for all.
    assert_eq!(manifests.len(), 2);
    assert!(server.asked("/blobs/").iter().all(|blob| blob.header("authorization").is_some()));

    let error = pull(&images, &server, "web:2").unwrap_err();
    assert_eq!(
        (error.kind, error.hint),
        (Kind::Denied, Some(format!("log in with an account that may: `sampan login {}`", server.host())))
    );
}

/// A registry that wants the token `good`, and the server that gives it to whom `may` accepts.
fn with_tokens(may: impl Fn(&Request) -> bool + Send + Sync + 'static) -> (Server, Server) {
    let given = std::sync::atomic::AtomicUsize::new(0);
    let tokens = Server::twisted(Content::default(), move |request, _| {
        if !may(request) {
            return Reply::new(401).body(r#"{"details": "incorrect username or password"}"#);
        }
        let number = given.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Reply::new(200).body(json!({ "token": format!("good{number}"), "expires_in": 300 }).to_string())
    });
    let realm = format!("http://{}/token?x=y", tokens.host());
    let server = Server::twisted(web(), move |request, honest| {
        if request.header("authorization").is_some_and(|value| value.starts_with("Bearer good")) {
            return honest;
        }
        let challenge = format!("Bearer realm=\"{realm}\",service=\"reg\",scope=\"repository:web:pull\"");
        Reply::new(401).with("www-authenticate", challenge)
    });
    (server, tokens)
}

#[test]
fn one_token_serves_all_of_a_pull() {
    let Some(images) = fixture::images() else { return };
    let (server, tokens) = with_tokens(|request| request.header("authorization").is_none());
    pull(&images, &server, "web:1").unwrap();
    let asked = tokens.asked("/token");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].path, "/token?x=y&service=reg&scope=repository:web:pull");
}

#[test]
fn a_token_is_got_with_the_password_which_the_registry_does_not_see() {
    let Some(images) = fixture::images() else { return };
    let (server, tokens) =
        with_tokens(|request| request.header("authorization") == Some("Basic bWU6c2VjcmV0"));
    images.pull(&request(&server, "web:1"), &with_login(&server.host()), &|_| {}).unwrap();
    assert!(tokens.asked("/token")[0].path.contains("account=me"));
    let told = server
        .asked("/")
        .into_iter()
        .filter_map(|request| request.header("authorization").map(str::to_owned));
    assert!(told.into_iter().all(|value| value.starts_with("Bearer ")));

    let error = pull(&images, &server, "web:1").unwrap_err();
    assert_eq!(error.kind, Kind::Denied);
    assert!(shown(&error).contains("incorrect username or password"), "{error:?}");
}

#[test]
fn an_identity_token_is_exchanged() {
    let Some(images) = fixture::images() else { return };
    let (server, tokens) = with_tokens(|request| {
        request.method == "POST" && String::from_utf8_lossy(&request.body).contains("refresh_token=id%3D1")
    });
    let json = format!(r#"{{"auths": {{"{}": {{"identitytoken": "id=1"}}}}}}"#, server.host());
    let credentials = Credentials::parse(&json, "config.json", None).unwrap();
    images.pull(&request(&server, "web:1"), &Registries { credentials, ..registries() }, &|_| {}).unwrap();
    assert_eq!(tokens.asked("/token").len(), 1);
}

#[test]
fn a_token_that_expires_on_the_way_is_renewed() {
    let Some(images) = fixture::images() else { return };
    let (server, tokens) = with_tokens(|_| true);
    let realm = format!("http://{}/token", tokens.host());
    // Blobs want a younger one.
    let strict = Server::twisted(web(), move |request, honest| {
        let wanted = if request.path.contains("/blobs/") { "Bearer good1" } else { "Bearer good0" };
        if request.header("authorization") == Some(wanted) {
            return honest;
        }
        Reply::new(401).with("www-authenticate", format!("Bearer realm=\"{realm}\""))
    });
    pull(&images, &strict, "web:1").unwrap();
    assert_eq!(tokens.asked("/token").len(), 2);
    drop(server);
}

#[test]
fn where_a_registry_redirects_to_learns_nothing_of_us() {
    let Some(images) = fixture::images() else { return };
    let storage = Server::twisted(web(), |request, honest| {
        // Storage refuses what it does not know.
        if request.header("authorization").is_some() { Reply::new(400) } else { honest }
    });
    let place = storage.host();
    let server = Server::twisted(web(), move |request, honest| {
        if request.header("authorization").is_none() {
            return Reply::new(401).with("www-authenticate", "Basic realm=\"here\"");
        }
        if request.path.contains("/blobs/") {
            return Reply::new(307).with("location", format!("http://{place}{}?signature=x", request.path));
        }
        honest
    });
    images.pull(&request(&server, "web:1"), &with_login(&server.host()), &|_| {}).unwrap();
    let asked = storage.asked("/blobs/");
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| request.header("authorization").is_none()));
}

#[test]
fn what_is_not_there_and_what_is_not_allowed_are_told_apart() {
    let Some(images) = fixture::images() else { return };
    let server = Server::new(web());
    let error = pull(&images, &server, "web:none").unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert!(shown(&error).contains("MANIFEST_UNKNOWN: manifest unknown"), "{error:?}");
    let server = Server::twisted(web(), |_, _| {
        Reply::new(403).body(r#"{"errors":[{"code":"DENIED","message":"no\u001b[31m access"}]}"#)
    });
    let error = pull(&images, &server, "web:1").unwrap_err();
    assert_eq!(error.kind, Kind::Denied);
    assert!(shown(&error).contains("DENIED: no [31m access"), "{error:?}");
    is_untouched(&images);
}
