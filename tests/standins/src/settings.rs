//! The settings of `flintlockd run`: command line over environment over file over default.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::flags::{self, Flag, Kind};

const NONE: char = '\0';

/// Every flag of flintlockd 0.11 with its default.
const KNOWN: &[(Flag, &str)] = &[
    (Flag("grpc-endpoint", NONE, Kind::Text), "localhost:9090"),
    (Flag("state-dir", NONE, Kind::Text), "/var/lib/flintlock"),
    (Flag("resync-period", NONE, Kind::Duration), "10m"),
    (Flag("deleteMicroVM-timeout", NONE, Kind::Duration), "10s"),
    (Flag("basic-auth-token", NONE, Kind::Text), ""),
    (Flag("insecure", NONE, Kind::Bool), "false"),
    (Flag("tls-cert", NONE, Kind::Text), ""),
    (Flag("tls-key", NONE, Kind::Text), ""),
    (Flag("tls-client-validate", NONE, Kind::Bool), "false"),
    (Flag("tls-client-ca", NONE, Kind::Text), ""),
    (Flag("containerd-socket", NONE, Kind::Text), "/run/containerd/containerd.sock"),
    (Flag("containerd-kernel-ss", NONE, Kind::Text), "native"),
    (Flag("containerd-ns", NONE, Kind::Text), "flintlock"),
    (Flag("firecracker-bin", NONE, Kind::Text), "firecracker"),
    (Flag("firecracker-detach", NONE, Kind::Bool), "true"),
    (Flag("parent-iface", NONE, Kind::Text), ""),
    (Flag("bridge-name", NONE, Kind::Text), ""),
    (Flag("debug-endpoint", NONE, Kind::Text), ""),
    (Flag("verbosity", 'v', Kind::Number), "0"),
    (Flag("log-format", NONE, Kind::Text), "text"),
    (Flag("log-output", NONE, Kind::Text), "stderr"),
    (Flag("disable-reconcile", NONE, Kind::Bool), "false"),
    (Flag("disable-api", NONE, Kind::Bool), "false"),
    (Flag("maximum-retry", NONE, Kind::Number), "10"),
    (Flag("enable-http", NONE, Kind::Bool), "false"),
    (Flag("http-endpoint", NONE, Kind::Text), "localhost:8090"),
    (Flag("cloudhypervisor-bin", NONE, Kind::Text), "cloud-hypervisor-static"),
    (Flag("cloudhypervisor-detach", NONE, Kind::Bool), "true"),
    (Flag("default-provider", NONE, Kind::Text), "firecracker"),
    (Flag("virtiofs-bin", NONE, Kind::Text), "/usr/libexec/virtiofsd"),
];

/// All settings, each with a value that its kind allows.
#[derive(Debug, Clone)]
pub struct Settings(BTreeMap<&'static str, String>);

impl Settings {
    /// Merges the three sources. `file` is the text of config.yaml; as in the real program, a file
    /// that is no flat map is ignored, and so is a value that its flag would not allow.
    ///
    /// # Errors
    /// The command line is wrong; the message is flintlockd's.
    pub fn read(
        arguments: &[String],
        environment: impl Fn(&str) -> Option<String>,
        file: Option<&str>,
    ) -> Result<Self, String> {
        let flags: Vec<Flag> = KNOWN.iter().map(|(flag, _)| *flag).collect();
        let options = flags::parse(&flags, arguments)?;
        let file = file.and_then(flat_map).unwrap_or_default();
        let mut values = BTreeMap::new();
        for (flag, default) in KNOWN {
            let variable = format!("FLINTLOCKD_{}", flag.0.to_uppercase());
            let fallback = environment(&variable)
                .or_else(|| file.get(flag.0).cloned())
                .filter(|value| flags::accepts(flag.2, value));
            let value = options.get(flag.0).cloned().or(fallback);
            values.insert(flag.0, value.unwrap_or_else(|| (*default).to_owned()));
        }
        Ok(Self(values))
    }

    /// The text of a setting; empty for a name that does not exist.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The text of a setting as a path; empty for a name that does not exist.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(self.text(name))
    }

    /// A truth value.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        flags::boolean(self.text(name)).unwrap_or(false)
    }

    /// A number; 0 for a name that does not exist.
    #[must_use]
    pub fn number(&self, name: &str) -> u32 {
        self.text(name).parse().unwrap_or_default()
    }

    /// Go's notation in seconds, `1m30s` is 90; 0 for a name that does not exist.
    #[must_use]
    pub fn seconds(&self, name: &str) -> f64 {
        flags::seconds(self.text(name)).unwrap_or_default()
    }

    /// What flintlockd refuses before it starts, with exit status 1.
    ///
    /// # Errors
    /// Its message.
    pub fn check(&self) -> Result<(), String> {
        let format = self.text("log-format");
        if !matches!(format, "text" | "json") {
            return Err(format!("logger format {format} is invalid"));
        }
        if self.text("log-output").is_empty() {
            return Err("you must specify a log output".to_owned());
        }
        if self.text("parent-iface").is_empty() && self.text("bridge-name").is_empty() {
            let text = "you must supply at least one of parent interface, bridge name";
            return Err(text.to_owned());
        }
        let provider = self.text("default-provider");
        if !matches!(provider, "firecracker" | "cloudhypervisor") {
            let text = "the provided default provider name";
            return Err(format!("{text} {provider} isn't a supported provider"));
        }
        Ok(())
    }

    /// What flintlockd refuses in its TLS settings, staying alive all the same.
    ///
    /// # Errors
    /// Its message.
    pub fn check_tls(&self) -> Result<(), String> {
        let (cert, key) = (self.text("tls-cert"), self.text("tls-key"));
        if self.is_on("insecure") {
            return if cert.is_empty() && key.is_empty() {
                Ok(())
            } else {
                Err("cannot specify tls certificate details when running insecurely".to_owned())
            };
        }
        let required = |name: &str| format!("{name} file path is required when running securely");
        exists("certificate file", cert, || required("certificate"))?;
        exists("key file", key, || required("certificate key"))?;
        if self.is_on("tls-client-validate") {
            exists("client CA file", self.text("tls-client-ca"), || {
                "client certificate key file path is required when running mTLS".to_owned()
            })?;
        }
        Ok(())
    }
}

