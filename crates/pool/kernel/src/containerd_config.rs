//! The configuration that somebody else gives a containerd, with everything that it imports.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use mvm_containerd::imports;
use mvm_core::{Error, Roots, atomic, names};

/// Bytes of one file.
const LONGEST: u64 = 1 << 20;
/// Files in all.
const MOST: usize = 64;

/// The text of the file at `path` with those that it imports laid over it, in containerd's order.
/// A file that names none has what containerd 2.2 and later import by themselves, where that is
/// there. What cannot be read or parsed among the imported is left out: containerd says so itself.
///
/// # Errors
/// When the file itself cannot be read.
pub fn read(roots: &Roots, path: &str) -> Result<String, Error> {
    let text = file(roots, Path::new(path))?;
    let Ok(mut all) = text.parse::<toml::Table>() else {
        // Whoever asked says where it is wrong.
        return Ok(text);
    };
    let patterns = match all.contains_key("imports") {
        true => imports::imports(&all),
        false => vec![names::CONTAINERD_IMPORTS.to_owned()],
    };
    let mut pending = found(roots, Path::new(path), &patterns);
    let mut visited = BTreeSet::from([PathBuf::from(path)]);
    let mut merged = false;
    while !pending.is_empty() && visited.len() < MOST {
        let next = pending.remove(0);
        if !visited.insert(next.clone()) {
            continue;
        }
        let table = file(roots, &next).ok().and_then(|text| text.parse::<toml::Table>().ok());
        let Some(table) = table else {
            log::debug!("{} is left out", next.display());
            continue;
        };
        pending.extend(found(roots, &next, &imports::imports(&table)));
        imports::merge(&mut all, table);
        merged = true;
    }
    Ok(if merged { imports::text(&all) } else { text })
}

fn file(roots: &Roots, path: &Path) -> Result<String, Error> {
    let bytes = atomic::read_linked(&roots.at(path), LONGEST)?;
    String::from_utf8(bytes).map_err(|error| Error::Read {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, error),
    })
}

/// The files that imports of the file at `from` stand for, each pattern's in the order of names.
fn found(roots: &Roots, from: &Path, imports: &[String]) -> Vec<PathBuf> {
    let folder = from.parent().unwrap_or(Path::new("/"));
    let mut all = Vec::new();
    for one in imports {
        let path = folder.join(one);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some((before, after)) = name.split_once('*') else {
            all.push(path);
            continue;
        };
        // Patterns of folders' names are nobody's; those of files have one star.
        let folder = path.parent().unwrap_or(Path::new("/"));
        let entries = fs::read_dir(roots.at(folder)).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let fits = |name: &String| {
            let long = name.len() >= before.len() + after.len();
            long && name.starts_with(before) && name.ends_with(after)
        };
        let mut names: Vec<String> = names.filter(fits).take(MOST).collect();
        names.sort_unstable();
        all.extend(names.into_iter().map(|name| folder.join(name)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "/etc/containerd/config.toml";

    fn of(files: &[(&str, &str)]) -> toml::Table {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        for (path, text) in files {
            let path = roots.at(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        read(&roots, MAIN).unwrap().parse().unwrap()
    }

    #[test]
    fn imports_are_laid_over_the_file_in_containerd_s_order() {
        let x = |table: &toml::Table| table.get("x").and_then(toml::Value::as_integer);
        let main = (MAIN, "x = 1\nimports = [\"sub/*.toml\", \"/etc/last.toml\"]\n");
        let (a, b) =
            (("/etc/containerd/sub/a.toml", "x = 2\n"), ("/etc/containerd/sub/b.toml", "x = 3\n"));
        assert_eq!(x(&of(&[main])), Some(1));
        assert_eq!(x(&of(&[main, b, a])), Some(3));
        // They import one another for ever.
        let last = (
            "/etc/last.toml",
            "x = 4\nimports = [\"/etc/containerd/config.toml\", \"more.toml\"]\n",
        );
        assert_eq!(x(&of(&[main, a, b, last])), Some(4));
        let more = ("/etc/more.toml", "x = 5\n");
        assert_eq!(x(&of(&[main, a, b, last, more])), Some(5));
        let broken = ("/etc/containerd/sub/c.toml", "x = ");
        assert_eq!(x(&of(&[main, a, broken])), Some(2));
    }

    #[test]
    fn conf_d_counts_unless_the_file_names_others() {
        let drop_in = ("/etc/containerd/conf.d/pool.toml", "root = \"/srv/c\"\n");
        assert!(of(&[(MAIN, "version = 3\n"), drop_in]).contains_key("root"));
        assert!(!of(&[(MAIN, "version = 3\nimports = []\n"), drop_in]).contains_key("root"));
    }
}
