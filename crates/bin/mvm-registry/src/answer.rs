//! What a request is answered with.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::net::TcpStream;

use mvm_images_plan::served::Found;
use serde_json::json;

use crate::request::{Request, Resource};
use crate::store::Store;

/// Bytes that go from the file to the client in one go, for all connections together. By way of this
/// process: the client finds them in the processor's cache, and is a fifth faster than with
/// sendfile(2), by which it is the first to touch them.
const PIECES: usize = 4 << 20;
/// At most this many bytes of them for one connection, which is so while up to 16 are open.
const LARGEST: usize = 256 << 10;
/// At least this many bytes for one connection, which is so while all 64 are open.
const SMALLEST: usize = 64 << 10;

/// A response of HTTP/1.1: status line, headers, and body.
#[derive(Debug)]
pub(crate) struct Answer {
    status: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Text(String),
    /// This many bytes of the file, from its current offset.
    File(File, u64),
}

impl Answer {
    /// By the list of images as it is now: a file, JSON, or an error of the registry's protocol.
    pub(crate) fn to(request: &Request, store: &Store) -> Self {
        let served = store.served();
        match &request.resource {
            Resource::Version => Self::json("200 OK", "{}"),
            Resource::Manifest(name, reference) => match served.manifest(name, reference) {
                Some(found) => Self::file(request, store, &found),
                None if served.has(name) => Self::error("404 Not Found", "MANIFEST_UNKNOWN"),
                None => Self::error("404 Not Found", "NAME_UNKNOWN"),
            },
            Resource::Blob(name, digest) => match served.blob(name, digest) {
                Some(found) => Self::file(request, store, &found),
                None if served.has(name) => Self::error("404 Not Found", "BLOB_UNKNOWN"),
                None => Self::error("404 Not Found", "NAME_UNKNOWN"),
            },
            Resource::Tags(name, most, last) if served.has(name) => {
                Self::tags(name, &served.tags(name), *most, last.as_deref())
            }
            Resource::Tags(..) => Self::error("404 Not Found", "NAME_UNKNOWN"),
            Resource::Nothing => Self::error("404 Not Found", "UNSUPPORTED"),
            Resource::Write => Self::error("405 Method Not Allowed", "UNSUPPORTED"),
        }
    }

    /// So many tags after one, and where the next ones are.
    fn tags(name: &str, all: &[String], most: Option<usize>, last: Option<&str>) -> Self {
        let after = |tag: &&String| last.is_none_or(|last| tag.as_str() > last);
        let rest: Vec<&String> = all.iter().filter(after).collect();
        let tags = &rest[..rest.len().min(most.unwrap_or(usize::MAX))];
        let mut answer = Self::json("200 OK", &json!({"name": name, "tags": tags}).to_string());
        if let (Some(most), Some(end)) = (most, tags.last().filter(|_| tags.len() < rest.len())) {
            let next = format!("</v2/{name}/tags/list?n={most}&last={end}>; rel=\"next\"");
            answer.headers.push(("Link", next));
        }
        answer
    }

    /// For what is no request.
    pub(crate) fn bad() -> Self {
        Self::error("400 Bad Request", "UNSUPPORTED")
    }

    /// For one connection too many.
    pub(crate) fn busy() -> Self {
        let mut busy = Self::error("503 Service Unavailable", "TOOMANYREQUESTS");
        busy.headers.push(("Retry-After", "1".to_owned()));
        busy
    }

    fn json(status: &'static str, text: &str) -> Self {
        let headers = vec![
            ("Content-Type", "application/json".to_owned()),
            ("Content-Length", text.len().to_string()),
        ];
        Self { status, headers, body: Body::Text(text.to_owned()) }
    }

    fn error(status: &'static str, code: &str) -> Self {
        let text = json!({"errors": [{"code": code, "message": status}]}).to_string();
        Self::json(status, &text)
    }

    fn file(request: &Request, store: &Store, found: &Found) -> Self {
        let opened = store.open(found).and_then(|file| {
            let range = request.range.map(|range| range.of(found.size));
            match range {
                None => Ok(Self::whole(file, found)),
                Some(Some(range)) => Self::part(file, found, range.start, range.end),
                Some(None) => {
                    let mut answer = Self::error("416 Range Not Satisfiable", "SIZE_INVALID");
                    answer.headers.push(("Content-Range", format!("bytes */{}", found.size)));
                    Ok(answer)
                }
            }
        });
        opened.unwrap_or_else(|error| {
            log::warn!("{}: {error}", found.digest);
            match error.kind() {
                ErrorKind::NotFound => Self::error("404 Not Found", "BLOB_UNKNOWN"),
                _ => Self::error("500 Internal Server Error", "BLOB_UNKNOWN"),
            }
        })
    }

    fn whole(file: File, found: &Found) -> Self {
        let headers = Self::about(found, found.size);
        Self { status: "200 OK", headers, body: Body::File(file, found.size) }
    }

    fn part(mut file: File, found: &Found, start: u64, end: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(start))?;
        let mut headers = Self::about(found, end - start);
        let last = end.saturating_sub(1);
        headers.push(("Content-Range", format!("bytes {start}-{last}/{}", found.size)));
        Ok(Self { status: "206 Partial Content", headers, body: Body::File(file, end - start) })
    }

    fn about(found: &Found, length: u64) -> Vec<(&'static str, String)> {
        // A stranger's text, once: what is no header's is left out.
        let plain = |c: &char| c.is_ascii_graphic() || *c == ' ';
        vec![
            ("Content-Type", found.media_type.chars().filter(plain).collect()),
            ("Content-Length", length.to_string()),
            ("Docker-Content-Digest", found.digest.to_string()),
            ("Accept-Ranges", "bytes".to_owned()),
        ]
    }

    /// Writes it, on one of so many `open` connections; without what follows the head when only that
    /// was asked for.
    pub(crate) fn send(
        self,
        stream: &mut TcpStream,
        head_only: bool,
        last: bool,
        open: usize,
    ) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {}\r\n", self.status);
        let always = [("Docker-Distribution-Api-Version", "registry/2.0".to_owned())];
        for (name, value) in always.iter().chain(&self.headers) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(if last { "Connection: close\r\n\r\n" } else { "\r\n" });
        match self.body {
            Body::Text(text) if !head_only => head.push_str(&text),
            Body::File(file, length) if !head_only => {
                stream.write_all(head.as_bytes())?;
                return send_file(stream, file, length, open);
            }
            Body::Text(_) | Body::File(..) => {}
        }
        stream.write_all(head.as_bytes())
    }
}

fn send_file(stream: &mut TcpStream, file: File, remaining: u64, open: usize) -> io::Result<()> {
    let size = (PIECES / open.max(1)).clamp(SMALLEST, LARGEST);
    let mut piece =
        vec![0; usize::try_from(remaining).map_or(size, |remaining| remaining.min(size))];
    let mut remaining = remaining;
    let mut file = file.take(remaining);
    while remaining > 0 {
        match file.read(&mut piece) {
            // The head has promised more: only the end of the connection tells.
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                stream.write_all(piece.get(..count).unwrap_or_default())?;
                remaining = remaining.saturating_sub(count as u64);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
