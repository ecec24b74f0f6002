//! The cases of the OCI distribution specification's own suite (conformance/run.go, 1.1) that a
//! registry has which is only read: ping, head, pull, range requests, tag lists, referrers and
//! manifest errors, each for all kinds of data that the suite makes. Pushing and deleting are refused.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;

use mvm_core::Digest;
use mvm_images_plan::served::{Image, Manifest, Served};
use serde_json::{Value, json};

#[cfg(test)]
mod fixture;

use fixture::{Answer, put, request, start};

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const REPOSITORY: &str = "conformance/repo1";
const EMPTY: &[u8] = b"";

/// One registry with everything that the suite makes, and what it made.
struct Suite {
    folder: tempfile::TempDir,
    address: SocketAddr,
    images: Vec<Image>,
    manifests: BTreeMap<Digest, (String, Vec<u8>)>,
    blobs: BTreeMap<Digest, Vec<u8>>,
}

impl Suite {
    fn blob(&mut self, bytes: &[u8]) -> Value {
        let digest = put(self.folder.path(), bytes);
        self.blobs.insert(digest.clone(), bytes.to_vec());
        json!({"mediaType": LAYER, "digest": digest.to_string(), "size": bytes.len()})
    }

    fn manifest(&mut self, kind: &str, text: &Value) -> Value {
        let bytes = serde_json::to_vec(text).unwrap();
        let digest = put(self.folder.path(), &bytes);
        self.manifests.insert(digest.clone(), (kind.to_owned(), bytes.clone()));
        json!({"mediaType": kind, "digest": digest.to_string(), "size": bytes.len()})
    }

    /// As `mvm-images --list` writes it: everything that leads from the tag to its layers.
    fn tag(&mut self, tag: &str, root: &Value) {
        let manifests = self.manifests.iter().map(|(digest, (media_type, bytes))| {
            let (media_type, size) = (media_type.clone(), bytes.len() as u64);
            (digest.to_string(), Manifest { media_type, size })
        });
        let blobs =
            self.blobs.iter().map(|(digest, bytes)| (digest.to_string(), bytes.len() as u64));
        self.images.push(Image {
            reference: format!("r.test/{REPOSITORY}:{tag}"),
            digest: root["digest"].as_str().unwrap().to_owned(),
            manifests: manifests.collect(),
            blobs: blobs.collect(),
        });
        let served = Served { version: 1, images: self.images.clone() };
        fs::create_dir_all(self.folder.path().join("served")).unwrap();
        let new = self.folder.path().join("served/new");
        fs::write(&new, serde_json::to_vec(&served).unwrap()).unwrap();
        fs::rename(new, self.folder.path().join("served/list.json")).unwrap();
    }

    fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        request(self.address, method, &format!("/v2/{REPOSITORY}/{path}"), headers)
    }
}

/// An image of this configuration and these layers, with more in its manifest.
fn image(suite: &mut Suite, config: &[u8], layers: &[&[u8]], more: &Value) -> Value {
    let config = suite.blob(config);
    let layers: Vec<Value> = layers.iter().map(|layer| suite.blob(layer)).collect();
    let mut text =
        json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": layers});
    for (key, value) in more.as_object().unwrap() {
        text[key] = value.clone();
    }
    suite.manifest(IMAGE, &text)
}

/// The suite's kinds of data, under their names there.
fn suite() -> Suite {
    let folder = tempfile::tempdir().unwrap();
    let address = start(folder.path());
    let (images, manifests, blobs) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    let mut suite = Suite { folder, address, images, manifests, blobs };
    let plain = image(&mut suite, b"{\"a\":1}", &[b"layer one", b"layer two"], &json!({}));
    suite.tag("image", &plain);
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [plain]});
    let index = suite.manifest(INDEX, &index);
    suite.tag("index", &index);
    let nested = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [index]});
    let nested = suite.manifest(INDEX, &nested);
    suite.tag("nested-index", &nested);
    for (tag, config, layers, more) in [
        (
            "artifact",
            &b"{}"[..],
            &[&b"sbom"[..]][..],
            json!({"artifactType": "application/x.test"}),
        ),
        ("subject", b"{}", &[b"signature"], json!({"subject": plain})),
        ("data-field", b"{\"b\":2}", &[b"x"], json!({"config": {"data": "e30="}})),
        ("custom-fields", b"{\"c\":3,\"org.test\":true}", &[b"y"], json!({"org.test": [1]})),
        ("no-layers", b"{\"d\":4}", &[], json!({})),
        ("empty-blob", b"{\"e\":5}", &[EMPTY], json!({})),
        ("non-distributable", b"{\"f\":6}", &[], json!({"layers": [{"urls": ["https://x.test"]}]})),
        ("tag_with.dots-and_more", b"{\"g\":7}", &[b"z"], json!({})),
    ] {
        let root = image(&mut suite, config, layers, &more);
        suite.tag(tag, &root);
    }
    suite
}

