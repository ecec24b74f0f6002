//! Who we are to a registry: what it asks for, and what we have.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// What a 401 asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// Name and password with each request.
    Basic,
    /// A token from `realm`, asked for with `service`.
    Bearer {
        /// The URL of the token server.
        realm: String,
        /// May be empty.
        service: String,
    },
}

impl Challenge {
    /// Reads one WWW-Authenticate header; `None` when it asks for something else.
    pub fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let parameters = parameters(rest);
        let realm = parameters.get("realm").filter(|realm| !realm.is_empty())?.clone();
        let service = parameters.get("service").cloned().unwrap_or_default();
        Some(Self::Bearer { realm, service })
    }
}

/// `key="value",key=value`, keys in lower case.
fn parameters(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    while let Some((key, tail)) = rest.split_once('=') {
        let key = key.trim_matches([' ', ',', '\t']).to_ascii_lowercase();
        let (value, after) = match tail.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => tail.split_once(',').unwrap_or((tail, "")),
        };
        found.insert(key, value.to_owned());
        rest = after;
    }
    found
}

/// A name and its password. Printed by nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(..)")
    }
}

impl Login {
    /// The value of an Authorization header.
    pub fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password)))
    }
}

/// Logins by registry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Logins(BTreeMap<String, Login>);

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, DockerAuth>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct DockerAuth {
    auth: String,
    username: String,
    password: String,
}

impl Logins {
    /// Reads a docker config.json. Entries whose password is with a credential helper are left out.
    ///
    /// # Errors
    /// Where the text stops being one; never a piece of it, which may be a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: DockerConfig = serde_json::from_str(text)
            .map_err(|why| format!("line {}, column {}", why.line(), why.column()))?;
        let mut logins = BTreeMap::new();
        for (server, entry) in config.auths {
            let decoded = STANDARD.decode(entry.auth.trim()).ok();
            let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
            let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
            let (user, password) = pair.unwrap_or((&entry.username, &entry.password));
            if !user.is_empty() {
                let login = Login { user: user.to_owned(), password: password.to_owned() };
                logins.insert(host_of(&server), login);
            }
        }
        Ok(Self(logins))
    }

    /// The login for `host[:port]`.
    pub fn of(&self, host: &str) -> Option<&Login> {
        self.0.get(canonical(host))
    }
}

/// `https://index.docker.io/v1/` is how docker writes `docker.io`.
fn host_of(server: &str) -> String {
    let bare = server.split_once("://").map_or(server, |(_, rest)| rest);
    canonical(bare.split('/').next().unwrap_or(bare)).to_owned()
}

fn canonical(host: &str) -> &str {
    match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

/// The token in a token server's answer, when it is one that a header can hold.
pub fn token(answer: &[u8]) -> Option<String> {
    let answer: TokenAnswer = serde_json::from_slice(answer).ok()?;
    let token = answer.token.or(answer.access_token)?;
    (!token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())).then_some(token)
}
