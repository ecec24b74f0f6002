//! Proxies as Go's http client takes them, and so containerd and flintlockd.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mvm_images_client::registry::{Registry, Settings, Timeouts};
use mvm_images_plan::proxy::Proxies;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

#[cfg(test)]
mod server;

use server::{Server, answer, run};

const TYPE: (&str, &str) = ("content-type", "application/vnd.oci.image.manifest.v1+json");
const SMALL: &[u8] = br#"{"schemaVersion":2}"#;

fn client(proxy: String) -> Registry {
    let long = Duration::from_secs(15);
    let settings = Settings {
        insecure: vec!["r.test".to_owned()],
        timeouts: Timeouts { connect: long, idle: long, answer: long, speed_up: 1000 },
        proxies: Some(Proxies { http: proxy, ..Proxies::default() }),
        ..Settings::default()
    };
    Registry::new(settings, Instant::now() + long * 2).unwrap()
}

#[test]
fn a_proxy_is_shown_the_password_in_its_url_and_nobody_else() {
    run(async {
        let proxy = Server::start(|request, _| match request.header("proxy-authorization") {
            Some("Basic dTpw") => answer("200 OK", &[TYPE], SMALL),
            _ => answer("407 Proxy Authentication Required", &[], b""),
        })
        .await;
        let registry = client(format!("http://u:p@{}", proxy.host()));
        registry.document("r.test", "a/b", "1").await.unwrap();
        assert_eq!(proxy.requests()[0].path, "http://r.test/v2/a/b/manifests/1");
        let failure = client(format!("http://u:SECRET@{}", proxy.host()));
        let failure = failure.document("r.test", "a/b", "1").await.unwrap_err().to_string();
        assert!(failure.contains("407") && !failure.contains("SECRET"), "{failure}");
    });
}

/// A proxy that speaks SOCKS 5 (RFC 1928) and stands for every host; what it was asked to connect to.
async fn socks() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let destinations = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&destinations);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 2];
            stream.read_exact(&mut head).await.unwrap();
            let mut methods = vec![0; usize::from(head[1])];
            stream.read_exact(&mut methods).await.unwrap();
            stream.write_all(&[5, 0]).await.unwrap();
            let mut request = [0; 5];
            stream.read_exact(&mut request).await.unwrap();
            assert_eq!(request[..4], [5, 1, 0, 3], "a name, and not an address");
            let mut name = vec![0; usize::from(request[4]) + 2];
            stream.read_exact(&mut name).await.unwrap();
            let port = u16::from_be_bytes([name[name.len() - 2], name[name.len() - 1]]);
            let name = String::from_utf8_lossy(&name[..name.len() - 2]).into_owned();
            log.lock().unwrap().push(format!("{name}:{port}"));
            stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
            let mut text = Vec::new();
            while !text.ends_with(b"\r\n\r\n") {
                text.push(stream.read_u8().await.unwrap());
            }
            let head = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n",
                TYPE.1,
                SMALL.len()
            );
            stream.write_all(&[head.as_bytes(), SMALL].concat()).await.unwrap();
        }
    });
    (host, destinations)
}

#[test]
fn a_socks_proxy_looks_names_up_itself() {
    run(async {
        let (host, destinations) = socks().await;
        for scheme in ["socks5", "socks5h"] {
            let registry = client(format!("{scheme}://{host}"));
            registry.document("r.test", "a/b", "1").await.unwrap();
        }
        assert_eq!(*destinations.lock().unwrap(), ["r.test:80", "r.test:80"]);
    });
}
