//! Connections that break, and registries that are busy, broken or lie.

use super::*;
use crate::Kind;
use crate::image::digest;
use std::collections::BTreeMap;

fn is_layer(request: &Request, honest: &Reply) -> bool {
    request.path.contains("/blobs/") && honest.status < 300 && honest.body.len() > 1000
}

#[test]
fn a_download_goes_on_where_the_connection_broke() {
    for every in [1_000, 65_536, 131_073, 250_000] {
        let Some(images) = fixture::images() else { return };
        let server = Server::twisted(web(), move |request, mut honest| {
            // The length is told and not kept, or not told at all.
            honest.unmeasured = every % 2 == 1;
            honest.cut = is_layer(request, &honest).then_some(every);
            honest
        });
        pull(&images, &server, "web:1").unwrap();
        let ranges: Vec<Option<String>> = server
            .asked("/blobs/")
            .iter()
            .map(|request| request.header("range").map(str::to_owned))
            .collect();
        assert!(ranges.contains(&Some(format!("bytes={every}-"))), "{ranges:?}");
    }
}

#[test]
fn a_registry_without_ranges_is_read_from_the_start_again() {
    let Some(images) = fixture::images() else { return };
    let content = web();
    let server = Server::twisted(content.clone(), move |request, honest| {
        if !is_layer(request, &honest) {
            return honest;
        }
        let whole = content.blobs[request.path.rsplit('/').next().unwrap()].clone();
        let cut = request.header("range").is_none().then_some(50_000);
        Reply { cut, ..Reply::new(200).body(whole) }
    });
    pull(&images, &server, "web:1").unwrap();
}

#[test]
fn a_busy_registry_is_asked_again() {
    let Some(images) = fixture::images() else { return };
    let seen: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let server = Server::twisted(web(), move |request, honest| {
        let mut seen = seen.lock().unwrap();
        let times = seen.entry(request.path.clone()).or_default();
        *times += 1;
        match *times {
            1 => Reply::new(429).with("retry-after", "0"),
            2 => Reply::new(503),
            3 => Reply::new(500),
            _ => honest,
        }
    });
    pull(&images, &server, "web:1").unwrap();
}

#[test]
fn in_the_end_we_give_up_and_say_why() {
    let Some(images) = fixture::images() else { return };
    let server = Server::twisted(web(), |request, honest| {
        if is_layer(request, &honest) { Reply::new(503).body("sorry") } else { honest }
    });
    let error = pull(&images, &server, "web:1").unwrap_err();
    let text = shown(&error);
    assert!(text.contains("503") && text.contains("this was attempt 6"), "{text}");
    is_untouched(&images);

    let dead = Server::twisted(web(), |request, mut honest| {
        honest.cut = is_layer(request, &honest).then_some(0);
        honest
    });
    let error = pull(&images, &dead, "web:1").unwrap_err();
    assert!(shown(&error).contains("the connection broke"), "{error:?}");
    assert!(shown(&error).contains("0 of "), "{error:?}");
}

#[test]
fn a_pull_that_is_to_end_does_and_leaves_nothing() {
    // Bytes come, or a registry is busy for long.
    let slowly = |request: &Request, honest: Reply| match is_layer(request, &honest) {
        true => Reply { endless: true, ..honest.body(vec![0; 10]) }.with("content-length", "400000000"),
        false => honest,
    };
    let never = |request: &Request, honest: Reply| match is_layer(request, &honest) {
        true => Reply::new(429).with("retry-after", "1000"),
        false => honest,
    };
    for twist in [slowly as fn(&Request, Reply) -> Reply, never] {
        let Some(images) = fixture::images() else { return };
        let mut content = Content::default();
        let mut manifest = content.image(&[layer("a", 100_000)]);
        manifest["layers"][0]["size"] = json!(400_000_000);
        content.tag("1", MANIFEST, &manifest);
        let server = Server::twisted(content, twist);
        let registries = registries();
        let stop = registries.stop.clone();
        let tell = |progress: Progress| {
            if progress.phase == Phase::Pulling {
                stop.set();
            }
        };
        let error = images.pull(&request(&server, "web:1"), &registries, &tell).unwrap_err();
        assert_eq!(error.kind, Kind::Cancelled, "{error:?}");
        is_untouched(&images);
    }
}

#[test]
fn a_host_that_nobody_answers_at_is_told_at_once() {
    let Some(images) = fixture::images() else { return };
    let server = Server::new(web());
    let gone = request(&server, "web:1");
    drop(server);
    let error = images.pull(&gone, &registries(), &|_| {}).unwrap_err();
    assert!(error.doing.contains("connect to 127.0.0.1:"), "{error:?}");
    assert!(error.evidence.is_empty());
}

/// What becomes of a pull whose layers come so.
fn lie(twist: impl Fn(Reply) -> Reply + Send + Sync + 'static) -> Option<Error> {
    let images = fixture::images()?;
    let server = Server::twisted(
        web(),
        move |request, honest| {
            if is_layer(request, &honest) { twist(honest) } else { honest }
        },
    );
    let error = pull(&images, &server, "web:1").unwrap_err();
    assert_eq!(error.kind, Kind::Corrupt, "{error:?}");
    is_untouched(&images);
    let layers = std::fs::read_dir(images.root().join("layers"));
    assert_eq!(layers.map(|layers| layers.count()).unwrap_or(0), 0);
    Some(error)
}

