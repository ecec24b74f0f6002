use std::io::Write;

use tar::{Builder, EntryType, Header};
use tempfile::NamedTempFile;

use super::*;

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A tar archive of these members; a link has its target for bytes.
fn tarball(members: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, kind, bytes) in members {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        let is_link = kind.is_symlink() || kind.is_hard_link();
        if is_link {
            header.set_link_name_literal(bytes).unwrap();
        }
        let bytes = if is_link { &[][..] } else { bytes };
        header.set_size(bytes.len() as u64);
        // As an attacker does: without the crate's own checks of names.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn opened(bytes: &[u8]) -> (NamedTempFile, Result<Archive, Error>) {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let archive = Archive::open(file.path());
    (file, archive)
}

/// The innermost cause, which says what is wrong.
fn why(bytes: &[u8]) -> String {
    let error = opened(bytes).1.unwrap_err();
    let source = std::error::Error::source(&error);
    source.map_or_else(|| error.to_string(), ToString::to_string)
}

fn layout(blobs: &[&[u8]], root: &Digest) -> Vec<u8> {
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{OCI_MANIFEST}","digest":"{root}","size":2,
            "annotations":{{"io.containerd.image.name":"ghcr.io/a/b:1"}}}}]}}"#
    );
    let paths: Vec<String> =
        blobs.iter().map(|blob| archive::blob_path(&Digest::of(blob))).collect();
    let mut members: Vec<(&str, EntryType, &[u8])> = vec![
        ("./", EntryType::Directory, b""),
        ("./oci-layout", EntryType::Regular, archive::LAYOUT_TEXT.as_bytes()),
        ("index.json", EntryType::Regular, index.as_bytes()),
    ];
    let blobs = paths.iter().zip(blobs);
    members.extend(blobs.map(|(path, blob)| (path.as_str(), EntryType::Regular, *blob)));
    tarball(&members)
}

#[test]
fn a_layout_is_read_where_it_stands() {
    let layer = vec![7; 3 * limits::CHUNK / 2];
    let root = Digest::of(b"{}");
    let (_file, archive) = opened(&layout(&[b"{}", &layer], &root));
    let archive = archive.unwrap();
    let image = &archive.images()[0];
    assert_eq!((image.names[0].as_str(), &image.root.digest), ("ghcr.io/a/b:1", &root));
    assert_eq!(archive.read(&root, 10).unwrap().as_deref(), Some(&b"{}"[..]));
    assert_eq!(archive.read(&root, 1).unwrap(), None);
    let digest = Digest::of(&layer);
    assert_eq!(archive.size(&digest), Some(layer.len() as u64));
    let mut rest = Vec::new();
    archive.reader(&digest, 5).unwrap().read_to_end(&mut rest).unwrap();
    assert_eq!(rest, layer[5..]);
    let beyond = archive.reader(&digest, u64::MAX).unwrap().read(&mut [0; 8]).unwrap();
    assert_eq!(beyond, 0);
}

#[test]
fn a_blob_with_another_digest_is_not_read() {
    let root = Digest::of(b"{}");
    let mut bytes = layout(&[b"{}"], &root);
    let place = bytes.windows(3).rposition(|window| window == b"{}\0").unwrap();
    bytes[place] = b'[';
    let (_file, archive) = opened(&bytes);
    assert_eq!(archive.unwrap().read(&root, 10).unwrap(), None);
}

