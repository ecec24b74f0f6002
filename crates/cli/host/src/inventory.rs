//! Versions of what makes up the host, now and at the last apply.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mvm_config::model::Provider;
use mvm_config::{Config, places};
use mvm_core::state::{self, File};
use mvm_core::{Roots, chain};
use mvm_units_plan::drift::{LastApply, Versions};
use mvm_units_systemd::containerd;
use mvm_validate::observe;

/// How long containerd may take to tell its version.
const TIMEOUT: Duration = Duration::from_secs(3);
const FILE: File<LastApply> = File::of(&state::APPLIED);

/// Versions by what has them. What does not tell its version has none.
pub(crate) fn versions(roots: &Roots, config: &Config) -> Versions {
    let socket = roots.at(places::containerd_socket(config.containerd.instance));
    let kernel = fs::read_to_string(roots.at("/proc/sys/kernel/osrelease"));
    let [flintlockd, vmm] = observe::programs(roots, config);
    let candidates = [
        ("mvmhost", Some(env!("CARGO_PKG_VERSION").to_owned())),
        ("kernel", kernel.ok().map(|text| text.trim().to_owned())),
        ("containerd", containerd::version(&socket, TIMEOUT).ok()),
        ("flintlockd", flintlockd.version),
        (provider(config), vmm.version),
    ];
    let with_version = |(name, version): (&str, Option<String>)| Some((name.to_owned(), version?));
    candidates.into_iter().filter_map(with_version).collect()
}

/// The provider in mvmhost.toml's word.
pub(crate) fn provider(config: &Config) -> &'static str {
    match config.flintlockd.provider {
        Provider::Firecracker => "firecracker",
        Provider::CloudHypervisor => "cloudhypervisor",
    }
}

/// What the last apply noted; `None` where none did.
pub(crate) fn last_apply(roots: &Roots) -> Option<LastApply> {
    FILE.get(roots)
}

/// Notes what an apply leaves, for whoever compares later; apply does not fail for it.
pub fn keep(roots: &Roots, config: &Config) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let record = LastApply {
        version: LastApply::VERSION,
        at: now.as_secs(),
        versions: versions(roots, config),
    };
    if let Err(error) = FILE.write(roots, &record) {
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
        assert_eq!(last_apply(&roots), None);
        let kernel = roots.at("/proc/sys/kernel/osrelease");
        mvm_core::atomic::write(&kernel, b"6.12.48+deb13-amd64\n", 0o644).unwrap();
        keep(&roots, &Config::default());
        let last_apply = last_apply(&roots).unwrap();
        assert!(last_apply.at > 0);
        let expected = [("kernel", "6.12.48+deb13-amd64"), ("mvmhost", env!("CARGO_PKG_VERSION"))];
        let expected = expected.map(|(name, version)| (name.to_owned(), version.to_owned()));
        assert_eq!(last_apply.versions, Versions::from(expected));
    }
}
