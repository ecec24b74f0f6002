//! What the registry on this host gives out, and under which names.
//!
//! The list is written by what talks to containerd, which is root's to do, and read by a program
//! that may do nothing but read. Only what stands in it is ever opened.

use std::collections::BTreeMap;

use mvm_config::names::{Endpoint, ImageRef};
use mvm_core::Digest;
use serde::{Deserialize, Serialize};

/// Everything that is given out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Served {
    /// Always 1; mvm-registry does not look at it.
    pub version: u32,
    /// In the file's order.
    pub images: Vec<Image>,
}

/// One image with everything that leads from its name to its layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// As `[images]` names it.
    pub reference: String,
    /// What its tag stands for.
    pub digest: String,
    /// Its indexes and manifests, by digest.
    pub manifests: BTreeMap<String, Manifest>,
    /// Bytes of its configuration and layers, by digest.
    pub blobs: BTreeMap<String, u64>,
}

/// An index or a manifest; its digest is the key in [`Image::manifests`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// As it was pulled.
    pub media_type: String,
    /// Length of the document in bytes.
    pub size: u64,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The file's name in containerd's content store.
    pub digest: Digest,
    /// Length of that file in bytes.
    pub size: u64,
    /// `application/octet-stream` for a blob.
    pub media_type: String,
}

impl Served {
    /// The images in a repository: under the path that they have at their registry, and under their
    /// registry's name with that path behind it.
    fn within(&self, repository: &str) -> impl Iterator<Item = (&Image, ImageRef)> {
        let parsed = self.images.iter().filter_map(|image| {
            ImageRef::parse(&image.reference).ok().map(|reference| (image, reference))
        });
        let repository = repository.to_owned();
        parsed.filter(move |(_, reference)| {
            reference.repository() == repository || whole(reference) == repository
        })
    }

    /// Whether there is such a repository.
    pub fn has(&self, repository: &str) -> bool {
        self.within(repository).next().is_some()
    }

    /// The tags of a repository, sorted, each once; empty where its images have none.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let tags = self.within(repository);
        let mut tags: Vec<String> =
            tags.filter_map(|(_, reference)| reference.tag().map(str::to_owned)).collect();
        tags.sort_unstable();
        tags.dedup();
        tags
    }

    /// The index or manifest for a tag or a digest. A tag that stands for two images of two
    /// registries stands for neither.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<Found> {
        let digest = match Digest::parse(reference) {
            Some(digest) => digest,
            None => {
                let mut tagged =
                    self.within(repository).filter(|(_, image)| image.tag() == Some(reference));
                let (image, _) = tagged.next()?;
                if tagged.any(|(other, _)| other.digest != image.digest) {
                    return None;
                }
                Digest::parse(&image.digest)?
            }
        };
        let found = self
            .within(repository)
            .find_map(|(image, _)| image.manifests.get(digest.as_str()).cloned())?;
        Some(Found { digest, size: found.size, media_type: found.media_type })
    }

    /// A configuration or a layer, or an index or manifest asked for as one.
    pub fn blob(&self, repository: &str, digest: &str) -> Option<Found> {
        let digest = Digest::parse(digest)?;
        let size = self.within(repository).find_map(|(image, _)| {
            let manifest = image.manifests.get(digest.as_str()).map(|manifest| manifest.size);
            image.blobs.get(digest.as_str()).copied().or(manifest)
        })?;
        Some(Found { digest, size, media_type: "application/octet-stream".to_owned() })
    }
}

/// The reference under which a microVM on this host can ask for an image; `None` where nothing
/// listens on this host's own name, because flintlockd speaks TLS to every other.
/// `all` are the images of the file, two of which may have one path and tag.
pub fn local<'i>(
    image: &ImageRef,
    listen: &Endpoint,
    all: impl IntoIterator<Item = &'i ImageRef>,
) -> Option<String> {
    let everywhere = matches!(listen.host(), "" | "0.0.0.0" | "::");
    let host = match listen.host() {
        "127.0.0.1" | "localhost" => "localhost".to_owned(),
        "::1" => "[::1]".to_owned(),
        _ if everywhere => "localhost".to_owned(),
        host if host.starts_with("127.") => host.to_owned(),
        _ => return None,
    };
    let same = |other: &ImageRef| {
        other != image
            && (other.repository(), other.tag()) == (image.repository(), image.tag())
            && other.registry() != image.registry()
    };
    let path = match all.into_iter().any(same) {
        true => whole(image),
        false => image.repository().to_owned(),
    };
    let tag = image.tag().map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = image.digest().map(|digest| format!("@{digest}")).unwrap_or_default();
    Some(format!("{host}:{}/{path}{tag}{digest}", listen.port()))
}

