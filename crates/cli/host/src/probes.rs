//! `mvmhost check --deep`: what the daemons will do is done once.

use std::collections::BTreeSet;

use mvm_checks as checks;
use mvm_checks::{Observed, Probe, Probes};
use mvm_config::Config;
use mvm_config::model::NetworkMode;
use mvm_config::names::ImageRef;
use mvm_core::catalogue::deep;
use mvm_core::exec::System;
use mvm_core::{Finding, Roots, Severity, chain};
use mvm_firewalls::{Passage, Purpose};
use mvm_images_client::resolve;
use mvm_images_plan::anonymous::Answer;
use mvm_images_plan::proxy::Proxies;
use mvm_network_kernel::{Kernel, Network as _, address_owners};
use mvm_network_plan::reserved::finding;
use mvm_network_traffic::{Place, offers, place};
use mvm_pool_kernel::proof::{self, Proof};
use mvm_pool_kernel::thinpool;
use mvm_pool_plan::thinpool::PoolState;

/// `flintlockd` is its process, when it runs.
pub(super) fn run(
    roots: &Roots,
    config: &Config,
    observed: &Observed,
    flintlockd: Option<i32>,
) -> Probes {
    let thin = thin(roots, config, observed);
    let (dhcp, traffic) = traffic(roots, config, observed);
    Probes { thin, dhcp, traffic, images: images(roots, config, flintlockd) }
}

/// Who answers for the addresses that the file keeps from DHCP.
pub(super) fn reserved(roots: &Roots, config: &Config) -> Vec<Finding> {
    let entries = &config.network.reserved;
    if entries.is_empty() {
        return Vec::new();
    }
    let not_tried = |subject: String, why: String| {
        let not_tried = deep::not_tried(subject, &why);
        not_tried.evidence(why)
    };
    let observed = match Kernel::connect(roots).and_then(|mut kernel| kernel.observe()) {
        Ok(observed) => observed,
        Err(error) => return vec![not_tried("[network] reserved".to_owned(), chain(&error))],
    };
    let findings =
        entries.iter().map(|entry| match address_owners(config, &observed, entry.address) {
            Ok(owners) => finding(&owners),
            Err(error) => not_tried(entry.address.to_string(), chain(&error)),
        });
    findings.collect()
}

/// A pool that has something wrong is left alone: a write could wait for a minute, and what is wrong
/// is known.
fn thin(roots: &Roots, config: &Config, observed: &Observed) -> Probe<()> {
    let wrong = checks::pool(config, &observed.pool);
    if let Some(finding) = wrong.iter().find(|finding| finding.severity() == Severity::Error) {
        return Probe::NotTried(finding.message());
    }
    let Ok(PoolState::Live(live)) = &observed.pool else {
        return Probe::NotTried("the pool is not live".to_owned());
    };
    let pool = config.thinpool.name.as_str();
    // Two proofs at a time would take each other's devices away.
    let _lock = match thinpool::lock(roots) {
        Ok(lock) => lock,
        Err(error) => return Probe::NotTried(error.chain()),
    };
    match (Proof { roots, pool, block: live.table.shape.block_sectors }).run(&proof::Kernel) {
        Ok(()) => Probe::Done(()),
        Err(error) => Probe::Failed(error.chain()),
    }
}

/// Test packets of a microVM, and who offers an address.
fn traffic(
    roots: &Roots,
    config: &Config,
    observed: &Observed,
) -> (Probe<Vec<mvm_network_plan::dhcp::Offer>>, Probe<Vec<Passage>>) {
    let place = place(config);
    let bridge = place == Place::Bridge;
    if config.network.mode == NetworkMode::None && matches!(place, Place::Macvtaps(_)) {
        return (Probe::NotAsked, Probe::NotAsked);
    }
    let on = observed.interface.as_ref().is_some_and(|found| found.up && (!bridge || found.bridge));
    if !on && !matches!(place, Place::Served(_)) {
        let device = if bridge { "bridge" } else { "parent of macvtaps" };
        let why = format!("there is no {device} that is switched on");
        return (Probe::NotTried(why), Probe::NotAsked);
    }
    match mvm_network_traffic::traffic(roots, &System, config) {
        // Nobody is asked for an address where mvmhost does not serve, which the checks say.
        Ok(sent)
            if matches!(place, Place::Served(_))
                && sent.passages.iter().all(|passage| passage.way != Purpose::Address) =>
        {
            (Probe::NotAsked, Probe::Done(sent.passages))
        }
        Ok(sent) => (Probe::Done(sent.offers), Probe::Done(sent.passages)),
        // Who offers an address may be known all the same.
        Err(error) if bridge => {
            let bridge = config.network.bridge.name.as_str();
            let offers = offers(roots, bridge);
            let offers = offers.map_or_else(|error| Probe::Failed(chain(&error)), Probe::Done);
            (offers, Probe::Failed(chain(&error)))
        }
        Err(error) => (Probe::NotAsked, Probe::Failed(chain(&error))),
    }
}

/// Both roles ask in the same way.
fn images(
    roots: &Roots,
    config: &Config,
    flintlockd: Option<i32>,
) -> Probe<Vec<(ImageRef, Answer)>> {
    let images: BTreeSet<&ImageRef> =
        config.images.kernel.iter().chain(&config.images.root).collect();
    if images.is_empty() {
        return Probe::NotAsked;
    }
    let proxies = effective_proxies(roots, config, flintlockd);
    match resolve::anonymously(images, proxies.as_ref()) {
        Ok(answers) => Probe::Done(answers),
        Err(error) => Probe::NotTried(chain(&error)),
    }
}

/// The proxies of flintlockd; without one running, those of the file or of this command.
pub(super) fn effective_proxies(
    roots: &Roots,
    config: &Config,
    flintlockd: Option<i32>,
) -> Option<Proxies> {
    let file = || config.proxy.is_used().then(|| Proxies::of_file(&config.proxy));
    flintlockd.and_then(|pid| proxies(roots, pid)).or_else(file)
}

fn proxies(roots: &Roots, flintlockd: i32) -> Option<Proxies> {
    let environ = std::fs::read(roots.at(format!("/proc/{flintlockd}/environ"))).ok()?;
    let environ = String::from_utf8_lossy(&environ).into_owned();
    Some(Proxies::of_variables(|name| {
        let entries = environ.split('\0').filter_map(|entry| entry.split_once('='));
        entries.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flintlockds_proxies_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        assert_eq!(proxies(&roots, 7), None);
        std::fs::create_dir_all(roots.at("/proc/7")).unwrap();
        let environ = "A=b\0HTTPS_PROXY=\0https_proxy=http://p:3128\0NO_PROXY=r.test\0";
        std::fs::write(roots.at("/proc/7/environ"), environ).unwrap();
        let expected = Proxies {
            http: String::new(),
            https: "http://p:3128".to_owned(),
            without: "r.test".to_owned(),
        };
        assert_eq!(proxies(&roots, 7), Some(expected));
    }
}
