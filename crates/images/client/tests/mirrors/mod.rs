//! Mirrors whose answers begin well.

use mvm_core::Digest;
use mvm_images_client::Error;
use mvm_images_client::registry::{Registry, Servers};

use crate::server::{Server, answer, layer, mirrored, run};

const CONTENT: &[u8] = b"0123456789";

/// As containerd keeps a blob: goes on where it stopped, and throws away what is whole and wrong.
async fn kept(registry: &Registry, host: &str) -> Result<Vec<u8>, Error> {
    let (digest, mut kept) = (Digest::of(CONTENT), Vec::new());
    let once = async |servers: Servers| {
        let offset = kept.len() as u64;
        let mut body = registry.blob(host, "a/b", &layer(CONTENT), offset, servers).await?;
        while let Some(chunk) = body.next().await? {
            kept.extend_from_slice(&chunk);
        }
        if Digest::of(&kept) == digest {
            return Ok(());
        }
        kept.clear();
        Err(Error::Digest { what: "a layer".to_owned(), wanted: digest.to_string() })
    };
    registry.persist(once).await?;
    Ok(kept)
}

/// What the registry is asked for, and how often a mirror that always sends `body` is asked before.
async fn asked(body: &'static [u8]) -> (usize, Vec<Option<String>>) {
    let mirror = Server::start(|_, _| answer("200 OK", &[("content-length", "10")], body)).await;
    let server = Server::start(|asked, _| {
        let range = asked.header("range").and_then(|range| range.strip_prefix("bytes="));
        match range.and_then(|range| range.strip_suffix('-')) {
            Some(from) => {
                answer("206 Partial Content", &[], &CONTENT[from.parse::<usize>().unwrap()..])
            }
            None => answer("200 OK", &[], CONTENT),
        }
    })
    .await;
    let registry = mirrored(&server, &format!("http://{}", mirror.host()));
    assert_eq!(kept(&registry, &server.host()).await.unwrap(), CONTENT);
    let ranges = server.requests().into_iter();
    let ranges = ranges.map(|asked| asked.header("range").map(str::to_owned)).collect();
    (mirror.requests().len(), ranges)
}

#[test]
fn one_that_breaks_off_each_time_does_not_keep_a_blob_away() {
    run(async {
        assert_eq!(asked(b"01234").await, (2, vec![Some("bytes=5-".to_owned())]));
    });
}

#[test]
fn one_that_brings_wrong_bytes_is_not_asked_again() {
    run(async {
        assert_eq!(asked(b"9876543210").await, (1, vec![None]));
    });
}

#[test]
fn what_is_left_of_wrong_bytes_is_thrown_away() {
    run(async {
        assert_eq!(asked(b"98765").await, (2, vec![Some("bytes=5-".to_owned()), None]));
    });
}
