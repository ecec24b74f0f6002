//! `mvmhost tls show`.

use std::fmt::Write;

use mvm_cli::cli::TlsShow;
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_core::catalogue::tls as messages;
use mvm_core::json::Document;
use mvm_core::{Finding, chain, day};
use mvm_tls::plan::{Certificate, FOLDER, File, Observed, plan};
use mvm_tls::{Opaque, material, secret};
use serde_json::{Value, json};

use super::{desired, observe};

pub(super) fn run(context: &Context, arguments: &TlsShow) -> Exit {
    let observed = match observe(&context.roots) {
        Ok(observed) => observed,
        Err((findings, exit)) => {
            output::findings(context.json, &findings);
            return exit;
        }
    };
    if observed.authority == File::Absent {
        output::findings(context.json, &[messages::no_authority(FOLDER)]);
        return Exit::Findings;
    }
    if let Some(name) = &arguments.secret {
        return print_secret(context, name, arguments);
    }
    let loaded = context.load().ok();
    let findings: Vec<Finding> = loaded
        .map(|loaded| plan(&desired(&loaded.config, false), &observed).findings)
        .unwrap_or_default();
    if context.json {
        output::print(&document(&observed, &findings).text());
    } else {
        output::print(&table(&observed));
        output::findings(false, &findings);
    }
    output::exit_for(&findings)
}

/// Only YAML goes to standard output, for `kubectl apply -f -`.
fn print_secret(context: &Context, name: &str, arguments: &TlsShow) -> Exit {
    match material(&context.roots, &arguments.client) {
        Ok(data) => {
            let namespace = &arguments.namespace;
            output::print(&secret(Opaque { name, namespace, data: &data }));
            Exit::Done
        }
        Err(error) => {
            let missing = messages::no_client(&arguments.client);
            output::findings(context.json, &[missing.evidence(chain(&error))]);
            Exit::Findings
        }
    }
}

fn rows(observed: &Observed) -> Vec<(String, &File)> {
    let fixed = [("ca".to_owned(), &observed.authority), ("server".to_owned(), &observed.server)];
    let clients = observed.clients.iter().map(|(name, file)| (format!("clients/{name}"), file));
    fixed.into_iter().chain(clients).collect()
}

fn document<'f>(observed: &Observed, findings: &'f [Finding]) -> Document<'f> {
    let certificates: Vec<Value> = rows(observed)
        .into_iter()
        .map(|(stem, file)| {
            let path = format!("{FOLDER}/{stem}.crt");
            match file {
                File::Absent => json!({"file": path, "there": false}),
                File::Broken(why) => json!({"file": path, "there": true, "broken": why}),
                File::Read(found) => json!({"file": path, "there": true, "certificate": found}),
            }
        })
        .collect();
    Document::new(findings).with("certificates", certificates)
}

fn table(observed: &Observed) -> String {
    let mut out = String::new();
    let rows = rows(observed);
    let width = rows.iter().map(|(stem, _)| stem.len() + 4).max().unwrap_or(0).max(11);
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{:width$} {:10} FOR", "CERTIFICATE", "UNTIL");
    for (stem, file) in rows {
        let (until, names) = match file {
            File::Absent => ("-".to_owned(), "there is none".to_owned()),
            File::Broken(why) => ("-".to_owned(), why.clone()),
            File::Read(found) => (day(found.until), purpose(&stem, found)),
        };
        let file = format!("{stem}.crt");
        let _ = writeln!(out, "{file:width$} {until:10} {names}");
    }
    out
}

fn purpose(stem: &str, found: &Certificate) -> String {
    if !found.ours {
        return "another authority's".to_owned();
    }
    match stem {
        "ca" => "signing the others".to_owned(),
        "server" => found.names.iter().cloned().collect::<Vec<_>>().join(", "),
        _ => "a client".to_owned(),
    }
}
