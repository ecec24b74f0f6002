//! The pull endpoints of the OCI distribution specification, for what containerd has on this host.
//!
//! Belongs here: listening, requests and answers. Does not belong here: which image has which name
//! (`mvm_images_plan::served`), and everything that is root's to do.
//!
//! A thread for each connection and no runtime; httparse reads the heads.

mod answer;
mod request;
mod server;
mod store;

use std::path::PathBuf;

use mvm_config::names::Endpoint;
use mvm_core::catalogue::img;
use mvm_core::{exit, names, notify};
use mvm_oneshot::{Options, Report};

pub use server::Server;
pub use store::Store;

/// Where it listens unless told.
const LISTEN: &str = "127.0.0.1:5000";

/// Everything that `mvm-registry` does; comes back only when it cannot listen.
pub fn run(options: &Options) -> Report {
    let listen = options.get("--listen").map(|text| text.to_string_lossy().into_owned());
    let listen = listen.unwrap_or_else(|| LISTEN.to_owned());
    let files = options.get("--files").cloned();
    let files = files.unwrap_or_else(|| PathBuf::from(names::REGISTRY_RUNTIME));
    let failed = |why: String| {
        let finding = img::not_served(&*listen, &why);
        Report { findings: vec![finding.evidence(why)], code: exit::FINDINGS }
    };
    let address = match Endpoint::parse(&listen) {
        Ok(address) => address,
        Err(error) => return failed(error.to_string()),
    };
    match Server::listen(&address, Store::new(&options.roots().at(files))) {
        Ok(server) => {
            notify::ready();
            server.serve()
        }
        Err(error) => failed(error.to_string()),
    }
}
