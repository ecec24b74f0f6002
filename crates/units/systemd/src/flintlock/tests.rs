//! The client against a stand-in for flintlockd, in plain text and over TLS.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use mvm_config::names::Endpoint;
use mvm_core::chain;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

use super::wire::{self, Kernel, ListRequest, ListResponse, Spec, Vm, Volume, VolumeSource};
use super::*;
use crate::Error;

const SOON: Duration = Duration::from_secs(10);

/// Answers with one microVM, to whom has the token.
#[derive(Clone, Default)]
struct Fake {
    token: Option<&'static str>,
}

impl NamedService for Fake {
    const NAME: &'static str = "microvm.services.api.v1alpha1.MicroVM";
}

impl Service<http::Request<Body>> for Fake {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        assert_eq!(request.uri().path(), wire::LIST);
        let method = self.clone();
        let mut grpc = Grpc::new(tonic_prost::ProstCodec::default());
        Box::pin(async move { Ok(grpc.unary(method, request).await) })
    }
}

impl UnaryService<ListRequest> for Fake {
    type Response = ListResponse;
    type Future = Ready<Result<Response<ListResponse>, Status>>;

    fn call(&mut self, request: Request<ListRequest>) -> Self::Future {
        let shown = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
        if shown != self.token {
            return ready(Err(Status::unauthenticated("invalid auth token")));
        }
        let spec = Spec {
            id: "cp-0".to_owned(),
            namespace: "ns".to_owned(),
            uid: Some("01HQ".to_owned()),
            kernel: Some(Kernel { image: "r.test/kernel:1".to_owned(), ..Kernel::default() }),
            root_volume: Some(volume(Some("r.test/root:1"))),
            additional_volumes: vec![volume(None), volume(Some("r.test/more:1"))],
            ..Spec::default()
        };
        let tap = wire::InterfaceStatus { host_device_name: "fltap0123456".to_owned() };
        let network_interfaces = [("eth1".to_owned(), tap)].into();
        let status =
            wire::Status { state: 2, retry: 11, network_interfaces, ..wire::Status::default() };
        let vm = Vm { version: 14, spec: Some(spec), status: Some(status) };
        ready(Ok(Response::new(ListResponse { microvm: vec![vm] })))
    }
}

fn volume(image: Option<&str>) -> Volume {
    let source = VolumeSource { container_source: image.map(str::to_owned), virtiofs_source: None };
    Volume { source: Some(source), ..Volume::default() }
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Serves until the test's process ends; `client_ca` makes it ask for a client certificate.
fn serve(fake: Fake, tls: bool, client_ca: Option<&str>) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    let pem = |name: &str| std::fs::read(data(name)).unwrap();
    let mut config =
        ServerTlsConfig::new().identity(Identity::from_pem(pem("server.crt"), pem("server.key")));
    if let Some(ca) = client_ca {
        config = config.client_ca_root(Certificate::from_pem(pem(ca)));
    }
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let incoming = TcpIncoming::from(tokio::net::TcpListener::from_std(listener).unwrap());
            let mut server = Server::builder();
            if tls {
                server = server.tls_config(config).unwrap();
            }
            server.add_service(fake).serve_with_incoming(incoming).await.unwrap();
        });
    });
    format!("127.0.0.1:{port}").parse().unwrap()
}

fn list(
    endpoint: &Endpoint,
    tls: Option<&Tls>,
    token: Option<&str>,
) -> Result<Vec<MicroVm>, Error> {
    Api::connect(endpoint, tls, token, SOON)?.list_microvms(SOON)
}

fn trusting(name: &str) -> Tls {
    Tls { trust: data(name), client: None }
}

