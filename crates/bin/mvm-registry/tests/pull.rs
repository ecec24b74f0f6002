//! What a client gets, and what a hostile one does not.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use mvm_core::Digest;

#[cfg(test)]
mod fixture;

use fixture::{BLOB, KIND, MANIFEST, ask, connect, fixture, get, list, raw};

#[test]
fn a_client_asks_whether_it_is_a_registry() {
    let fixture = fixture();
    let version = get(&fixture, "/v2/");
    assert_eq!((version.status, version.body.as_slice()), (200, &b"{}"[..]));
    assert_eq!(version.header("docker-distribution-api-version"), "registry/2.0");
}

#[test]
fn manifests_come_by_tag_and_digest_and_head_gives_the_same_head() {
    let fixture = fixture();
    for name in ["a/b", "ghcr.io/a/b"] {
        for reference in ["1", "2", fixture.manifest.as_str()] {
            let path = format!("/v2/{name}/manifests/{reference}");
            let (got, head) = (get(&fixture, &path), ask(&fixture, "HEAD", &path, ""));
            assert_eq!((got.status, got.body.as_slice()), (200, MANIFEST), "{path}");
            assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
            assert_eq!(got.headers, head.headers, "{path}");
            assert_eq!(got.header("content-type"), KIND);
            assert_eq!(got.header("docker-content-digest"), fixture.manifest.as_str());
            assert_eq!(got.header("content-length"), MANIFEST.len().to_string());
        }
    }
}

#[test]
fn blobs_come_whole_and_in_parts() {
    let fixture = fixture();
    let path = format!("/v2/a/b/blobs/{}", fixture.blob);
    let whole = get(&fixture, &path);
    assert_eq!((whole.status, whole.body.as_slice()), (200, BLOB));
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let head = ask(&fixture, "HEAD", &path, "");
    assert_eq!((head.status, head.header("content-length")), (200, "36"));
    for (range, bytes, expected) in [
        ("bytes=10-", &BLOB[10..], "bytes 10-35/36"),
        ("bytes=0-0", &BLOB[..1], "bytes 0-0/36"),
        ("bytes=30-99", &BLOB[30..], "bytes 30-35/36"),
        ("bytes=-6", &BLOB[30..], "bytes 30-35/36"),
    ] {
        let part = ask(&fixture, "GET", &path, &format!("Range: {range}\r\n"));
        assert_eq!((part.status, part.body.as_slice()), (206, bytes), "{range}");
        assert_eq!(part.header("content-range"), expected);
    }
    let beyond = ask(&fixture, "GET", &path, "Range: bytes=36-\r\n");
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */36"));
    let escaped = get(&fixture, &path.replace("sha256:", "sha256%3A"));
    assert_eq!(escaped.status, 200);
}

#[test]
fn tags_are_listed_in_pieces() {
    let fixture = fixture();
    let tags = |path: &str| {
        let answer = get(&fixture, path);
        let value: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        (answer.status, value["name"].clone(), value["tags"].clone())
    };
    let all = |tags: &[&str]| (200, "a/b".into(), serde_json::json!(tags));
    assert_eq!(tags("/v2/a/b/tags/list"), all(&["1", "2"]));
    assert_eq!(tags("/v2/a/b/tags/list?n=1"), all(&["1"]));
    assert_eq!(tags("/v2/a/b/tags/list?n=1&last=1"), all(&["2"]));
    assert_eq!(tags("/v2/a/b/tags/list?n=0"), all(&[]));
    assert_eq!(get(&fixture, "/v2/a/c/tags/list").code(), "NAME_UNKNOWN");
}

