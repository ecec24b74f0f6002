//! The brake that mvm-guard puts on, as everybody else sees it.

use std::io::ErrorKind;
use std::path::Path;

use crate::{Error, atomic, chain};

/// Bytes of a reason, which is a line.
const LONGEST: u64 = 4096;

/// Why flintlockd is held back; `None` while it is not.
pub fn reason(file: &Path) -> Option<String> {
    match atomic::read_bounded(file, LONGEST) {
        Ok(text) => Some(String::from_utf8_lossy(&text).trim().to_owned()),
        Err(Error::Read { source, .. }) if source.kind() == ErrorKind::NotFound => None,
        // Whatever is there, it was put there to brake.
        Err(error) => Some(chain(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_brakes_whatever_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("brake");
        assert_eq!(reason(&file), None);
        std::fs::write(&file, "data at 96 %\n").unwrap();
        assert_eq!(reason(&file).as_deref(), Some("data at 96 %"));
        std::fs::write(&file, vec![b' '; 5000]).unwrap();
        assert!(reason(&file).is_some_and(|why| !why.is_empty()));
    }
}
