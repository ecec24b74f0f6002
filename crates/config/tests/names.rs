//! Every checked name: what it takes, what it refuses and with which words.

use mvm_config::Invalid;
use mvm_config::names::{
    AbsPath, DmName, Endpoint, IfName, ImageRef, MacAddr, Namespace, UnitName, VgName,
};

fn takes<T>(parse: impl Fn(&str) -> Result<T, Invalid>, texts: &[&str]) {
    for text in texts {
        let error = parse(text).err();
        assert!(error.is_none(), "{text:?} refused: {error:?}");
    }
}

fn refuses<T>(parse: impl Fn(&str) -> Result<T, Invalid>, texts: &[&str]) {
    for text in texts {
        assert!(parse(text).is_err(), "{text:?} accepted");
    }
}

#[test]
fn absolute_path() {
    takes(AbsPath::parse, &["/", "/a", "/a b/ü", "/a/...", &format!("/{}", "x".repeat(4094))]);
    refuses(
        AbsPath::parse,
        &["", "a", "./a", "/a/../b", "/a/./b", "//a", "/a//b", "/a\nb", "/a\0", "/a\u{85}", "/.."],
    );
    refuses(AbsPath::parse, &[&format!("/{}", "x".repeat(4095))]);
    assert_eq!(AbsPath::parse("/a/b///").map(|path| path.to_string()), Ok("/a/b".to_owned()));
    assert_eq!(AbsPath::parse("///").map(|path| path.to_string()), Ok("/".to_owned()));
    let path = AbsPath::parse("/dev/disk/by-id/x").unwrap();
    assert!(path.is_below("/dev/disk/by-id") && !path.is_below("/dev/dis"));
    assert_eq!(path.file_name(), "x");
}

#[test]
fn device_mapper_name() {
    takes(DmName::parse, &["a", "flintlock-dev-thinpool", "a.b+c_d", &"x".repeat(100)]);
    refuses(DmName::parse, &["", ".", "..", "-a", "a b", "a/b", "a\n", "ä", &"x".repeat(101)]);
}

#[test]
fn volume_group_name() {
    takes(VgName::parse, &["flintlock", "vg-0", "a+b.c_d"]);
    refuses(VgName::parse, &["", ".", "..", "-vg", "v g", "v/g", "vg\n", &"x".repeat(101)]);
    assert_eq!(VgName::parse("a-b").map(|vg| vg.dm_prefix()), Ok("a--b-".to_owned()));
}

#[test]
fn interface_name() {
    takes(IfName::parse, &["br-mvm", "bond0.1000", "a", "123456789012345", "eth_0"]);
    refuses(
        IfName::parse,
        &["", ".", "..", "-a", "a/b", "a:b", "a b", "a\n", "a%d", "a\"", "all", "default", "ü"],
    );
    let error = IfName::parse("1234567890123456").unwrap_err();
    assert_eq!(error.message, "an interface name longer than 15 bytes");
}

#[test]
fn unit_name() {
    let longest = format!("{}.service", "x".repeat(247));
    takes(UnitName::parse, &["flintlockd.service", "a@b.service", "a\\x2db:_.service", &longest]);
    refuses(
        UnitName::parse,
        &[
            "",
            "flintlockd",
            ".service",
            "@.service",
            "a@.service",
            "a b.service",
            "a/b.service",
            "a.socket",
            "a%.service",
            "a\n.service",
            "@a.service",
        ],
    );
    refuses(UnitName::parse, &[&format!("x{longest}")]);
}

