//! `flintlockd run` and `flintlockd version`.

use std::env;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Request;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};

use crate::api::microvm::services::api::v1alpha1::micro_vm_server::MicroVmServer;
use crate::flags::{self, Flag, Kind};
use crate::images::Containerd;
use crate::log;
use crate::reconcile::{self, Plan};
use crate::serve::{self, Service};
use crate::settings::{self, Settings};
use crate::store::Store;

/// How long flintlockd tries to reach containerd.
const DIAL_LIMIT: Duration = Duration::from_secs(10);

/// Prints the version: 0.11.0, or what `STANDIN_VERSION` says.
///
/// # Errors
/// The command line is wrong.
pub fn version(arguments: &[String]) -> Result<(), String> {
    let flags = [Flag("short", '\0', Kind::Bool), Flag("long", '\0', Kind::Bool)];
    let options = flags::parse(&flags, arguments)?;
    let version = variable("STANDIN_VERSION").unwrap_or_else(|| "0.11.0".to_owned());
    if options.contains_key("short") {
        println!("{version}");
    } else if options.contains_key("long") {
        println!("flintlockd\n Version:    {version}\n CommitHash: standin\n BuildDate:  never");
    } else {
        println!("flintlockd {version}");
    }
    Ok(())
}

/// Runs until SIGINT, whether it works or not.
///
/// # Errors
/// What the real program refuses before it starts: flags and the checks of its PreRunE.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let file = settings::find_file(variable);
    let settings = Settings::read(arguments, variable, file.as_deref())?;
    settings.check()?;
    log::init(settings.text("log-format") == "json", settings.number("verbosity"));
    let plan = plan(&settings);
    eprintln!("{}", start_line(&settings, &plan));
    log::info("flintlockd, version=standin");
    log::info(&format!("Default microvm provider: {}", settings.text("default-provider")));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        // From here on SIGINT does not kill; SIGTERM still does.
        let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
        let work = async {
            if let Err(message) = serve(&settings, &plan).await {
                log::error(&message);
                // The fault this stand-in exists for: nothing works and nothing ends.
                std::future::pending::<()>().await;
            }
        };
        tokio::pin!(work);
        wait(&mut interrupt, work).await;
        log::info("shutdown signal received, waiting for work to finish");
        Ok(())
    })
}

