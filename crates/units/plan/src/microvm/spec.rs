//! flintlock's specification of a microVM in JSON, as grpcurl takes it and CreateMicroVM.json of
//! flintlock's sources has it: names of the protocol with `_`, or their camelCase.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// `flintlock.types.MicroVMSpec`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spec {
    /// The microVM's name, see [`is_name`](super::is_name).
    pub id: String,
    /// flintlock's namespace, of the same form as the name; empty stands for `default`.
    pub namespace: String,
    /// For people; flintlockd does not give them back.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Virtual CPUs, 1 to 64; 0 stands for 2.
    pub vcpu: i32,
    /// In MiB, 1024 to 32768; 0 stands for 2048.
    #[serde(alias = "memoryInMb")]
    pub memory_in_mb: i32,
    /// Without an image: the first of `[images] kernel`.
    pub kernel: Kernel,
    /// An initramfs, beside a root disk or without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initrd: Option<Initrd>,
    /// `None` stands for the first of `[images] root`.
    #[serde(alias = "rootVolume", skip_serializing_if = "Option::is_none")]
    pub root_volume: Option<Volume>,
    /// Disks beside it.
    #[serde(alias = "additionalVolumes", skip_serializing_if = "Vec::is_empty")]
    pub additional_volumes: Vec<Volume>,
    /// Network cards.
    pub interfaces: Vec<Interface>,
    /// Base64, by name.
    pub metadata: BTreeMap<String, String>,
    /// Chosen by flintlockd.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// `firecracker` or `cloudhypervisor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// A vsock for flintlock's agent in the guest.
    #[serde(alias = "allowGuestAgent", skip_serializing_if = "std::ops::Not::not")]
    pub allow_guest_agent: bool,
}

/// `flintlock.types.Kernel`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kernel {
    /// A reference with its registry and a tag or digest.
    pub image: String,
    /// Added to the provider's command line.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cmdline: BTreeMap<String, String>,
    /// The file in the image.
    pub filename: Option<String>,
    /// Tells the guest its network on the command line.
    #[serde(alias = "addNetworkConfig")]
    pub add_network_config: bool,
}

/// `flintlock.types.Initrd`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Initrd {
    /// As [`Kernel::image`].
    pub image: String,
    /// The file in the image.
    pub filename: Option<String>,
}

/// `flintlock.types.Volume`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Volume {
    /// Its name; `root` for the root disk that mvmhost adds.
    pub id: String,
    /// The guest cannot write it.
    #[serde(alias = "isReadOnly", skip_serializing_if = "std::ops::Not::not")]
    pub is_read_only: bool,
    /// Where cloud-init mounts it in the guest.
    #[serde(alias = "mountPoint", skip_serializing_if = "Option::is_none")]
    pub mount_point: Option<String>,
    /// An image, or a folder of the host.
    pub source: Source,
    /// Of the partition to boot from; passed on to flintlockd as it is.
    #[serde(alias = "partitionId", skip_serializing_if = "Option::is_none")]
    pub partition_id: Option<String>,
    /// Kept by flintlockd and not used.
    #[serde(alias = "sizeInMb", skip_serializing_if = "Option::is_none")]
    pub size_in_mb: Option<i32>,
}

/// `flintlock.types.VolumeSource`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// A reference as [`Kernel::image`].
    #[serde(alias = "containerSource", skip_serializing_if = "Option::is_none")]
    pub container_source: Option<String>,
    /// A folder of the host.
    #[serde(alias = "virtiofsSource", skip_serializing_if = "Option::is_none")]
    pub virtiofs_source: Option<String>,
}

/// How a card meets the host's network. The protocol's zero is macvtap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    /// Beside the host, on its interface.
    #[default]
    Macvtap,
    /// A tap on a bridge: that of [`Overrides`], else flintlockd's; 1 in the protocol.
    Tap,
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match (value.as_str(), value.as_i64()) {
            (Some("MACVTAP"), _) | (_, Some(0)) => Ok(Self::Macvtap),
            (Some("TAP"), _) | (_, Some(1)) => Ok(Self::Tap),
            _ => Err(serde::de::Error::custom("the type of a card is \"TAP\" or \"MACVTAP\"")),
        }
    }
}

/// `flintlock.types.NetworkInterface`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Interface {
    /// Its name in the guest.
    #[serde(alias = "deviceId")]
    pub device_id: String,
    /// Tap or macvtap.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Its hardware address.
    #[serde(alias = "guestMac")]
    pub guest_mac: Option<String>,
    /// Its address, where it does not ask by DHCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<StaticAddress>,
    /// What it does differently from flintlockd's configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overrides: Option<Overrides>,
}

/// `flintlock.types.StaticAddress`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StaticAddress {
    /// With its prefix length.
    pub address: String,
    /// With a prefix length as well.
    pub gateway: Option<String>,
    /// IP addresses without a prefix length.
    pub nameservers: Vec<String>,
}

/// `flintlock.types.NetworkOverrides`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Overrides {
    /// Instead of flintlockd's `--bridge-name`.
    #[serde(alias = "bridgeName")]
    pub bridge_name: Option<String>,
}

/// Reads a specification, bare or as `microvm` of a request.
///
/// # Errors
/// What is wrong with it, with its line.
pub fn parse(text: &str) -> Result<Spec, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        microvm: Spec,
    }
    let document = serde_json::from_str::<Value>(text).map_err(|error| error.to_string())?;
    let whole = document.get("microvm").is_some();
    let spec = match whole {
        true => serde_json::from_str::<Asked>(text).map(|document| document.microvm),
        false => serde_json::from_str(text),
    };
    spec.map_err(|error| error.to_string())
}
