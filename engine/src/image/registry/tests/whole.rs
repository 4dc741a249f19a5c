//! What is pulled, by whatever name.

use super::*;
use crate::image::digest;

#[test]
fn an_image_is_pulled_by_tag_and_is_not_fetched_again() {
    let Some(images) = fixture::images() else { return };
    let server = Server::new(web());
    let told = Mutex::new(Vec::new());
    let pulled = images
        .pull(&request(&server, "web:1"), &registries(), &|progress| told.lock().unwrap().push(progress))
        .unwrap();
    assert!(pulled.is_new);
    let image = images.resolve(&format!("{}/web:1", server.host())).unwrap().unwrap();
    assert_eq!((image.id.as_str(), image.layers.len()), (pulled.id.as_str(), 2));
    assert!(image.layers[0].join("a").exists() && image.layers[1].join("b").exists());
    let told = told.into_inner().unwrap();
    let last = told.iter().rfind(|progress| progress.phase == Phase::Pulling).unwrap();
    let sizes: u64 =
        [layer("a", 100_000), layer("b", 300_000)].iter().map(|tar| gzip(tar).len() as u64).sum();
    assert_eq!((last.layers, last.bytes), (Count { done: 2, total: 2 }, Count { done: sizes, total: sizes }));
    assert_eq!(told.first().unwrap().phase, Phase::Resolving);
    assert_eq!(told.last().unwrap().phase, Phase::Storing);

    let before = server.asked("/blobs/").len();
    assert!(!pull(&images, &server, "web:1").unwrap().is_new);
    // Another name for the same needs no blob.
    assert!(pull(&images, &server, "other:1").unwrap().is_new);
    assert_eq!(server.asked("/blobs/").len(), before);
}

#[test]
fn a_digest_is_pulled_whatever_the_tag_beside_it_says() {
    let Some(images) = fixture::images() else { return };
    let server = Server::new(web());
    let digest = digest::of(&web().manifests["1"].1);
    for name in [format!("web@{digest}"), format!("web:9@{digest}")] {
        let pulled = pull(&images, &server, &name).unwrap();
        assert_eq!(pulled.digest, digest);
        let found = images.resolve(&format!("{}/{name}", server.host())).unwrap().unwrap();
        assert_eq!((found.id, found.references), (pulled.id, Vec::new()));
    }
    let inspected = images.inspect(&format!("{}/web@{digest}", server.host())).unwrap();
    assert_eq!(inspected["RepoDigests"], json!([format!("{}/web@{digest}", server.host())]));
}

