//! What an unknown key or value was probably meant to be.

use strsim::levenshtein;

use crate::Invalid;

/// More letters of difference than this are another word.
const FAR: usize = 3;

/// The complaint about a key that is none of `known`, which are its possible siblings.
pub(crate) fn unknown<'k>(key: &str, known: impl Iterator<Item = &'k str>) -> Invalid {
    let kebab = key.replace('_', "-").to_ascii_lowercase();
    let instead = match closest(&kebab, known) {
        Some(name) => format!("write {name}"),
        None => "see mvmhost.toml(5) for the keys there are, or remove it".to_owned(),
    };
    Invalid::new("unknown key", instead)
}

/// The one of `known` that `word` was probably meant to be.
pub(crate) fn closest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let closest = known.map(|name| (levenshtein(word, name), name)).min();
    // Half a word changed is no spelling mistake: `id` is not a misspelt `mac`.
    closest.filter(|(far, name)| *far < FAR && far * 2 <= name.len()).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn counts_changed_letters() {
        let instead = |key| unknown(key, ["data-size", "mac"].into_iter()).instead;
        for near in ["data-size", "data-sise", "datasize", "adta-size", "DATA_SIZE"] {
            assert_eq!(instead(near), "write data-size");
        }
        for far in ["x", "data-sixty", "id"] {
            assert!(instead(far).starts_with("see mvmhost.toml(5)"), "{far}");
        }
    }
}
