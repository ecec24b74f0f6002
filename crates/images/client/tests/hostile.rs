//! A registry that lies, dawdles, floods or sends us elsewhere.

use std::future::Future;
use std::time::Duration;

use mvm_config::names::ImageRef;
use mvm_core::Digest;
use mvm_images_client::Error;
use mvm_images_client::registry::{Document, Registry, Servers, Settings};
use mvm_images_plan::proxy::Proxies;
use mvm_images_plan::{Refusal, manifest};
use tokio::time::Instant;

#[cfg(test)]
mod mirrors;
#[cfg(test)]
mod server;

use server::{Answer, Request, Server, answer, brief, client, layer, mirrored, patient, run};

const TYPE: (&str, &str) = ("content-type", "application/vnd.oci.image.manifest.v1+json");
const SMALL: &[u8] = br#"{"schemaVersion":2}"#;

async fn document(server: &Server) -> Result<Document, Error> {
    client(&[server], "{}").document(&server.host(), "a/b", "1").await
}

async fn blob(server: &Server, content: &[u8], offset: u64) -> Result<Vec<u8>, Error> {
    let (registry, servers) = (client(&[server], "{}"), Servers::WithMirrors);
    let mut body = registry.blob(&server.host(), "a/b", &layer(content), offset, servers).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn always(make: impl Fn() -> Answer + Send + Sync + 'static) -> impl Future<Output = Server> {
    Server::start(move |_, _| make())
}

#[test]
fn a_manifest_comes_as_it_is() {
    run(async {
        let server = always(|| answer("200 OK", &[TYPE], SMALL)).await;
        let document = document(&server).await.unwrap();
        assert_eq!((document.bytes.as_slice(), document.media_type.as_str()), (SMALL, TYPE.1));
        assert_eq!(document.digest, Digest::of(SMALL));
        assert_eq!(server.requests()[0].path, "/v2/a/b/manifests/1");
    });
}

#[test]
fn a_manifest_by_digest_has_that_digest() {
    run(async {
        let server = always(|| answer("200 OK", &[TYPE], SMALL)).await;
        let expected = Digest::of(b"something else");
        let registry = client(&[&server], "{}");
        let failure = registry.document(&server.host(), "a", expected.as_str()).await.unwrap_err();
        assert!(matches!(failure, Error::Digest { .. }), "{failure}");
    });
}

#[test]
fn a_manifest_of_100_mb_is_not_read() {
    run(async {
        let long = ("content-length", "104857600");
        let server = always(move || answer("200 OK", &[TYPE, long], SMALL)).await;
        let failure = document(&server).await.unwrap_err();
        assert!(failure.to_string().ends_with("more than 4194304 bytes"), "{failure}");
        let endless = always(|| answer("200 OK", &[TYPE, ("x-endless", "1")], SMALL)).await;
        let failure = document(&endless).await.unwrap_err();
        assert!(failure.to_string().ends_with("more than 4194304 bytes"), "{failure}");
    });
}

#[test]
fn html_and_10_000_layers_are_refused() {
    run(async {
        let html = always(|| answer("200 OK", &[("content-type", "text/html")], b"<html>")).await;
        let failure = document(&html).await.unwrap_err();
        assert!(matches!(failure, Error::Refused(Refusal::Unreadable { .. })), "{failure}");
        let one = format!(
            r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":1}}"#,
            Digest::of(b"x")
        );
        let config = format!(r#"{{"digest":"{}","size":1}}"#, Digest::of(b"c"));
        let layers = vec![one; 10_000].join(",");
        let text = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layers}]}}"#);
        let many = always(move || answer("200 OK", &[TYPE], text.as_bytes())).await;
        let document = document(&many).await.unwrap();
        let refusal = manifest::document(&document.media_type, &document.bytes).unwrap_err();
        assert!(matches!(refusal, Refusal::TooMany { count: 10_000, .. }), "{refusal}");
    });
}

#[test]
fn a_blob_has_exactly_its_size() {
    run(async {
        let whole = always(|| answer("200 OK", &[], b"0123456789")).await;
        assert_eq!(blob(&whole, b"0123456789", 0).await.unwrap(), b"0123456789");
        let longer = always(|| answer("200 OK", &[("content-length", "11")], b"0123456789x")).await;
        let failure = blob(&longer, b"0123456789", 0).await.unwrap_err();
        assert!(failure.to_string().ends_with("11 bytes in place of 10"), "{failure}");
        let short = always(|| answer("200 OK", &[("content-length", "10")], b"01234")).await;
        let failure = blob(&short, b"0123456789", 0).await.unwrap_err();
        assert!(matches!(failure, Error::Request { .. }), "{failure}");
        let endless = always(|| answer("200 OK", &[("x-endless", "1")], b"01234")).await;
        let failure = blob(&endless, b"0123456789", 0).await.unwrap_err();
        assert!(failure.to_string().contains("more bytes than"), "{failure}");
    });
}

