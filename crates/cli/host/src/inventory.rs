//! Versions of what makes up the host, now and at the last apply.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mvm_config::model::Provider;
use mvm_config::{Config, places};
use mvm_core::state::{self, File};
use mvm_core::{Roots, chain};
use mvm_units_plan::drift::{Left, Versions};
use mvm_units_systemd::containerd;
use mvm_validate::observe;

/// How long containerd may take to tell its version.
const TIMEOUT: Duration = Duration::from_secs(3);
const FILE: File<Left> = File::of(&state::APPLIED);

/// Versions by what has them. What does not tell its version has none.
pub(crate) fn versions(roots: &Roots, config: &Config) -> Versions {
    let socket = roots.at(places::containerd_socket(config.containerd.instance));
    let kernel = fs::read_to_string(roots.at("/proc/sys/kernel/osrelease"));
    let [flintlockd, vmm] = observe::programs(roots, config);
    let told = [
        ("mvmhost", Some(env!("CARGO_PKG_VERSION").to_owned())),
        ("kernel", kernel.ok().map(|text| text.trim().to_owned())),
        ("containerd", containerd::version(&socket, TIMEOUT).ok()),
        ("flintlockd", flintlockd.version),
        (provider(config), vmm.version),
    ];
    let known = |(name, version): (&str, Option<String>)| Some((name.to_owned(), version?));
    told.into_iter().filter_map(known).collect()
}

/// The provider in mvmhost.toml's word.
pub(crate) fn provider(config: &Config) -> &'static str {
    match config.flintlockd.provider {
        Provider::Firecracker => "firecracker",
        Provider::CloudHypervisor => "cloudhypervisor",
    }
}

/// What the last apply noted; `None` where none did.
pub(crate) fn left(roots: &Roots) -> Option<Left> {
    FILE.get(roots)
}

/// Notes what an apply leaves, for whoever compares later; apply does not fail for it.
pub fn keep(roots: &Roots, config: &Config) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left =
        Left { version: Left::VERSION, at: now.as_secs(), versions: versions(roots, config) };
    if let Err(error) = FILE.write(roots, &left) {
        log::warn!("{}", chain(&error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_apply_notes_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        assert_eq!(left(&roots), None);
        let kernel = roots.at("/proc/sys/kernel/osrelease");
        mvm_core::atomic::write(&kernel, b"6.12.48+deb13-amd64\n", 0o644).unwrap();
        keep(&roots, &Config::default());
        let left = left(&roots).unwrap();
        assert!(left.at > 0);
        let expected = [("kernel", "6.12.48+deb13-amd64"), ("mvmhost", env!("CARGO_PKG_VERSION"))];
        let expected = expected.map(|(name, version)| (name.to_owned(), version.to_owned()));
        assert_eq!(left.versions, Versions::from(expected));
    }
}
