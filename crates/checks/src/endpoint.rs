//! flintlockd will be able to listen where the configuration says.

use mvm_config::Config;
use mvm_core::{Finding, catalogue};

use super::{Endpoint, Observed};

pub(super) fn check(config: &Config, observed: &Observed) -> Vec<Finding> {
    let endpoint = &config.flintlockd.grpc_endpoint;
    let mut findings = Vec::new();
    match &observed.endpoint {
        Endpoint::Free => {}
        Endpoint::Taken(holder) => findings.push(catalogue::flk::endpoint_taken(
            endpoint.to_string(),
            endpoint.port(),
            holder,
        )),
        Endpoint::Refused(why) => {
            findings.push(catalogue::flk::endpoint_refused(endpoint.to_string(), why))
        }
        Endpoint::NoAddress => findings.push(catalogue::flk::endpoint_no_address(endpoint.host())),
    }
    findings
}
