//! flintlockd's API, asked as a client on this host would ask it.

use std::time::Duration;

use mvm_config::{Config, Roots};
use mvm_host::chain;
use mvm_host::flintlock::{Api, MicroVm, Tls};

use crate::handover;

/// How long one question may take.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// All microVMs, of every namespace; `None` when flintlockd answers, and shows them only to clients
/// with a certificate that this host does not have.
///
/// # Errors
/// Why the API did not answer, for people.
pub fn microvms(roots: &Roots, config: &Config) -> Result<Option<Vec<MicroVm>>, String> {
    let flintlockd = &config.flintlockd;
    let token = match &flintlockd.basic_auth_token_file {
        Some(file) => Some(handover::token(&roots.at(file.as_str()))?),
        None => None,
    };
    let tls = flintlockd.tls.as_ref().map(|tls| {
        let (cert, key) = (roots.at(tls.cert.as_str()), roots.at(tls.key.as_str()));
        // The host has no client certificate of its own; the server's is commonly of the same CA.
        let client = tls.client_ca.is_some().then(|| (cert.clone(), key));
        Tls { trust: cert, client }
    });
    let endpoint = &flintlockd.grpc_endpoint;
    let asks_for_certificates = tls.as_ref().is_some_and(|tls| tls.client.is_some());
    let told = Api::connect(endpoint, tls.as_ref(), token.as_deref(), TIMEOUT)
        .and_then(|api| api.list_microvms(TIMEOUT));
    match told {
        Ok(microvms) => Ok(Some(microvms)),
        Err(error) if asks_for_certificates && error.answered() => Ok(None),
        Err(error) => Err(chain(&error)),
    }
}