#[test]
fn endpoint() {
    for (text, loopback) in [
        ("localhost:9090", true),
        ("LocalHost:1", true),
        ("127.0.0.1:65535", true),
        ("127.9.9.9:80", true),
        ("[::1]:80", true),
        ("[::ffff:127.0.0.1]:80", true),
        (":9090", false),
        ("0.0.0.0:9090", false),
        ("[::]:9090", false),
        ("10.42.0.1:9090", false),
        ("localhost.example:9090", false),
        ("host-1.example:9090", false),
    ] {
        let endpoint = Endpoint::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(endpoint.is_loopback(), loopback, "{text}");
        assert_eq!(Endpoint::parse(&endpoint.to_string()), Ok(endpoint));
    }
    refuses(
        Endpoint::parse,
        &[
            "",
            "localhost",
            "localhost:",
            "localhost:0",
            "localhost:65536",
            "localhost:+1",
            "::1:80",
            "[::1]",
            "[::1",
            "[x]:80",
            "a b:80",
            "a_b:80",
            "1.2.3:80",
            "256.1.1.1:80",
            "a\n:80",
            "-a:80",
            "http://a:80",
            "[fe80::1%eth0]:80",
        ],
    );
    let six = Endpoint::parse("[2001:db8::1]:80").unwrap();
    assert_eq!((six.host(), six.port()), ("2001:db8::1", 80));
    assert_eq!(six.to_string(), "[2001:db8::1]:80");
    assert!(Endpoint::parse("::1:80").unwrap_err().instead.contains("[::1]:9090"));
}

#[test]
fn image_reference() {
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    takes(
        ImageRef::parse,
        &[
            "ghcr.io/a/b:1",
            "localhost/a:1",
            "localhost:5000/a:v1.2-x_Y",
            "r.example:443/a__b.c--d/e:1",
            &format!("ghcr.io/a@{digest}"),
            &format!("ghcr.io/a:1@{digest}"),
            "[::1]:5000/a:1",
        ],
    );
    refuses(
        ImageRef::parse,
        &[
            "",
            "a",
            "alpine:3",
            "library/alpine:3",
            "ghcr.io/a",
            "ghcr.io/:1",
            "ghcr.io/A:1",
            "ghcr.io//a:1",
            "ghcr.io/a:",
            "ghcr.io/a:-1",
            "ghcr.io/a@sha256:00",
            "ghcr.io/a@md5:00",
            "ghcr.io/a-:1",
            "ghcr.io/a..b:1",
            "ghcr.io/a___b:1",
            "gh_cr.io/a:1",
            "ghcr.io:0/a:1",
            "ghcr.io/a:1\n",
            " ghcr.io/a:1",
            "https://ghcr.io/a:1",
        ],
    );
    refuses(ImageRef::parse, &[&format!("ghcr.io/{}:1", "a".repeat(256))]);
    let image = ImageRef::parse(&format!("localhost:5000/a/b:1@{digest}")).unwrap();
    assert_eq!(image.registry(), "localhost:5000");
    assert_eq!(image.repository(), "a/b");
    assert_eq!(image.tag(), Some("1"));
    assert_eq!(image.digest(), Some(digest.as_str()));
}

#[test]
fn mac_address() {
    let mac = MacAddr::parse("AA:fc:00:00:00:01").unwrap();
    assert_eq!(mac.to_string(), "aa:fc:00:00:00:01");
    assert_eq!(mac.octets(), [0xaa, 0xfc, 0, 0, 0, 1]);
    refuses(
        MacAddr::parse,
        &[
            "",
            "aa:fc:00:00:00",
            "aa:fc:00:00:00:01:02",
            "aa-fc-00-00-00-01",
            "a:fc:00:00:00:01",
            "+a:fc:00:00:00:01",
            "00:00:00:00:00:00",
            "gg:fc:00:00:00:01",
        ],
    );
    let error = MacAddr::parse("01:00:5e:00:00:01").unwrap_err();
    assert!(error.message.contains("multicast"), "{error}");
}

#[test]
fn containerd_namespace() {
    takes(Namespace::parse, &["flintlock", "a-b.c_d", "K8s", &"x".repeat(76)]);
    refuses(Namespace::parse, &["", "-a", "a-", "a--b", "a b", "a/b", "a\n", &"x".repeat(77)]);
}