#[test]
fn lies_about_digest_and_size_are_found_and_leave_nothing() {
    let flipped = |mut honest: Reply| {
        let middle = honest.body.len() / 2;
        honest.body[middle] ^= 1;
        honest
    };
    let Some(error) = lie(flipped) else { return };
    assert!(shown(&error).contains("does not have the digest that it should"), "{error:?}");
    let error = lie(|honest| {
        let text = vec![b'<'; honest.body.len()];
        honest.body(text)
    });
    assert!(shown(&error.unwrap()).contains("does not have the digest that it should"));
    let error = lie(|mut honest| {
        honest.body.push(0);
        honest
    });
    assert!(shown(&error.unwrap()).contains("does not have the size that it should"));
    let error = lie(|honest| honest.body("short"));
    assert!(shown(&error.unwrap()).contains("does not have the size that it should"));
    let error = lie(|honest| Reply { unmeasured: true, ..honest.body(vec![0; 400_000]) });
    assert!(shown(&error.unwrap()).contains("more bytes came than its manifest says"));
    let error = lie(|honest| Reply { endless: true, ..honest });
    assert!(shown(&error.unwrap()).contains("more bytes came than its manifest says"));
    let error = lie(|honest| Reply { status: 206, ..honest }.with("content-range", "bytes 7-9/10"));
    assert!(shown(&error.unwrap()).contains("another part of it"));
}

/// Media type of a manifest, what is said of it, and what is odd about it.
type Odd = (&'static str, &'static str, fn(&mut Value));

/// What becomes of a pull of an image of one layer whose manifest was changed.
fn refused(kind: &str, change: fn(&mut Value)) -> Option<Error> {
    let images = fixture::images()?;
    let mut content = Content::default();
    let mut manifest = content.image(&[layer("a", 10)]);
    change(&mut manifest);
    content.tag("1", kind, &manifest);
    let server = Server::new(content);
    let error = pull(&images, &server, "web:1").unwrap_err();
    is_untouched(&images);
    Some(error)
}

#[test]
fn a_layer_cannot_be_planted_under_the_name_of_another() {
    let Some(images) = fixture::images() else { return };
    let mut content = Content::default();
    let (mine, evil) = (layer("mine", 1000), gzip(&layer("evil", 1000)));
    let config = content
        .blob("application/vnd.oci.image.config.v1+json", &fixture::config(std::slice::from_ref(&mine)));
    let evil = content.blob("application/vnd.oci.image.layer.v1.tar+gzip", &evil);
    content.tag("1", MANIFEST, &json!({ "schemaVersion": 2, "config": config, "layers": [evil] }));
    let error = pull(&images, &Server::new(content), "web:1").unwrap_err();
    assert_eq!(error.kind, Kind::Corrupt);
    assert!(shown(&error).contains(&digest::of(&mine)), "{error:?}");
    is_untouched(&images);
}

#[test]
fn what_is_no_image_of_ours_is_refused_with_the_reason() {
    let helm = "application/vnd.cncf.helm.config.v1+json";
    let schema_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    let cases: [Odd; 7] = [
        (schema_1, "schema 1", |manifest| *manifest = json!({ "fsLayers": [] })),
        ("application/json", "schema 1", |manifest| *manifest = json!({ "schemaVersion": 1 })),
        (MANIFEST, helm, |manifest| {
            manifest["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json");
        }),
        (MANIFEST, "it would come from https://example.com/layer", |manifest| {
            manifest["layers"][0]["urls"] = json!(["https://example.com/layer"]);
        }),
        (MANIFEST, "it would come from nowhere that it says", |manifest| {
            let kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
            manifest["layers"][0]["mediaType"] = json!(kind);
        }),
        (MANIFEST, "a layer of type `text/plain`", |manifest| {
            manifest["layers"][0]["mediaType"] = json!("text/plain");
        }),
        (MANIFEST, "not one of SHA-256", |manifest| {
            manifest["layers"][0]["digest"] = json!("sha256:../../../etc/passwd");
        }),
    ];
    for (kind, expected, change) in cases {
        let Some(error) = refused(kind, change) else { return };
        assert!(shown(&error).contains(expected), "{expected}: {error:?}");
        assert_eq!(error.kind, Kind::Unsupported, "{expected}");
    }
}

#[test]
fn a_manifest_that_contradicts_itself_is_refused() {
    let cases: [Odd; 5] = [
        ("text/html", "`text/html`", |manifest| *manifest = json!("welcome")),
        (INDEX, "two things at once", |_| {}),
        (MANIFEST, "also an index", |manifest| manifest["manifests"] = json!([])),
        (MANIFEST, "its config names 1", |manifest| {
            manifest["layers"] = json!([manifest["layers"][0], manifest["layers"][0]]);
        }),
        (MANIFEST, "longer than 4194304 bytes", |manifest| {
            manifest["annotations"] = json!({ "long": "x".repeat(5 << 20) });
        }),
    ];
    for (kind, expected, change) in cases {
        let Some(error) = refused(kind, change) else { return };
        assert!(shown(&error).contains(expected), "{expected}: {error:?}");
        assert_eq!(error.kind, Kind::Corrupt, "{expected}");
    }
}

#[test]
fn a_manifest_must_be_the_one_that_was_asked_for() {
    let Some(images) = fixture::images() else { return };
    let other = serde_json::to_vec(&Content::default().image(&[layer("other", 10)])).unwrap();
    let wrong = digest::of(b"something else");
    let server = Server::twisted(web(), move |request, honest| {
        if !request.path.contains("/manifests/sha256:") {
            return honest.with("docker-content-digest", wrong.clone());
        }
        Reply::new(200).with("content-type", MANIFEST).body(other.clone())
    });
    let digest = digest::of(&web().manifests["1"].1);
    for name in [format!("web@{digest}"), "web:1".to_owned()] {
        let error = pull(&images, &server, &name).unwrap_err();
        assert_eq!(error.kind, Kind::Corrupt);
        assert!(shown(&error).contains("digest that it should"), "{error:?}");
    }
    is_untouched(&images);
}
