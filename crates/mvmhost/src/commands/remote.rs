//! `mvmhost check --host`: flintlockd on another host, asked as its clients ask it. Needs neither
//! root nor systemd nor a configuration here.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, Instant};

use mvm_config::names::Endpoint;
use mvm_diagnostics::json::Document;
use mvm_diagnostics::{Finding, catalogue::remote};
use mvm_host::chain;
use mvm_host::flintlock::{Api, Tls};
use mvm_validate::handover;

use crate::cli::CheckArguments;
use crate::context::Context;
use crate::output::{self, Exit};

/// A host on another continent answers within this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// flintlock's default port.
const PORT: u16 = 9090;

pub(super) fn run(context: &Context, host: &str, arguments: &CheckArguments) -> Exit {
    let Some(endpoint) = endpoint(host) else {
        eprintln!("mvmhost: {host} is no host; write for example 192.168.10.3 or [fd00::3]:9090");
        return Exit::Usage;
    };
    let finding = ask(&endpoint, arguments).unwrap_or_else(|finding| finding);
    let findings = [finding];
    if context.json {
        output::print(&Document::new(&findings).with("host", endpoint.to_string()).text());
    } else {
        output::findings(false, &findings);
    }
    output::exit_for(&findings)
}

/// With flintlock's port where none is named.
fn endpoint(host: &str) -> Option<Endpoint> {
    let with_port = || {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let host = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
        Endpoint::parse(&format!("{host}:{PORT}")).ok()
    };
    Endpoint::parse(host).ok().or_else(with_port)
}

fn ask(endpoint: &Endpoint, arguments: &CheckArguments) -> Result<Finding, Finding> {
    let finding = |entry| Finding::new(entry, endpoint.to_string());
    let token = arguments.token_file.as_deref().map(token).transpose()?;
    let started = Instant::now();
    connect(endpoint).map_err(|error| {
        let unreachable = finding(&remote::UNREACHABLE).with("port", endpoint.port());
        unreachable.with("why", &error).evidence(error.to_string())
    })?;
    let tls = arguments.tls_ca.as_ref().map(|ca| Tls { trust: ca.clone(), client: None });
    let told = Api::connect(endpoint, tls.as_ref(), token.as_deref(), PATIENCE)
        .and_then(|api| api.list_microvms(PATIENCE));
    match told {
        Ok(microvms) => Ok(finding(&remote::ANSWERS)
            .with("milliseconds", started.elapsed().as_millis())
            .with("count", microvms.len())),
        Err(error) => {
            let entry = if error.answered() { &remote::LOCKED } else { &remote::NO_API };
            let why = chain(&error);
            Err(finding(entry).with("why", &why).evidence(why))
        }
    }
}

fn token(file: &Path) -> Result<String, Finding> {
    handover::token(file).map_err(|why| {
        let unusable = Finding::new(&remote::NO_SUCH_FILE, file.display().to_string());
        unusable.with("why", &why).evidence(why)
    })
}

/// A TCP connection to one of the host's addresses.
fn connect(endpoint: &Endpoint) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (endpoint.host(), endpoint.port()).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_port_may_be_left_out() {
        for (host, expected) in [
            ("192.0.2.1", "192.0.2.1:9090"),
            ("192.0.2.1:9091", "192.0.2.1:9091"),
            ("host.example", "host.example:9090"),
            ("fd00::3", "[fd00::3]:9090"),
            ("[fd00::3]", "[fd00::3]:9090"),
            ("[fd00::3]:1", "[fd00::3]:1"),
        ] {
            assert_eq!(endpoint(host).unwrap().to_string(), expected);
        }
        assert_eq!(endpoint("no host"), None);
    }

    #[test]
    fn a_closed_port_and_a_stranger_are_told_apart() {
        let none = CheckArguments { deep: false, host: None, tls_ca: None, token_file: None };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = endpoint(&listener.local_addr().unwrap().to_string()).unwrap();
        let stranger = std::thread::spawn(move || {
            // Takes what comes, and hangs up.
            for _ in 0..2 {
                drop(listener.accept());
            }
        });
        assert_eq!(ask(&endpoint, &none).unwrap_err().code(), "MVM-FLK-102");
        stranger.join().unwrap();
        assert_eq!(ask(&endpoint, &none).unwrap_err().code(), "MVM-FLK-101");
        let token = Some("/nonexistent".into());
        let lost = CheckArguments { token_file: token, ..none };
        assert_eq!(ask(&endpoint, &lost).unwrap_err().code(), "MVM-FLK-105");
    }
}