#[test]
fn lists_in_plain_text() {
    let endpoint = serve(Fake::default(), false, None);
    let expected = MicroVm {
        namespace: "ns".to_owned(),
        name: "cp-0".to_owned(),
        uid: "01HQ".to_owned(),
        state: State::Failed,
        retry: 11,
        version: 14,
        devices: vec!["fltap0123456".to_owned()],
    };
    assert_eq!(list(&endpoint, None, None).unwrap(), std::slice::from_ref(&expected));
    let images = ["r.test/kernel:1", "r.test/root:1", "r.test/more:1"].map(str::to_owned);
    let named = Api::connect(&endpoint, None, None, SOON).unwrap().list_images(SOON).unwrap();
    assert_eq!(named, [(expected, images.to_vec())]);
    let everywhere: Endpoint = format!("0.0.0.0:{}", endpoint.port()).parse().unwrap();
    assert_eq!(list(&everywhere, None, None).unwrap().len(), 1);
}

#[test]
fn shows_the_token() {
    let endpoint = serve(Fake { token: Some("basic czNjcmV0") }, false, None);
    assert_eq!(list(&endpoint, None, Some("s3cret")).unwrap().len(), 1);
    let failure = list(&endpoint, None, Some("wrong")).unwrap_err();
    assert!(failure.answered(), "{}", chain(&failure));
    assert!(!chain(&failure).contains("d3Jvbmc="), "a token is never shown");
}

#[test]
fn trusts_the_servers_own_certificate_whatever_its_name() {
    let endpoint = serve(Fake::default(), true, None);
    assert_eq!(list(&endpoint, Some(&trusting("server.crt")), None).unwrap().len(), 1);
}

#[test]
fn trusts_no_other_certificate() {
    let endpoint = serve(Fake::default(), true, None);
    let failure = list(&endpoint, Some(&trusting("other.crt")), None).unwrap_err();
    assert!(!failure.answered());
    assert!(chain(&failure).contains("certificate"), "{}", chain(&failure));
}

#[test]
fn a_missing_client_certificate_shows_that_the_server_is_there() {
    let endpoint = serve(Fake::default(), true, Some("server.crt"));
    let failure = list(&endpoint, Some(&trusting("server.crt")), None).unwrap_err();
    assert!(matches!(failure, Error::GrpcShutOut { .. }), "{}", chain(&failure));
    assert!(chain(&failure).ends_with("to a client without a certificate"), "{}", chain(&failure));
    assert!(failure.answered());
    let (cert, key) = (data("server.crt"), data("server.key"));
    let with_client = Tls { client: Some((cert, key)), ..trusting("server.crt") };
    let failure = list(&endpoint, Some(&with_client), None).err();
    // This one is a CA's and not a client's, so the server may refuse it as well; never silently.
    assert!(failure.is_none_or(|failure| !failure.answered()));
}

/// A file of the protocol.
fn proto(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/flintlock").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn message(text: &str, name: &str) -> String {
    let (_, body) = text.split_once(&format!("message {name} {{")).unwrap();
    body.split_once("\n}").unwrap().0.to_owned()
}

fn holds(body: String, lines: &[&str]) {
    for line in lines {
        assert!(body.lines().any(|found| found.trim() == *line), "{line} is not in {body}");
    }
}

#[test]
fn the_numbers_are_those_of_the_api() {
    let (types, service) = (proto("types.proto"), proto("microvm.proto"));
    holds(message(&service, "ListMicroVMsRequest"), &["string namespace = 1;"]);
    let list = "repeated flintlock.types.MicroVM microvm = 1;";
    holds(message(&service, "ListMicroVMsResponse"), &[list]);
    let one = "flintlock.types.MicroVM microvm = 1;";
    for answer in ["CreateMicroVMResponse", "GetMicroVMResponse"] {
        holds(message(&service, answer), &[one]);
    }
    holds(message(&service, "CreateMicroVMRequest"), &["flintlock.types.MicroVMSpec microvm = 1;"]);
    for by_uid in ["GetMicroVMRequest", "DeleteMicroVMRequest"] {
        holds(message(&service, by_uid), &["string uid = 1;"]);
    }
    let vm = ["int32 version = 1;", "MicroVMSpec spec = 2;", "MicroVMStatus status = 3;"];
    holds(message(&types, "MicroVM"), &vm);
    let status = [
        "MicroVMState state = 1;",
        "map<string, VolumeStatus> volumes = 2;",
        "map<string, NetworkInterfaceStatus> network_interfaces = 5;",
        "int32 retry = 6;",
    ];
    holds(message(&types, "MicroVMStatus"), &status);
    holds(message(&types, "VolumeStatus"), &["Mount mount = 1;"]);
    holds(message(&types, "Mount"), &["string source = 2;"]);
    holds(message(&types, "NetworkInterfaceStatus"), &["string host_device_name = 1;"]);
    holds(types, &["PENDING = 0;", "CREATED = 1;", "FAILED = 2;", "DELETING = 3;"]);
}

