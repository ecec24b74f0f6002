use std::collections::BTreeMap;
use std::time::Duration;

use super::auth::{Challenge, Logins};
use super::fetch::{Next, after_break, after_status, endpoints, repository};
use super::manifest::{self, Descriptor, Document, Manifest};
use super::*;

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

fn digest(n: usize) -> Digest {
    Digest::of(n.to_string().as_bytes())
}

fn entry(os: &str, architecture: &str, variant: &str, n: usize) -> Descriptor {
    let platform = Platform {
        os: os.to_owned(),
        architecture: architecture.to_owned(),
        variant: variant.to_owned(),
    };
    let platform = (!os.is_empty()).then_some(platform);
    Descriptor { media_type: OCI_MANIFEST.to_owned(), digest: digest(n), size: 5, platform }
}

fn layers(count: usize, kind: &str) -> String {
    let one = |n| format!(r#"{{"mediaType":"{kind}","digest":"{}","size":7}}"#, digest(n));
    let all: Vec<String> = (0..count).map(one).collect();
    format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"x","digest":"{}","size":9}},"layers":[{}]}}"#,
        digest(0),
        all.join(",")
    )
}

fn manifest_of(count: usize) -> Manifest {
    let Ok(Document::Manifest(manifest)) =
        manifest::document(OCI_MANIFEST, layers(count, OCI_LAYER).as_bytes())
    else {
        panic!("no manifest")
    };
    manifest
}

#[test]
fn large_layers_start_before_those_above_them() {
    let layer = |size| Descriptor { size, ..entry("", "", "", 0) };
    let waits = limits::head_starts(&[1, limits::LARGE, 1, limits::LARGE, 1].map(layer));
    assert_eq!(waits, [0, 0, 100, 100, 200].map(Duration::from_millis));
}

#[test]
fn the_defaults_are_wanted_kernels_first() {
    let wanted = wanted(&Config::default());
    let roles: Vec<_> = wanted.iter().map(|one| one.role.snapshotter()).collect();
    assert_eq!(roles, ["native", "devmapper"]);
}

