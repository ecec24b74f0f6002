//! `mvmhost tls`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mvm_config::names::Endpoint;

/// The subcommands of tls.
#[derive(Debug, Subcommand)]
pub enum TlsCommand {
    /// Make an authority, the certificate of flintlockd and those of clients; nothing is replaced
    Init(TlsInit),
    /// Make again what is due; flintlockd is restarted when its certificate is new
    Renew(TlsRenew),
    /// Show the certificates, or print a client's as a Secret of Kubernetes
    Show(TlsShow),
}

/// What init makes.
#[derive(Debug, Args)]
pub struct TlsInit {
    /// Let flintlockd listen there, such as 0.0.0.0:9090
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = endpoint)]
    pub listen: Option<Endpoint>,
    /// A name or address by which clients call this host, beside those that it has
    #[arg(long = "name", value_name = "NAME", value_parser = host)]
    pub names: Vec<String>,
    /// Make a certificate for this client too
    #[arg(long = "client", value_name = "NAME", value_parser = client)]
    pub clients: Vec<String>,
    /// Use this authority, such as that of the first host of a cluster
    #[arg(long, value_name = "FILE", requires = "ca_key")]
    pub ca: Option<PathBuf>,
    /// The key of that authority
    #[arg(long, value_name = "FILE", requires = "ca")]
    pub ca_key: Option<PathBuf>,
    /// Tell what would be made, and change nothing
    #[arg(long, conflicts_with = "ca")]
    pub dry_run: bool,
}

/// What renew makes again.
#[derive(Debug, Args)]
pub struct TlsRenew {
    /// Only what is in the last third of its time, as the timer does it
    #[arg(long)]
    pub due: bool,
    /// The certificate of this client, due or not
    #[arg(long = "client", value_name = "NAME", value_parser = client)]
    pub clients: Vec<String>,
}

/// What is shown.
#[derive(Debug, Args)]
pub struct TlsShow {
    /// Print a Secret of this name, with certificate, key and authority of the client, as YAML
    #[arg(long, value_name = "NAME", value_parser = kubernetes)]
    pub secret: Option<String>,
    /// The namespace of the Secret: that of the cluster
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = kubernetes)]
    pub namespace: String,
    /// Whose certificate
    #[arg(long, value_name = "NAME", default_value = "capmvm", value_parser = client)]
    pub client: String,
}

fn endpoint(text: &str) -> Result<Endpoint, String> {
    Endpoint::parse(text).map_err(|bad| bad.to_string())
}

fn client(text: &str) -> Result<String, String> {
    let fits = mvm_tls::plan::is_client_name(text);
    fits.then(|| text.to_owned()).ok_or_else(|| "letters, digits and \"._-\"".to_owned())
}

fn host(text: &str) -> Result<String, String> {
    let fits = mvm_tls::is_name(text) || text.parse::<std::net::IpAddr>().is_ok();
    fits.then(|| text.to_owned()).ok_or_else(|| "not a host name and not an address".to_owned())
}

/// A name as Kubernetes takes it: a DNS subdomain in lower case.
pub(super) fn kubernetes(text: &str) -> Result<String, String> {
    let fits = mvm_tls::is_name(text) && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    fits.then(|| text.to_owned()).ok_or_else(|| "small letters, digits, \"-\" and \".\"".to_owned())
}
