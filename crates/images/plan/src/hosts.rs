//! containerd's hosts.toml: which servers are asked for a registry's images, and how.
//!
//! Belongs here: what the text of one file means. Does not belong here: which folders are looked
//! into, and the certificates themselves (`mvm-images-client`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::DeTable;

/// Servers of one registry.
const MOST: usize = 16;

/// How TLS with one server differs from TLS with all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tls {
    /// Files with authorities beside those of the host, PEM.
    pub authorities: Vec<PathBuf>,
    /// Certificates to show, PEM, each with its key; without a file of its own the key is beside it.
    pub client: Vec<(PathBuf, Option<PathBuf>)>,
    /// Whether any certificate of the server is taken (`skip_verify`).
    pub any: bool,
}

/// Headers that go to one server with each request. They may hold a secret, and are printed by
/// nothing.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(pub Vec<(String, String)>);

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Headers(..)")
    }
}

/// A server that is asked: `server` or a `[host]` table of hosts.toml, or a configured mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `https://host[:port]`; empty: the registry itself.
    pub base: String,
    /// Where the API is on it: `/v2`, or with the server's own path.
    pub root: String,
    /// Whether it may be asked what a tag stands for.
    pub resolves: bool,
    /// Whether it may be asked for what has a digest.
    pub pulls: bool,
    /// `ca`, `client` and `skip_verify`.
    pub tls: Tls,
    /// `header`, sent with each request.
    pub headers: Headers,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            base: String::new(),
            root: "/v2".to_owned(),
            resolves: true,
            pulls: true,
            tls: Tls::default(),
            headers: Headers::default(),
        }
    }
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hosts {
    /// Asked first, in this order.
    pub first: Vec<Server>,
    /// Asked at last: `server`, or the registry itself.
    pub last: Server,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct File {
    server: String,
    host: BTreeMap<String, Entry>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    capabilities: Vec<String>,
    ca: Option<Texts>,
    client: Option<Pairs>,
    skip_verify: bool,
    header: BTreeMap<String, Texts>,
    override_path: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Pairs {
    One(String),
    Several(Vec<Pair>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Pair {
    File(String),
    Both([String; 2]),
}

impl Texts {
    fn all(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Several(texts) => texts,
        }
    }
}

/// Reads a hosts.toml that lies in `folder`, from which its paths are relative.
///
/// # Errors
/// Why containerd would not read it, in words for people.
pub fn parse(text: &str, folder: &Path) -> Result<Hosts, String> {
    let wrong = |error: toml::de::Error| error.message().to_owned();
    let file: File = toml::from_str(text).map_err(wrong)?;
    let own: Entry = toml::from_str(text).map_err(wrong)?;
    let order = order(text);
    let place = |name: &str| order.iter().position(|listed| listed == name);
    let mut entries: Vec<(String, Entry)> = file.host.into_iter().collect();
    entries.sort_by_key(|(name, _)| place(name));
    let first = entries.into_iter().take(MOST).map(|(name, entry)| server(&name, entry, folder));
    Ok(Hosts { first: first.collect::<Result<_, _>>()?, last: server(&file.server, own, folder)? })
}

/// The servers in the order in which they stand in the file: that is the order in which they are
/// asked.
fn order(text: &str) -> Vec<String> {
    let Ok(table) = DeTable::parse(text) else { return Vec::new() };
    let hosts = table.get_ref().get("host").and_then(|hosts| hosts.get_ref().as_table());
    let mut names: Vec<(usize, String)> = hosts
        .into_iter()
        .flat_map(|hosts| hosts.keys())
        .map(|name| (name.span().start, name.get_ref().to_string()))
        .collect();
    names.sort();
    names.into_iter().map(|(_, name)| name).collect()
}

fn server(name: &str, entry: Entry, folder: &Path) -> Result<Server, String> {
    let (base, root) = match name {
        "" => (String::new(), "/v2".to_owned()),
        name => {
            address(name, entry.override_path).ok_or_else(|| format!("{name:?} is no server"))?
        }
    };
    let allowed = ["pull", "resolve", "push", "referrers"];
    let capabilities: Vec<String> =
        entry.capabilities.iter().map(|word| word.to_lowercase()).collect();
    if let Some(word) = capabilities.iter().find(|word| !allowed.contains(&word.as_str())) {
        return Err(format!("{word:?} is no capability"));
    }
    let can = |word: &str| capabilities.is_empty() || capabilities.iter().any(|one| one == word);
    let client = match entry.client {
        None => Vec::new(),
        Some(Pairs::One(file)) => vec![(folder.join(file), None)],
        Some(Pairs::Several(pairs)) => pairs.into_iter().map(|pair| pair.paths(folder)).collect(),
    };
    let ca = entry.ca.map(Texts::all).unwrap_or_default();
    let headers = entry.header.into_iter();
    let headers = headers.flat_map(|(name, values)| {
        values.all().into_iter().map(move |value| (name.clone(), value))
    });
    Ok(Server {
        base,
        root,
        resolves: can("resolve"),
        pulls: can("pull"),
        tls: Tls {
            authorities: ca.into_iter().map(|file| folder.join(file)).collect(),
            client,
            any: entry.skip_verify,
        },
        headers: Headers(headers.collect()),
    })
}

impl Pair {
    fn paths(self, folder: &Path) -> (PathBuf, Option<PathBuf>) {
        match self {
            Self::File(file) => (folder.join(file), None),
            Self::Both([certificate, key]) => (folder.join(certificate), Some(folder.join(key))),
        }
    }
}

/// `https://host[:port]` and the API's place on it; TLS where no scheme is written.
fn address(name: &str, whole: bool) -> Option<(String, String)> {
    let (scheme, rest) = name.split_once("://").unwrap_or(("https", name));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    let sound = host.bytes().any(|b| b.is_ascii_alphanumeric()) && host.bytes().all(allowed);
    if !sound || !matches!(scheme, "http" | "https") {
        return None;
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let more = if whole || parts.last() == Some(&"v2") { None } else { Some("v2") };
    let root = parts.into_iter().chain(more).map(|part| format!("/{part}")).collect();
    Some((format!("{scheme}://{host}"), root))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Hosts {
        parse(text, Path::new("/etc/containerd/certs.d/r.test")).unwrap()
    }

    #[test]
    fn servers_are_asked_as_they_stand_in_the_file() {
        let hosts = read(
            "server = \"https://r.test/own\"\n\
             [host.\"http://z.test:5000\"]\ncapabilities = [\"pull\", \"Resolve\"]\n\
             [host.\"a.test/v2\"]\ncapabilities = [\"pull\"]\n[host.\"a.test/v2\".header]\nx-key = \"SECRET\"\n\
             [host.\"https://b.test/cache\"]\noverride_path = true\nskip_verify = true\n\
             [host.'https://c.test/cache']\ncapabilities = [\"resolve\"]\n",
        );
        let found: Vec<_> = hosts
            .first
            .iter()
            .map(|one| (format!("{}{}", one.base, one.root), one.resolves, one.pulls, one.tls.any))
            .collect();
        let expected = [
            ("http://z.test:5000/v2", true, true, false),
            ("https://a.test/v2", false, true, false),
            ("https://b.test/cache", true, true, true),
            ("https://c.test/cache/v2", true, false, false),
        ];
        assert_eq!(found, expected.map(|(at, r, p, any)| (at.to_owned(), r, p, any)));
        assert_eq!(hosts.first[1].headers.0, [("x-key".to_owned(), "SECRET".to_owned())]);
        assert!(!format!("{hosts:?}").contains("SECRET"));
        assert_eq!((&*hosts.last.base, &*hosts.last.root), ("https://r.test", "/own/v2"));
        assert_eq!(read(""), Hosts::default());
    }

    #[test]
    fn certificates_are_files_beside_it_or_elsewhere() {
        let folder = Path::new("/etc/containerd/certs.d/r.test");
        let pair = |c: &str, k: Option<&str>| (folder.join(c), k.map(|key| folder.join(key)));
        for (text, authorities, client) in [
            ("ca = \"near.pem\"", vec![folder.join("near.pem")], vec![]),
            ("ca = [\"/a.pem\", \"b.pem\"]", vec!["/a.pem".into(), folder.join("b.pem")], vec![]),
            ("client = \"both.pem\"", vec![], vec![pair("both.pem", None)]),
            (
                "client = [\"a.pem\", [\"b.cert\", \"/b.key\"]]",
                vec![],
                vec![pair("a.pem", None), pair("b.cert", Some("/b.key"))],
            ),
        ] {
            let expected = Tls { authorities, client, any: false };
            assert_eq!(read(text).last.tls, expected, "{text}");
            let with_host = format!("[host.\"https://m.test\"]\n{text}");
            let hosts = read(&with_host);
            assert_eq!((&hosts.first[0].tls, &hosts.last.tls), (&expected, &Tls::default()));
        }
    }

    #[test]
    fn what_containerd_does_not_read_is_said() {
        for text in [
            "server = 7",
            "[host",
            "capabilities = [\"fly\"]",
            "client = [[\"a\"]]",
            "server = \"ftp://r.test\"",
            "[host.\"https://..\"]",
            "[host.\"https://user:secret@r.test\"]",
            "[host.\"https://a b\"]",
        ] {
            assert!(parse(text, Path::new("/x")).is_err(), "{text}");
        }
    }
}
