//! What a request asks for.

use std::ops::Range;

/// What is read from the head of an HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// Whether only the head of the answer is asked for.
    pub(crate) head_only: bool,
    /// Whether the connection ends with the answer.
    pub(crate) last: bool,
    pub(crate) resource: Resource,
    /// Of the Range header, where it is one range of bytes.
    pub(crate) range: Option<Bytes>,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    /// `/v2/`: whether this is a registry.
    Version,
    /// A repository, and a tag or digest.
    Manifest(String, String),
    /// A repository, and a digest.
    Blob(String, String),
    /// The tags of a repository, at most so many, after this one.
    Tags(String, Option<usize>, Option<String>),
    /// What is not here.
    Nothing,
    /// Another method: this registry is only read.
    Write,
}

/// A range of bytes as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// From here, and perhaps up to there, included.
    From(u64, Option<u64>),
    /// So many at the end.
    Last(u64),
}

/// A request with more headers than this is refused with 400.
const HEADERS: usize = 64;

impl Request {
    /// Reads the head of a request.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn read(head: &[u8]) -> Result<Self, httparse::Error> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        if parsed.parse(head)?.is_partial() {
            return Err(httparse::Error::Token);
        }
        let value = |name: &str| {
            let found = parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            found.and_then(|header| std::str::from_utf8(header.value).ok()).unwrap_or_default()
        };
        let method = parsed.method.unwrap_or_default();
        let reads = matches!(method, "GET" | "HEAD");
        let resource =
            if reads { resource(parsed.path.unwrap_or_default()) } else { Resource::Write };
        // A body would be taken for the next request.
        let body = !matches!(value("content-length").trim(), "" | "0")
            || !value("transfer-encoding").is_empty();
        let closes = value("connection").to_ascii_lowercase().contains("close");
        let last = closes || body || !reads || parsed.version != Some(1);
        Ok(Self { head_only: method == "HEAD", last, resource, range: bytes(value("range")) })
    }
}

/// A path with a query, as clients write it; some spell the colon of a digest out.
fn resource(target: &str) -> Resource {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = path.replace("%3A", ":").replace("%3a", ":");
    let Some(rest) =
        path.strip_prefix("/v2").filter(|rest| rest.is_empty() || rest.starts_with('/'))
    else {
        return Resource::Nothing;
    };
    let rest = rest.trim_start_matches('/');
    if rest.is_empty() {
        return Resource::Version;
    }
    if let Some(name) = rest.strip_suffix("/tags/list") {
        let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key));
        let most = value("n=").and_then(|n| n.parse().ok());
        return Resource::Tags(name.to_owned(), most, value("last=").map(str::to_owned));
    }
    let Some((before, last)) = rest.rsplit_once('/') else { return Resource::Nothing };
    match before.rsplit_once('/') {
        Some((name, "manifests")) => Resource::Manifest(name.to_owned(), last.to_owned()),
        Some((name, "blobs")) => Resource::Blob(name.to_owned(), last.to_owned()),
        _ => Resource::Nothing,
    }
}

/// `bytes=5-`, `bytes=5-9` or `bytes=-5`; what is none, or several, is as if nothing was asked.
fn bytes(header: &str) -> Option<Bytes> {
    let (first, last) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
    match (first.is_empty(), last.is_empty()) {
        (true, _) => last.parse().ok().map(Bytes::Last),
        (false, true) => first.parse().ok().map(|first| Bytes::From(first, None)),
        // Also one that ends before it begins, of which there are no bytes in any file.
        (false, false) => Some(Bytes::From(first.parse().ok()?, Some(last.parse().ok()?))),
    }
}

impl Bytes {
    /// Which bytes of so many that is; `None` where there are none of them.
    pub(crate) fn of(self, size: u64) -> Option<Range<u64>> {
        match self {
            Self::From(first, Some(last)) if last < first => None,
            Self::From(first, last) if first < size => {
                Some(first..last.map_or(size, |last| last.saturating_add(1).min(size)))
            }
            Self::Last(count) if count > 0 && size > 0 => Some(size - count.min(size)..size),
            Self::From(..) | Self::Last(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let name = || "a/b".to_owned();
        let tags = |most, last: Option<&str>| Resource::Tags(name(), most, last.map(str::to_owned));
        for (target, expected) in [
            ("/v2/", Resource::Version),
            ("/v2", Resource::Version),
            ("/v2/a/b/manifests/1", Resource::Manifest(name(), "1".to_owned())),
            ("/v2/a/b/manifests/1?ns=ghcr.io", Resource::Manifest(name(), "1".to_owned())),
            ("/v2/a/b/blobs/sha256%3Aab", Resource::Blob(name(), "sha256:ab".to_owned())),
            ("/v2/a/b/tags/list", tags(None, None)),
            ("/v2/a/b/tags/list?n=2&last=1", tags(Some(2), Some("1"))),
            ("/v2/a/b/tags/list?n=x", tags(None, None)),
            ("/v2/a/b/referrers/sha256:ab", Resource::Nothing),
            ("/v2/_catalog", Resource::Nothing),
            ("/v2/manifests/1", Resource::Nothing),
            ("/v2x/a/manifests/1", Resource::Nothing),
            ("/v1/a/manifests/1", Resource::Nothing),
            ("/", Resource::Nothing),
            ("", Resource::Nothing),
            ("*", Resource::Nothing),
        ] {
            assert_eq!(resource(target), expected, "{target}");
        }
    }

    #[test]
    fn ranges_are_within_the_file() {
        let of = |header, size| bytes(header).and_then(|bytes| bytes.of(size));
        assert_eq!(of("bytes=5-", 10), Some(5..10));
        assert_eq!(of("bytes=0-0", 10), Some(0..1));
        assert_eq!(of("bytes=5-99999999999999999999", 10), None);
        assert_eq!(of("bytes=5-18446744073709551615", 10), Some(5..10));
        assert_eq!(of("bytes=-3", 10), Some(7..10));
        assert_eq!(of("bytes=-30", 10), Some(0..10));
        for none in
            ["bytes=10-", "bytes=-0", "bytes=9-5", "bytes=0-1,3-4", "lines=1-2", "bytes=-", ""]
        {
            assert_eq!(of(none, 10), None, "{none}");
        }
    }

    #[test]
    fn a_body_ends_the_connection_and_a_write_is_known() {
        let read = |head: &str| Request::read(head.as_bytes());
        let plain = read("GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert!(!plain.last && !plain.head_only && plain.range.is_none());
        assert!(read("HEAD /v2/ HTTP/1.0\r\n\r\n").unwrap().last);
        assert!(read("GET /v2/ HTTP/1.1\r\nContent-Length: 5\r\n\r\n").unwrap().last);
        assert!(read("GET /v2/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap().last);
        let write = read("PUT /v2/a/manifests/1 HTTP/1.1\r\n\r\n").unwrap();
        assert!(write.last && write.resource == Resource::Write);
        for wrong in ["GET\r\n\r\n", "\r\n\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\n"]
        {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
