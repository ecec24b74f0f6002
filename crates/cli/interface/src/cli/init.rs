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
    /// Ask nothing: options that are not given follow from what this host has
    #[arg(short, long)]
    pub yes: bool,
    /// Read answers from a TOML file with these options as keys; options win over it
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub preseed: Option<PathBuf>,
    /// Replace an edited file; the old one is kept as FILE.before-init
    #[arg(long)]
    pub replace: bool,
    /// Print the file, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Where the disks of the microVMs are: loop (files), or a whole disk such as
    /// /dev/disk/by-id/NAME
    #[arg(long, value_name = "loop|DISK")]
    pub pool: Option<String>,
    /// With loop: the size of the pool, such as 100GiB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub pool_size: Option<String>,
    /// nat: a private network behind this host; uplink: the network of this host, over a bridge;
    /// macvtap: the network of this host, without a bridge
    #[arg(long, value_name = "nat|uplink|macvtap")]
    pub network: Option<String>,
    /// With uplink and macvtap: the interface; default: that of the default route
    #[arg(long, value_name = "NAME", value_parser = interface)]
    pub interface: Option<String>,
    /// With nat: the address of this host there; default: in a subnet that is not in use
    #[arg(long, value_name = "ADDRESS/BITS")]
    pub address: Option<IpNet>,
    /// The VMM: firecracker or cloudhypervisor
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// Where flintlockd listens: local, or an address such as 0.0.0.0:9090, which needs
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
