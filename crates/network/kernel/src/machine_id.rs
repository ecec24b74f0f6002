//! The name that systemd gave this installation.

use mvm_core::{Roots, atomic};

/// The text of /etc/machine-id; empty where there is none or it is still being made
/// (machine-id(5): `uninitialized`), because a MAC made from that would change.
pub fn machine_id(roots: &Roots) -> String {
    let text = atomic::read_linked(&roots.at("/etc/machine-id"), 64).unwrap_or_default();
    let text = String::from_utf8(text).unwrap_or_default();
    let text = text.trim();
    let whole = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if whole { text.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_core::atomic::write;

    #[test]
    fn only_a_whole_id_counts() {
        let folder = std::env::temp_dir().join(format!("mvm-network-{}", std::process::id()));
        let roots = Roots::new(&folder);
        assert_eq!(machine_id(&roots), "");
        for (text, expected) in [
            ("0123456789abcdef0123456789abcdef\n", "0123456789abcdef0123456789abcdef"),
            ("uninitialized\n", ""),
            ("", ""),
        ] {
            write(&roots.at("/etc/machine-id"), text.as_bytes(), 0o444).unwrap();
            assert_eq!(machine_id(&roots), expected);
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
