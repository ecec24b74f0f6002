//! The file that says which images mvmhost brought.

use mvm_core::state::{self, File};
use mvm_core::{Digest, Roots, chain};
use mvm_images_plan::prune::PulledImages;

use crate::Error;

const FILE: File<PulledImages> = File::of(&state::IMAGES);

/// What mvmhost brought; nothing where it never did.
///
/// # Errors
/// When the file cannot be read or is no such file: then nothing is known.
pub fn read(roots: &Roots) -> Result<PulledImages, Error> {
    let read = FILE.read(roots).map_err(|error| failed(roots, error))?;
    Ok(read.unwrap_or_default())
}

/// Writes it.
///
/// # Errors
/// When the disk does not take it; the old one is then untouched.
pub fn write(roots: &Roots, pulled: &PulledImages) -> Result<(), Error> {
    FILE.write(roots, pulled).map_err(|error| failed(roots, error))
}

fn failed(roots: &Roots, error: mvm_core::Error) -> Error {
    let why = match error {
        mvm_core::Error::State { why, .. } => why,
        other => chain(&other),
    };
    Error::OwnFile { path: FILE.path(roots), why }
}

/// Takes down that a name is about to stand for something that mvmhost brought. Without that the
/// image is never removed, which is no reason to go without it.
pub(crate) fn note(roots: &Roots, name: &str, digest: &Digest, before: Option<&Digest>) {
    let noted = read(roots).and_then(|mut pulled| match pulled.note(name, digest, before) {
        true => write(roots, &pulled),
        false => Ok(()),
    });
    if let Err(error) = noted {
        log::warn!("{name} will stay when [images] no longer names it: {}", chain(&error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_and_a_broken_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        assert_eq!(read(&roots).unwrap(), PulledImages::default());
        let digest = Digest::of(b"a");
        note(&roots, "r.test/a:1", &digest, None);
        assert_eq!(read(&roots).unwrap().unlisted(&[]), ["r.test/a:1"]);
        std::fs::write(FILE.path(&roots), "{").unwrap();
        note(&roots, "r.test/b:1", &digest, None);
        assert!(read(&roots).is_err());
        assert_eq!(std::fs::read(FILE.path(&roots)).unwrap(), b"{");
    }
}