/// The path with the registry before it: `ghcr.io/a/b`, and `r.test_5000/a/b` for one with a port,
/// because a path has no colons.
fn whole(reference: &ImageRef) -> String {
    let registry = reference.registry().to_lowercase().replace([':', '[', ']'], "_");
    format!("{}/{}", registry.trim_matches('_'), reference.repository())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: u8) -> String {
        Digest::of(&[n]).to_string()
    }

    fn image(reference: &str, n: u8) -> Image {
        let manifest = Manifest { media_type: "m".to_owned(), size: u64::from(n) };
        Image {
            reference: reference.to_owned(),
            digest: digest(n),
            manifests: [(digest(n), manifest)].into(),
            blobs: [(digest(n + 1), 7)].into(),
        }
    }

    fn served() -> Served {
        let images = vec![
            image("ghcr.io/a/b:1", 10),
            image("docker.io/a/b:1", 20),
            image("docker.io/a/b:2", 30),
            image(
                "r.test:5000/c@sha256:0000000000000000000000000000000000000000000000000000000000000000",
                40,
            ),
        ];
        Served { version: 1, images }
    }

    #[test]
    fn images_have_their_own_path_and_one_with_their_registry() {
        let served = served();
        let size = |repository: &str, reference: &str| {
            served.manifest(repository, reference).map(|found| found.size)
        };
        assert_eq!(size("a/b", "2"), Some(30));
        // Of two registries, and nobody said which.
        assert_eq!(size("a/b", "1"), None);
        assert_eq!(size("ghcr.io/a/b", "1"), Some(10));
        assert_eq!(size("docker.io/a/b", "1"), Some(20));
        assert_eq!(size("ghcr.io/a/b", "2"), None);
        assert_eq!(size("a/b", &digest(10)), Some(10));
        assert_eq!(size("r.test_5000/c", &digest(40)), Some(40));
        for (repository, reference) in [("a", "1"), ("a/b/", "2"), ("../a/b", "2"), ("c", "latest")]
        {
            assert_eq!(size(repository, reference), None, "{repository} {reference}");
        }
        assert_eq!(served.tags("a/b"), ["1", "2"]);
        assert!(served.has("c") && served.tags("c").is_empty() && !served.has("d"));
    }

    #[test]
    fn blobs_are_given_out_by_the_repository_that_they_are_in() {
        let served = served();
        assert_eq!(served.blob("docker.io/a/b", &digest(21)).unwrap().size, 7);
        assert_eq!(served.blob("a/b", &digest(20)).unwrap().size, 20);
        assert_eq!(served.blob("ghcr.io/a/b", &digest(21)), None);
        assert_eq!(served.blob("a/b", "sha256:../../../etc/passwd"), None);
    }

    #[test]
    fn a_local_name_is_one_that_flintlockd_asks_over_plain_http() {
        let parse = |text: &str| ImageRef::parse(text).unwrap();
        let all = [parse("ghcr.io/a/b:1"), parse("docker.io/a/b:1"), parse("docker.io/a/c:1")];
        let at = |listen: &str, n: usize| local(&all[n], &Endpoint::parse(listen).unwrap(), &all);
        assert_eq!(at("127.0.0.1:5000", 2).unwrap(), "localhost:5000/a/c:1");
        assert_eq!(at("127.0.0.1:5000", 0).unwrap(), "localhost:5000/ghcr.io/a/b:1");
        assert_eq!(at(":81", 1).unwrap(), "localhost:81/docker.io/a/b:1");
        assert_eq!(at("[::1]:5000", 2).unwrap(), "[::1]:5000/a/c:1");
        assert_eq!(at("192.0.2.1:5000", 2), None);
        for n in 0..3 {
            assert!(ImageRef::parse(&at("localhost:5000", n).unwrap()).is_ok());
        }
    }
}
