//! What `--json` prints on a real host, sound and sick, held against the schemas that are installed.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::host;
use crate::guest::Guest;
use crate::scenario::Context;

/// Where the package puts them.
const SCHEMAS: &str = "/usr/share/mvmhost/schema";

/// Commands that read, by the name of their schema.
const READING: [(&str, &str); 16] = [
    ("status", "status"),
    ("plan", "plan"),
    ("check", "check"),
    ("check", "check --deep"),
    ("vms", "vms"),
    ("facts", "facts"),
    ("diagnose", "diagnose"),
    ("net-status", "net status"),
    ("net-leases", "net leases"),
    ("images-list", "images list"),
    ("images-verify", "images verify"),
    ("pool-status", "pool status"),
    ("pool-check", "pool check"),
    ("config-show", "config show"),
    ("init", "init --yes --dry-run"),
    ("explain", "explain MVM-POOL-105"),
];

/// Commands that change something, and leave a sound host as it is.
const CHANGING: [(&str, &str); 7] = [
    ("apply", "apply --no-wait"),
    ("pool-brake-off", "pool brake off --for 1m"),
    ("pool-brake-on", "pool brake on"),
    ("pool-grow", "pool grow"),
    ("confirm", "confirm"),
    ("tls-show", "tls show"),
    ("report", "report --output /root/bundle.tar"),
];

/// Of a sound host there is nothing to be said under these names.
const NEVER: [&str; 3] = ["problems", "host", "hosts"];

/// # Errors
/// A document is not as its schema says, or a member that is promised is never there.
pub fn documents_are_as_their_schemas_say(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(host::UNDISTURBED)?;
    // All of them, also after one that is wrong.
    let mut wrong = Vec::new();
    for (name, arguments) in READING.iter().chain(&CHANGING) {
        wrong.extend(holds(guest, name, arguments).err());
    }
    // flintlockd is down.
    guest.ok("systemctl stop flintlockd.service")?;
    for (name, arguments) in READING.iter().filter(|(_, arguments)| *arguments != "check --deep") {
        wrong.extend(holds(guest, name, arguments).err());
    }
    guest.ok("printf '[thinpol]\\n' > /etc/mvmhost.toml")?;
    match holds(guest, "config-check", "config check") {
        Ok(invalid) => ensure!(invalid["problems"][0]["line"] == 1, "{invalid}"),
        Err(error) => wrong.push(error),
    }
    let wrong: Vec<String> = wrong.iter().map(|error| format!("{error:#}")).collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    guest.ok(": > /etc/mvmhost.toml; mvmhost apply --no-wait; systemctl start mvmhost.target")?;
    host::settles(guest, host::HEALS)
}

/// Prints a document, holds it, and of a command that succeeded every member that is promised.
fn holds(guest: &mut Guest, name: &str, arguments: &str) -> Result<Value> {
    let schema = guest.ok(&format!("cat {SCHEMAS}/{name}.json"))?;
    let schema: Value = serde_json::from_str(&schema).with_context(|| name.to_owned())?;
    let output = guest.run(&format!("mvmhost --json {arguments}"))?;
    let document: Value =
        serde_json::from_str(&output.stdout).with_context(|| format!("{arguments}: {output:?}"))?;
    let validator = jsonschema::validator_for(&schema)?;
    let wrong: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    ensure!(wrong.is_empty(), "{arguments}: {wrong:#?}\n{document:#}");
    let members = |value: &Value| -> BTreeSet<String> {
        value.as_object().map(|members| members.keys().cloned().collect()).unwrap_or_default()
    };
    let promised = members(&schema["properties"]);
    let there = members(&document);
    let lacking: Vec<&String> =
        promised.difference(&there).filter(|member| !NEVER.contains(&member.as_str())).collect();
    ensure!(!output.success() || lacking.is_empty(), "{arguments} lacks {lacking:?}: {document:#}");
    Ok(document)
}
