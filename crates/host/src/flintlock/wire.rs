//! The part of flintlock's messages that is looked at, with the field numbers that all versions
//! share. Protocol buffers skip what is not named here, so a newer flintlockd is understood too.
//! Written by hand instead of generated: five messages need no protoc. A test compares the numbers
//! with proto/flintlock/*.proto, from which the tests' stand-in is made.

use std::collections::HashMap;

use super::{MicroVm, State};

/// `/package.Service/Method`
pub(super) const LIST: &str = "/microvm.services.api.v1alpha1.MicroVM/ListMicroVMs";

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

/// `flintlock.types.MicroVMSpec`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Spec {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(string, tag = "2")]
    pub(super) namespace: String,
    #[prost(string, optional, tag = "15")]
    pub(super) uid: Option<String>,
}

/// `flintlock.types.MicroVMStatus`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Status {
    #[prost(int32, tag = "1")]
    pub(super) state: i32,
    #[prost(int32, tag = "6")]
    pub(super) retry: i32,
    #[prost(map = "string, message", tag = "5")]
    pub(super) network_interfaces: HashMap<String, Interface>,
}

/// `flintlock.types.NetworkInterfaceStatus`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Interface {
    #[prost(string, tag = "1")]
    pub(super) host_device_name: String,
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
