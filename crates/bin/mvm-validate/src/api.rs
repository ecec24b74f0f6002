//! flintlockd's API, asked as a client on this host would ask it.

use std::path::PathBuf;
use std::time::Duration;

use mvm_config::Config;
use mvm_core::{Roots, chain};
use mvm_tls::plan::{FOLDER, OWN_CLIENT};
use mvm_units_systemd::Error;
use mvm_units_systemd::flintlock::{Api, MicroVm, Named, Tls};

use crate::handover;

/// How long one question may take.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// All microVMs, of every namespace; `None` when flintlockd answers, and shows them only to clients
/// with a certificate that this host does not have.
///
/// # Errors
/// Why the API did not answer, for people.
pub fn microvms(roots: &Roots, config: &Config) -> Result<Option<Vec<MicroVm>>, String> {
    none_without_certificate(
        config,
        connect(roots, config)?.and_then(|api| api.list_microvms(TIMEOUT)),
    )
}

/// The same with the images that each of them names.
///
/// # Errors
/// As [`microvms`].
pub fn images(roots: &Roots, config: &Config) -> Result<Option<Vec<Named>>, String> {
    none_without_certificate(
        config,
        connect(roots, config)?.and_then(|api| api.list_images(TIMEOUT)),
    )
}

fn none_without_certificate<T>(
    config: &Config,
    answer: Result<T, Error>,
) -> Result<Option<T>, String> {
    let asks_for_certificates =
        config.flintlockd.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
    match answer {
        Ok(listing) => Ok(Some(listing)),
        Err(error) if asks_for_certificates && error.answered() => Ok(None),
        Err(error) => Err(chain(&error)),
    }
}

/// A connection as this host's own client. The outer error is the token file's.
///
/// # Errors
/// Why there is none: the token cannot be read, for people; or the API cannot be reached.
pub fn connect(roots: &Roots, config: &Config) -> Result<Result<Api, Error>, String> {
    let flintlockd = &config.flintlockd;
    let token = match &flintlockd.basic_auth_token_file {
        Some(file) => Some(handover::token(&roots.at(file.as_str()))?),
        None => None,
    };
    let tls = flintlockd.tls.as_ref().map(|tls| {
        let (cert, key) = (roots.at(tls.cert.as_str()), roots.at(tls.key.as_str()));
        // Without a client certificate of its own: the server's is commonly of the same CA.
        let own_authority =
            tls.client_ca.as_ref().is_some_and(|ca| ca.as_str() == format!("{FOLDER}/ca.crt"));
        let server = key.exists().then(|| (cert.clone(), key));
        let own = own_client(roots).filter(|_| own_authority).or(server);
        let client = own.filter(|_| tls.client_ca.is_some());
        Tls { trust: cert, client }
    });
    Ok(Api::connect(&flintlockd.grpc_endpoint, tls.as_ref(), token.as_deref(), TIMEOUT))
}

/// The client certificate that `mvmhost tls init` made for this host.
fn own_client(roots: &Roots) -> Option<(PathBuf, PathBuf)> {
    let path = |extension: &str| roots.at(format!("{FOLDER}/clients/{OWN_CLIENT}.{extension}"));
    let (cert, key) = (path("crt"), path("key"));
    (cert.exists() && key.exists()).then_some((cert, key))
}
