//! `mvmhost init`.

use std::path::PathBuf;

use clap::Args;
use ipnet::IpNet;
use mvm_config::names::{Endpoint, IfName};
use mvm_config::quantities::Bytes;
use serde::Deserialize;

/// Answers given beforehand; what is not given is asked, or is the default with --yes.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct InitArguments {
    /// Ask nothing: what is not given is guessed from what this host has
    #[arg(short, long)]
    pub yes: bool,
    /// Answers in TOML, with the names of these options as keys; options win over it
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub preseed: Option<PathBuf>,
    /// Write a new file where one was edited; the old one is kept as FILE.before-init
    #[arg(long)]
    pub replace: bool,
    /// Print what would be written, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Where the microVMs' disks are: loop, or a whole disk such as /dev/disk/by-id/NAME
    #[arg(long, value_name = "loop|DISK")]
    pub pool: Option<String>,
    /// With loop: how large, such as 100GiB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub pool_size: Option<String>,
    /// nat: a network of their own; uplink: the host's own network, on a bridge; macvtap: the same,
    /// beside the host
    #[arg(long, value_name = "nat|uplink|macvtap")]
    pub network: Option<String>,
    /// With uplink and macvtap: the host's interface; that of the default route unless told
    #[arg(long, value_name = "NAME", value_parser = interface)]
    pub interface: Option<String>,
    /// With nat: this host's address on it; a subnet that is not in use unless told
    #[arg(long, value_name = "ADDRESS/BITS")]
    pub address: Option<IpNet>,
    /// firecracker or cloudhypervisor
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// Where clients reach flintlockd: local, or an address such as 0.0.0.0:9090, which needs
    /// certificates
    #[arg(long, value_name = "local|ADDRESS:PORT", value_parser = listen)]
    pub listen: Option<String>,
}

fn size(text: &str) -> Result<String, String> {
    text.parse::<Bytes>().map(|_| text.to_owned()).map_err(|bad| bad.to_string())
}

fn interface(text: &str) -> Result<String, String> {
    IfName::parse(text).map(|_| text.to_owned()).map_err(|bad| bad.to_string())
}

fn listen(text: &str) -> Result<String, String> {
    let fits = text == "local" || Endpoint::parse(text).is_ok();
    fits.then(|| text.to_owned()).ok_or_else(|| "local, or for example 0.0.0.0:9090".to_owned())
}

impl InitArguments {
    /// These, and from `other` what these leave open.
    pub fn or(self, other: Self) -> Self {
        Self {
            yes: self.yes || other.yes,
            preseed: self.preseed,
            replace: self.replace || other.replace,
            dry_run: self.dry_run || other.dry_run,
            pool: self.pool.or(other.pool),
            pool_size: self.pool_size.or(other.pool_size),
            network: self.network.or(other.network),
            interface: self.interface.or(other.interface),
            address: self.address.or(other.address),
            provider: self.provider.or(other.provider),
            listen: self.listen.or(other.listen),
        }
    }
}