#[test]
fn chain_ids_are_those_of_the_specification() {
    let (a, b) = (digest(1), digest(2));
    let chain = chain::chain_ids(&[a.clone(), b.clone()]);
    assert_eq!(chain[0], a);
    assert_eq!(chain[1], Digest::of(format!("{a} {b}").as_bytes()));
    // `printf hello | sha256sum`
    let known = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(Digest::of(b"hello").as_str(), known);
    for wrong in ["sha512:ab", "sha256:AB", "sha256:../../x", ""] {
        assert_eq!(Digest::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn the_best_variant_is_chosen_and_attestations_never() {
    let arm = Platform::of_machine("aarch64");
    let entries = [
        entry("unknown", "unknown", "", 1),
        entry("linux", "amd64", "", 2),
        entry("linux", "arm64", "v9", 3),
        entry("linux", "arm64", "v8", 4),
        entry("linux", "arm64", "", 5),
    ];
    assert_eq!(manifest::choose(&entries, &arm).unwrap().digest, digest(4));
    let v7 = Platform::parse("linux/arm/v7").unwrap();
    let arms =
        [entry("linux", "arm", "v6", 1), entry("linux", "arm", "v7", 2), entry("", "", "", 3)];
    assert_eq!(manifest::choose(&arms, &v7).unwrap().digest, digest(2));
    assert_eq!(manifest::choose(&arms, &arm).unwrap().digest, digest(3));
    let v2 = [entry("linux", "amd64", "v3", 1), entry("windows", "amd64", "", 2)];
    let refusal = manifest::choose(&v2, &Platform::of_machine("x86_64")).unwrap_err();
    let text = refusal.to_string();
    assert_eq!(text, "no image for linux/amd64, only for linux/amd64/v3, windows/amd64");
}

#[test]
fn layers_are_bounded_and_of_known_types() {
    assert_eq!(manifest_of(limits::LAYERS).layers.len(), limits::LAYERS);
    let read = |text: &str| manifest::document(OCI_MANIFEST, text.as_bytes()).unwrap_err();
    assert!(matches!(read(&layers(10_000, OCI_LAYER)), Refusal::TooMany { count: 10_000, .. }));
    for foreign in [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
    ] {
        assert_eq!(read(&layers(1, foreign)), Refusal::Layer(foreign.to_owned()));
    }
    let path = layers(1, OCI_LAYER).replace(digest(0).as_str(), "sha256:../../../etc/passwd");
    assert!(matches!(read(&path), Refusal::Descriptor(_)));
    for size in ["0", "99999999999999"] {
        let text = layers(1, OCI_LAYER).replace("\"size\":7", &format!("\"size\":{size}"));
        assert!(matches!(read(&text), Refusal::Descriptor(_)), "{size}");
    }
    assert!(matches!(read("<html>no</html>"), Refusal::Unreadable { .. }));
    assert!(matches!(read(r#"{"schemaVersion":1}"#), Refusal::MediaType(_)));
}

#[test]
fn a_strangers_text_is_not_repeated_whole() {
    let long = format!("{}\n", "x".repeat(1 << 20)).replace('\n', "\\n");
    let manifest = format!(r#"{{"schemaVersion":"{long}"}}"#);
    let config = format!(r#"{{"os":"linux","architecture":"amd64","rootfs":"{long}"}}"#);
    for refusal in [
        manifest::document(OCI_MANIFEST, manifest.as_bytes()).unwrap_err().to_string(),
        manifest::config(config.as_bytes(), &manifest_of(1)).unwrap_err().to_string(),
    ] {
        assert!(refusal.len() < 200 && refusal.contains("xxx at line 1 column 10"), "{refusal}");
    }
}

#[test]
fn the_text_s_own_type_counts_before_the_header() {
    let of = |header, body: &str| manifest::media_type(header, body.as_bytes());
    let written = format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}"}}"#);
    assert_eq!(of(Some(OCI_MANIFEST), &written).unwrap(), OCI_INDEX);
    let bare = r#"{"schemaVersion":2}"#;
    let header = format!("{OCI_INDEX}; charset=utf-8");
    assert_eq!(of(Some(&header), bare).unwrap(), OCI_INDEX);
    assert!(of(None, bare).is_err() && of(Some("text/html"), bare).is_err());
}

#[test]
fn a_configuration_must_fit_its_manifest() {
    let manifest = manifest_of(2);
    let text = |diffs: &[Digest]| {
        let diffs: Vec<String> = diffs.iter().map(|d| format!("\"{d}\"")).collect();
        format!(
            r#"{{"os":"linux","architecture":"arm64","rootfs":{{"diff_ids":[{}]}}}}"#,
            diffs.join(",")
        )
    };
    let config = manifest::config(text(&[digest(1), digest(2)]).as_bytes(), &manifest).unwrap();
    assert_eq!(config.platform.to_string(), "linux/arm64");
    assert_eq!(config.diff_ids, [digest(1), digest(2)]);
    let short = manifest::config(text(&[digest(1)]).as_bytes(), &manifest).unwrap_err();
    assert_eq!(short, Refusal::Count { layers: 2, diff_ids: 1 });
}

#[test]
fn labels_are_those_of_ctr() {
    let manifest = manifest_of(2);
    let labels = labels::of_manifest(&manifest);
    let expected = [
        ("containerd.io/gc.ref.content.config", digest(0)),
        ("containerd.io/gc.ref.content.l.0", digest(0)),
        ("containerd.io/gc.ref.content.l.1", digest(1)),
    ];
    assert_eq!(labels, expected.map(|(key, value)| (key.to_owned(), value.to_string())).into());
    let index = labels::of_index(&[entry("linux", "amd64", "", 7)]);
    assert_eq!(index["containerd.io/gc.ref.content.m.0"], digest(7).to_string());
    let config = labels::of_config("devmapper", &digest(3));
    assert_eq!(config["containerd.io/gc.ref.snapshot.devmapper"], digest(3).to_string());
}

#[test]
fn sources_are_joined_sorted_and_short() {
    let (key, value) = labels::source("localhost:5000", "b/x", Some("c,a")).unwrap();
    assert_eq!(key, "containerd.io/distribution.source.localhost");
    assert_eq!(value, "a,b/x,c");
    assert_eq!(labels::source("h", "a", Some("a")).unwrap().1, "a");
    assert_eq!(labels::source("h", "a", Some(&"b".repeat(4096))), None);
    assert!(labels::source("[::1]:5000", "a", None).unwrap().0.ends_with(".[::1]"));
}

#[test]
fn mirrors_come_first_and_only_the_listed_are_plain() {
    let mirrors = BTreeMap::from([("ghcr.io".to_owned(), vec!["https://m.example/".to_owned()])]);
    let all = endpoints("ghcr.io", &mirrors, &[]);
    let bases: Vec<_> = all.iter().map(|e| e.base.as_str()).collect();
    assert_eq!(bases, ["https://m.example", "https://ghcr.io"]);
    assert_eq!(all[0].mirror_of.as_deref(), Some("ghcr.io"));
    assert!(!all[0].plain && !all[1].plain);
    let local = endpoints("localhost:5000", &mirrors, &["localhost:5000".to_owned()]);
    assert_eq!((local[0].base.as_str(), local[0].plain), ("http://localhost:5000", true));
    assert_eq!(endpoints("docker.io", &mirrors, &[])[0].base, "https://registry-1.docker.io");
    assert_eq!(repository("docker.io", "busybox"), "library/busybox");
    assert_eq!(repository("ghcr.io", "busybox"), "busybox");
}

#[test]
fn passing_trouble_is_waited_for_and_the_rest_is_not() {
    let half = Duration::from_millis(500);
    assert_eq!(after_status(503, None, 1), Next::Retry(half));
    assert_eq!(after_status(429, Some("7"), 1), Next::Retry(Duration::from_secs(7)));
    assert_eq!(after_status(429, Some("999999"), 1), Next::Retry(Duration::from_secs(120)));
    assert_eq!(after_status(429, Some("0"), 1), Next::Retry(half));
    assert_eq!(after_status(429, Some("soon"), 2), Next::Retry(half * 2));
    assert_eq!(after_status(503, None, 5), Next::GiveUp);
    for status in [400, 401, 403, 404, 418, 451, 501] {
        assert_eq!(after_status(status, Some("1"), 1), Next::GiveUp, "{status}");
    }
    assert_eq!((after_break(4), after_break(5)), (Next::Retry(half * 8), Next::GiveUp));
}

#[test]
fn challenges_are_read() {
    let bearer = r#"Bearer realm="https://auth.x/token",service="x, y",scope="repository:a:pull""#;
    let expected =
        Challenge::Bearer { realm: "https://auth.x/token".to_owned(), service: "x, y".to_owned() };
    assert_eq!(Challenge::parse(bearer), Some(expected));
    assert_eq!(Challenge::parse("basic"), Some(Challenge::Basic));
    assert_eq!(Challenge::parse(r#"Basic realm="x""#), Some(Challenge::Basic));
    for none in ["Negotiate", "Bearer", "Bearer service=x", "Bearer realm=\"", ""] {
        assert_eq!(Challenge::parse(none), None, "{none}");
    }
}

#[test]
fn docker_s_logins_are_read_and_not_shown() {
    let text = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dTpwOnc="},
        "ghcr.io":{"username":"u","password":"secret"},"helped":{}},"credsStore":"x"}"#;
    let logins = Logins::parse(text).unwrap();
    assert_eq!(logins.of("docker.io").unwrap().password, "p:w");
    assert_eq!(logins.of("ghcr.io").unwrap().basic(), "Basic dTpzZWNyZXQ=");
    assert!(logins.of("helped").is_none() && logins.of("evil.example").is_none());
    assert!(!format!("{logins:?}").contains("secret"));
    assert_eq!(Logins::parse("{\n secret").unwrap_err(), "line 2, column 2");
}

#[test]
fn a_kernel_is_of_the_machine() {
    let mut elf = [0_u8; kernel::HEAD];
    elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
    elf[18] = 62;
    assert_eq!(kernel::judge(&elf, "amd64"), Ok(()));
    assert_eq!(kernel::judge(&elf, "arm64").unwrap_err(), "is a kernel for amd64, not for arm64");
    elf[4] = 1;
    assert!(kernel::judge(&elf, "amd64").is_err());
    assert_eq!(kernel::judge(b"MZ", "amd64").unwrap_err(), "is no ELF file");
    let mut image = [0_u8; kernel::HEAD];
    image[56..60].copy_from_slice(b"ARM\x64");
    assert_eq!(kernel::judge(&image, "arm64"), Ok(()));
    assert!(kernel::judge(&image, "amd64").is_err());
    // Neither Firecracker nor Cloud Hypervisor starts an ELF file there.
    (elf[4], elf[18]) = (2, 183);
    let why = kernel::judge(&elf, "arm64").unwrap_err();
    assert_eq!(why, "is no Image, which is what starts on arm64");
    assert!(kernel::judge(&[0; 8], "arm64").is_err());
    elf[18] = 243;
    assert_eq!(kernel::judge(&elf, "riscv64"), Ok(()));
    assert_eq!(kernel::paths("amd64"), ["boot/vmlinux", "boot/vmlinux.bin", "vmlinux.bin"]);
    assert_eq!(kernel::paths("arm64"), ["boot/image"]);
}

#[test]
fn plain_http_goes_to_this_host_only() {
    for local in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.3.2.1", "[::1]:5000"] {
        assert!(fetch::is_local(local), "{local}");
    }
    for other in ["docker.io", "localhost.test:5000", "10.0.0.1:5000", "[fe80::1]:5000", ""] {
        assert!(!fetch::is_local(other), "{other}");
    }
}