#[test]
fn ping() {
    let suite = suite();
    for method in ["GET", "HEAD"] {
        assert_eq!(request(suite.address, method, "/v2/", "").status, 200, "{method}");
    }
}

/// `head` and `pull` of the suite, by tag, by digest, and of blobs.
#[test]
fn head_and_pull() {
    let suite = suite();
    let accept = format!("Accept: {IMAGE}, {INDEX}\r\n");
    let mut references: Vec<(String, &Digest)> = Vec::new();
    for one in &suite.images {
        let digest = suite.manifests.keys().find(|known| known.as_str() == one.digest).unwrap();
        references.push((one.reference.rsplit_once(':').unwrap().1.to_owned(), digest));
    }
    references.extend(suite.manifests.keys().map(|digest| (digest.to_string(), digest)));
    for (reference, digest) in references {
        let (kind, bytes) = &suite.manifests[digest];
        let path = format!("manifests/{reference}");
        let (pull, head) = (suite.ask("GET", &path, &accept), suite.ask("HEAD", &path, &accept));
        assert_eq!((pull.status, &pull.body), (200, bytes), "{reference}");
        assert_eq!((head.status, head.body.len()), (200, 0), "{reference}");
        for answer in [&pull, &head] {
            assert_eq!(answer.header("content-type"), kind, "{reference}");
            assert_eq!(answer.header("docker-content-digest"), digest.as_str(), "{reference}");
            assert_eq!(answer.header("content-length"), bytes.len().to_string(), "{reference}");
        }
    }
    for (digest, bytes) in &suite.blobs {
        let path = format!("blobs/{digest}");
        let (pull, head) = (suite.ask("GET", &path, ""), suite.ask("HEAD", &path, ""));
        assert_eq!((pull.status, &pull.body), (200, bytes), "{digest}");
        assert_eq!((head.status, head.body.len()), (200, 0), "{digest}");
        for answer in [&pull, &head] {
            assert_eq!(answer.header("docker-content-digest"), digest.as_str());
            assert_eq!(answer.header("content-length"), bytes.len().to_string());
        }
    }
}

/// `range requests`: the suite's blob of 2048 bytes and its six ranges.
#[test]
fn range_requests() {
    let mut suite = suite();
    let bytes: Vec<u8> = (0..2048_u32).map(|n| (n % 251) as u8).collect();
    let root = image(&mut suite, b"{\"r\":1}", &[&bytes], &json!({}));
    suite.tag("ranges", &root);
    let path = format!("blobs/{}", Digest::of(&bytes));
    for (range, part, expected) in [
        ("500-1499", 500..1500, "bytes 500-1499/2048"),
        ("500-", 500..2048, "bytes 500-2047/2048"),
        ("-500", 1548..2048, "bytes 1548-2047/2048"),
        ("2000-5000", 2000..2048, "bytes 2000-2047/2048"),
    ] {
        let answer = suite.ask("GET", &path, &format!("Range: bytes={range}\r\n"));
        assert_eq!((answer.status, answer.body.as_slice()), (206, &bytes[part.clone()]), "{range}");
        assert_eq!(answer.header("content-range"), expected);
        assert_eq!(answer.header("content-length"), part.len().to_string());
    }
    for range in ["500-0", "5000-10000"] {
        let answer = suite.ask("GET", &path, &format!("Range: bytes={range}\r\n"));
        let head = (answer.status, answer.header("content-range"));
        assert_eq!(head, (416, "bytes */2048"), "{range}");
    }
    let empty = format!("blobs/{}", Digest::of(EMPTY));
    assert_eq!(suite.ask("GET", &empty, "Range: bytes=0-\r\n").status, 416);
}

