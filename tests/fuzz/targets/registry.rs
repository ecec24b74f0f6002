//! What a registry, its token server or an archive says: no bytes upset the readers, and what they
//! accept keeps within the bounds that the client relies on.
#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use mvm_images_plan::auth::{self, Logins, Reply};
use mvm_images_plan::manifest::{self, Document, Manifest};
use mvm_images_plan::{Platform, archive, limits};

fn is_bounded(manifest: &Manifest) -> bool {
    let sizes = manifest.layers.iter().all(|layer| (1..=limits::LAYER).contains(&layer.size));
    manifest.layers.len() <= limits::LAYERS && sizes
}

fuzz_target!(|bytes: &[u8]| {
    // The first line stands for a header, the rest for a body.
    let (head, body) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (&b""[..], bytes),
    };
    let head = String::from_utf8_lossy(head);
    let _ = auth::choose([&*head]);
    let text = String::from_utf8_lossy(body);
    let _ = Reply::read(true, &text);
    if let Ok(logins) = Logins::parse(&text) {
        let _ = logins.find("docker.io", "library/busybox");
        let _ = logins.find(&head, "a/b");
    }
    if let Some(token) = auth::token(body) {
        assert!(!token.contains(['\r', '\n']), "a token would make a header of its own");
    }
    if let Ok(kind) = manifest::media_type(Some(&head), body) {
        match manifest::document(&kind, body) {
            Ok(Document::Index(entries)) => {
                assert!(entries.len() <= limits::ENTRIES);
                let _ = manifest::choose(&entries, &Platform::of_machine("x86_64"));
            }
            Ok(Document::Manifest(one)) => {
                assert!(is_bounded(&one));
                if let Ok(config) = manifest::config(body, &one) {
                    assert_eq!(config.diff_ids.len(), one.layers.len());
                }
            }
            Err(_) => {}
        }
    }
    for saved in archive::saved(body).unwrap_or_default() {
        for path in saved.layers.iter().chain([&saved.config]) {
            assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."));
        }
    }
    let _ = archive::listed(body);
    if let Some(path) = archive::link("a/b", body) {
        assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."));
    }
});