/// Ends at SIGINT.
async fn wait(
    interrupt: &mut tokio::signal::unix::Signal,
    work: std::pin::Pin<&mut impl Future<Output = ()>>,
) {
    let signal = std::pin::pin!(interrupt.recv());
    futures_util::future::select(signal, work).await;
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn plan(settings: &Settings) -> Plan {
    let pool = variable("STANDIN_POOL");
    let step = variable("STANDIN_RETRY_SECONDS").and_then(|text| text.parse().ok());
    let images = variable("STANDIN_IMAGES").map(|_| Containerd {
        socket: settings.path("containerd-socket"),
        namespace: settings.text("containerd-ns").to_owned(),
        kernel_snapshotter: settings.text("containerd-kernel-ss").to_owned(),
    });
    Plan {
        state_dir: settings.path("state-dir"),
        images,
        containerd_socket: settings.path("containerd-socket"),
        pool: PathBuf::from(pool.as_deref().unwrap_or("/dev/mapper/flintlock-dev-thinpool")),
        firecracker: settings.path("firecracker-bin"),
        maximum_retry: i32::try_from(settings.number("maximum-retry")).unwrap_or(i32::MAX),
        retry_step: Duration::from_secs(step.unwrap_or(20)),
        resync: Duration::from_secs_f64(settings.seconds("resync-period").max(0.1)),
        bridge: variable("STANDIN_TAPS").map(|_| settings.text("bridge-name").to_owned()),
    }
}

/// What tests read: whether flintlockd was started on a host that was not ready.
fn start_line(settings: &Settings, plan: &Plan) -> String {
    let word = |there: bool| if there { "present" } else { "absent" };
    let bridge = settings.text("bridge-name");
    let bridge = if bridge.is_empty() {
        "none".to_owned()
    } else {
        format!("{bridge}:{}", word(Path::new("/sys/class/net").join(bridge).exists()))
    };
    format!(
        "standin: start pool={} containerd-socket={} bridge={bridge}",
        word(plan.pool.exists()),
        word(plan.containerd_socket.exists())
    )
}

async fn serve(settings: &Settings, plan: &Plan) -> Result<(), String> {
    let failed = |message: String| format!("failed serving api: {message}");
    log::info("flintlockd grpc api server starting");
    if settings.text("firecracker-bin").is_empty()
        && settings.text("cloudhypervisor-bin").is_empty()
    {
        return Err(failed("you must enable at least 1 microvm provider".to_owned()));
    }
    dial(&plan.containerd_socket).await.map_err(failed)?;
    let tls =
        tls(settings).map_err(|message| failed(format!("validating tls config: {message}")))?;
    log::info(if tls.is_some() { "TLS is enabled" } else { "TLS is DISABLED" });
    let endpoint = settings.text("grpc-endpoint");
    log::debug(&format!("starting grpc server listening on endpoint {endpoint}"));
    let listener = listen(endpoint)
        .map_err(|message| failed(format!("setting up gRPC api listener: {message}")))?;

    let store = Arc::new(Store::open(&plan.state_dir).map_err(|error| format!("{error:#}"))?);
    let (sender, receiver) = sync_channel(1);
    if !settings.is_on("disable-reconcile") {
        start_reconciler(plan.clone(), Arc::clone(&store), receiver);
    }
    let token = settings.text("basic-auth-token").to_owned();
    let service =
        MicroVmServer::with_interceptor(Service::new(store, sender), move |request: Request<()>| {
            serve::authorize(&token, request)
        });
    let mut server = Server::builder();
    if let Some(tls) = tls {
        let result = server.tls_config(tls);
        server = result.map_err(|error| {
            failed(format!("validating tls config: reading tls key pair: {error}"))
        })?;
    }
    let incoming = TcpListenerStream::new(listener);
    let result = server.add_service(service).serve_with_incoming(incoming).await;
    result.map_err(|error| failed(error.to_string()))
}

fn start_reconciler(plan: Plan, store: Arc<Store>, wake: Receiver<()>) {
    thread::spawn(move || reconcile::work(&plan, &store, &wake));
}

/// Tries until containerd takes a connection, as the real client's blocking dial does.
async fn dial(socket: &Path) -> Result<(), String> {
    let start = Instant::now();
    loop {
        let Err(error) = UnixStream::connect(socket) else {
            return Ok(());
        };
        if start.elapsed() > DIAL_LIMIT {
            let path = socket.display();
            return Err(format!(
                "failed to dial \"{path}\": context deadline exceeded: connection error: desc = \
                 \"transport: error while dialing: dial unix {path}: connect: {}\"",
                go_text(&error)
            ));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn tls(settings: &Settings) -> Result<Option<ServerTlsConfig>, String> {
    settings.check_tls()?;
    if settings.is_on("insecure") {
        return Ok(None);
    }
    let read = |name: &str| {
        let path = settings.path(name);
        std::fs::read(&path).map_err(|error| format!("open {}: {error}", path.display()))
    };
    let identity = Identity::from_pem(read("tls-cert")?, read("tls-key")?);
    let mut tls = ServerTlsConfig::new().identity(identity);
    if settings.is_on("tls-client-validate") {
        tls = tls.client_ca_root(Certificate::from_pem(read("tls-client-ca")?));
    }
    Ok(Some(tls))
}

/// Listens as Go does: an empty host is every address, a name prefers IPv4.
fn listen(endpoint: &str) -> Result<tokio::net::TcpListener, String> {
    let text = |error: std::io::Error| format!("listen tcp {endpoint}: {}", go_text(&error));
    let full = if endpoint.starts_with(':') { format!("[::]{endpoint}") } else { endpoint.into() };
    let addresses: Vec<SocketAddr> = full.to_socket_addrs().map_err(text)?.collect();
    let address = addresses.iter().find(|a| a.is_ipv4()).or(addresses.first());
    let address = address.ok_or_else(|| format!("listen tcp {endpoint}: no such host"))?;
    let bind = |error: std::io::Error| format!("listen tcp {address}: bind: {}", go_text(&error));
    let listener = TcpListener::bind(address).map_err(bind)?;
    listener.set_nonblocking(true).map_err(text)?;
    tokio::net::TcpListener::from_std(listener).map_err(text)
}

/// Go's wording of an operating system's error.
fn go_text(error: &std::io::Error) -> String {
    let text = error.to_string().to_lowercase();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
