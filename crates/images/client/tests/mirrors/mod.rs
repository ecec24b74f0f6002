//! Mirrors whose answers begin well.

use mvm_core::Digest;
use mvm_images_client::Error;
use mvm_images_client::registry::{Registry, Servers};

use crate::server::{Server, answer, layer, mirrored, run};

const CONTENT: &[u8] = b"0123456789";

/// As containerd keeps a blob: goes on where it stopped, and throws away what is whole and wrong.
async fn downloaded_blob(registry: &Registry, host: &str) -> Result<Vec<u8>, Error> {
    let (digest, mut bytes) = (Digest::of(CONTENT), Vec::new());
    let once = async |servers: Servers| {
        let offset = bytes.len() as u64;
        let mut body = registry.blob(host, "a/b", &layer(CONTENT), offset, servers).await?;
        while let Some(chunk) = body.next().await? {
            bytes.extend_from_slice(&chunk);
        }
        if Digest::of(&bytes) == digest {
            return Ok(());
        }
        bytes.clear();
        Err(Error::Digest { object: "a layer".to_owned(), expected: digest.to_string() })
    };
    registry.persist(once).await?;
    Ok(bytes)
}

/// What the registry is asked for, and how often a mirror that always sends `body` is asked before.
async fn downloads(body: &'static [u8]) -> (usize, Vec<Option<String>>) {
    let mirror = Server::start(|_, _| answer("200 OK", &[("content-length", "10")], body)).await;
    let server = Server::start(|request, _| {
        let range = request.header("range").and_then(|range| range.strip_prefix("bytes="));
        match range.and_then(|range| range.strip_suffix('-')) {
            Some(from) => {
                answer("206 Partial Content", &[], &CONTENT[from.parse::<usize>().unwrap()..])
            }
            None => answer("200 OK", &[], CONTENT),
        }
    })
    .await;
    let registry = mirrored(&server, &format!("http://{}", mirror.host()));
    assert_eq!(downloaded_blob(&registry, &server.host()).await.unwrap(), CONTENT);
    let ranges = server.requests().into_iter();
    let ranges = ranges.map(|request| request.header("range").map(str::to_owned)).collect();
    (mirror.requests().len(), ranges)
}

#[test]
fn one_that_breaks_off_each_time_does_not_keep_a_blob_away() {
    run(async {
        assert_eq!(downloads(b"01234").await, (2, vec![Some("bytes=5-".to_owned())]));
    });
}

#[test]
fn one_that_brings_wrong_bytes_is_not_asked_again() {
    run(async {
        assert_eq!(downloads(b"9876543210").await, (1, vec![None]));
    });
}

#[test]
fn what_is_left_of_wrong_bytes_is_thrown_away() {
    run(async {
        assert_eq!(downloads(b"98765").await, (2, vec![Some("bytes=5-".to_owned()), None]));
    });
}
