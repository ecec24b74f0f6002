//! The list of checksums beside packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::tools;

/// Extensions of the files that are listed: packages, and what is in them (`*.cdx.json`).
pub(crate) const EXTENSIONS: [&str; 3] = ["deb", "rpm", "json"];
/// The list, as sha256sum reads it.
const SUMS: &str = "SHA256SUMS";

/// Lists the packages of a folder with their checksums in [`SUMS`].
pub(crate) fn sums(folder: &Path) -> Result<PathBuf> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let listed = path.extension().and_then(|extension| extension.to_str());
        if let (Some(extension), Some(name)) = (listed, path.file_name())
            && EXTENSIONS.contains(&extension)
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    let mut sum = Command::new("sha256sum");
    let text = tools::output(sum.current_dir(folder).arg("--").args(&names))?;
    let list = folder.join(SUMS);
    fs::write(&list, text).with_context(|| format!("writing {}", list.display()))?;
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_listed_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("mvmhost-sums-{}", std::process::id()));
        fs::create_dir_all(folder.join("build")).unwrap();
        for name in ["b.deb", "a.rpm", "a.rpm.cdx.json", "c.changes"] {
            fs::write(folder.join(name), name).unwrap();
        }
        let text = fs::read_to_string(sums(&folder).unwrap()).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        let names: Vec<&str> = text.lines().filter_map(|line| line.split("  ").nth(1)).collect();
        assert_eq!(names, ["a.rpm", "a.rpm.cdx.json", "b.deb"]);
    }
}
