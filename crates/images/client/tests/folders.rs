//! What containerd's, docker's and podman's folders say about a registry is done.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mvm_core::Roots;
use mvm_images_client::Error;
use mvm_images_client::registry::{Registry, Servers, Settings, Timeouts};
use mvm_images_plan::manifest::Descriptor;
use mvm_images_plan::proxy::Proxies;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

#[cfg(test)]
mod server;

use server::{Server, answer, layer, run};

const TYPE: (&str, &str) = ("content-type", "application/vnd.oci.image.manifest.v1+json");
const SMALL: &[u8] = br#"{"schemaVersion":2}"#;
const CONTENT: &[u8] = b"0123456789";

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn client(root: &Path, proxies: Option<Proxies>) -> Registry {
    let long = Duration::from_secs(15);
    let settings = Settings {
        insecure: vec!["r.test".to_owned()],
        timeouts: Timeouts { connect: long, idle: long, answer: long, speed_up: 1000 },
        roots: Some(Roots::new(root)),
        proxies,
        ..Settings::default()
    };
    Registry::new(settings, Instant::now() + long * 2).unwrap()
}

async fn blob(registry: &Registry, host: &str, blob: &Descriptor) -> Result<Vec<u8>, Error> {
    let mut body = registry.blob(host, "a/b", blob, 0, Servers::WithMirrors).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[test]
fn a_server_of_hosts_toml_is_asked_for_what_it_can_and_with_its_headers() {
    run(async {
        let cache = Server::start(|_, _| answer("200 OK", &[], CONTENT)).await;
        let own = Server::start(|_, _| answer("200 OK", &[TYPE], SMALL)).await;
        let folder = tempfile::tempdir().unwrap();
        let host = own.host();
        let text = format!(
            "[host.\"http://{}/hub\"]\ncapabilities = [\"pull\"]\n\
             [host.\"http://{}/hub\".header]\nx-key = [\"one\", \"two\"]\n",
            cache.host(),
            cache.host()
        );
        let named = host.replace(':', "_");
        write(folder.path(), &format!("/etc/containerd/certs.d/{named}_/hosts.toml"), &text);
        let registry = client(folder.path(), None);
        registry.document(&host, "a/b", "1").await.unwrap();
        assert_eq!((cache.requests().len(), own.requests().len()), (0, 1));
        assert!(!registry.needed(&host));
        assert_eq!(blob(&registry, &host, &layer(CONTENT)).await.unwrap(), CONTENT);
        let (requests, others) = (cache.requests(), own.requests());
        assert!(requests[0].path.starts_with("/hub/v2/a/b/blobs/sha256:"), "{:?}", requests[0]);
        assert!(requests[0].path.ends_with(&format!("?ns={host}")));
        let keys = requests[0].headers.iter().filter(|(name, _)| name == "x-key");
        assert_eq!(keys.map(|(_, value)| &**value).collect::<Vec<_>>(), ["one", "two"]);
        assert!(others.iter().all(|one| one.header("x-key").is_none()));
        // flintlockd would have asked the registry.
        assert!(registry.needed(&host));
    });
}

#[test]
fn a_hosts_toml_that_lets_nobody_be_asked_is_named() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let text = "capabilities = [\"push\"]\n";
        write(folder.path(), "/etc/containerd/certs.d/r.test/hosts.toml", text);
        let registry = client(folder.path(), None);
        let failure = registry.document("r.test", "a/b", "1").await.unwrap_err();
        assert!(failure.to_string().contains("hosts.toml of r.test"), "{failure}");
    });
}

