//! The texts of flintlock's and CAPMVM's troubleshooting pages, word for word, and the lines of a
//! healthy host, which are no failures.

use super::{Source, diagnose, known};

#[test]
fn texts_of_the_troubleshooting_pages() {
    for (text, code) in [
        (
            r#""failed to reconcile vmid FOO/BAR/ID: executing plan: executing plan steps: executing steps: executing step runtime_volume_mount: mount images docker.io/claudiaberesford/capmvm-kubernetes-arm:1.21.8 for volume use: checking if image docker.io/claudiaberesford/capmvm-kubernetes-arm:1.21.8 has been unpacked with snapshotter devmapper: snapshotter not loaded: devmapper: invalid argument""#,
            "MVM-CTRD-501",
        ),
        ("snapshotter not loaded: devmapper: invalid argument", "MVM-CTRD-501"),
        (
            r#""failed to reconcile vmid <FOO/BAR/ID>: executing plan: executing plan steps: executing steps: executing step network_iface_create: creating network interface: Operation not supported""#,
            "MVM-NET-504",
        ),
        (
            r#""failed to reconcile vmid <FOO/BAR/ID>: executing plan: executing plan steps: executing steps: executing step network_iface_create: creating network interface: Operation not permitted""#,
            "MVM-NET-505",
        ),
        ("RTNETLINK answers: Operation not supported", "MVM-NET-504"),
        (
            r#""failed to reconcile vmid <FOO/BAR/ID>: executing plan: executing plan steps: executing steps: executing step network_iface_create: creating network interface: a parent network device name is required for attaching a TAP interface""#,
            "MVM-NET-501",
        ),
        (
            r#""failed to reconcile vmid FOO/BAR/ID: executing plan: executing plan steps: executing steps: executing step network_iface_create: creating network interface: a parent network device name is required for macvtap interfaces""#,
            "MVM-NET-502",
        ),
        ("macvtap network interfaces not supported", "MVM-VMM-501"),
    ] {
        assert_eq!(known(Source::Flintlockd, text).map(|(code, _)| code), Some(code), "{text}");
    }
    let dmsetup =
        "Incompatible libdevmapper 1.02.167 (2019-11-30) and kernel driver (unknown version).";
    assert_eq!(known(Source::Containerd, dmsetup).unwrap().0, "MVM-POOL-508");
    // The page's own words, without the versions that dmsetup prints.
    assert_eq!(known(Source::Flintlockd, "[2/10] reconciliation failed").unwrap().0, "MVM-VM-508");
}

#[test]
fn a_healthy_host_is_silent() {
    let flintlockd = [
        r#"time="2022-10-28T10:33:52Z" level=info msg="flintlockd grpc api server starting""#,
        r#"time="2022-10-28T10:33:52Z" level=info msg="starting microvm controller""#,
        r#"time="2022-10-28T10:33:52Z" level=info msg="starting microvm controller with 1 workers" controller=microvm"#,
        r#"time="2022-10-28T10:33:52Z" level=info msg="resyncing microvm specs" controller=microvm"#,
        r#"time="2022-10-28T10:33:52Z" level=trace msg="querying all microvms: map[Namespace:]" component=app controller=microvm"#,
        r#"time="2022-10-28T10:33:52Z" level=warning msg="basic authentication is DISABLED""#,
        r#"time="2022-10-28T10:33:52Z" level=warning msg="TLS is DISABLED""#,
        r#"time="2022-10-28T10:33:52Z" level=debug msg="starting grpc server listening on endpoint 0.0.0.0:9090""#,
        r#"time="2022-10-28T10:33:52Z" level=info msg="starting event listener" controller=microvm"#,
        r#"time="2022-10-28T10:33:52Z" level=info msg="Starting workersnum_workers1" controller=microvm"#,
    ];
    let containerd = [
        r#"time="2022-10-28T10:11:14.587507936Z" level=info msg=serving... address=/run/containerd/containerd.sock.ttrpc"#,
        r#"time="2022-10-28T10:11:14.587587743Z" level=info msg="Start event monitor""#,
        r#"time="2022-10-28T10:11:14.587636369Z" level=debug msg="sd notification" error="<nil>" notified=true state="READY=1""#,
        r#"time="2022-10-28T10:11:14.587649269Z" level=info msg="containerd successfully booted in 0.023907s""#,
        "Started containerd container runtime.",
    ];
    assert_eq!(diagnose(Source::Flintlockd, &flintlockd), []);
    assert_eq!(diagnose(Source::Containerd, &containerd), []);
    assert_eq!(
        diagnose(Source::Kernel, &["br-mvm: port 1(fltap1234567) entered forwarding state"]),
        []
    );
}