/// `tag-list`, and `last` and `n` as the specification has them.
#[test]
fn tag_list() {
    let suite = suite();
    let list = |query: &str| {
        let answer = suite.ask("GET", &format!("tags/list{query}"), "");
        assert_eq!(answer.status, 200, "{query}");
        let value: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(value["name"], REPOSITORY);
        let tags = value["tags"].as_array().unwrap().iter();
        let tags: Vec<String> = tags.map(|tag| tag.as_str().unwrap().to_owned()).collect();
        (tags, answer.header("link").to_owned())
    };
    let (all, link) = list("");
    assert_eq!((all.len(), all.is_sorted(), link.as_str()), (suite.images.len(), true, ""));
    let half = all.len() / 2;
    assert_eq!(list(&format!("?last={}", all[half - 1])).0, all[half..]);
    assert_eq!(list("?last=zzz").0, [""; 0]);
    assert_eq!(list("?n=0"), (Vec::new(), String::new()));
    // A list in pieces is the whole list, by way of the links.
    let (mut pieces, mut query) = (Vec::new(), "?n=3".to_owned());
    loop {
        let (tags, link) = list(&query);
        assert!(tags.len() <= 3);
        pieces.extend(tags);
        let Some(next) = link.strip_suffix(">; rel=\"next\"") else { break };
        query = format!("?{}", next.split_once('?').unwrap().1);
    }
    assert_eq!(pieces, all);
}

/// `missing-manifest`, `invalid-digest-format`, missing blobs, and other algorithms than sha256.
#[test]
fn errors() {
    let suite = suite();
    let (absent, sha512) = (Digest::of(b"nobody has it"), format!("sha512:{}", "0".repeat(128)));
    for (path, code) in [
        (format!("manifests/{absent}"), "MANIFEST_UNKNOWN"),
        ("manifests/missing-abc".to_owned(), "MANIFEST_UNKNOWN"),
        ("manifests/sha256:baddigeststring".to_owned(), "MANIFEST_UNKNOWN"),
        (format!("manifests/{sha512}"), "MANIFEST_UNKNOWN"),
        (format!("blobs/{absent}"), "BLOB_UNKNOWN"),
        ("blobs/sha256:baddigeststring".to_owned(), "BLOB_UNKNOWN"),
        (format!("blobs/{sha512}"), "BLOB_UNKNOWN"),
    ] {
        let (answer, head) = (suite.ask("GET", &path, ""), suite.ask("HEAD", &path, ""));
        assert_eq!((answer.status, answer.code().as_str()), (404, code), "{path}");
        assert_eq!((head.status, head.body.len()), (404, 0), "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

/// A registry without referrers answers 404, and the client looks for their tag.
#[test]
fn referrers() {
    let suite = suite();
    let subject = Digest::of(b"another");
    assert_eq!(suite.ask("GET", &format!("referrers/{subject}"), "").status, 404);
    let tag = subject.to_string().replace(':', "-");
    assert_eq!(suite.ask("GET", &format!("manifests/{tag}"), "").status, 404);
}

/// What the suite pushes and deletes.
#[test]
fn pushes_and_deletes_are_refused() {
    let suite = suite();
    let digest = suite.blobs.keys().next().unwrap();
    for (method, path) in [
        ("POST", "blobs/uploads/".to_owned()),
        ("POST", format!("blobs/uploads/?digest={digest}")),
        ("PATCH", "blobs/uploads/1".to_owned()),
        ("PUT", format!("blobs/uploads/1?digest={digest}")),
        ("PUT", "manifests/image".to_owned()),
        ("DELETE", "manifests/image".to_owned()),
        ("DELETE", format!("blobs/{digest}")),
    ] {
        let answer = suite.ask(method, &path, "Content-Length: 0\r\n");
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (405, "UNSUPPORTED"),
            "{method} {path}"
        );
    }
    assert_eq!(suite.ask("GET", "manifests/image", "").status, 200);
}