#[test]
fn the_numbers_of_a_specification_are_those_of_the_api() {
    let types = proto("types.proto");
    let spec = [
        "string id = 1;",
        "string namespace = 2;",
        "map<string, string> labels = 3;",
        "int32 vcpu = 4;",
        "int32 memory_in_mb = 5;",
        "Kernel kernel = 6;",
        "optional Initrd initrd = 7;",
        "Volume root_volume = 8;",
        "repeated Volume additional_volumes = 9;",
        "repeated NetworkInterface interfaces = 10;",
        "map<string, string> metadata = 11;",
        "optional string uid = 15;",
        "optional string provider = 16;",
        "bool allow_guest_agent = 17;",
    ];
    holds(message(&types, "MicroVMSpec"), &spec);
    let kernel = [
        "string image = 1;",
        "map<string, string> cmdline = 2;",
        "optional string filename = 3;",
        "bool add_network_config = 4;",
    ];
    holds(message(&types, "Kernel"), &kernel);
    holds(message(&types, "Initrd"), &["string image = 1;", "optional string filename = 2;"]);
    let volume = [
        "string id = 1;",
        "bool is_read_only = 2;",
        "optional string mount_point = 3;",
        "VolumeSource source = 4;",
        "optional string partition_id = 5;",
        "optional int32 size_in_mb = 6;",
    ];
    holds(message(&types, "Volume"), &volume);
    let source = ["optional string container_source = 1;", "optional string virtiofs_source = 2;"];
    holds(message(&types, "VolumeSource"), &source);
    let card = [
        "string device_id = 1;",
        "IfaceType type = 2;",
        "optional string guest_mac = 4;",
        "optional StaticAddress address = 5;",
        "optional NetworkOverrides overrides = 6;",
    ];
    holds(message(&types, "NetworkInterface"), &card);
    let address =
        ["string address = 1;", "optional string gateway = 2;", "repeated string nameservers = 3;"];
    holds(message(&types, "StaticAddress"), &address);
    holds(message(&types, "NetworkOverrides"), &["optional string bridge_name = 1;"]);
    holds(types, &["MACVTAP = 0;", "TAP = 1;"]);
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let endpoint: Endpoint = "127.0.0.1:1".parse().unwrap();
    let failure = list(&endpoint, Some(&trusting("server.key")), None).unwrap_err();
    assert!(matches!(&failure, Error::Certificate { path, .. } if path.ends_with("server.key")));
    let failure = list(&endpoint, Some(&trusting("absent.crt")), None).unwrap_err();
    assert!(matches!(failure, Error::Host(mvm_core::Error::Read { .. })));
}

#[test]
fn nobody_there_says_why() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint: Endpoint = format!("127.0.0.1:{free}").parse().unwrap();
    let failure = list(&endpoint, None, None).unwrap_err();
    assert!(matches!(failure, Error::GrpcConnect { .. }) && !failure.answered());
    assert!(chain(&failure).contains("Connection refused"), "{}", chain(&failure));
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint: Endpoint = listener.local_addr().unwrap().to_string().parse().unwrap();
    let wait = Duration::from_millis(300);
    let api = Api::connect(&endpoint, None, None, wait).unwrap();
    assert!(matches!(api.list_microvms(wait), Err(Error::GrpcSilent { .. })));
    let secure = Api::connect(&endpoint, Some(&trusting("server.crt")), None, wait);
    assert!(matches!(secure, Err(Error::GrpcSilent { .. })));
}
