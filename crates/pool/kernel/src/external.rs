//! A pool that somebody else makes: it is looked at, and nothing is done to it.

use std::convert::Infallible;

use mvm_core::Plan;
use mvm_pool_plan::external::{Desired, look};
use mvm_pool_plan::thinpool::{Device, Observed, Pool};

use crate::Error;
use crate::thinpool::{Manage, Report, System, facts};

/// Gathers the facts about the pool. Changes nothing.
///
/// # Errors
/// When device-mapper does not answer.
pub fn observe(system: &System<'_>, desired: &Desired) -> Result<Observed, Error> {
    let mut observed = facts::control(system);
    facts::live(system, &desired.pool, &mut observed)?;
    Ok(observed)
}

impl Manage for Desired {
    type Observed = Observed;
    /// There is none.
    type Step = Infallible;

    fn pool(&self) -> &Pool {
        &self.pool
    }

    fn observe(&self, system: &System<'_>) -> Result<Observed, Error> {
        observe(system, self)
    }

    fn plan(&self, observed: &Observed) -> Plan<Infallible> {
        Plan::new(Vec::new(), look(self, observed))
    }

    fn apply(&self, _: &System<'_>, _: &Plan<Infallible>) -> Result<Report<Infallible>, Error> {
        Ok(Report::default())
    }

    fn device(observed: &Observed) -> &Device {
        &observed.device
    }

    fn may_be_left(step: &Infallible) -> bool {
        match *step {}
    }
}