#[test]
fn a_layer_that_the_registry_need_not_have_comes_from_its_address() {
    run(async {
        // It stands for every host, so that addresses need not be this one's.
        let proxy = Server::start(|request, _| match request.path.as_str() {
            "http://cdn.test/layers/1?sig=SECRET" => answer("200 OK", &[], CONTENT),
            "http://gone.test/1" => answer("410 Gone", &[], b""),
            _ => answer("404 Not Found", &[], br#"{"errors":[{"code":"BLOB_UNKNOWN"}]}"#),
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let proxies = Proxies { http: proxy.host(), ..Proxies::default() };
        let registry = client(folder.path(), Some(proxies));
        let with = |urls: &[&str]| Descriptor {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            ..layer(CONTENT)
        };
        let found =
            with(&["http://127.1/x", "http://gone.test/1", "http://cdn.test/layers/1?sig=SECRET"]);
        assert_eq!(blob(&registry, "r.test", &found).await.unwrap(), CONTENT);
        let paths: Vec<String> = proxy.requests().into_iter().map(|one| one.path).collect();
        assert_eq!(paths.len(), 3, "{paths:?}");
        assert!(paths[0].starts_with("http://r.test/v2/a/b/blobs/"));
        let failure = blob(&registry, "r.test", &with(&["http://gone.test/1?sig=SECRET"])).await;
        let (failure, message) =
            failure.map_err(|one| (one.cause().to_string(), one.to_string())).unwrap_err();
        assert!(failure.ends_with("status 404: BLOB_UNKNOWN"), "{failure}");
        assert!(
            message.contains("http://gone.test/1: ") && !message.contains("SECRET"),
            "{message}"
        );
        // One in its registry is asked of nobody else.
        let failure = blob(&registry, "r.test", &layer(CONTENT)).await.unwrap_err();
        assert!(matches!(failure.cause(), Error::Status { status: 404, .. }), "{failure}");
    });
}

/// An authority, and what it signed: for a server on this host, and for a client.
struct Issued {
    authority: String,
    server: (String, KeyPair),
    client: (String, String),
}

fn issued() -> Issued {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let sign = |name: &str, key: &KeyPair| {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.signed_by(key, &issuer).unwrap().pem()
    };
    let (own, ours) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let client = (sign("client.test", &ours), ours.serialize_pem());
    Issued { authority, server: (sign("127.0.0.1", &own), own), client }
}

/// A registry over TLS; one that `asks` wants to be shown a certificate of `issued`'s authority.
async fn guarded(issued: &Issued, asks: bool) -> String {
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(der(&issued.authority)).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let key = PrivateKeyDer::try_from(issued.server.1.serialize_der()).unwrap();
    let verifier = match asks {
        true => verifier.build().unwrap(),
        false => WebPkiClientVerifier::no_client_auth(),
    };
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![der(&issued.server.0)], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
            let head = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n",
                TYPE.1,
                SMALL.len()
            );
            // The client may go away at any point.
            let _ = stream.write_all(&[head.as_bytes(), SMALL].concat()).await;
            let _ = stream.shutdown().await;
        }
    });
    host
}

/// A name, the files of a host, and what is said where the registry lets nobody in with them.
type Case = (&'static str, Vec<(String, String)>, &'static str);

fn cases(issued: &Issued, host: &str) -> Vec<Case> {
    let (cert, key) = &issued.client;
    let (ca, both) = (&issued.authority, &format!("{cert}{key}"));
    let put = |tool: &str, files: &[(&str, &str)]| {
        let at = |name: &str| format!("/etc/{tool}/certs.d/{host}/{name}");
        files.iter().map(|(name, text)| (at(name), (*text).to_owned())).collect::<Vec<_>>()
    };
    let toml = |more: &str| format!("server = \"https://{host}\"\n{more}");
    let pair = toml("ca = \"ca.pem\"\nclient = [[\"c.pem\", \"k.pem\"]]\n");
    let one = toml("ca = [\"ca.pem\"]\nclient = \"both.pem\"\n");
    let blind = toml("skip_verify = true\nclient = \"both.pem\"\n");
    let (bare, nothing) = (toml("ca = \"ca.pem\"\n"), toml(""));
    let hosts = "hosts.toml";
    let paired = [(hosts, &*pair), ("ca.pem", ca), ("c.pem", cert), ("k.pem", key)];
    vec![
        ("docker", put("docker", &[("ca.crt", ca), ("a.cert", cert), ("a.key", key)]), ""),
        ("podman", put("containers", &[("ca.crt", ca), ("a.cert", both)]), ""),
        ("a pair", put("containerd", &paired), ""),
        ("one file", put("containerd", &[(hosts, &one), ("ca.pem", ca), ("both.pem", both)]), ""),
        ("skip_verify", put("containerd", &[(hosts, &blind), ("both.pem", both)]), ""),
        ("no authority", put("containerd", &[(hosts, &nothing)]), "not trusted here"),
        ("no certificate", put("containerd", &[(hosts, &bare), ("ca.pem", ca)]), "cannot read"),
        (
            "no key",
            put("docker", &[("ca.crt", ca), ("a.cert", cert)]),
            "holds no private key in PEM",
        ),
    ]
}

#[test]
fn a_registry_is_shown_the_certificate_that_lies_in_its_folder() {
    run(async {
        let issued = issued();
        let host = guarded(&issued, true).await;
        for (about, files, expected) in cases(&issued, &host) {
            let folder = tempfile::tempdir().unwrap();
            for (path, text) in &files {
                write(folder.path(), path, text);
            }
            let registry = client(folder.path(), None);
            match registry.document(&host, "a/b", "1").await {
                Ok(_) => assert_eq!(expected, "", "{about}"),
                Err(error) => {
                    let message = error.to_string();
                    assert!(
                        !expected.is_empty() && message.contains(expected),
                        "{about}: {message}"
                    );
                    assert!(!message.contains("PRIVATE KEY"), "{about}: {message}");
                }
            }
            // flintlockd has none of it.
            assert_eq!(registry.needed(&host), about != "no authority", "{about}");
        }
    });
}

#[test]
fn this_host_itself_may_show_any_certificate_and_flintlockd_is_asked_about_it() {
    run(async {
        let host = guarded(&issued(), false).await;
        let folder = tempfile::tempdir().unwrap();
        let registry = client(folder.path(), None);
        registry.document(&host, "a/b", "1").await.unwrap();
        assert!(registry.needed(&host));
    });
}
