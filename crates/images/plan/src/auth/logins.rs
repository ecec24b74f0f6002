//! The login file: docker's config.json and podman's auth.json, looked up as both do it.
//!
//! docker_credential is not used for it: it knows exact keys only, gives its helpers no time limit
//! and puts what they wrote into its errors.

use std::collections::BTreeMap;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::{Helper, Login, is_header};

/// docker's key for docker.io, and what its helpers are asked for.
const DOCKER: &str = "https://index.docker.io/v1/";
/// docker.io's other names, without a scheme.
const DOCKER_HOSTS: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
/// Versions of the API that old clients wrote behind a registry's name.
const API: [&str; 2] = ["v1", "v2"];

/// What the file holds, by its own keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Logins {
    entries: BTreeMap<String, Entry>,
    helpers: BTreeMap<String, String>,
    store: String,
}

/// What the file says about one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A login stands in the file.
    Login(Login),
    /// A helper has to be asked; where it has nothing, the login that stands in the file.
    Helper(Helper, Option<Login>),
    /// The entry of this key holds no login that can be read.
    Broken(String),
    /// No login is for it.
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Login(Login),
    /// `{}`: docker's mark that a helper has it.
    Empty,
    Broken,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DockerConfig {
    #[serde(default)]
    auths: Option<BTreeMap<String, DockerAuth>>,
    #[serde(default)]
    cred_helpers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct DockerAuth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl Logins {
    /// Reads a docker config.json or a containers auth.json.
    ///
    /// # Errors
    /// Where the text stops being one; never a piece of it, which may be a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: DockerConfig = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|why| format!("line {}, column {}", why.line(), why.column()))?;
        let entries = config.auths.unwrap_or_default().into_iter();
        Ok(Self {
            entries: entries.map(|(key, auth)| (key, entry(auth))).collect(),
            helpers: config.cred_helpers.unwrap_or_default(),
            store: config.creds_store.unwrap_or_default(),
        })
    }

    /// What the file says about a repository at `host[:port]`, in this order: a helper for exactly
    /// this registry; the store, where one is named; the entry of the longest path that the
    /// repository is in; the registry's own entry, however old the client that wrote its key.
    pub fn find(&self, host: &str, repository: &str) -> Found {
        let host = canonical(host);
        let entry = self.entry(host, repository);
        let helper = match self.helper(host) {
            Some(helper) => helper,
            None if !self.store.is_empty() => {
                let server = if host == "docker.io" { DOCKER } else { host };
                Helper { name: self.store.clone(), server: server.to_owned() }
            }
            None => {
                return match entry {
                    Some((_, Entry::Login(login))) => Found::Login(login.clone()),
                    Some((key, Entry::Broken)) => Found::Broken(key.to_owned()),
                    Some((_, Entry::Empty)) | None => Found::Nothing,
                };
            }
        };
        let login = entry.and_then(|(_, entry)| match entry {
            Entry::Login(login) => Some(login.clone()),
            Entry::Empty | Entry::Broken => None,
        });
        Found::Helper(helper, login)
    }

    /// Whether the file holds no login and names no helper.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.helpers.is_empty() && self.store.is_empty()
    }

    fn helper(&self, host: &str) -> Option<Helper> {
        let names: &[&str] = match host {
            "docker.io" => &[DOCKER, DOCKER_HOSTS[0], DOCKER_HOSTS[1], DOCKER_HOSTS[2]],
            _ => &[],
        };
        let mut names = names.iter().copied().chain([host]);
        let (server, name) = names.find_map(|key| self.helpers.get_key_value(key))?;
        // An empty name turns the store off for this registry.
        (!name.is_empty()).then(|| Helper { name: name.clone(), server: server.clone() })
    }

    fn entry(&self, host: &str, repository: &str) -> Option<(&str, &Entry)> {
        // A key with a path counts only to the letter, the longest first.
        let mut path = repository;
        while !path.is_empty() {
            let key = format!("{host}/{path}");
            if let Some(found) = self.exactly(&key) {
                return Some(found);
            }
            path = path.rsplit_once('/').map_or("", |(before, _)| before);
        }
        if host == "docker.io"
            && let Some(found) = self.exactly(DOCKER)
        {
            return Some(found);
        }
        if let Some(found) = self.exactly(host) {
            return Some(found);
        }
        let mut same: Vec<(&String, &Entry)> =
            self.entries.iter().filter(|(key, _)| is_for(key, host)).collect();
        same.sort_by_key(|(key, _)| key.len());
        same.first().map(|(key, entry)| (key.as_str(), *entry))
    }

    fn exactly(&self, key: &str) -> Option<(&str, &Entry)> {
        let found = self.entries.get_key_value(key);
        let found = found.or_else(|| self.entries.get_key_value(&format!("{key}/")));
        found.map(|(key, entry)| (key.as_str(), entry))
    }
}

/// Whether a key that is not the registry's name to the letter stands for all of the registry: a
/// URL, or a name with a version of the API behind it. docker.io's entries beside the login, such as
/// `…/v1/access-token`, are none of a registry.
fn is_for(key: &str, host: &str) -> bool {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let (name, path) = bare.unwrap_or(key).split_once('/').unwrap_or((bare.unwrap_or(key), ""));
    let path = path.trim_matches('/');
    let whole = path.is_empty() || API.contains(&path);
    // docker itself cuts whatever path is behind a URL's host.
    let url = bare.is_some() && host != "docker.io" && !path.ends_with("-token");
    canonical(name).eq_ignore_ascii_case(host) && (whole || url)
}

fn canonical(host: &str) -> &str {
    if DOCKER_HOSTS.contains(&host) { "docker.io" } else { host }
}

fn entry(auth: DockerAuth) -> Entry {
    let text = |field: Option<String>| field.unwrap_or_default();
    let (encoded, identity) = (text(auth.auth), text(auth.identitytoken));
    let (mut user, mut password) = (text(auth.username), text(auth.password));
    if !encoded.trim().is_empty() {
        match decode(&encoded) {
            Some(pair) => (user, password) = pair,
            None => return Entry::Broken,
        }
    }
    let registry = text(auth.registrytoken);
    match (identity.is_empty(), is_header(&registry), user.is_empty()) {
        (false, _, _) => Entry::Login(Login::Identity { user, token: identity }),
        (true, true, _) => Entry::Login(Login::Bearer(registry)),
        (true, false, false) => Entry::Login(Login::Password { user, password }),
        (true, false, true) if password.is_empty() => Entry::Empty,
        (true, false, true) => Entry::Broken,
    }
}

/// `user:password` in base 64. Old clients left NULs at the end, and some files lack the padding.
fn decode(encoded: &str) -> Option<(String, String)> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let lines: String = encoded.split_ascii_whitespace().collect();
    let bytes = GeneralPurpose::new(&alphabet::STANDARD, config).decode(lines).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.trim_matches('\0').to_owned()))
}