#[test]
fn a_blob_goes_on_where_it_broke_off_with_and_without_ranges() {
    run(async {
        let ranges = always(|| answer("206 Partial Content", &[], b"56789")).await;
        assert_eq!(blob(&ranges, b"0123456789", 5).await.unwrap(), b"56789");
        assert_eq!(ranges.requests()[0].header("range"), Some("bytes=5-"));
        let none = always(|| answer("200 OK", &[], b"0123456789")).await;
        assert_eq!(blob(&none, b"0123456789", 5).await.unwrap(), b"56789");
    });
}

#[test]
fn a_trickle_ends() {
    run(async {
        let server = always(|| Answer {
            trickle: Some(Duration::from_millis(100)),
            ..answer("200 OK", &[TYPE], SMALL)
        })
        .await;
        let start = Instant::now();
        let failure = document(&server).await.unwrap_err();
        assert!(matches!(failure, Error::Slow { .. }), "{failure}");
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    });
}

#[test]
fn a_busy_registry_is_asked_again_and_a_missing_image_is_not() {
    run(async {
        let busy = Server::start(|_, before| match before {
            0 => answer("429 Too Many Requests", &[("retry-after", "3")], b""),
            1 => answer("503 Service Unavailable", &[], b""),
            _ => answer("200 OK", &[TYPE], SMALL),
        })
        .await;
        let start = Instant::now();
        document(&busy).await.unwrap();
        // 3 s, a hundred times faster.
        assert!(start.elapsed() >= Duration::from_millis(30), "{:?}", start.elapsed());
        assert_eq!(busy.requests().len(), 3);
        let missing = always(|| answer("404 Not Found", &[], b"")).await;
        let failure = document(&missing).await.unwrap_err();
        assert!(matches!(failure, Error::Status { status: 404, .. }), "{failure}");
        assert_eq!(missing.requests().len(), 1);
    });
}

#[test]
fn a_registry_may_ask_for_a_longer_pause_than_an_answer_may_take() {
    run(async {
        let busy = Server::start(|_, before| match before {
            0 => answer("429 Too Many Requests", &[("retry-after", "120")], b""),
            _ => answer("200 OK", &[TYPE], SMALL),
        })
        .await;
        let start = Instant::now();
        let registry = brief(&busy, Duration::from_secs(2), 50);
        registry.document(&busy.host(), "a/b", "1").await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(2400), "{:?}", start.elapsed());
    });
}

