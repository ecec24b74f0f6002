//! Files that other programs read at their start: containerd-dev's configuration, and flintlockd's
//! for what is not on its command line. Both are written again at each start and live until the next
//! boot.

use std::path::{Path, PathBuf};

use mvm_config::Config;
use mvm_core::{Roots, atomic, chain, names};
use mvm_units_plan::units::flintlockd_reads_file;

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

/// What flintlockd reads: `$XDG_CONFIG_HOME/flintlockd/config.yaml`.
pub fn flintlockd_config(roots: &Roots) -> PathBuf {
    roots.at(names::FLINTLOCKD_CONFIG_HOME).join("flintlockd/config.yaml")
}

/// Hands flintlockd what it is told in a file, which only root reads. `default_interface` is the
/// interface of the default route.
///
/// # Errors
/// The token's file cannot be used, a default route is lacking, or our file cannot be written.
pub fn write_flintlockd_config(
    roots: &Roots,
    config: &Config,
    default_interface: Option<&str>,
) -> Result<(), String> {
    if !flintlockd_reads_file(config) {
        return Ok(());
    }
    let text = flintlockd_text(roots, config, default_interface)?;
    atomic::write(&flintlockd_config(roots), text.as_bytes(), 0o600).map_err(|error| chain(&error))
}

/// Whether the running flintlockd, whose environment is `environ` as /proc shows it, was told
/// something else in its file than it would be now. What it cannot be told is the business of the
/// check that says so.
pub fn is_stale(
    roots: &Roots,
    config: &Config,
    default_interface: Option<&str>,
    environ: &[u8],
) -> bool {
    let variable = format!("XDG_CONFIG_HOME={}", names::FLINTLOCKD_CONFIG_HOME);
    let has_variable = environ.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes());
    if !flintlockd_reads_file(config) {
        return has_variable;
    }
    let Ok(text) = flintlockd_text(roots, config, default_interface) else {
        return false;
    };
    let current =
        atomic::read_bounded(&flintlockd_config(roots), 4 * TOKEN_MAX).unwrap_or_default();
    !has_variable || current != text.as_bytes()
}

fn flintlockd_text(
    roots: &Roots,
    config: &Config,
    default_interface: Option<&str>,
) -> Result<String, String> {
    let file = config.flintlockd.basic_auth_token_file.as_ref();
    let token = file.map(|file| token(&roots.at(file.as_str()))).transpose()?;
    mvm_units_plan::flintlockd::render(config, token.as_deref(), default_interface)
}

/// Writes containerd-dev's configuration.
///
/// # Errors
/// It cannot be written.
pub fn write_containerd_config(roots: &Roots, config: &Config) -> Result<(), mvm_core::Error> {
    let text = mvm_containerd::render(config);
    atomic::write(&roots.at(names::CONTAINERD_DEV_CONFIG), text.as_bytes(), 0o644)
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
    fn a_token_that_changed_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        let with = |text: &str| {
            let source = mvm_config::Source { name: "t".to_owned(), text: text.to_owned() };
            mvm_config::load::parse(&[source]).unwrap().config
        };
        let (none, some) = (with(""), with("[flintlockd]\nbasic-auth-token-file = \"/token\"\n"));
        let environ = format!("A=b\0XDG_CONFIG_HOME={}\0", names::FLINTLOCKD_CONFIG_HOME);
        std::fs::write(roots.at("/token"), "one\n").unwrap();
        assert!(!is_stale(&roots, &none, None, b"A=b\0"));
        assert!(is_stale(&roots, &none, None, environ.as_bytes()));
        assert!(is_stale(&roots, &some, None, b"A=b\0"));
        write_flintlockd_config(&roots, &some, None).unwrap();
        assert!(!is_stale(&roots, &some, None, environ.as_bytes()));
        std::fs::write(roots.at("/token"), "two\n").unwrap();
        assert!(is_stale(&roots, &some, None, environ.as_bytes()));
    }

    #[test]
    fn a_parent_follows_the_default_route() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        let text = "[flintlockd]\nprovider = \"cloudhypervisor\"\n[network]\nmode = \"macvtap\"\n";
        let source = mvm_config::Source { name: "t".to_owned(), text: text.to_owned() };
        let config = mvm_config::load::parse(&[source]).unwrap().config;
        let environ = format!("XDG_CONFIG_HOME={}\0", names::FLINTLOCKD_CONFIG_HOME);
        let stale = |parent| is_stale(&roots, &config, parent, environ.as_bytes());
        assert!(write_flintlockd_config(&roots, &config, None).is_err());
        write_flintlockd_config(&roots, &config, Some("eth0")).unwrap();
        let written = std::fs::read_to_string(flintlockd_config(&roots)).unwrap();
        assert_eq!(written, "parent-iface: \"eth0\"\n");
        assert!(!stale(Some("eth0")) && stale(Some("eth1")));
        // Without a route nothing better can be told.
        assert!(!stale(None));
    }
}
