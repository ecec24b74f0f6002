//! What an unknown key or value was probably meant to be.

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
    let closest = known.map(|name| (distance(word, name), name)).min();
    // Half a word changed is no spelling mistake: `id` is not a misspelt `mac`.
    closest.filter(|(far, name)| *far < FAR && far * 2 <= name.len()).map(|(_, name)| name)
}

/// Levenshtein distance; [`FAR`] for everything that is that far or farther.
fn distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) >= FAR {
        return FAR;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, cell) in b.bytes().zip(row.iter_mut().skip(1)) {
            let substituted = diagonal + usize::from(x != y);
            diagonal = *cell;
            left = substituted.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(FAR)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn counts_changed_letters() {
        assert_eq!(distance("data-size", "data-size"), 0);
        assert_eq!(distance("data-sise", "data-size"), 1);
        assert_eq!(distance("datasize", "data-size"), 1);
        assert_eq!(distance("adta-size", "data-size"), 2);
        assert_eq!(distance("x", "data-size"), 3);
    }
}
