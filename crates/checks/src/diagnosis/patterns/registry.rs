//! Why a pull failed: classes of errors of containerd's resolver and fetcher, which flintlockd
//! executes itself, and of Go's net, net/http, crypto/tls and crypto/x509 below them.
//!
//! Each text is a class: the words around it name URLs, digests and addresses, and change from
//! version to version.

use mvm_core::catalogue::seen::{image as img, registry as reg};

use super::About::Image;
use super::{F, Pattern, p};

/// Words of a pull, and behind them, at any depth, one of the causes.
macro_rules! pull {
    ($cause:literal) => {
        concat!(
            r"(?s)(?:failed to resolve|failed to do request|failed to copy|httpReadSeeker|",
            r"pulling image|failed to fetch|failed to authorize|failed to extract layer|",
            r"unexpected status|unpacking [^ ]+ with snapshotter).*(?:",
            $cause,
            ")"
        )
    };
}

/// In this order: a proxy's own failure holds the words of others, and a status holds a reason.
pub(super) const TABLE: &[Pattern] = &[
    p(
        0,
        F,
        pull!(
            r"429 Too Many|unexpected status[^\n]*: 429(?-u:\b)|toomanyrequests|TOOMANYREQUESTS|pull rate limit"
        ),
        &reg::rate_limited::ROW,
        Image,
    ),
    p(
        0,
        F,
        pull!(
            r"proxyconnect|407 Proxy|Proxy Authentication|socks connect|unknown (?:proxy )?scheme"
        ),
        &reg::proxy::ROW,
        Image,
    ),
    p(
        0,
        F,
        pull!(
            r"server gave HTTP response to HTTPS client|first record does not look like a TLS handshake|Client sent an HTTP request to an HTTPS server|malformed HTTP response"
        ),
        &reg::plain_http::ROW,
        Image,
    ),
    p(0, F, pull!(r"current time [^ ]+ is before"), &reg::clock_behind::ROW, Image),
    p(
        0,
        F,
        pull!(r"current time [^ ]+ is after|certificate has expired"),
        &reg::certificate_ended::ROW,
        Image,
    ),
    p(
        0,
        F,
        pull!(
            r"certificate is valid for|doesn't contain any IP SANs|not valid for any names|relies on legacy Common Name|certificate is not valid for"
        ),
        &reg::certificate_name::ROW,
        Image,
    ),
    p(
        0,
        F,
        pull!(r"x509: |failed to verify certificate|self-signed certificate|unknown authority"),
        &reg::untrusted::ROW,
        Image,
    ),
    p(
        0,
        F,
        pull!(
            r"lookup [^ ]+(?: on [^ ]+)?: |no such host|server misbehaving|Temporary failure in name resolution|Name or service not known|No address associated with hostname"
        ),
        &reg::name_unresolved::ROW,
        Image,
    ),
    p(0, F, pull!(r"TLS handshake timeout"), &reg::slow::ROW, Image),
    p(
        0,
        F,
        pull!(r"remote error: tls: |local error: tls: |: tls: "),
        &reg::tls_refused::ROW,
        Image,
    ),
    p(
        18,
        F,
        pull!(
            r"connection refused|no route to host|network is unreachable|network is down|host is down|host is unreachable|dial (?:tcp|udp)[^\n]*: (?:i/o timeout|connect: )"
        ),
        &img::registry_unreachable::ROW,
        Image,
    ),
    p(0, F, pull!(r"unexpected status[^\n]*: 5[0-9]{2}(?-u:\b)"), &reg::server_fault::ROW, Image),
    p(
        19,
        F,
        pull!(
            r"pull access denied|unexpected status[^\n]*: 40[13](?-u:\b)|401 Unauthorized|403 Forbidden|authorization failed|insufficient_scope|no basic auth credentials|failed to fetch (?:anonymous|oauth) token|UNAUTHORIZED|DENIED"
        ),
        &img::registry_refuses::ROW,
        Image,
    ),
    p(
        0,
        F,
        pull!(
            r"unexpected commit digest|failed size validation|unexpected commit size|size mismatch|content mismatch|digest mismatch|not a valid digest|invalid checksum|invalid header|gzip: "
        ),
        &reg::damaged::ROW,
        Image,
    ),
    p(
        0,
        F,
        pull!(r"no space left on device|disk quota exceeded|read-only file system"),
        &reg::no_space::ROW,
        Image,
    ),
    p(
        0,
        F,
        pull!(
            r"i/o timeout|Client\.Timeout|timeout awaiting response headers|context deadline exceeded|408 Request Timeout|504 Gateway"
        ),
        &reg::slow::ROW,
        Image,
    ),
    p(
        0,
        F,
        pull!(
            r"unexpected EOF|: EOF|connection reset by peer|broken pipe|stream error|GOAWAY|http2: |use of closed network connection|context canceled|short read"
        ),
        &reg::broken_off::ROW,
        Image,
    ),
    p(
        20,
        F,
        pull!(
            r"unexpected status[^\n]*: 404(?-u:\b)|404 Not Found|MANIFEST_UNKNOWN|NAME_UNKNOWN|manifest unknown|could not be found at any host"
        ),
        &img::no_such_image::ROW,
        Image,
    ),
    p(20, F, r"(?s)failed to resolve reference.*not found", &img::no_such_image::ROW, Image),
    p(
        0,
        F,
        r"(?s)(?:pulling image|failed to resolve|getting image|parsing reference).*(?:invalid reference|object required|hostname required|invalid reference format|could not parse reference)",
        &reg::bad_reference::ROW,
        Image,
    ),
    p(
        0,
        F,
        pull!(
            r"no longer supported since containerd|schema 1|mediatype|media type|not implemented|unexpected media"
        ),
        &reg::unsupported::ROW,
        Image,
    ),
];
