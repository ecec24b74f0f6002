//! The part of flintlock's messages that is looked at, with the field numbers that all versions
//! share. Protocol buffers skip what is not named here, so a newer flintlockd is understood too.
//! Written by hand instead of generated: these few messages need no protoc. A test compares the numbers
//! with proto/flintlock/*.proto, from which the tests' stand-in is made.

use super::{Card, Details, Device, MicroVm, State};

mod spec;

#[cfg(test)]
pub(super) use spec::{InterfaceStatus, Kernel, Volume, VolumeSource};
pub(super) use spec::{Spec, Status};

/// `/package.Service/Method`
pub(super) const LIST: &str = "/microvm.services.api.v1alpha1.MicroVM/ListMicroVMs";

/// `/package.Service/Method`
pub(super) const CREATE: &str = "/microvm.services.api.v1alpha1.MicroVM/CreateMicroVM";
/// `/package.Service/Method`
pub(super) const GET: &str = "/microvm.services.api.v1alpha1.MicroVM/GetMicroVM";
/// `/package.Service/Method`
pub(super) const DELETE: &str = "/microvm.services.api.v1alpha1.MicroVM/DeleteMicroVM";

/// `CreateMicroVMRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CreateRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) microvm: Option<Spec>,
}

/// `GetMicroVMRequest` and `DeleteMicroVMRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ByUid {
    #[prost(string, tag = "1")]
    pub(super) uid: String,
}

/// `CreateMicroVMResponse` and `GetMicroVMResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct OneResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) microvm: Option<Vm>,
}

/// `google.protobuf.Empty`
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Empty {}

/// `ListMicroVMsRequest`: an empty namespace means all.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListRequest {
    #[prost(string, tag = "1")]
    pub(super) namespace: String,
}

/// `ListMicroVMsResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) microvm: Vec<Vm>,
}

/// `flintlock.types.MicroVM`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Vm {
    #[prost(int32, tag = "1")]
    pub(super) version: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) spec: Option<Spec>,
    #[prost(message, optional, tag = "3")]
    pub(super) status: Option<Status>,
}

impl Vm {
    /// The images of its kernel and of its disks.
    pub(super) fn images(&self) -> Vec<String> {
        let Some(spec) = &self.spec else { return Vec::new() };
        let kernel = spec.kernel.iter().map(|kernel| kernel.image.clone());
        let initrd = spec.initrd.iter().map(|initrd| initrd.image.clone());
        let volumes = spec.root_volume.iter().chain(&spec.additional_volumes);
        let volumes = volumes.filter_map(|volume| volume.source.as_ref()?.container_source.clone());
        kernel.chain(initrd).chain(volumes).filter(|image| !image.is_empty()).collect()
    }
}

impl From<Vm> for MicroVm {
    fn from(vm: Vm) -> Self {
        let (spec, status) = (vm.spec.unwrap_or_default(), vm.status.unwrap_or_default());
        Self {
            namespace: spec.namespace,
            name: spec.id,
            uid: spec.uid.unwrap_or_default(),
            state: match status.state {
                0 => State::Pending,
                1 => State::Created,
                2 => State::Failed,
                3 => State::Deleting,
                other => State::Unknown(other),
            },
            retry: status.retry,
            devices: {
                let devices = status.network_interfaces.into_values();
                devices.map(|interface| interface.host_device_name).collect()
            },
            version: vm.version,
        }
    }
}

impl From<Vm> for Details {
    fn from(vm: Vm) -> Self {
        let (spec, status) =
            (vm.spec.clone().unwrap_or_default(), vm.status.clone().unwrap_or_default());
        let mount = |mount: &Option<spec::Mount>| mount.as_ref().map(|mount| mount.source.clone());
        let disks = status.volumes.values().filter_map(|volume| mount(&volume.mount));
        let cards = spec.interfaces.iter().filter_map(|card| {
            Some(Card {
                name: card.device_id.clone(),
                mac: card.guest_mac.as_ref().filter(|mac| !mac.is_empty())?.to_lowercase(),
                address: card.address.as_ref().map(|address| address.address.clone()),
            })
        });
        Self {
            cards: cards.collect(),
            devices: status
                .network_interfaces
                .iter()
                .map(|(card, device)| Device {
                    card: card.clone(),
                    name: device.host_device_name.clone(),
                })
                .collect(),
            disks: disks.filter(|source| !source.is_empty()).collect(),
            microvm: vm.into(),
        }
    }
}
