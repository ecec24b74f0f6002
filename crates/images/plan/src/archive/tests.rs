use super::*;
use crate::manifest::{Document, document};

fn names(images: &[ImageRef]) -> Vec<&str> {
    images.iter().map(ImageRef::as_str).collect()
}

#[test]
fn members_stay_in_the_archive() {
    assert_eq!(member(b"./blobs//sha256/x").as_deref(), Some("blobs/sha256/x"));
    for bad in ["/etc/passwd", "../x", "a/../../x", "a/..", "", ".", "a\0b"] {
        assert_eq!(member(bad.as_bytes()), None, "{bad:?}");
    }
    assert_eq!(member(b"\xff"), None);
}

#[test]
fn links_are_followed_within_the_archive() {
    assert_eq!(link("a/layer.tar", b"../b/layer.tar").as_deref(), Some("b/layer.tar"));
    assert_eq!(link("a/layer.tar", b"other").as_deref(), Some("a/other"));
    for bad in ["../../x", "/etc/shadow", "..", "../.."] {
        assert_eq!(link("a/layer.tar", bad.as_bytes()), None, "{bad:?}");
    }
}

#[test]
fn short_names_are_docker_s() {
    let full = |text| full_name(text).map(|name| name.to_string());
    assert_eq!(full("busybox").as_deref(), Some("docker.io/library/busybox:latest"));
    assert_eq!(full("busybox:1.36").as_deref(), Some("docker.io/library/busybox:1.36"));
    assert_eq!(full("me/kernel:1").as_deref(), Some("docker.io/me/kernel:1"));
    assert_eq!(full("localhost:5000/k").as_deref(), Some("localhost:5000/k:latest"));
    assert_eq!(full("ghcr.io/a/b:1").as_deref(), Some("ghcr.io/a/b:1"));
    for bad in ["", ":", "a b", "<none>:<none>", "ghcr.io/A/b:1", "../x"] {
        assert_eq!(full(bad), None, "{bad:?}");
    }
}

#[test]
fn a_layout_names_its_images_in_three_ways() {
    let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
    let entry = |digest: &Digest, annotations: &str| {
        format!(r#"{{"mediaType":"{MANIFEST_TYPE}","digest":"{digest}","size":7{annotations}}}"#)
    };
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{},{},{},{}]}}"#,
        entry(
            &one,
            r#","annotations":{"io.containerd.image.name":"ghcr.io/a/b:1","org.opencontainers.image.ref.name":"1"}"#
        ),
        entry(&one, r#","annotations":{"org.opencontainers.image.ref.name":"ghcr.io/a/b:2"}"#),
        entry(&two, r#","annotations":{"org.opencontainers.image.ref.name":"latest"}"#),
        entry(&two, r#","annotations":null"#),
    );
    let images = listed(index.as_bytes()).unwrap();
    assert_eq!(images.len(), 2);
    assert_eq!(names(&images[0].names), ["ghcr.io/a/b:1", "ghcr.io/a/b:2"]);
    assert_eq!(images[0].root.size, 7);
    assert_eq!(names(&images[1].names), [""; 0]);
}

#[test]
fn a_layout_is_bounded() {
    let entry = |digest: &str, size: u64| {
        format!(r#"{{"manifests":[{{"mediaType":"x","digest":"{digest}","size":{size}}}]}}"#)
    };
    let good = Digest::of(b"1").to_string();
    for bad in [
        entry("sha256:../../etc", 7),
        entry(&good, 0),
        entry(&good, limits::MANIFEST + 1),
        "[]".to_owned(),
        "<html>".to_owned(),
    ] {
        assert!(listed(bad.as_bytes()).is_err(), "{bad}");
    }
    let one = format!(r#"{{"mediaType":"x","digest":"{good}","size":1}}"#);
    let many = format!(r#"{{"manifests":[{}]}}"#, vec![one; limits::ENTRIES + 1].join(","));
    assert!(matches!(listed(many.as_bytes()), Err(Refusal::TooMany { .. })));
}

#[test]
fn a_saved_image_gets_the_manifest_that_containerd_gives_it() {
    let text =
        br#"[{"Config":"c.json","RepoTags":["busybox:1"],"Layers":["a/layer.tar","b/layer.tar"]},
                    {"Config":"d.json","RepoTags":null,"Layers":["a/layer.tar"]}]"#;
    let images = saved(text).unwrap();
    assert_eq!(names(&images[0].names), ["docker.io/library/busybox:1"]);
    assert_eq!(images[0].layers, ["a/layer.tar", "b/layer.tar"]);
    assert!(images[1].names.is_empty());

    let (config, layer) = (Digest::of(b"c"), Digest::of(b"a"));
    let (root, bytes) =
        manifest_of((&config, 1), &[(layer.clone(), 1024, false), (layer, 9, true)]);
    assert_eq!((root.size, &root.digest), (bytes.len() as u64, &Digest::of(&bytes)));
    let start = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST_TYPE}","config":{{"mediaType":"{CONFIG_TYPE}","digest":"{config}","size":1}},"layers":["#
    );
    assert!(String::from_utf8_lossy(&bytes).starts_with(&start));
    let Ok(Document::Manifest(manifest)) = document(&root.media_type, &bytes) else { panic!() };
    assert_eq!(manifest.layers[1].media_type, format!("{LAYER_TYPE}.gzip"));
}

#[test]
fn a_saved_image_names_no_file_of_the_host() {
    for bad in [
        r#"[{"Config":"/etc/shadow","Layers":[]}]"#,
        r#"[{"Config":"c","Layers":["../../dev/mem"]}]"#,
        r#"{"Config":"c","Layers":[]}"#,
    ] {
        assert!(saved(bad.as_bytes()).is_err(), "{bad}");
    }
    let layers = vec!["\"l\""; limits::LAYERS + 1].join(",");
    let many = format!(r#"[{{"Config":"c","Layers":[{layers}]}}]"#);
    assert!(matches!(saved(many.as_bytes()), Err(Refusal::TooMany { .. })));
}

#[test]
fn an_exported_index_is_read_back() {
    let name = ImageRef::parse("ghcr.io/a/b:1").unwrap();
    let root = Descriptor::new(MANIFEST_TYPE.to_owned(), Digest::of(b"1"), 3);
    let images = listed(&index_of(&[(name.clone(), root.clone())])).unwrap();
    assert_eq!(images, [Listed { names: vec![name], root }]);
}
