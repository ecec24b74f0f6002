//! The protocol of docker's credential helpers: `docker-credential-NAME get`, the server's name on
//! its standard input, a JSON object on its standard output.

use serde::Deserialize;

use super::Login;

/// How a helper calls a refresh token's user.
const TOKEN: &str = "<token>";
/// What a helper says when it has no login (docker-credential-helpers, credentials/error.go).
const NOT_FOUND: &str = "credentials not found";

/// A question to a helper that `credHelpers` or `credsStore` of the login file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    /// As the file names it: the program is `docker-credential-NAME`.
    pub name: String,
    /// What goes to its standard input.
    pub server: String,
}

/// What a helper answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Its `Username` and `Secret`; a refresh token where the name is empty or `<token>`.
    Login(Login),
    /// It has none for this server.
    Nothing,
    /// It failed, or its answer is none.
    Failed,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

impl Helper {
    /// Its program; `None` for a name that would lead out of the folders that are searched.
    pub fn program(&self) -> Option<String> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let sound = !self.name.is_empty() && self.name.len() < 128 && self.name.bytes().all(plain);
        sound.then(|| format!("docker-credential-{}", self.name))
    }
}

impl Reply {
    /// Reads what a helper wrote; `success` is that of its exit code. Nothing of it is repeated in
    /// any message: it may be a secret.
    pub fn read(success: bool, output: &str) -> Self {
        if !success {
            return if output.contains(NOT_FOUND) { Self::Nothing } else { Self::Failed };
        }
        let Ok(Answer { username, secret }) = serde_json::from_str(output.trim()) else {
            return Self::Failed;
        };
        match (username.as_str(), secret.is_empty()) {
            (_, true) => Self::Nothing,
            // As containerd's client has it: a secret without a name is a refresh token as well.
            (TOKEN | "", false) => {
                Self::Login(Login::Identity { user: String::new(), token: secret })
            }
            _ => Self::Login(Login::Password { user: username, password: secret }),
        }
    }
}