#[test]
fn of_many_platforms_one_is_pulled_and_the_index_gives_the_digest() {
    let Some(images) = fixture::images() else { return };
    let mut content = Content::default();
    let mut entries = Vec::new();
    for (name, platform) in [
        ("other", json!({ "os": "linux", "architecture": "s390x" })),
        ("host", json!(Platform::host())),
        ("windows", json!({ "os": "windows", "architecture": "amd64" })),
        ("attestation", json!({ "os": "unknown", "architecture": "unknown" })),
    ] {
        let manifest = content.image(&[layer(name, 1000)]);
        let descriptor = content.tag(name, MANIFEST, &manifest);
        entries.push(fixture::described(descriptor, "platform", platform));
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
    let digest = content.tag("1", INDEX, &index)["digest"].clone();
    let server = Server::new(content);

    let pulled = pull(&images, &server, "web:1").unwrap();
    assert_eq!(json!(pulled.digest), digest);
    let by_index = images.resolve(&format!("{}/web@{}", server.host(), pulled.digest)).unwrap().unwrap();
    assert!(by_index.id == pulled.id && by_index.layers[0].join("host").exists());

    let of = |platform: &str| PullRequest {
        platform: Some(platform.parse().unwrap()),
        ..request(&server, "web:1")
    };
    let other = images.pull(&of("linux/s390x"), &registries(), &|_| {}).unwrap();
    assert!(other.is_new && other.id != pulled.id);
    let error = images.pull(&of("linux/riscv64"), &registries(), &|_| {}).unwrap_err();
    assert!(error.doing.contains("no image for linux/riscv64"), "{error:?}");
    assert!(error.hint.unwrap().contains("linux/s390x"));
}

#[test]
fn layers_of_every_compression_and_of_none_are_taken() {
    let Some(images) = fixture::images() else { return };
    let mut content = Content::default();
    let tars = [layer("gzip", 2000), layer("zstd", 3000), layer("none", 4000)];
    let config = content.blob("application/vnd.docker.container.image.v1+json", &fixture::config(&tars));
    let layers = [
        content.blob("application/vnd.docker.image.rootfs.diff.tar.gzip", &gzip(&tars[0])),
        content.blob("application/vnd.oci.image.layer.v1.tar+zstd", &fixture::zstd(&tars[1])),
        content.blob("application/vnd.oci.image.layer.v1.tar", &tars[2]),
    ];
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
    content.tag("1", "application/vnd.docker.distribution.manifest.v2+json", &manifest);
    let server = Server::new(content);
    pull(&images, &server, "web:1").unwrap();
    let image = images.resolve(&format!("{}/web:1", server.host())).unwrap().unwrap();
    for (layer, name) in image.layers.iter().zip(["gzip", "zstd", "none"]) {
        assert!(layer.join(name).exists(), "{name}");
    }
}

#[test]
fn a_layer_that_is_there_is_not_fetched() {
    let Some(images) = fixture::images() else { return };
    let mut content = web();
    let manifest = content.image(&[layer("a", 100_000), layer("c", 10)]);
    content.tag("2", MANIFEST, &manifest);
    let server = Server::new(content);
    pull(&images, &server, "web:1").unwrap();
    let before = server.asked("/blobs/").len();
    pull(&images, &server, "web:2").unwrap();
    // The config and the new layer.
    assert_eq!(server.asked("/blobs/").len(), before + 2);
}

#[test]
fn a_pull_that_failed_goes_on_with_the_layers_that_it_has() {
    let Some(images) = fixture::images() else { return };
    let broken = Server::twisted(web(), |request, honest| {
        let is_large = request.path.contains("/blobs/") && honest.body.len() > 200_000;
        if is_large { Reply::new(404) } else { honest }
    });
    let reference = |server: &Server| request(server, "web:1");
    // One after another: the small layer is there when the large one fails, or the other way round.
    let error = images.pull(&reference(&broken), &registries(), &|_| {}).unwrap_err();
    assert!(shown(&error).contains("404"), "{error:?}");
    assert!(images.list().unwrap().is_empty());
    let have = std::fs::read_dir(images.root().join("layers")).map(|layers| layers.count()).unwrap_or(0);
    let server = Server::new(web());
    pull(&images, &server, "web:1").unwrap();
    assert_eq!(server.asked("/blobs/").len(), 1 + 2 - have);
}

#[test]
fn mirrors_are_asked_first_and_the_registry_when_they_fail() {
    let Some(images) = fixture::images() else { return };
    let (empty, lying) = (
        Server::new(Content::default()),
        Server::twisted(web(), |request, honest| {
            if request.path.contains("/blobs/") { honest.body("something else") } else { honest }
        }),
    );
    let (mirror, origin) = (Server::new(web()), Server::new(web()));
    let with = |mirrors: Vec<String>| {
        let registry = Registry { mirrors, ..Registry::default() };
        let settings = Settings { registries: [(origin.host(), registry)].into(), ..Settings::default() };
        Registries { settings, ..registries() }
    };
    let failing = with(vec![empty.host(), format!("http://{}/", lying.host())]);
    images.pull(&request(&origin, "web:1"), &failing, &|_| {}).unwrap();
    assert_eq!((empty.asked("/manifests/").len(), lying.asked("/manifests/").len()), (1, 1));
    assert_eq!(origin.asked("/manifests/").len(), 1);
    images.pull(&request(&origin, "web:1"), &with(vec![mirror.host()]), &|_| {}).unwrap();
    assert_eq!((mirror.asked("/manifests/").len(), origin.asked("/manifests/").len()), (1, 1));
    // All fail: the registry's own words come first.
    let error = images.pull(&request(&origin, "none:7"), &failing, &|_| {}).unwrap_err();
    assert_eq!(error.kind, crate::Kind::NotFound);
    assert!(shown(&error).contains(&format!("the mirror {} failed, too", empty.host())), "{error:?}");
}
