//! Stand-in for Cluster API's provider: creates a microVM on a host, sees it run, and deletes it.
//!
//! `client ENDPOINT CA CERTIFICATE KEY NAME`

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use mvm_config::Config;
use mvm_config::names::Endpoint;
use mvm_core::chain;
use mvm_units_plan::microvm::{Request, Spec, complete};
use mvm_units_systemd::flintlock::{Api, State, Tls};

/// For each answer, on an emulated host.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Until it runs, and until it is gone.
const SOON: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match client(&arguments) {
        Ok(uid) => {
            println!("{uid}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("client: {why}");
            ExitCode::FAILURE
        }
    }
}

fn client(arguments: &[String]) -> Result<String, String> {
    let [endpoint, trust, certificate, key, name] = arguments else {
        return Err("name the endpoint, three files and the microVM".to_owned());
    };
    let endpoint: Endpoint = endpoint.parse().map_err(|_| format!("{endpoint} is no endpoint"))?;
    let client = Some((PathBuf::from(certificate), PathBuf::from(key)));
    let tls = Tls { trust: trust.into(), client };
    let api = Api::connect(&endpoint, Some(&tls), None, TIMEOUT).map_err(|error| chain(&error))?;
    let request = Request { name: name.clone(), ..Request::default() };
    let spec = complete(Spec::default(), &request, &Config::default(), "cluster", "amd64")?;
    let uid = api.create(&spec, TIMEOUT).map_err(|error| chain(&error))?.microvm.uid;
    until(|| {
        let found = api.get(&uid, TIMEOUT).map_err(|error| chain(&error))?;
        Ok(found.is_some_and(|found| found.microvm.state == State::Created))
    })?;
    api.delete(&uid, TIMEOUT).map_err(|error| chain(&error))?;
    until(|| Ok(api.get(&uid, TIMEOUT).map_err(|error| chain(&error))?.is_none()))?;
    Ok(uid)
}

fn until(mut condition: impl FnMut() -> Result<bool, String>) -> Result<(), String> {
    let start = Instant::now();
    while !condition()? {
        if start.elapsed() > SOON {
            return Err("it takes too long".to_owned());
        }
        thread::sleep(Duration::from_millis(300));
    }
    Ok(())
}
