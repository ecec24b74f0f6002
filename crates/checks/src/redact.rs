//! Secrets out of texts that leave the host.
//!
//! Two nets: what is known to be secret here is removed wherever it stands, and what looks like a
//! secret is removed whether it is known or not.

use regex::{Captures, Regex};

/// What stands where a secret stood.
pub const REMOVED: &str = "[removed]";

/// A shorter text than this is no secret that could be searched for: it is part of every other one.
const SHORTEST: usize = 4;

/// A private key, also one that is cut off.
const KEY: &str =
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.)*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)";
/// `basic-auth-token: x`, `"password": "x"`, `TOKEN=x`, also with quotes that are escaped.
const NAMED: &str = r#"(?<name>(?:[A-Za-z0-9_-]*(?:[Tt]oken|TOKEN|[Pp]assw(?:or)?d|PASSWORD|[Ss]ecret|SECRET|[Cc]redential|[Aa]pi[_-]?[Kk]ey)[A-Za-z0-9_-]*|"auth\\?"|'auth')(?:\\?["'])?[ \t]*[:=][ \t]*)(?<value>"[^"\n]*"|'[^'\n]*'|[^ \t\n,}]+)"#;
/// `authorization: basic x`, `"Authorization":"Bearer x"`
const HEADER: &str =
    r#"(?<name>[Aa]uthorization\\?"?[ :=\[]+\\?"?(?:[Bb]asic|[Bb]earer) +)[A-Za-z0-9+/=._~-]+"#;
/// `https://user:password@host`
const ADDRESS: &str = r"(?<name>://)[^/ \t\n@]+@";

/// Removes secrets.
#[derive(Debug)]
pub struct Redactor {
    secrets: Vec<String>,
    looks: Vec<Regex>,
}

impl Redactor {
    /// `secrets` are texts that are secret on this host.
    ///
    /// # Errors
    /// When a table of this file is no regular expression: nothing may leave the host then.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Result<Self, regex::Error> {
        let mut secrets: Vec<String> =
            secrets.into_iter().filter(|text| text.len() >= SHORTEST).collect();
        // One that holds another goes first, or its rest would stay.
        secrets.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let looks =
            [KEY, NAMED, HEADER, ADDRESS].into_iter().map(Regex::new).collect::<Result<_, _>>()?;
        Ok(Self { secrets, looks })
    }

    /// The text without its secrets.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret, REMOVED);
        }
        for look in &self.looks {
            text = look.replace_all(&text, replaced).into_owned();
        }
        text
    }
}

/// The name stays. What names a file is no secret, and says where to look.
fn replaced(found: &Captures<'_>) -> String {
    let name = found.name("name").map_or("", |name| name.as_str());
    let word = name.trim_end_matches([' ', '\t', ':', '=', '"', '\'', '\\']);
    if word.ends_with("file") {
        return found.get(0).map_or(String::new(), |whole| whole.as_str().to_owned());
    }
    let quote = found.name("value").and_then(|value| value.as_str().chars().next());
    let quote =
        quote.filter(|quote| matches!(quote, '"' | '\'')).map_or(String::new(), String::from);
    let at = if name == "://" { "@" } else { "" };
    format!("{name}{quote}{REMOVED}{quote}{at}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_secrets_go_wherever_they_stand() {
        let redactor =
            Redactor::new(["s3cr3t".to_owned(), "s3cr3t-t0ken".to_owned(), "a".to_owned()])
                .unwrap();
        assert_eq!(redactor.text("say s3cr3t-t0ken, s3cr3t!"), "say [removed], [removed]!");
        assert_eq!(redactor.text("a banana"), "a banana");
    }

    #[test]
    fn what_looks_like_a_secret_goes_too() {
        let redactor = Redactor::new([]).unwrap();
        for (text, expected) in [
            ("basic-auth-token: hunter2\nnext", "basic-auth-token: [removed]\nnext"),
            (r#"{"password":"hunter2","x":1}"#, r#"{"password":"[removed]","x":1}"#),
            (r#"{"MESSAGE":"\"token\":\"hunter2\""}"#, r#"{"MESSAGE":"\"token\":[removed]}"#),
            (r#""auth": "aHVudGVyMg==""#, r#""auth": "[removed]""#),
            ("GITHUB_TOKEN=hunter2 x", "GITHUB_TOKEN=[removed] x"),
            ("authorization: Bearer aGk.xyz-1", "authorization: Bearer [removed]"),
            ("https://me:hunter2@ghcr.io/v2", "https://[removed]@ghcr.io/v2"),
            (
                "a\n-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----\nb",
                "a\n[removed]\nb",
            ),
            ("-----BEGIN PRIVATE KEY-----\nMHc", "[removed]"),
            ("basic-auth-token-file = \"/etc/t\"", "basic-auth-token-file = \"/etc/t\""),
            ("basic authentication is DISABLED", "basic authentication is DISABLED"),
            (r#"\"Authorization\":\"Basic aGk=\""#, r#"\"Authorization\":\"Basic [removed]\""#),
        ] {
            assert_eq!(redactor.text(text), expected);
        }
    }
}
