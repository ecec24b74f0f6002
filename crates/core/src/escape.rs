//! Escaping of everything that reaches a unit file.
//!
//! systemd.syntax(7), systemd.service(5) "Command lines", systemd.unit(5) "Specifiers" and
//! systemd-escape(1) are the source of the rules.

use std::fmt::Write;

/// One argument of an Exec line: `%` and `$` are doubled, and the argument is quoted with C
/// escapes when it holds anything that would end or change it.
pub fn exec_argument(text: &str) -> String {
    let doubled: String = text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        out.push(c);
        if c == '$' {
            out.push(c);
        }
        out
    });
    word(&doubled)
}

/// One word of a list setting, such as a path of `RequiresMountsFor=`: as [`exec_argument`], but
/// `$` means nothing there.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=+,@$[]".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    out.push('"');
    for c in text.chars() {
        match c {
            '%' => out.push_str("%%"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                let mut buffer = [0; 4];
                for byte in c.encode_utf8(&mut buffer).bytes() {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\x{byte:02x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// `NAME=value` for `Environment=`, as one quoted word.
pub fn environment(name: &str, value: &str) -> String {
    word(&format!("{name}={value}"))
}

/// The device unit of a path: `/dev/disk/by-id/a-b` becomes `dev-disk-by\x2did-a\x2db.device`.
pub fn device_unit(path: &str) -> String {
    format!("{}.device", unit_path(path))
}

/// The device unit of a network interface.
pub fn interface_unit(name: &str) -> String {
    device_unit(&format!("/sys/subsystem/net/devices/{name}"))
}

/// `systemd-escape --path`.
fn unit_path(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return "-".to_owned();
    }
    let mut out = String::with_capacity(path.len() + 8);
    for (at, byte) in parts.join("/").bytes().enumerate() {
        match byte {
            b'/' => out.push('-'),
            b'.' if at == 0 => out.push_str("\\x2e"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' | b'.' => out.push(byte.into()),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_arguments_stay_as_they_are() {
        for text in ["--grpc-endpoint", "localhost:9090", "/usr/local/bin/flintlockd", "a=b"] {
            assert_eq!(exec_argument(text), text);
        }
    }

    #[test]
    fn what_systemd_would_expand_is_doubled() {
        assert_eq!(exec_argument("100%"), "\"100%%\"");
        assert_eq!(exec_argument("$HOME"), "$$HOME");
        assert_eq!(word("$HOME"), "$HOME");
        assert_eq!(exec_argument("%$%"), "\"%%$$%%\"");
    }

    #[test]
    fn quotes_spaces_and_controls_are_escaped() {
        assert_eq!(exec_argument(""), "\"\"");
        assert_eq!(exec_argument("a b"), "\"a b\"");
        assert_eq!(exec_argument("it's"), "\"it's\"");
        assert_eq!(exec_argument("say \"hi\""), "\"say \\\"hi\\\"\"");
        assert_eq!(exec_argument("a\\b"), "\"a\\\\b\"");
        assert_eq!(exec_argument("a\nb\tc"), "\"a\\nb\\x09c\"");
        assert_eq!(exec_argument(";"), "\";\"");
        assert_eq!(exec_argument("ü"), "\"ü\"");
    }

    #[test]
    fn a_line_is_never_broken() {
        for c in (0..=0x2fff).filter_map(char::from_u32) {
            let out = exec_argument(&format!("x{c}y"));
            assert!(!out.contains('\n') && !out.contains('\r') && !out.contains('\0'), "{c:?}");
        }
    }

    #[test]
    fn device_units_are_named_as_systemd_names_them() {
        assert_eq!(
            device_unit("/dev/disk/by-id/ata-X_1.0-part1"),
            r"dev-disk-by\x2did-ata\x2dX_1.0\x2dpart1.device"
        );
        assert_eq!(device_unit("/dev/.x"), r"dev-.x.device");
        assert_eq!(interface_unit("bond0.1000"), "sys-subsystem-net-devices-bond0.1000.device");
        assert_eq!(interface_unit("a%b"), r"sys-subsystem-net-devices-a\x25b.device");
    }
}
