//! flintlockd will be able to listen where the configuration says.

use mvm_config::Config;
use mvm_core::{Finding, catalogue};

use super::{Endpoint, Facts};

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    let endpoint = &config.flintlockd.grpc_endpoint;
    let mut findings = Vec::new();
    match &facts.endpoint {
        Endpoint::Free => {}
        Endpoint::Taken(holder) => findings.push(
            Finding::new(&catalogue::flk::ENDPOINT_TAKEN, endpoint.to_string())
                .with("port", endpoint.port())
                .with("holder", holder),
        ),
        Endpoint::Refused(why) => findings.push(
            Finding::new(&catalogue::flk::ENDPOINT_REFUSED, endpoint.to_string()).with("why", why),
        ),
        Endpoint::NoAddress => {
            findings.push(Finding::new(&catalogue::flk::ENDPOINT_NO_ADDRESS, endpoint.host()))
        }
    }
    findings
}
