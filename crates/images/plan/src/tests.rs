use std::time::Duration;

use mvm_core::Digest;

use super::fetch::{self, Next, after_break, after_status};
use super::manifest::{self, Descriptor, Document, Manifest};
use super::*;

mod servers;

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
    let media_type = OCI_MANIFEST.to_owned();
    Descriptor { platform, ..Descriptor::new(media_type, digest(n), 5) }
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
    let waits = fetch::head_starts(&[1, limits::LARGE, 1, limits::LARGE, 1].map(layer));
    assert_eq!(waits, [0, 0, 100, 100, 200].map(Duration::from_millis));
}

#[test]
fn the_defaults_are_wanted_kernels_first() {
    let images = requested_images(&Config::default());
    let roles: Vec<_> = images.iter().map(|one| one.role.snapshotter()).collect();
    assert_eq!(roles, ["native", "devmapper"]);
}

#[test]
fn chain_ids_are_those_of_the_specification() {
    let (a, b) = (digest(1), digest(2));
    let chain = manifest::chain_ids(&[a.clone(), b.clone()]);
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
        "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
        "",
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
fn an_index_may_lead_to_another_and_list_what_is_no_image() {
    let amd = Platform::of_machine("x86_64");
    let index = |one: Descriptor| Descriptor { media_type: OCI_INDEX.to_owned(), ..one };
    let artifact = |one: Descriptor| Descriptor { is_artifact: true, ..one };
    let chosen = |entries: &[Descriptor]| manifest::choose(entries, &amd).map(|e| e.digest.clone());
    for (entries, expected) in [
        (vec![index(entry("linux", "amd64", "", 1))], Some(1)),
        (vec![index(entry("", "", "", 1))], Some(1)),
        (vec![index(entry("linux", "amd64", "", 1)), entry("linux", "amd64", "", 2)], Some(2)),
        (vec![artifact(entry("", "", "", 1)), entry("", "", "", 2)], Some(2)),
        (vec![entry("unknown", "unknown", "", 1), index(entry("linux", "amd64", "", 2))], Some(2)),
        (vec![index(entry("linux", "arm64", "", 1))], None),
    ] {
        assert_eq!(chosen(&entries).ok(), expected.map(digest), "{entries:?}");
    }
    let message = |entries: &[Descriptor]| chosen(entries).unwrap_err().to_string();
    let none = "no image for linux/amd64; its index lists no image for any machine";
    assert_eq!(message(&[]), none);
    assert_eq!(message(&[entry("unknown", "unknown", "", 1)]), none);
    assert_eq!(message(&[artifact(entry("", "", "", 1))]), none);
    let arm = index(entry("linux", "arm64", "", 1));
    assert_eq!(message(&[arm]), "no image for linux/amd64, only for linux/arm64");
    assert!(manifest::deeper(limits::DEPTH - 1).is_ok());
    assert!(manifest::deeper(limits::DEPTH).unwrap_err().to_string().ends_with("more than 4"));
}

#[test]
fn artifacts_are_known_by_their_type_or_annotation() {
    let entry = |more: &str| {
        let digest = digest(1);
        let text = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{OCI_MANIFEST}","digest":"{digest}","size":5{more}}}]}}"#
        );
        let Ok(Document::Index(entries)) = manifest::document(OCI_INDEX, text.as_bytes()) else {
            panic!("no index")
        };
        entries[0].is_artifact
    };
    assert!(!entry(""));
    assert!(!entry(r#","annotations":null,"artifactType":"""#));
    assert!(!entry(r#","annotations":{"org.opencontainers.image.ref.name":"1"}"#));
    assert!(entry(r#","artifactType":"application/vnd.dev.cosign.simplesigning.v1+json""#));
    assert!(entry(r#","annotations":{"vnd.docker.reference.type":"attestation-manifest"}"#));
}

#[test]
fn layers_of_every_kind_that_containerd_unpacks_are_taken() {
    for kind in [
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ] {
        let read = manifest::document(OCI_MANIFEST, layers(2, kind).as_bytes()).unwrap();
        assert!(
            matches!(read, Document::Manifest(manifest) if manifest.layers.len() == 2),
            "{kind}"
        );
    }
    // What is no layer stands beside them.
    let mixed = layers(2, OCI_LAYER).replacen(OCI_LAYER, "application/vnd.in-toto+json", 1);
    let read = manifest::document(OCI_MANIFEST, mixed.as_bytes()).unwrap();
    assert!(matches!(read, Document::Manifest(manifest) if manifest.layers.len() == 1));
}

#[test]
fn an_empty_configuration_is_called_that() {
    for text in ["{}", r#"{"rootfs":null}"#, r#"{"rootfs":{}}"#, r#"{"rootfs":{"diff_ids":null}}"#]
    {
        let message = manifest::config(text.as_bytes(), &manifest_of(1)).unwrap_err().to_string();
        assert_eq!(
            message, "1 layers, and an empty configuration that names none of them",
            "{text}"
        );
    }
    let message = manifest::config(b"{}", &manifest_of(0)).unwrap_err().to_string();
    assert_eq!(message, "it has no layers");
}

#[test]
fn a_kernel_that_was_cut_off_is_none() {
    let mut elf = [0_u8; kernel::HEAD];
    elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
    // The table of two segments follows the header; the second one ends at 0x1000 + 0x234.
    (elf[18], elf[32], elf[54], elf[56]) = (62, 64, 56, 2);
    (elf[64 + 56 + 9], elf[64 + 56 + 32], elf[64 + 56 + 33]) = (0x10, 0x34, 0x02);
    assert_eq!(kernel::judge(&elf, 0x1234, "amd64"), Ok(()));
    let why = kernel::judge(&elf, 0x1233, "amd64").unwrap_err();
    assert_eq!(why, "is cut off: it has 4659 bytes of at least 4660");
    // A header that promises more than any file has.
    elf[32..64].fill(0xff);
    assert_eq!(kernel::judge(&elf, 0x1234, "amd64"), Ok(()));
}

#[test]
fn a_kernel_is_of_the_machine() {
    const LENGTH: u64 = 1 << 20;
    let mut elf = [0_u8; kernel::HEAD];
    elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
    elf[18] = 62;
    assert_eq!(kernel::judge(&elf, LENGTH, "amd64"), Ok(()));
    assert_eq!(
        kernel::judge(&elf, LENGTH, "arm64").unwrap_err(),
        "is a kernel for amd64, not for arm64"
    );
    elf[4] = 1;
    assert!(kernel::judge(&elf, LENGTH, "amd64").is_err());
    assert_eq!(kernel::judge(b"MZ", LENGTH, "amd64").unwrap_err(), "is no ELF file");
    let mut image = [0_u8; kernel::HEAD];
    image[56..60].copy_from_slice(b"ARM\x64");
    assert_eq!(kernel::judge(&image, LENGTH, "arm64"), Ok(()));
    assert!(kernel::judge(&image, LENGTH, "amd64").is_err());
    // Neither Firecracker nor Cloud Hypervisor starts an ELF file there.
    (elf[4], elf[18]) = (2, 183);
    let why = kernel::judge(&elf, LENGTH, "arm64").unwrap_err();
    assert_eq!(why, "is no Image, which is what starts on arm64");
    assert!(kernel::judge(&[0; 8], LENGTH, "arm64").is_err());
    elf[18] = 243;
    assert_eq!(kernel::judge(&elf, LENGTH, "riscv64"), Ok(()));
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
