//! What cloud-init reads in the guest.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A public key of SSH, as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey(String);

impl SshKey {
    /// Every key of a file in the form of authorized_keys; comments and empty lines are left out.
    ///
    /// # Errors
    /// A line is no public key, in words for people; a private key is named as such.
    pub fn read(text: &str) -> Result<Vec<Self>, String> {
        if text.contains("PRIVATE KEY") {
            return Err("it is a private key; name the file that ends in .pub".to_owned());
        }
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let keys: Result<Vec<_>, _> =
            lines.filter(|line| !line.starts_with('#')).map(key).collect();
        keys.and_then(|keys| match keys.is_empty() {
            true => Err("it holds no public key".to_owned()),
            false => Ok(keys),
        })
    }
}

fn key(line: &str) -> Result<SshKey, String> {
    let plain = line.chars().all(|c| !c.is_control());
    let kinds = ["ssh-", "ecdsa-", "sk-"];
    match plain && kinds.iter().any(|kind| line.starts_with(kind)) && line.contains(' ') {
        true => Ok(SshKey(line.to_owned())),
        false => Err("a line of it is no public key of SSH".to_owned()),
    }
}

/// The user-data that lets these keys in as root.
pub fn user_data(name: &str, keys: &[SshKey]) -> String {
    let mut text = format!(
        "#cloud-config\nhostname: {name}\ndisable_root: false\nusers:\n  - name: root\n    ssh_authorized_keys:\n"
    );
    for SshKey(key) in keys {
        // JSON's strings are YAML's; writing to a String cannot fail.
        let _ = writeln!(text, "      - {}", serde_json::Value::from(key.as_str()));
    }
    text
}

/// The instance data; flintlockd adds the microVM's own number.
pub(super) fn meta_data(name: &str) -> String {
    format!("local_hostname: {name}\nplatform: liquid_metal\n")
}

pub(super) fn encode(data: &[u8]) -> String {
    STANDARD.encode(data)
}
