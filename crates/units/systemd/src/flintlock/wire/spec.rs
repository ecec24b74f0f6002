//! The messages that describe a microVM, and how a plan's specification becomes one.

use std::collections::HashMap;

use mvm_units_plan::microvm as plan;

/// `flintlock.types.MicroVMSpec`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Spec {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(string, tag = "2")]
    pub(crate) namespace: String,
    #[prost(map = "string, string", tag = "3")]
    pub(crate) labels: HashMap<String, String>,
    #[prost(int32, tag = "4")]
    pub(crate) vcpu: i32,
    #[prost(int32, tag = "5")]
    pub(crate) memory_in_mb: i32,
    #[prost(message, optional, tag = "6")]
    pub(crate) kernel: Option<Kernel>,
    #[prost(message, optional, tag = "7")]
    pub(crate) initrd: Option<Initrd>,
    #[prost(message, optional, tag = "8")]
    pub(crate) root_volume: Option<Volume>,
    #[prost(message, repeated, tag = "9")]
    pub(crate) additional_volumes: Vec<Volume>,
    #[prost(message, repeated, tag = "10")]
    pub(crate) interfaces: Vec<Interface>,
    #[prost(map = "string, string", tag = "11")]
    pub(crate) metadata: HashMap<String, String>,
    #[prost(string, optional, tag = "15")]
    pub(crate) uid: Option<String>,
    #[prost(string, optional, tag = "16")]
    pub(crate) provider: Option<String>,
    #[prost(bool, tag = "17")]
    pub(crate) allow_guest_agent: bool,
}

/// `flintlock.types.Kernel`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Kernel {
    #[prost(string, tag = "1")]
    pub(crate) image: String,
    #[prost(map = "string, string", tag = "2")]
    pub(crate) cmdline: HashMap<String, String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) filename: Option<String>,
    #[prost(bool, tag = "4")]
    pub(crate) add_network_config: bool,
}

/// `flintlock.types.Initrd`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Initrd {
    #[prost(string, tag = "1")]
    pub(crate) image: String,
    #[prost(string, optional, tag = "2")]
    pub(crate) filename: Option<String>,
}

/// `flintlock.types.Volume`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Volume {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(bool, tag = "2")]
    pub(crate) is_read_only: bool,
    #[prost(string, optional, tag = "3")]
    pub(crate) mount_point: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub(crate) source: Option<VolumeSource>,
    #[prost(string, optional, tag = "5")]
    pub(crate) partition_id: Option<String>,
    #[prost(int32, optional, tag = "6")]
    pub(crate) size_in_mb: Option<i32>,
}

/// `flintlock.types.VolumeSource`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct VolumeSource {
    #[prost(string, optional, tag = "1")]
    pub(crate) container_source: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(crate) virtiofs_source: Option<String>,
}

/// `flintlock.types.NetworkInterface`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Interface {
    #[prost(string, tag = "1")]
    pub(crate) device_id: String,
    #[prost(int32, tag = "2")]
    pub(crate) kind: i32,
    #[prost(string, optional, tag = "4")]
    pub(crate) guest_mac: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub(crate) address: Option<StaticAddress>,
    #[prost(message, optional, tag = "6")]
    pub(crate) overrides: Option<Overrides>,
}

/// `flintlock.types.StaticAddress`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StaticAddress {
    #[prost(string, tag = "1")]
    pub(crate) address: String,
    #[prost(string, optional, tag = "2")]
    pub(crate) gateway: Option<String>,
    #[prost(string, repeated, tag = "3")]
    pub(crate) nameservers: Vec<String>,
}

/// `flintlock.types.NetworkOverrides`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Overrides {
    #[prost(string, optional, tag = "1")]
    pub(crate) bridge_name: Option<String>,
}

/// `flintlock.types.MicroVMStatus`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Status {
    #[prost(int32, tag = "1")]
    pub(crate) state: i32,
    #[prost(map = "string, message", tag = "2")]
    pub(crate) volumes: HashMap<String, VolumeStatus>,
    #[prost(map = "string, message", tag = "5")]
    pub(crate) network_interfaces: HashMap<String, InterfaceStatus>,
    #[prost(int32, tag = "6")]
    pub(crate) retry: i32,
}

/// `flintlock.types.VolumeStatus`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct VolumeStatus {
    #[prost(message, optional, tag = "1")]
    pub(crate) mount: Option<Mount>,
}

/// `flintlock.types.Mount`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Mount {
    #[prost(string, tag = "2")]
    pub(crate) source: String,
}

/// `flintlock.types.NetworkInterfaceStatus`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct InterfaceStatus {
    #[prost(string, tag = "1")]
    pub(crate) host_device_name: String,
}

impl From<&plan::Spec> for Spec {
    fn from(spec: &plan::Spec) -> Self {
        let map = |from: &std::collections::BTreeMap<String, String>| {
            from.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        Self {
            id: spec.id.clone(),
            namespace: spec.namespace.clone(),
            labels: map(&spec.labels),
            vcpu: spec.vcpu,
            memory_in_mb: spec.memory_in_mb,
            kernel: Some(Kernel {
                image: spec.kernel.image.clone(),
                cmdline: map(&spec.kernel.cmdline),
                filename: spec.kernel.filename.clone(),
                add_network_config: spec.kernel.add_network_config,
            }),
            initrd: spec.initrd.as_ref().map(|initrd| Initrd {
                image: initrd.image.clone(),
                filename: initrd.filename.clone(),
            }),
            root_volume: spec.root_volume.as_ref().map(Volume::from),
            additional_volumes: spec.additional_volumes.iter().map(Volume::from).collect(),
            interfaces: spec.interfaces.iter().map(Interface::from).collect(),
            metadata: map(&spec.metadata),
            uid: spec.uid.clone(),
            provider: spec.provider.clone(),
            allow_guest_agent: spec.allow_guest_agent,
        }
    }
}

impl From<&plan::Volume> for Volume {
    fn from(volume: &plan::Volume) -> Self {
        Self {
            id: volume.id.clone(),
            is_read_only: volume.is_read_only,
            mount_point: volume.mount_point.clone(),
            source: Some(VolumeSource {
                container_source: volume.source.container_source.clone(),
                virtiofs_source: volume.source.virtiofs_source.clone(),
            }),
            partition_id: volume.partition_id.clone(),
            size_in_mb: volume.size_in_mb,
        }
    }
}

impl From<&plan::Interface> for Interface {
    fn from(card: &plan::Interface) -> Self {
        Self {
            device_id: card.device_id.clone(),
            kind: match card.kind {
                plan::Kind::Macvtap => 0,
                plan::Kind::Tap => 1,
            },
            guest_mac: card.guest_mac.clone(),
            address: card.address.as_ref().map(|address| StaticAddress {
                address: address.address.clone(),
                gateway: address.gateway.clone(),
                nameservers: address.nameservers.clone(),
            }),
            // Without a name in it flintlockd would end with a fault.
            overrides: card
                .overrides
                .as_ref()
                .filter(|one| one.bridge_name.is_some())
                .map(|one| Overrides { bridge_name: one.bridge_name.clone() }),
        }
    }
}
