//! The gRPC service.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::SystemTime;

use futures_util::{Stream, stream};
use tonic::{Request, Response, Status};

use crate::api::flintlock::types::{
    MicroVm as Vm, MicroVmSpec, MicroVmStatus, micro_vm_status::MicroVmState,
};
use crate::api::microvm::services::api::v1alpha1::{
    CreateMicroVmRequest, CreateMicroVmResponse, DeleteMicroVmRequest, GetMicroVmRequest,
    GetMicroVmResponse, ListMessage, ListMicroVMsRequest, ListMicroVMsResponse,
    micro_vm_server::MicroVm,
};
use crate::store::Store;

/// Answers calls from the store and wakes the reconciler after changes.
#[derive(Debug)]
pub struct Service {
    store: Arc<Store>,
    wake: SyncSender<()>,
    made: AtomicU32,
}

impl Service {
    /// A service on `store`. A full `wake` means that the reconciler is about to look anyway.
    #[must_use]
    pub fn new(store: Arc<Store>, wake: SyncSender<()>) -> Self {
        Self { store, wake, made: AtomicU32::new(0) }
    }

    fn saved(&self, mut vm: Vm) -> Result<Vm, Status> {
        self.store.save(&mut vm).map_err(unknown)?;
        // Full: it will look. Gone: flintlockd is ending.
        let _ = self.wake.try_send(());
        Ok(vm)
    }

    fn found(&self, uid: &str) -> Result<Vm, Status> {
        let vm = self.store.get(uid).map_err(unknown)?;
        let place = "error attempting to locate microvm with uid";
        let lacking =
            format!("{place}: {uid}: getting vm spec from store: microvm spec //{uid} not found");
        vm.ok_or_else(|| Status::unknown(lacking))
    }

    fn listed(&self, request: &ListMicroVMsRequest) -> Result<Vec<Vm>, Status> {
        let mut vms = self.store.list().map_err(unknown)?;
        vms.retain(|vm| {
            let spec = vm.spec.clone().unwrap_or_default();
            (request.namespace.is_empty() || request.namespace == spec.namespace)
                && request.name.as_ref().is_none_or(|name| *name == spec.id)
        });
        Ok(vms)
    }

    /// 26 digits as a ULID has, without its meaning.
    fn new_uid(&self) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let nanoseconds = now.map(|now| now.as_nanos()).unwrap_or_default();
        let count = self.made.fetch_add(1, Ordering::Relaxed);
        format!("{:022}{:04}", nanoseconds % 10_u128.pow(22), count % 10_000)
    }
}

fn unknown(error: impl Into<anyhow::Error>) -> Status {
    Status::unknown(format!("{:#}", error.into()))
}

/// What flintlockd refuses in a specification.
fn check(spec: &MicroVmSpec) -> Result<(), Status> {
    let faults = [
        (spec.id.is_empty(), "Id"),
        (!(1..=64).contains(&spec.vcpu), "VCPU"),
        (!(1024..=32768).contains(&spec.memory_in_mb), "MemoryInMb"),
        (spec.kernel.as_ref().is_none_or(|kernel| kernel.filename().is_empty()), "Kernel"),
        (spec.root_volume.is_none() && spec.initrd.is_none(), "RootVolume"),
        (spec.interfaces.is_empty(), "NetworkInterfaces"),
    ];
    let named: Vec<&str> = faults.iter().filter(|fault| fault.0).map(|fault| fault.1).collect();
    if named.is_empty() {
        return Ok(());
    }
    Err(Status::unknown(format!(
        "an error occurred when attempting to validate microvm spec: validation failures found: {}",
        named.join(", ")
    )))
}

#[tonic::async_trait]
impl MicroVm for Service {
    type ListMicroVMsStreamStream =
        Pin<Box<dyn Stream<Item = Result<ListMessage, Status>> + Send + 'static>>;

