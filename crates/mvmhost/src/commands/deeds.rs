//! `mvmhost check --deep`: what the daemons will do is done once.

use mvm_config::model::NetworkMode;
use mvm_config::{Config, Roots};
use mvm_diagnostics::Severity;
use mvm_host::chain;
use mvm_plan::checks::{self, Deed, Deeds, Facts};
use mvm_plan::thinpool::PoolState;
use mvm_storage::proof::{Kernel, Proof};
use mvm_storage::thinpool;

pub(super) fn run(roots: &Roots, config: &Config, facts: &Facts) -> Deeds {
    Deeds { thin: thin(roots, config, facts), dhcp: dhcp(roots, config, facts) }
}

/// A pool that has something wrong is left alone: a write could wait for a minute, and what is wrong
/// is known.
fn thin(roots: &Roots, config: &Config, facts: &Facts) -> Deed<()> {
    let wrong = checks::pool(config, &facts.pool);
    if let Some(finding) = wrong.iter().find(|finding| finding.severity() == Severity::Error) {
        return Deed::NotTried(finding.message());
    }
    let Ok(PoolState::Live(live)) = &facts.pool else {
        return Deed::NotTried("the pool is not live".to_owned());
    };
    let pool = config.thinpool.name.as_str();
    // Two proofs at a time would take each other's devices away.
    let _lock = match thinpool::lock(roots) {
        Ok(lock) => lock,
        Err(error) => return Deed::NotTried(error.chain()),
    };
    match (Proof { roots, pool, block: live.table.shape.block_sectors }).run(&Kernel) {
        Ok(()) => Deed::Done(()),
        Err(error) => Deed::Failed(error.chain()),
    }
}

fn dhcp(roots: &Roots, config: &Config, facts: &Facts) -> Deed<Vec<mvm_plan::dhcp::Offer>> {
    if config.network.mode != NetworkMode::Tap {
        return Deed::NotTried("only a bridge can be asked from this host".to_owned());
    }
    if !facts.interface.as_ref().is_some_and(|found| found.bridge && found.up) {
        return Deed::NotTried("there is no bridge that is switched on".to_owned());
    }
    match mvm_network::offers(roots, config.network.bridge.name.as_str()) {
        Ok(offers) => Deed::Done(offers),
        Err(error) => Deed::Failed(chain(&error)),
    }
}
