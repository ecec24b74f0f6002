//! Which servers are asked, in which order, and how.

use std::collections::BTreeMap;
use std::path::Path;

use crate::fetch::{Endpoint, endpoints, error_message, foreign, repository};
use crate::hosts;
use crate::hosts::Hosts;

fn none() -> Hosts {
    Hosts::default()
}

#[test]
fn mirrors_come_first_and_only_the_listed_are_plain() {
    let mirrors = BTreeMap::from([("ghcr.io".to_owned(), vec!["https://m.example".to_owned()])]);
    let all = endpoints("ghcr.io", &mirrors, &[], &none());
    let bases: Vec<_> = all.iter().map(|e| e.base.as_str()).collect();
    assert_eq!(bases, ["https://m.example", "https://ghcr.io"]);
    assert_eq!(all[0].mirror_of.as_deref(), Some("ghcr.io"));
    assert!(!all[0].plain && !all[1].plain);
    let lan = endpoints("r.lan:5000", &mirrors, &["r.lan:5000".to_owned()], &none());
    assert_eq!((lan.len(), lan[0].base.as_str(), lan[0].plain), (1, "http://r.lan:5000", true));
    assert_eq!(
        endpoints("docker.io", &mirrors, &[], &none())[0].base,
        "https://registry-1.docker.io"
    );
    assert_eq!(repository("docker.io", "busybox"), "library/busybox");
    assert_eq!(repository("ghcr.io", "busybox"), "busybox");
}

#[test]
fn this_host_is_asked_as_containerd_asks_it() {
    let no_mirrors = BTreeMap::new();
    for local in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.3.2.1", "[::1]:5000"] {
        let found = endpoints(local, &no_mirrors, &[], &none());
        let bases: Vec<_> = found.iter().map(|e| (e.base.clone(), e.only_for_tls)).collect();
        let expected = [(format!("http://{local}"), false), (format!("https://{local}"), true)];
        assert_eq!(bases, expected, "{local}");
        assert!(!found[0].tls.any && found[1].tls.any);
        assert_eq!(endpoints(local, &no_mirrors, &[local.to_owned()], &none()).len(), 1);
    }
    for other in ["[2001:db8::1]:5000", "localhost.test:5000", "10.0.0.1"] {
        assert_eq!(endpoints(other, &no_mirrors, &[], &none())[0].base, format!("https://{other}"));
    }
}

#[test]
fn a_mirror_s_path_is_that_of_containerd_s_hosts_toml() {
    for (url, root, login) in [
        ("https://m.test", "/v2", "a/b"),
        ("https://m.test/", "/v2", "a/b"),
        ("https://m.test/v2", "/v2", "a/b"),
        ("https://m.test/v2/", "/v2", "a/b"),
        ("https://m.test/cache", "/cache/v2", "cache/a/b"),
        ("https://m.test//cache//hub", "/cache/hub/v2", "cache/hub/a/b"),
        ("https://m.test/cache/v2", "/cache/v2", "cache/a/b"),
        ("https://harbor.test/v2/proxy", "/v2/proxy", "proxy/a/b"),
        ("http://m.test:5000/v2/x/y", "/v2/x/y", "x/y/a/b"),
    ] {
        let mirrors = BTreeMap::from([("ghcr.io".to_owned(), vec![url.to_owned()])]);
        let mirror = endpoints("ghcr.io", &mirrors, &[], &none()).swap_remove(0);
        assert_eq!((&*mirror.root, &*mirror.login_path("a/b")), (root, login), "{url}");
        assert!(url.starts_with(&mirror.base));
    }
}

#[test]
fn containerds_hosts_toml_comes_between_the_files_mirrors_and_the_registry() {
    let mirrors = BTreeMap::from([("docker.io".to_owned(), vec!["https://m.example".to_owned()])]);
    let endpoints_of = |text: &str| {
        let hosts = hosts::parse(text, Path::new("/x")).unwrap();
        let all = endpoints("docker.io", &mirrors, &["p.test:5000".to_owned()], &hosts);
        let summary = |one: &Endpoint| {
            let ns = one.mirror_of.is_some();
            (format!("{}{}", one.base, one.root), one.host.clone(), ns, one.itself, one.plain)
        };
        all.iter().map(summary).collect::<Vec<_>>()
    };
    let row = |at: &str, host: &str, ns, itself, plain| {
        (at.to_owned(), host.to_owned(), ns, itself, plain)
    };
    let mirror = row("https://m.example/v2", "m.example", true, false, false);
    let own = row("https://registry-1.docker.io/v2", "docker.io", false, true, false);
    let text = "[host.\"p.test:5000\"]\n[host.\"http://q.test/hub\"]\n\
                [host.\"https://registry-1.docker.io\"]\n";
    assert_eq!(
        endpoints_of(text),
        [
            mirror.clone(),
            row("https://p.test:5000/v2", "p.test:5000", true, false, true),
            row("http://q.test/hub/v2", "q.test", true, false, true),
            row("https://registry-1.docker.io/v2", "registry-1.docker.io", false, false, false),
            own.clone(),
        ]
    );
    assert_eq!(endpoints_of(""), [mirror.clone(), own.clone()]);
    // The registry in the file's own words, and what stands in for it for good.
    assert_eq!(endpoints_of("server = \"https://registry-1.docker.io\""), [mirror.clone(), own]);
    let cache = row("https://c.test/x/v2", "c.test", true, true, false);
    assert_eq!(endpoints_of("server = \"https://c.test/x\""), [mirror, cache]);
}

#[test]
fn a_stranger_sends_us_nowhere_near() {
    for (url, base) in [
        ("https://cdn.test/layers/1?sig=x", Some("https://cdn.test")),
        ("http://cdn.test:8080/1", Some("http://cdn.test:8080")),
        ("https://10.1.2.3/1", Some("https://10.1.2.3")),
        ("https://[2001:db8::1]:443/1", Some("https://[2001:db8::1]:443")),
        ("ftp://cdn.test/1", None),
        ("file:///etc/shadow", None),
        ("https:///1", None),
        ("cdn.test/1", None),
        ("https://localhost/1", None),
        ("https://LOCALHOST:5000/1", None),
        ("https://a.localhost/1", None),
        ("http://127.0.0.1:5000/1", None),
        ("http://169.254.169.254/latest", None),
        ("http://0.0.0.0/1", None),
        ("http://[::1]/1", None),
        ("http://[fe80::1]/1", None),
        ("http://[::ffff:127.0.0.1]/1", None),
        ("https://user:secret@cdn.test/1", None),
    ] {
        assert_eq!(foreign(url).map(|one| one.base).as_deref(), base, "{url}");
    }
}

#[test]
fn a_registrys_own_words_are_kept_short() {
    let one = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"pull rate limit","detail":{}}]}"#;
    let long = format!(r#"{{"errors":[{{"code":"DENIED","message":"{}"}}]}}"#, "x".repeat(9000));
    for (answer, expected) in [
        (one, "TOOMANYREQUESTS: pull rate limit"),
        (r#"{"errors":[{"code":"QUOTA","message":null}]}"#, "QUOTA"),
        (r#"{"errors":[{"message":"two\nlines\u001b"}]}"#, "two lines "),
        (r#"{"errors":[]}"#, ""),
        (r#"{"errors":null}"#, ""),
        ("<html>", ""),
        ("", ""),
    ] {
        assert_eq!(error_message(answer.as_bytes()), expected, "{answer}");
    }
    assert_eq!(error_message(long.as_bytes()).len(), 120);
}
