//! What registries answer flintlockd about the images that its microVMs name.

use std::collections::BTreeMap;
use std::time::Duration;

use mvm_checks as checks;
use mvm_checks::ImageAnswer;
use mvm_config::Config;
use mvm_config::names::ImageRef;
use mvm_core::{Finding, Roots};
use mvm_images_client::resolve;
use mvm_units_systemd::flintlock::{Named, State};
use mvm_validate::api;

use crate::probes;

/// For one image: an operator waits for the check.
const LONGEST: Duration = Duration::from_secs(5);
/// Images that are asked about.
const MOST: usize = 32;

/// Asks as flintlockd does, for each image once; not for those of the file where `deep` asks about
/// them. Nothing where flintlockd lists no microVM.
pub(super) fn findings(
    roots: &Roots,
    config: &Config,
    flintlockd: Option<i32>,
    deep: bool,
) -> Vec<Finding> {
    // What could not be asked is said of flintlockd itself.
    let Ok(Some(listing)) = api::images(roots, config) else { return Vec::new() };
    let mut named = named(&listing);
    if deep {
        let in_file = |image: &ImageRef| {
            config.images.root.contains(image) || config.images.kernel.contains(image)
        };
        named.retain(|image, _| !in_file(image));
    }
    if named.is_empty() {
        return Vec::new();
    }
    let proxies = probes::effective_proxies(roots, config, flintlockd);
    let images = named.keys().take(MOST);
    let answers = resolve::within(LONGEST, images, proxies.as_ref()).unwrap_or_default();
    let all = answers.into_iter().map(|(image, answer)| {
        let microvms = named.get(&image).cloned().unwrap_or_default();
        ImageAnswer { image, microvms, answer }
    });
    checks::registry_answers(config, &all.collect::<Vec<_>>())
}

/// By image, who names it. One that is on its way out asks for nothing any more.
fn named(listing: &[Named]) -> BTreeMap<ImageRef, Vec<String>> {
    let mut named: BTreeMap<ImageRef, Vec<String>> = BTreeMap::new();
    for (one, images) in listing.iter().filter(|(one, _)| one.state != State::Deleting) {
        let name = format!("{}/{}", one.namespace, one.name);
        for image in images.iter().filter_map(|image| ImageRef::parse(image).ok()) {
            let all = named.entry(image).or_default();
            if all.last() != Some(&name) {
                all.push(name.clone());
            }
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_units_systemd::flintlock::MicroVm;

    #[test]
    fn each_image_is_asked_about_once_for_all_that_name_it() {
        let one = |name: &str, state| MicroVm {
            namespace: "ns".to_owned(),
            name: name.to_owned(),
            uid: name.to_owned(),
            state,
            retry: 0,
            version: 1,
            devices: Vec::new(),
        };
        let images = |all: &[&str]| all.iter().map(|image| (*image).to_owned()).collect();
        let listing = [
            (one("a", State::Created), images(&["r.test/k:1", "r.test/r:1", "r.test/r:1"])),
            (one("b", State::Pending), images(&["r.test/k:1", "not an image", "r.test/k"])),
            (one("c", State::Deleting), images(&["r.test/c:1"])),
        ];
        let named = named(&listing);
        let named: Vec<_> = named.iter().map(|(k, v)| (k.as_str(), v.join(" "))).collect();
        let expected = [("r.test/k:1", "ns/a ns/b"), ("r.test/r:1", "ns/a")];
        assert_eq!(named, expected.map(|(image, by)| (image, by.to_owned())));
    }
}