#[test]
fn what_is_not_there_is_404_with_a_code() {
    let fixture = fixture();
    let other = Digest::of(b"nobody has this");
    let secret = Digest::of(b"of another image");
    for (path, code) in [
        ("/v2/a/b/manifests/3".to_owned(), "MANIFEST_UNKNOWN"),
        (format!("/v2/a/b/manifests/{other}"), "MANIFEST_UNKNOWN"),
        (format!("/v2/a/b/blobs/{other}"), "BLOB_UNKNOWN"),
        // In containerd's store, and not on the list.
        (format!("/v2/a/b/blobs/{secret}"), "BLOB_UNKNOWN"),
        ("/v2/a/c/manifests/1".to_owned(), "NAME_UNKNOWN"),
        (format!("/v2/a/b/referrers/{}", fixture.manifest), "UNSUPPORTED"),
        ("/v2/_catalog".to_owned(), "UNSUPPORTED"),
        ("/".to_owned(), "UNSUPPORTED"),
        ("/v2/a/b/blobs/sha256:../../../../etc/passwd".to_owned(), "UNSUPPORTED"),
        ("/v2/../../etc/manifests/passwd".to_owned(), "NAME_UNKNOWN"),
        ("/v2/a/b/blobs/..%2f..%2fserved%2flist.json".to_owned(), "BLOB_UNKNOWN"),
    ] {
        let answer = get(&fixture, &path);
        assert_eq!((answer.status, answer.code().as_str()), (404, code), "{path}");
    }
}

#[test]
fn nothing_is_written() {
    let fixture = fixture();
    for method in ["PUT", "POST", "PATCH", "DELETE", "OPTIONS"] {
        let answer = ask(&fixture, method, "/v2/a/b/manifests/1", "Content-Length: 0\r\n");
        assert_eq!((answer.status, answer.code().as_str()), (405, "UNSUPPORTED"), "{method}");
    }
}

#[test]
fn a_connection_takes_more_than_one_request() {
    let fixture = fixture();
    let mut stream = connect(fixture.address);
    let one = b"GET /v2/a/b/manifests/1 HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(&[&one[..], one].concat()).unwrap();
    stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    assert_eq!(all.matches("HTTP/1.1 200 OK").count(), 3, "{all}");
    assert!(all.ends_with("\r\n\r\n{}"));
}

#[test]
fn a_changed_list_counts_at_once_and_a_damaged_file_is_not_sent() {
    let fixture = fixture();
    assert_eq!(get(&fixture, "/v2/new/name/manifests/1").status, 404);
    list(fixture.folder.path(), &["r.test/new/name:1"], &fixture.manifest, &fixture.blob);
    assert_eq!(get(&fixture, "/v2/new/name/manifests/1").status, 200);
    assert_eq!(get(&fixture, "/v2/a/b/manifests/1").status, 404);
    let name = fixture.blob.as_str().trim_start_matches("sha256:");
    let file = fixture.folder.path().join("content/blobs/sha256").join(name);
    fs::write(&file, b"short").unwrap();
    let path = format!("/v2/new/name/blobs/{}", fixture.blob);
    assert_eq!(get(&fixture, &path).status, 500);
    fs::remove_file(file).unwrap();
    assert_eq!(get(&fixture, &path).status, 404);
    fs::write(fixture.folder.path().join("served/list.json"), b"{").unwrap();
    assert_eq!(get(&fixture, "/v2/new/name/manifests/1").status, 404);
    fs::remove_file(fixture.folder.path().join("served/list.json")).unwrap();
    assert_eq!(get(&fixture, "/v2/new/name/manifests/1").status, 404);
}

#[test]
fn what_is_no_request_ends_the_connection_and_nothing_else() {
    let fixture = fixture();
    let long = [&b"GET /v2/"[..], &[b'a'; 64 << 10]].concat();
    for request in [&b"\x16\x03\x01\x02\x00\x01\r\n\r\n"[..], b"GET\r\n\r\n", &long] {
        let answer = String::from_utf8_lossy(&raw(fixture.address, request)).into_owned();
        assert!(answer.starts_with("HTTP/1.1 400 ") || answer.is_empty(), "{answer}");
    }
    // One that says nothing holds a thread and nobody up.
    let silent: Vec<TcpStream> = (0..20).map(|_| connect(fixture.address)).collect();
    assert_eq!(get(&fixture, "/v2/").status, 200);
    drop(silent);
}

#[test]
fn one_connection_too_many_is_told_to_come_again() {
    let fixture = fixture();
    let held: Vec<TcpStream> = (0..64).map(|_| connect(fixture.address)).collect();
    let until = std::time::Instant::now() + Duration::from_secs(30);
    let busy = loop {
        let answer = get(&fixture, "/v2/");
        if answer.status != 200 || std::time::Instant::now() > until {
            break answer;
        }
    };
    assert_eq!((busy.status, busy.header("retry-after")), (503, "1"));
    drop(held);
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while get(&fixture, "/v2/").status != 200 {
        assert!(std::time::Instant::now() < until);
    }
}
