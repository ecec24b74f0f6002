//! Files that other programs read at their start: containerd-dev's configuration and flintlockd's
//! token. Both are rendered anew at each start and live until the next boot.

use std::path::{Path, PathBuf};

use mvm_config::{Config, Roots};
use mvm_host::{atomic, chain};
use mvm_plan::names;

/// A token is one line; this bounds what is read of a file that is something else.
const TOKEN_MAX: u64 = 4096;

/// The token in `path`, without the end of its line.
///
/// # Errors
/// Why it cannot be used, for people.
pub fn token(path: &Path) -> Result<String, String> {
    let bytes = atomic::read_bounded(path, TOKEN_MAX).map_err(|error| chain(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let token = text.trim_end_matches(['\n', '\r']);
    match token {
        "" => Err("it is empty".to_owned()),
        line if line.chars().any(char::is_control) => Err("it has more than one line".to_owned()),
        line => Ok(line.to_owned()),
    }
}

/// Where flintlockd finds its token: `$XDG_CONFIG_HOME/flintlockd/config.yaml`.
pub fn token_config(roots: &Roots) -> PathBuf {
    roots.at(names::FLINTLOCKD_CONFIG_HOME).join("flintlockd/config.yaml")
}

/// Hands the token over in a file that only root reads.
///
/// # Errors
/// The token's file cannot be used, or ours cannot be written.
pub fn write_token(roots: &Roots, config: &Config) -> Result<(), String> {
    let Some(file) = &config.flintlockd.basic_auth_token_file else {
        return Ok(());
    };
    let text = token_text(&token(&roots.at(file.as_str()))?);
    atomic::write(&token_config(roots), text.as_bytes(), 0o600).map_err(|error| chain(&error))
}

/// Whether the running flintlockd, whose environment is `environ` as /proc shows it, has another
/// token than the configuration gives it, or has one that was taken away. A token file that cannot
/// be used is the business of the check that says so.
pub fn token_is_stale(roots: &Roots, config: &Config, environ: &[u8]) -> bool {
    let variable = format!("XDG_CONFIG_HOME={}", names::FLINTLOCKD_CONFIG_HOME);
    let told = environ.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes());
    let Some(file) = &config.flintlockd.basic_auth_token_file else {
        return told;
    };
    let Ok(token) = token(&roots.at(file.as_str())) else {
        return false;
    };
    let given = atomic::read_bounded(&token_config(roots), 2 * TOKEN_MAX).unwrap_or_default();
    !told || given != token_text(&token).as_bytes()
}

fn token_text(token: &str) -> String {
    format!("basic-auth-token: {}\n", yaml_string(token))
}

/// Renders containerd-dev's configuration.
///
/// # Errors
/// It cannot be written.
pub fn write_containerd_config(roots: &Roots, config: &Config) -> Result<(), mvm_host::Error> {
    let text = mvm_plan::containerd::render(config);
    atomic::write(&roots.at(names::CONTAINERD_DEV_CONFIG), text.as_bytes(), 0o644)
}

/// A double-quoted YAML scalar, which takes JSON's escapes.
fn yaml_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        for (bytes, expected) in [
            (&b"s3cr:et\n"[..], Ok("s3cr:et".to_owned())),
            (b"", Err("it is empty".to_owned())),
            (b"a\nb\n", Err("it has more than one line".to_owned())),
            (b"\xff", Err("it is not UTF-8".to_owned())),
        ] {
            std::fs::write(&file, bytes).unwrap();
            assert_eq!(token(&file), expected);
        }
        assert!(token(&folder.path().join("none")).is_err());
    }

    #[test]
    fn a_token_cannot_leave_its_yaml_string() {
        assert_eq!(yaml_string(r#"a"b\c: #d"#), r#""a\"b\\c: #d""#);
    }

    #[test]
    fn a_token_that_changed_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        let with = |text: &str| {
            let source = mvm_config::Source { name: "t".to_owned(), text: text.to_owned() };
            mvm_config::load::parse(&[source]).unwrap().config
        };
        let (none, some) = (with(""), with("[flintlockd]\nbasic-auth-token-file = \"/token\"\n"));
        let told = format!("A=b\0XDG_CONFIG_HOME={}\0", names::FLINTLOCKD_CONFIG_HOME);
        std::fs::write(roots.at("/token"), "one\n").unwrap();
        assert!(!token_is_stale(&roots, &none, b"A=b\0"));
        assert!(token_is_stale(&roots, &none, told.as_bytes()));
        assert!(token_is_stale(&roots, &some, b"A=b\0"));
        write_token(&roots, &some).unwrap();
        assert!(!token_is_stale(&roots, &some, told.as_bytes()));
        std::fs::write(roots.at("/token"), "two\n").unwrap();
        assert!(token_is_stale(&roots, &some, told.as_bytes()));
    }
}
