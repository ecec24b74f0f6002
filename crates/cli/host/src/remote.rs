//! `mvmhost check --host`: flintlockd on another host, asked as its clients ask it. Needs neither
//! root nor systemd nor a configuration here.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, Instant};
use std::{io, thread};

use mvm_cli::cli::CheckArguments;
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_config::names::Endpoint;
use mvm_core::catalogue::remote;
use mvm_core::json::Document;
use mvm_core::{Finding, Severity, atomic, chain};
use mvm_units_systemd::flintlock::{Api, Tls};
use mvm_validate::handover;

/// A host on another continent answers within this time.
const TIMEOUT: Duration = Duration::from_secs(5);
/// flintlock's default port.
const PORT: u16 = 9090;

/// A file of hosts; a fleet of thousands has some ten KiB.
const LARGEST: u64 = 1 << 20;
/// So many are asked at a time.
const AT_A_TIME: usize = 16;

/// Prints a finding for each host; exit 1 when one of them does not answer.
pub fn run(context: &Context, arguments: &CheckArguments) -> Exit {
    let endpoints = match hosts(&arguments.host) {
        Ok(endpoints) => endpoints,
        Err(why) => {
            eprintln!("mvmhost: {why}");
            return Exit::Usage;
        }
    };
    let findings = ask_all(&endpoints, arguments);
    if context.json {
        let document = Document::new(&findings);
        let document = match endpoints.as_slice() {
            [only] => document.with("host", only.to_string()),
            all => document.with("hosts", all.iter().map(ToString::to_string).collect::<Vec<_>>()),
        };
        output::print(&document.text());
    } else {
        if endpoints.len() > 1 {
            output::print(&table(&endpoints, &findings));
        }
        output::findings(false, &findings);
    }
    output::exit_for(&findings)
}

/// One finding for each host, in their order.
fn ask_all(endpoints: &[Endpoint], arguments: &CheckArguments) -> Vec<Finding> {
    let mut findings = Vec::new();
    for some in endpoints.chunks(AT_A_TIME) {
        let answers = thread::scope(|scope| {
            let threads: Vec<_> =
                some.iter().map(|endpoint| scope.spawn(move || ask(endpoint, arguments))).collect();
            threads.into_iter().filter_map(|one| one.join().ok()).collect::<Vec<_>>()
        });
        findings.extend(answers.into_iter().map(|answer| answer.unwrap_or_else(|finding| finding)));
    }
    findings
}

fn table(endpoints: &[Endpoint], findings: &[Finding]) -> String {
    let width = endpoints.iter().map(|one| one.to_string().len()).max().unwrap_or(0).max(4);
    let mut out = format!("{:width$} STATE\n", "HOST");
    for (endpoint, finding) in endpoints.iter().zip(findings) {
        let state = match finding.severity() {
            Severity::Error => finding.code(),
            Severity::Warning | Severity::Info => "answers",
        };
        out.push_str(&format!("{:width$} {state}\n", endpoint.to_string()));
    }
    out
}

/// Every host that is named, each once; `@FILE` stands for the lines of a file.
fn hosts(named: &[String]) -> Result<Vec<Endpoint>, String> {
    let mut found: Vec<Endpoint> = Vec::new();
    for name in named {
        let lines = match name.strip_prefix('@') {
            None => name.clone(),
            Some(file) => {
                let bytes = atomic::read_linked(Path::new(file), LARGEST);
                String::from_utf8_lossy(&bytes.map_err(|error| chain(&error))?).into_owned()
            }
        };
        let lines = lines.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        for line in lines.filter(|line| !line.is_empty()) {
            let endpoint = endpoint(line).ok_or_else(|| {
                format!("{line} is no host; write for example 192.168.10.3 or [fd00::3]:9090")
            })?;
            if !found.contains(&endpoint) {
                found.push(endpoint);
            }
        }
    }
    match found.is_empty() {
        true => Err("no host is named".to_owned()),
        false => Ok(found),
    }
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
    let finding = |entry| Finding::chosen(entry, endpoint.to_string());
    let token = arguments.token_file.as_deref().map(token).transpose()?;
    let started = Instant::now();
    connect(endpoint).map_err(|error| {
        let unreachable = finding(&remote::unreachable::ROW).with("port", endpoint.port());
        unreachable.with("why", &error).evidence(error.to_string())
    })?;
    let client = arguments.tls_cert.clone().zip(arguments.tls_key.clone());
    let tls = arguments.tls_ca.as_ref().map(|ca| Tls { trust: ca.clone(), client });
    let listing = Api::connect(endpoint, tls.as_ref(), token.as_deref(), TIMEOUT)
        .and_then(|api| api.list_microvms(TIMEOUT));
    match listing {
        Ok(microvms) => Ok(finding(&remote::answers::ROW)
            .with("milliseconds", started.elapsed().as_millis())
            .with("count", microvms.len())),
        Err(error) => {
            let entry = if error.answered() { &remote::locked::ROW } else { &remote::no_api::ROW };
            let why = chain(&error);
            Err(finding(entry).with("why", &why).evidence(why))
        }
    }
}

fn token(file: &Path) -> Result<String, Finding> {
    handover::token(file).map_err(|why| {
        let unusable = remote::no_such_file(file.display().to_string(), &why);
        unusable.evidence(why)
    })
}

/// A TCP connection to one of the host's addresses.
fn connect(endpoint: &Endpoint) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (endpoint.host(), endpoint.port()).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
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
    fn hosts_come_from_words_and_from_files_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fleet");
        std::fs::write(&file, "# lab\n192.0.2.1\n\n192.0.2.2:9091 # second\n").unwrap();
        let at = |name: &std::path::Path| format!("@{}", name.display());
        let found = hosts(&["192.0.2.1:9090".to_owned(), at(&file)]).unwrap();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1:9090", "192.0.2.2:9091"]);
        std::fs::write(&file, "no host\n").unwrap();
        assert!(hosts(&[at(&file)]).unwrap_err().contains("no host"));
        std::fs::write(&file, "#\n").unwrap();
        assert!(hosts(&[at(&file)]).is_err() && hosts(&["@/nonexistent".to_owned()]).is_err());
    }

    #[test]
    fn a_closed_port_and_a_stranger_are_told_apart() {
        let none = CheckArguments {
            deep: false,
            host: Vec::new(),
            tls_ca: None,
            tls_cert: None,
            tls_key: None,
            token_file: None,
            smoke: false,
        };
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
