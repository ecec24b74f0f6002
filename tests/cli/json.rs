//! Every `--json` document, held against the schema that is installed for its command.
//!
//! No systemd is asked here: the bus is one that nobody serves. What a host that is up says is held
//! against the same schemas in a guest.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mvmhost");

/// Commands whose standard output is no document: it is for another program, or for a person.
const NO_DOCUMENT: [(&str, &str); 5] = [
    ("capmvm", "YAML for kubectl"),
    ("completions", "a script for a shell"),
    ("config-schema", "a schema itself"),
    ("vm-console", "what the guest writes"),
    ("vm-logs", "what the guest wrote"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../packaging/schema")
}

/// Every schema by its name.
fn schemas() -> BTreeMap<String, Value> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let named = entries.map(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap())
    });
    named.collect()
}

fn mvmhost(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(PROGRAM);
    // A machine with systemd is not touched.
    command.env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus").stdin(Stdio::null());
    let output = command.args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The commands below `arguments`, by their help; a command without any is a leaf.
fn leaves(arguments: &[&str], found: &mut BTreeSet<String>) {
    let mut help_command = arguments.to_vec();
    help_command.push("--help");
    let (_, help, _) = mvmhost(&help_command);
    let below = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let below: Vec<&str> = below
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    if below.is_empty() {
        found.insert(arguments.join("-"));
    }
    for name in below {
        leaves(&[arguments, &[name]].concat(), found);
    }
}

#[test]
fn every_command_has_a_schema_and_every_schema_a_command() {
    let mut commands = BTreeSet::new();
    leaves(&[], &mut commands);
    assert!(commands.len() > 35, "{commands:?}");
    let without: BTreeSet<String> =
        NO_DOCUMENT.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert!(without.is_subset(&commands), "{commands:?}");
    let expected: BTreeSet<String> = commands.difference(&without).cloned().collect();
    assert_eq!(schemas().into_keys().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn schemas_are_schemas_and_have_the_common_part_in_common() {
    let schemas = schemas();
    let common = &schemas["plan"];
    for (name, schema) in &schemas {
        assert!(jsonschema::meta::is_valid(schema), "{name}");
        for part in ["version", "findings", "problems"] {
            assert_eq!(schema["properties"][part], common["properties"][part], "{name}: {part}");
        }
        assert_eq!(schema["$defs"], common["$defs"], "{name}");
        assert_eq!(schema["title"], format!("mvmhost {} --json", spelt(name)), "{name}");
        described(name, schema);
    }
}

/// As it is typed: `pool brake off`, `vm create`.
fn spelt(name: &str) -> String {
    name.replace('-', " ")
}

/// Every member says what it is.
fn described(place: &str, schema: &Value) {
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        let text = member["description"].as_str().unwrap_or_default();
        assert!(text.ends_with('.') || text.contains('/'), "{place}: {text:?}");
        described(&place, member);
        described(&place, &member["items"]);
    }
}

/// Runs a command below a root and holds what it prints.
fn held(schemas: &BTreeMap<String, Value>, root: &Path, name: &str, arguments: &[&str]) -> Value {
    let all = [&["--json", "--root", root.to_str().unwrap()], arguments].concat();
    let (code, stdout, stderr) = mvmhost(&all);
    let document: Value = serde_json::from_str(&stdout)
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{code:?}\n{stdout}\n{stderr}"));
    let validator = jsonschema::validator_for(&schemas[name]).unwrap();
    let wrong: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{arguments:?}: {wrong:#?}\n{document:#}");
    let errors = document["findings"].as_array().unwrap();
    let failed = errors.iter().any(|one| one["severity"] == "error");
    assert!(!failed || code != Some(0), "{arguments:?}: {code:?} {document:#}");
    document
}

fn root(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in ["etc", "run/mvmhost", "var/lib/mvmhost", "proc"] {
        fs::create_dir_all(folder.path().join(path)).unwrap();
    }
    fs::write(folder.path().join("etc/mvmhost.toml"), text).unwrap();
    folder
}

#[test]
fn what_a_command_prints_is_as_its_schema_says() {
    let schemas = schemas();
    let folder = root("");
    let root = folder.path();
    let archive = root.join("a.tar").display().to_string();
    let bundle = root.join("report.tar").display().to_string();
    let mut names = BTreeSet::new();
    let mut hold = |name: &str, arguments: &[&str]| {
        names.insert(name.to_owned());
        held(&schemas, root, name, arguments)
    };
    for name in ["status", "plan", "apply", "undo", "confirm", "adopt", "check", "vms", "smoke"] {
        hold(name, &[name]);
    }
    for name in ["facts", "diagnose"] {
        hold(name, &[name]);
    }
    assert!(hold("check", &["check"])["checks"].as_array().unwrap().len() > 20);
    let remote = ["check", "--host", "127.0.0.1:1"];
    assert_eq!(hold("check", &remote)["host"], "127.0.0.1:1");
    let two = [&remote[..], &["--host", "127.0.0.1:2"]].concat();
    assert_eq!(hold("check", &two)["hosts"].as_array().unwrap().len(), 2);
    for name in ["status", "leases", "down"] {
        hold(&format!("net-{name}"), &["net", name]);
    }
    for name in ["list", "pull", "verify", "prune"] {
        hold(&format!("images-{name}"), &["images", name]);
    }
    hold("images-import", &["images", "import", &archive]);
    hold("images-export", &["images", "export", &archive]);
    for name in ["status", "create", "grow", "check", "remove"] {
        hold(&format!("pool-{name}"), &["pool", name]);
    }
    hold("pool-repair", &["pool", "repair", "--dry-run"]);
    hold("pool-brake-off", &["pool", "brake", "off"]);
    hold("pool-brake-on", &["pool", "brake", "on"]);
    let made = ["vm", "create", "a", "--dry-run", "--root-image", "r.test/a:1"];
    let made = [&made[..], &["--kernel-image", "r.test/k:1"]].concat();
    assert_eq!(hold("vm-create", &made)["microvm"]["id"], "a");
    hold("vm-delete", &["vm", "delete", "a"]);
    hold("vm-wait", &["vm", "wait", "a"]);
    hold("tls-show", &["tls", "show"]);
    hold("tls-init", &["tls", "init"]);
    let shown = hold("tls-show", &["tls", "show"]);
    assert!(shown["certificates"].as_array().is_some_and(|all| !all.is_empty()), "{shown}");
    hold("tls-renew", &["tls", "renew"]);
    assert_eq!(hold("explain", &["explain", "MVM-POOL-105"])["code"], "MVM-POOL-105");
    hold("config-check", &["config", "check"]);
    assert!(hold("config-show", &["config", "show"])["toml"].is_string());
    assert!(hold("init", &["init", "--yes", "--dry-run"])["answers"].is_object());
    assert_eq!(hold("report", &["report", "--output", &bundle])["file"], bundle.as_str());
    hold("report", &["report", "--output", &bundle]);
    let missed: Vec<&String> = schemas.keys().filter(|name| !names.contains(*name)).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn an_invalid_configuration_has_its_places() {
    let schemas = schemas();
    let folder = root("[thinpool.loop]\ndata-size = \"10X\"\n[networks]\n");
    let document = held(&schemas, folder.path(), "config-check", &["config", "check"]);
    assert_eq!(document["problems"].as_array().unwrap().len(), 2);
    assert_eq!(document["problems"][0]["line"], 2);
}
