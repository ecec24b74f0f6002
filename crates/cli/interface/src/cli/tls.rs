//! `mvmhost tls`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mvm_config::names::Endpoint;

/// Of `mvmhost tls`, which keeps its files in /etc/mvmhost/tls.
#[derive(Debug, Subcommand)]
pub enum TlsCommand {
    /// Create an authority and certificates for flintlockd and clients; replaces no file
    Init(TlsInit),
    /// Renew certificates that are due; restarts flintlockd when its certificate is new
    Renew(TlsRenew),
    /// Show the certificates, or print that of a client as a Kubernetes Secret
    Show(TlsShow),
}

/// Of `mvmhost tls init`; files that are there stay.
#[derive(Debug, Args)]
pub struct TlsInit {
    /// Let flintlockd listen at this address, such as 0.0.0.0:9090
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = endpoint)]
    pub listen: Option<Endpoint>,
    /// One more name or address that clients use for this host
    #[arg(long = "name", value_name = "NAME", value_parser = host)]
    pub names: Vec<String>,
    /// Also create a certificate for this client
    #[arg(long = "client", value_name = "NAME", value_parser = client)]
    pub clients: Vec<String>,
    /// Use this authority, such as that of the first host of a cluster (PEM)
    #[arg(long, value_name = "FILE", requires = "ca_key")]
    pub ca: Option<PathBuf>,
    /// The key of that authority (PEM)
    #[arg(long, value_name = "FILE", requires = "ca")]
    pub ca_key: Option<PathBuf>,
    /// Show what would be created, and change nothing
    #[arg(long, conflicts_with = "ca")]
    pub dry_run: bool,
}

/// Of `mvmhost tls renew`; without `--due` also the server's is renewed that lacks a name.
#[derive(Debug, Args)]
pub struct TlsRenew {
    /// Only certificates in the last third of their time, as the timer does
    #[arg(long)]
    pub due: bool,
    /// Renew the certificate of this client, due or not
    #[arg(long = "client", value_name = "NAME", value_parser = client)]
    pub clients: Vec<String>,
}

/// Of `mvmhost tls show`: a table of all, or with `--secret` the YAML for one client.
#[derive(Debug, Args)]
pub struct TlsShow {
    /// Print a Secret of this name as YAML: authority, certificate and key of the client
    #[arg(long, value_name = "NAME", value_parser = kubernetes)]
    pub secret: Option<String>,
    /// The namespace of the Secret, which is that of the cluster
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = kubernetes)]
    pub namespace: String,
    /// The client
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
