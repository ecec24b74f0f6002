//! Sizes as an operator reads them, and paths as a shell does.

use std::path::Path;

/// A size in GiB with one digit after the point; below one GiB in MiB.
pub(crate) fn gib(bytes: u64) -> String {
    if bytes < 1 << 30 {
        return format!("{} MiB", bytes >> 20);
    }
    let tenths = (u128::from(bytes) * 10) >> 30;
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

/// A size in MiB, rounded up.
pub fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// A path as a shell reads it back.
pub fn quote(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_back_from_the_shell() {
        assert_eq!(quote(Path::new("/var/lib/a-b_c.d/data")), "/var/lib/a-b_c.d/data");
        assert_eq!(quote(Path::new("/a b/$(x)")), "'/a b/$(x)'");
        assert_eq!(quote(Path::new("/it's")), r"'/it'\''s'");
    }
}