#[test]
fn a_saved_archive_gets_manifests_and_shares_layers_by_links() {
    let list =
        br#"[{"Config":"c.json","RepoTags":["k:1"],"Layers":["a/layer.tar","b/layer.tar"]}]"#;
    let gzip = [GZIP_BYTES, b"rest"].concat();
    let bytes = tarball(&[
        ("a/", EntryType::Directory, b""),
        ("a/layer.tar", EntryType::Regular, &gzip),
        ("b/layer.tar", EntryType::Symlink, b"../a/layer.tar"),
        ("c.json", EntryType::Regular, b"{\"x\":1}"),
        ("manifest.json", EntryType::Regular, list),
    ]);
    let (_file, archive) = opened(&bytes);
    let archive = archive.unwrap();
    let image = &archive.images()[0];
    assert_eq!(image.names[0].as_str(), "docker.io/library/k:1");
    let manifest = archive.read(&image.root.digest, image.root.size).unwrap().unwrap();
    let document = mvm_images_plan::manifest::document(&image.root.media_type, &manifest);
    let Ok(mvm_images_plan::manifest::Document::Manifest(manifest)) = document else { panic!() };
    let layer = Digest::of(&gzip);
    assert_eq!(manifest.layers.len(), 2);
    assert!(manifest.layers.iter().all(|one| one.digest == layer && one.size == 6));
    assert!(manifest.layers[0].media_type.ends_with(".gzip"));
    assert_eq!(
        archive.read(&manifest.config.digest, 10).unwrap().as_deref(),
        Some(&b"{\"x\":1}"[..])
    );
}

const GZIP_BYTES: &[u8] = &[0x1f, 0x8b];

#[test]
fn long_names_and_sizes_are_read() {
    let list = format!(r#"[{{"Config":"{0}/c","Layers":["{0}/l"]}}]"#, "d".repeat(150));
    let mut builder = Builder::new(Vec::new());
    for (name, bytes) in [("c", &b"{}"[..]), ("l", b"layer")] {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // With GNU's long name before it.
        builder.append_data(&mut header, format!("{}/{name}", "d".repeat(150)), bytes).unwrap();
    }
    let size = list.len().to_string();
    builder
        .append_pax_extensions([("path", &b"manifest.json"[..]), ("size", size.as_bytes())])
        .unwrap();
    let mut header = Header::new_ustar();
    header.set_path("short").unwrap();
    header.set_size(list.len() as u64);
    header.set_cksum();
    builder.append(&header, list.as_bytes()).unwrap();
    let (_file, archive) = opened(&builder.into_inner().unwrap());
    assert_eq!(archive.unwrap().images().len(), 1);
}

#[test]
fn what_is_no_archive_of_images_is_refused() {
    assert_eq!(why(b""), "it ends within a header");
    assert_eq!(why(&[b'x'; 2048]), "it is no tar archive");
    assert_eq!(why(&[GZIP_BYTES, &[0; 1024]].concat()), "it is compressed");
    let foreign = tarball(&[("etc/passwd", EntryType::Regular, b"root")]);
    assert_eq!(why(&foreign), "neither an OCI layout nor a docker-archive");
    let cut = layout(&[&[1; 4096]], &Digest::of(b"{}"));
    assert_eq!(why(&cut[..cut.len() - 4096]), "it ends within a member");
}

#[test]
fn tricks_with_names_lead_nowhere() {
    for name in ["../evil", "/etc/shadow", "a/../../evil"] {
        let bytes = tarball(&[(name, EntryType::Regular, b"x")]);
        assert_eq!(why(&bytes), "the path of a member leads out of it", "{name}");
    }
    let list = br#"[{"Config":"c","Layers":["l"]}]"#;
    for (config, kind, target) in [
        ("c", EntryType::Symlink, &b"/etc/shadow"[..]),
        ("c", EntryType::Symlink, b"../../etc/shadow"),
        ("c", EntryType::Symlink, b"c"),
        ("c", EntryType::Link, b"../c"),
        ("c", EntryType::Fifo, b""),
        ("c", EntryType::Char, b""),
    ] {
        let bytes = tarball(&[(config, kind, target), ("manifest.json", EntryType::Regular, list)]);
        assert_eq!(why(&bytes), "c is not in it", "{kind:?}");
    }
}

#[test]
fn sizes_beyond_the_file_are_refused() {
    let mut header = Header::new_gnu();
    header.set_path("x").unwrap();
    for size in [u64::MAX, 1 << 40, 4096] {
        header.set_size(size);
        header.set_cksum();
        assert_eq!(why(header.as_bytes()), "it ends within a member", "{size}");
    }
    header.set_entry_type(EntryType::XHeader);
    header.set_size(1 << 20);
    header.set_cksum();
    let bytes = [header.as_bytes().to_vec(), vec![b'1'; 1 << 20]].concat();
    assert_eq!(why(&bytes), "a member has too many attributes");
}