    async fn create_micro_vm(
        &self,
        request: Request<CreateMicroVmRequest>,
    ) -> Result<Response<CreateMicroVmResponse>, Status> {
        let spec = request.into_inner().microvm;
        let mut spec = spec.ok_or_else(|| Status::invalid_argument("invalid arguments"))?;
        check(&spec)?;
        // The real one ends with a fault.
        let faulty = |card: &crate::api::flintlock::types::NetworkInterface| {
            card.overrides.as_ref().is_some_and(|overrides| overrides.bridge_name.is_none())
        };
        if spec.interfaces.iter().any(faulty) {
            eprintln!("panic: runtime error: invalid memory address or nil pointer dereference");
            std::process::exit(2);
        }
        if spec.namespace.is_empty() {
            spec.namespace = "default".to_owned();
        }
        spec.uid = Some(self.new_uid());
        spec.created_at = Some(SystemTime::now().into());
        let status = MicroVmStatus::default();
        let vm = self.saved(Vm { version: 0, spec: Some(spec), status: Some(status) })?;
        Ok(Response::new(CreateMicroVmResponse { microvm: Some(vm) }))
    }

    async fn delete_micro_vm(
        &self,
        request: Request<DeleteMicroVmRequest>,
    ) -> Result<Response<()>, Status> {
        let mut vm = self.found(&request.into_inner().uid)?;
        if let Some(spec) = vm.spec.as_mut() {
            spec.deleted_at = Some(SystemTime::now().into());
        }
        let mut status = vm.status.take().unwrap_or_default();
        status.retry = 0;
        status.set_state(MicroVmState::Deleting);
        vm.status = Some(status);
        self.saved(vm)?;
        Ok(Response::new(()))
    }

    async fn get_micro_vm(
        &self,
        request: Request<GetMicroVmRequest>,
    ) -> Result<Response<GetMicroVmResponse>, Status> {
        let vm = self.found(&request.into_inner().uid)?;
        Ok(Response::new(GetMicroVmResponse { microvm: Some(vm) }))
    }

    async fn list_micro_v_ms(
        &self,
        request: Request<ListMicroVMsRequest>,
    ) -> Result<Response<ListMicroVMsResponse>, Status> {
        let microvm = self.listed(request.get_ref())?;
        Ok(Response::new(ListMicroVMsResponse { microvm }))
    }

    async fn list_micro_v_ms_stream(
        &self,
        request: Request<ListMicroVMsRequest>,
    ) -> Result<Response<Self::ListMicroVMsStreamStream>, Status> {
        if request.get_ref().namespace.is_empty() {
            return Err(Status::invalid_argument("namespace is required"));
        }
        let vms = self.listed(request.get_ref())?;
        let messages = vms.into_iter().map(|vm| Ok(ListMessage { microvm: Some(vm) }));
        Ok(Response::new(Box::pin(stream::iter(messages))))
    }
}

/// Refuses calls without the token; `expected` is empty when none is wanted.
///
/// # Errors
/// `Unauthenticated`, with flintlockd's texts.
#[allow(clippy::result_large_err, reason = "the signature is tonic's")]
pub fn authorize(expected: &str, request: Request<()>) -> Result<Request<()>, Status> {
    if expected.is_empty() {
        return Ok(request);
    }
    let header = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
    let Some((scheme, token)) = header.and_then(|header| header.split_once(' ')) else {
        return Err(Status::unauthenticated("could not extract token from request header"));
    };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Status::unauthenticated("could not extract token from request header"));
    }
    if token == base64(expected.as_bytes()) {
        Ok(request)
    } else {
        Err(Status::unauthenticated("invalid auth token"))
    }
}

/// Standard base64 with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = (bits >> (18 - 6 * at) & 63) as usize;
            let digit = DIGITS.get(digit).copied().unwrap_or(b'=');
            text.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_of_every_length() {
        assert_eq!(
            ["", "a", "ab", "abc"].map(|text| base64(text.as_bytes())),
            ["", "YQ==", "YWI=", "YWJj"]
        );
    }
}