fn exists(setting: &str, path: &str, empty: impl Fn() -> String) -> Result<(), String> {
    if path.is_empty() {
        return Err(empty());
    }
    if Path::new(path).exists() { Ok(()) } else { Err(format!("{setting} {path} does not exist")) }
}

/// One line for each flag.
#[must_use]
pub fn usage() -> String {
    KNOWN.iter().map(|(flag, default)| format!("  --{} (default {default:?})\n", flag.0)).collect()
}

/// The first config.yaml there is.
#[must_use]
pub fn find_file(environment: impl Fn(&str) -> Option<String>) -> Option<String> {
    let user = environment("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| environment("HOME").map(|home| Path::new(&home).join(".config")));
    let folders = [Some(PathBuf::from("/etc/opt/flintlockd")), user.map(|u| u.join("flintlockd"))];
    let mut files = folders.into_iter().flatten().map(|folder| folder.join("config.yaml"));
    files.find(|file| file.exists()).and_then(|file| fs::read_to_string(file).ok())
}

/// Reads `key: value` lines; `None` when a line is something else.
fn flat_map(text: &str) -> Option<BTreeMap<String, String>> {
    let mut map = BTreeMap::new();
    for line in text.lines() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') || line == "---" {
            continue;
        }
        let (key, value) = line.split_once(':')?;
        if key.starts_with([' ', '\t', '-']) || !(value.is_empty() || value.starts_with(' ')) {
            return None;
        }
        map.insert(key.to_owned(), scalar(value.trim())?);
    }
    Some(map)
}

fn scalar(text: &str) -> Option<String> {
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            let (inner, tail) = rest.rsplit_once(quote)?;
            let tail = tail.trim();
            return (tail.is_empty() || tail.starts_with('#')).then(|| inner.to_owned());
        }
    }
    Some(text.split(" #").next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::Settings;

    fn settings(arguments: &[&str], file: &str) -> Result<Settings, String> {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        let environment = |name: &str| (name == "FLINTLOCKD_VERBOSITY").then(|| "3".to_owned());
        Settings::read(&arguments, environment, Some(file))
    }

    #[test]
    fn the_nearer_source_wins() {
        let file = "verbosity: 1\nstate-dir: \"/a b\" # c\nbridge-name: br0\ninsecure: true\n";
        let found = settings(&["--state-dir=/c"], file).unwrap();
        assert_eq!(found.text("state-dir"), "/c");
        assert_eq!(found.number("verbosity"), 3);
        assert_eq!(found.text("bridge-name"), "br0");
        assert_eq!(found.text("grpc-endpoint"), "localhost:9090");
        assert!((found.seconds("resync-period") - 600.0).abs() < 0.001);
        assert!(found.check().is_ok() && found.check_tls().is_ok());
    }

    #[test]
    fn a_broken_file_is_ignored_in_silence() {
        let found = settings(&[], "bridge-name: br0\nnonsense\n").unwrap();
        assert_eq!(
            found.check().unwrap_err(),
            "you must supply at least one of parent interface, bridge name"
        );
        assert!(!settings(&[], "insecure: perhaps\n").unwrap().is_on("insecure"));
    }

    #[test]
    fn tls_is_refused_with_its_texts() {
        let refusal = |words: &[&str]| settings(words, "").unwrap().check_tls().unwrap_err();
        assert_eq!(refusal(&[]), "certificate file path is required when running securely");
        assert_eq!(refusal(&["--tls-cert=/no"]), "certificate file /no does not exist");
        assert_eq!(
            refusal(&["--insecure", "--tls-key=/no"]),
            "cannot specify tls certificate details when running insecurely"
        );
    }
}
