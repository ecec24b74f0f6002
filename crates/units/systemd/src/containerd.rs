//! containerd, over its socket.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use containerd_client::Client;
use containerd_client::services::v1::PluginsRequest;
use tonic::Status;

use crate::Error;

/// What containerd made of a plugin when it started; it does not try again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginState {
    /// It runs: containerd reports no error of its start.
    Ok,
    /// It failed, and why.
    Error(String),
    /// Its configuration leaves it out.
    Skipped,
    /// This containerd was built without it.
    Absent,
}

/// The state of the devmapper snapshotter, within `deadline`.
///
/// # Errors
/// When containerd cannot be reached or does not answer in time.
pub fn devmapper_plugin(socket: &Path, deadline: Duration) -> Result<PluginState, Error> {
    let filters = vec!["type==io.containerd.snapshotter.v1,id==devmapper".to_owned()];
    let request = PluginsRequest { filters };
    let reply = ask(socket, "Introspection.Plugins", deadline, async |client: Client| {
        client.introspection().plugins(request).await
    })?;
    let Some(plugin) = reply.into_inner().plugins.into_iter().next() else {
        return Ok(PluginState::Absent);
    };
    Ok(plugin.init_err.map_or(PluginState::Ok, |error| judge(error.message)))
}

/// 1.6 counts a plugin without pool_name as failed; later ones say that they skip it.
fn judge(message: String) -> PluginState {
    let skipped = message.contains("skip plugin") || message == "devmapper not configured";
    if skipped { PluginState::Skipped } else { PluginState::Error(message) }
}

/// containerd's version, such as `1.6.20~ds1` or `v2.1.4`, within `deadline`.
///
/// # Errors
/// When containerd cannot be reached or does not answer in time.
pub fn version(socket: &Path, deadline: Duration) -> Result<String, Error> {
    let reply = ask(socket, "Version.Version", deadline, async |client: Client| {
        client.version().version(()).await
    })?;
    Ok(reply.into_inner().version)
}

/// Connects and asks one thing.
fn ask<T, F: Future<Output = Result<T, Status>>>(
    socket: &Path,
    request: &'static str,
    deadline: Duration,
    question: impl FnOnce(Client) -> F,
) -> Result<T, Error> {
    let server = || socket.display().to_string();
    let talk = async {
        let client = Client::from_path(socket)
            .await
            .map_err(|source| Error::GrpcConnect { server: server(), source })?;
        question(client).await.map_err(|status| Error::GrpcCall {
            server: server(),
            request,
            source: Box::new(status),
        })
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    runtime.block_on(async {
        match tokio::time::timeout(deadline, talk).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::GrpcSilent { server: server(), request, after: deadline }),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_core::chain;
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    const SOON: Duration = Duration::from_millis(300);

    #[test]
    fn tells_skipped_from_broken() {
        for message in ["devmapper not configured", "devmapper not configured: skip plugin"] {
            assert_eq!(judge(message.to_owned()), PluginState::Skipped);
        }
        let broken = "failed to query pool \"/dev/mapper/x\": no such device or address";
        assert_eq!(judge(broken.to_owned()), PluginState::Error(broken.to_owned()));
    }

    #[test]
    fn an_absent_socket_says_why() {
        let failure = version(Path::new("/nonexistent/containerd.sock"), SOON).unwrap_err();
        assert!(matches!(failure, Error::GrpcConnect { .. }), "{failure:?}");
        assert_eq!(failure.to_string(), "cannot connect to /nonexistent/containerd.sock");
        assert!(chain(&failure).contains("No such file or directory"), "{}", chain(&failure));
    }

    #[test]
    fn a_silent_socket_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let socket: PathBuf = folder.path().join("sock");
        let _listener = UnixListener::bind(&socket).unwrap();
        let failure = devmapper_plugin(&socket, SOON).unwrap_err();
        assert!(matches!(failure, Error::GrpcSilent { .. }), "{failure:?}");
    }
}
