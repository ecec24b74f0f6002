//! Who we are to a registry: what it asks for, and what we have.
//!
//! Belongs here: challenges, the login file and its lookup, the words of credential helpers and
//! token servers. Does not belong here: running a helper and asking a server (`mvm-images-client`).

mod challenge;
mod helper;
mod logins;

pub use challenge::{Challenge, choose};
pub use helper::{Helper, Reply};
pub use logins::{Found, Logins};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// What lets us in at one registry. Printed by nothing.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// `auth`, or `username` and `password` in the file; also what a helper answers with a name.
    Password {
        /// Never empty.
        user: String,
        /// The password, or a token that stands for it.
        password: String,
    },
    /// A refresh token, which a token server exchanges (`identitytoken` in the file).
    Identity {
        /// A name beside it, for token servers without the exchange; often empty.
        user: String,
        /// Also shown as a password, where `user` is not empty.
        token: String,
    },
    /// A token that the registry itself takes (`registrytoken` in the file).
    Bearer(String),
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(..)")
    }
}

impl Login {
    /// The value of an Authorization header for a server that takes names and passwords; `None`
    /// where this login is no such pair.
    pub fn basic(&self) -> Option<String> {
        let (user, password) = match self {
            Self::Password { user, password } => (user, password),
            Self::Identity { user, token } if !user.is_empty() => (user, token),
            Self::Identity { .. } | Self::Bearer(_) => return None,
        };
        Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    /// The token of [`Self::Identity`]; `None` for other logins.
    pub fn refresh_token(&self) -> Option<&str> {
        match self {
            Self::Identity { token, .. } => Some(token),
            Self::Password { .. } | Self::Bearer(_) => None,
        }
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

/// The token in a token server's answer, when it is one that a header can hold. Servers call it
/// `token`, `access_token` or both, and leave one of them empty.
pub fn token(answer: &[u8]) -> Option<String> {
    let answer: TokenAnswer = serde_json::from_slice(answer).ok()?;
    let sound = |token: &String| is_header(token);
    answer.access_token.filter(sound).or(answer.token.filter(sound))
}

/// Whether a header can hold it.
fn is_header(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests;