#[test]
fn a_token_is_asked_for_once_and_401_for_ever_is_an_end() {
    run(async {
        let server = Server::start(|request, _| {
            let realm = format!(
                "Bearer realm=\"http://{}/token\",service=\"s\"",
                request.header("host").unwrap()
            );
            if request.path.starts_with("/token") {
                return answer("200 OK", &[], br#"{"token":"t0"}"#);
            }
            match request.header("authorization") {
                Some("Bearer t0") => answer("200 OK", &[TYPE], SMALL),
                _ => answer("401 Unauthorized", &[("www-authenticate", &realm)], b""),
            }
        })
        .await;
        let registry = patient(&[&server]);
        for _ in 0..2 {
            registry.document(&server.host(), "a/b", "1").await.unwrap();
        }
        let paths: Vec<String> =
            server.requests().into_iter().map(|request| request.path).collect();
        let token = "/token?service=s&scope=repository%3Aa%2Fb%3Apull";
        let manifest = "/v2/a/b/manifests/1";
        assert_eq!(paths, [manifest, token, manifest, manifest]);

        let loops = Server::start(|request, _| {
            let realm =
                format!("Bearer realm=\"http://{}/token\"", request.header("host").unwrap());
            match request.path.starts_with("/token") {
                true => answer("200 OK", &[], br#"{"access_token":"no"}"#),
                false => answer("401 Unauthorized", &[("www-authenticate", &realm)], b""),
            }
        })
        .await;
        let failure = patient(&[&loops]).document(&loops.host(), "a/b", "1").await.unwrap_err();
        assert!(matches!(failure, Error::Unauthorized { status: 401, .. }), "{failure}");
        assert_eq!(loops.requests().len(), 3);
    });
}

#[test]
fn what_lets_us_in_stays_with_the_server_that_it_is_for() {
    run(async {
        let storage = always(|| answer("200 OK", &[], b"0123456789")).await;
        let elsewhere = format!("http://{}/x?signature=secret", storage.host());
        let server = Server::start(move |request, _| match request.header("authorization") {
            Some("Basic dTpw") => {
                answer("307 Temporary Redirect", &[("location", &elsewhere)], b"")
            }
            _ => answer("401 Unauthorized", &[("www-authenticate", "Basic realm=x")], b""),
        })
        .await;
        let logins = format!(r#"{{"auths":{{"{}":{{"auth":"dTpw"}}}}}}"#, server.host());
        let registry = client(&[&server, &storage], &logins);
        let blob = layer(b"0123456789");
        let body = registry.blob(&server.host(), "a", &blob, 0, Servers::WithMirrors).await;
        let mut body = body.unwrap();
        assert_eq!(body.next().await.unwrap().unwrap(), b"0123456789");
        let all: Vec<Request> = storage.requests();
        assert_eq!((all.len(), all[0].header("authorization")), (1, None));
    });
}

#[test]
fn a_token_server_under_plain_http_elsewhere_gets_nothing() {
    run(async {
        let thief = always(|| answer("200 OK", &[], br#"{"token":"t"}"#)).await;
        let realm = format!("Bearer realm=\"http://localhost:{}/\"", thief.address.port());
        let server = Server::start(move |_, _| {
            answer("401 Unauthorized", &[("www-authenticate", &realm)], b"")
        })
        .await;
        let failure = document(&server).await.unwrap_err();
        assert!(matches!(failure, Error::Unauthorized { .. }), "{failure}");
        assert!(thief.requests().is_empty());
    });
}

#[test]
fn who_a_redirect_leads_to_cannot_send_the_login_elsewhere() {
    run(async {
        let thief = always(|| answer("200 OK", &[], br#"{"token":"t"}"#)).await;
        let realm = format!("Bearer realm=\"http://{}/\"", thief.host());
        let stranger = Server::start(move |_, _| {
            answer("401 Unauthorized", &[("www-authenticate", &realm)], b"")
        })
        .await;
        let elsewhere = format!("http://{}/x", stranger.host());
        let server = Server::start(move |_, _| {
            answer("307 Temporary Redirect", &[("location", &elsewhere)], b"")
        })
        .await;
        let logins = format!(r#"{{"auths":{{"{}":{{"auth":"dTpw"}}}}}}"#, server.host());
        let registry = client(&[&server], &logins);
        let failure = registry.document(&server.host(), "a/b", "1").await.unwrap_err();
        assert!(thief.requests().is_empty(), "{:?}", thief.requests());
        let message = format!("{} denies access (status 401)", stranger.host());
        assert_eq!(failure.to_string(), message);
        assert_eq!((server.requests().len(), stranger.requests().len()), (1, 1));
    });
}

#[test]
fn redirects_end() {
    run(async {
        let server = Server::start(|request, _| {
            answer("302 Found", &[("location", &format!("{}x", request.path))], b"")
        })
        .await;
        let failure = document(&server).await.unwrap_err();
        assert!(failure.to_string().ends_with("redirects too often"), "{failure}");
        assert_eq!(server.requests().len(), 6);
    });
}

#[test]
fn a_mirror_is_asked_first_and_one_that_lies_or_lacks_it_is_passed_over() {
    run(async {
        let server = always(|| answer("200 OK", &[TYPE], SMALL)).await;
        let digest = Digest::of(SMALL);
        let good = always(|| answer("200 OK", &[TYPE], SMALL)).await;
        let registry = mirrored(&server, &format!("http://{}", good.host()));
        registry.document(&server.host(), "a/b", digest.as_str()).await.unwrap();
        let path = format!("/v2/a/b/manifests/{digest}?ns={}", server.host());
        assert_eq!((good.requests()[0].path.as_str(), server.requests().len()), (&*path, 0));
        let lacking = always(|| answer("404 Not Found", &[], b"")).await;
        let lying = always(|| answer("200 OK", &[TYPE], b"{\"schemaVersion\":2 }")).await;
        let secret = always(|| answer("401 Unauthorized", &[], b"")).await;
        for (number, mirror) in [&lacking, &lying, &secret].into_iter().enumerate() {
            let registry = mirrored(&server, &format!("http://{}", mirror.host()));
            let document = registry.document(&server.host(), "a/b", digest.as_str()).await;
            assert_eq!(document.unwrap().bytes, SMALL);
            assert_eq!((mirror.requests().len(), server.requests().len()), (1, number + 1));
        }
    });
}

#[test]
fn plain_http_is_spoken_to_this_host_and_where_it_is_listed() {
    run(async {
        let server = always(|| answer("200 OK", &[TYPE], SMALL)).await;
        // As containerd's client, and so flintlockd, asks it.
        client(&[], "{}").document(&server.host(), "a", "1").await.unwrap();
        assert_eq!(server.requests().len(), 1);
        let proxies = Some(Proxies { http: server.host(), ..Proxies::default() });
        let settings = Settings { proxies, ..Settings::default() };
        let registry = Registry::new(settings, Instant::now() + Duration::from_secs(5)).unwrap();
        assert!(registry.document("r.invalid", "a", "1").await.is_err());
        assert_eq!(server.requests().len(), 1);
    });
}

#[test]
fn each_server_that_was_asked_is_told_with_its_answer() {
    run(async {
        // Go's answer to a request without TLS.
        let speaks_tls = always(|| answer("400 Bad Request", &[], b"")).await;
        let failure = client(&[], "{}").document(&speaks_tls.host(), "a", "1").await.unwrap_err();
        let (message, host) = (failure.to_string(), speaks_tls.host());
        assert!(
            message.contains(&format!("http://{host}: ")) && message.contains("status 400"),
            "{message}"
        );
        assert!(message.contains(&format!("\nhttps://{host}: ")), "{message}");
        let missing = always(|| answer("404 Not Found", &[], b"")).await;
        let failure = client(&[], "{}").document(&missing.host(), "a", "1").await.unwrap_err();
        assert!(matches!(failure, Error::Status { status: 404, .. }), "{failure}");
        let mirror = always(|| answer("403 Forbidden", &[], b"")).await;
        let registry = mirrored(&missing, &format!("http://{}/cache", mirror.host()));
        let failure = registry.document(&missing.host(), "a", "1").await.unwrap_err();
        assert!(matches!(failure.cause(), Error::Status { status: 404, .. }), "{failure}");
        let message = failure.to_string();
        assert!(message.contains("status 403") && message.contains("status 404"), "{message}");
        assert!(mirror.requests()[0].path.starts_with("/cache/v2/a/manifests/1?ns="));
    });
}

#[test]
fn flintlockds_question_is_one_head_without_a_login() {
    run(async {
        let digest = Digest::of(SMALL).to_string();
        let server =
            always(move || answer("200 OK", &[("docker-content-digest", &digest)], b"")).await;
        let image = ImageRef::parse(&format!("{}/a/b:1", server.host())).unwrap();
        let found = client(&[&server], "{}").head(&image).await.unwrap();
        assert_eq!(found, Some(Digest::of(SMALL)));
        let requests = server.requests();
        let first = &requests[0];
        assert_eq!(
            (requests.len(), &*first.method, &*first.path),
            (1, "HEAD", "/v2/a/b/manifests/1")
        );
        let basic = ("www-authenticate", "Basic realm=x");
        let private = always(move || answer("401 Unauthorized", &[basic], b"")).await;
        let image = ImageRef::parse(&format!("{}/a/b:1", private.host())).unwrap();
        let failure = client(&[&private], "{}").head(&image).await.unwrap_err();
        assert!(matches!(failure, Error::Unauthorized { status: 401, .. }), "{failure}");
    });
}

#[test]
fn flintlockds_proxy_is_taken() {
    run(async {
        let proxy = always(|| answer("404 Not Found", &[], b"")).await;
        let settings = Settings {
            insecure: vec!["r.test".to_owned(), "127.0.0.1:9".to_owned()],
            proxies: Some(Proxies { http: proxy.host(), ..Proxies::default() }),
            ..Settings::default()
        };
        let registry = Registry::new(settings, Instant::now() + Duration::from_secs(20)).unwrap();
        let ask = async |name| registry.head(&ImageRef::parse(name).unwrap()).await.unwrap_err();
        let failure = ask("r.test/a/b:1").await;
        assert!(matches!(failure.cause(), Error::Status { status: 404, .. }), "{failure}");
        let prefix = format!("by way of the proxy http://{}/: ", proxy.host());
        assert!(failure.to_string().starts_with(&prefix), "{failure}");
        assert_eq!(proxy.requests()[0].path, "http://r.test/v2/a/b/manifests/1");
        // This host is never asked by way of it.
        ask("127.0.0.1:9/a/b:1").await;
        assert_eq!(proxy.requests().len(), 1);
    });
}
