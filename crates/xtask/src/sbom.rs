//! What is in a package, for programs that read it: CycloneDX.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fmt, fs};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::arch::Arch;
use crate::{compile, musl, package, tools};

/// The components of all programs, kept in the repository (see `crate::licences`).
pub(crate) const COMPONENTS: &str = "packaging/licences/components.cdx.json";

/// A crate of a registry; it is shown as `name-version`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
}

impl fmt::Display for Crate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.name, self.version)
    }
}

/// Writes the package's list of components beside it, under its name with `.cdx.json` added.
pub(crate) fn beside(package: &Path, arch: &Arch) -> Result<PathBuf> {
    let text = fs::read_to_string(tools::top()?.join(COMPONENTS))?;
    let mut document: Value = serde_json::from_str(&text).context(COMPONENTS)?;
    let sum = tools::output(Command::new("sha256sum").arg("--").arg(package))?;
    let sum = sum.split_whitespace().next().context("sha256sum says nothing")?;
    let name = package.file_name().and_then(|name| name.to_str()).context("no name")?;
    document["metadata"]["component"] = subject(name, sum, arch);
    add_runtime(&mut document, &runtime(arch)?)?;
    let beside = package.with_file_name(format!("{name}.cdx.json"));
    fs::write(&beside, serde_json::to_string_pretty(&document)? + "\n")?;
    Ok(beside)
}

/// What is linked in and is no crate: its name and licence, and the Debian source package that it was
/// made from.
#[derive(Debug)]
struct Runtime {
    name: &'static str,
    licence: &'static str,
    source: String,
    version: String,
}

/// Into every program, and into the static ones.
const RUNTIME: [(&str, &str); 3] = [
    ("rust-std", "MIT OR Apache-2.0"),
    ("musl", "MIT"),
    ("libgcc", "GPL-3.0-or-later WITH GCC-exception-3.1"),
];

/// As this machine has it: other versions make other programs.
fn runtime(arch: &Arch) -> Result<Vec<Runtime>> {
    let unwinder = compile::unwinder(arch)?;
    let owner = tools::output(Command::new("dpkg-query").arg("-S").arg(&unwinder))?;
    let libgcc = owner.split(": ").next().context("dpkg-query says nothing")?;
    let mut found = Vec::new();
    for ((name, licence), package) in RUNTIME.into_iter().zip([compile::RUSTC, arch.musl, libgcc]) {
        let mut query = Command::new("dpkg-query");
        query.args(["-W", "-f", "${source:Package} ${source:Version}", package]);
        let version_text = tools::output(&mut query)?;
        let (source, version) = version_text.split_once(' ').context("dpkg-query")?;
        let (source, version) = (source.to_owned(), version.to_owned());
        found.push(Runtime { name, licence, source, version });
    }
    Ok(found)
}

/// Lists them, and which program has which.
fn add_runtime(document: &mut Value, runtime: &[Runtime]) -> Result<()> {
    let mut programs = BTreeMap::new();
    let components = document["components"].as_array_mut().context("no components")?;
    for component in components.iter() {
        let name = component["name"].as_str().unwrap_or_default();
        let dynamic = package::PROGRAMS.contains(&name);
        if dynamic || musl::PROGRAMS.contains(&name) {
            programs.insert(reference(component)?, if dynamic { 1 } else { RUNTIME.len() });
        }
    }
    for Runtime { name, licence, source, version } in runtime {
        components.push(json!({
            "type": "library",
            "bom-ref": name,
            "name": name,
            "version": version,
            "scope": "required",
            "licenses": [{ "expression": licence }],
            "purl": format!("pkg:deb/debian/{source}@{version}?arch=source"),
        }));
    }
    let needs = document["dependencies"].as_array_mut().context("no dependencies")?;
    for entry in needs.iter_mut() {
        let count = entry["ref"].as_str().and_then(|name| programs.get(name)).copied();
        let on = entry["dependsOn"].as_array_mut();
        if let (Some(count), Some(on)) = (count, on) {
            on.extend(runtime.iter().take(count).map(|one| json!(one.name)));
        }
    }
    needs.extend(runtime.iter().map(|one| json!({ "ref": one.name, "dependsOn": [] })));
    Ok(())
}

/// The package itself.
fn subject(file: &str, sum: &str, arch: &Arch) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let purl = if file.ends_with(".rpm") {
        format!("pkg:rpm/mvmhost@{version}-1?arch={}", arch.machine)
    } else {
        format!("pkg:deb/mvmhost@{version}?arch={}", arch.debian)
    };
    json!({
        "type": "application",
        "bom-ref": "mvmhost",
        "name": "mvmhost",
        "version": version,
        "licenses": [{ "expression": "Apache-2.0" }],
        "hashes": [{ "alg": "SHA-256", "content": sum }],
        "purl": purl,
        "properties": [{ "name": "file", "value": file }],
    })
}

/// One document of many: the components that are linked in, and who needs whom.
pub(crate) fn merge(documents: Vec<Value>, linked: &BTreeSet<Crate>) -> Result<Value> {
    let (mut components, mut needs) =
        (BTreeMap::new(), BTreeMap::<String, BTreeSet<String>>::new());
    let mut programs = BTreeSet::new();
    for document in &documents {
        let program = &document["metadata"]["component"];
        programs.insert(reference(program)?);
        let listed = document["components"].as_array().context("a document without components")?;
        for component in listed.iter().chain([program]) {
            if !is_foreign(component) || of(component).is_some_and(|one| linked.contains(&one)) {
                let mut component = component.clone();
                // The program's own file and targets: of one machine.
                component.as_object_mut().map(|fields| fields.remove("components"));
                components.insert(reference(&component)?, component);
            }
        }
        for entry in document["dependencies"].as_array().into_iter().flatten() {
            let from = entry["ref"].as_str().context("a dependency of nobody")?;
            let on = entry["dependsOn"].as_array().into_iter().flatten();
            let on = on.filter_map(|on| Some(on.as_str()?.to_owned()));
            needs.entry(from.to_owned()).or_default().extend(on);
        }
    }
    needs.retain(|from, _| components.contains_key(from));
    for on in needs.values_mut() {
        on.retain(|on| components.contains_key(on));
    }
    needs.insert("mvmhost".to_owned(), programs);
    let needs: Vec<Value> =
        needs.iter().map(|(from, on)| json!({ "ref": from, "dependsOn": on })).collect();
    let tools = documents.first().map_or(Value::Null, |first| first["metadata"]["tools"].clone());
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "tools": tools },
        "components": components.into_values().collect::<Vec<Value>>(),
        "dependencies": needs,
    }))
}

/// The crates of registries that a document names.
pub(crate) fn crates(document: &Value) -> BTreeSet<Crate> {
    let components = document["components"].as_array().into_iter().flatten();
    components.filter(|component| is_foreign(component)).filter_map(of).collect()
}

fn reference(component: &Value) -> Result<String> {
    Ok(component["bom-ref"].as_str().context("a component without bom-ref")?.to_owned())
}

fn is_foreign(component: &Value) -> bool {
    component["bom-ref"].as_str().is_some_and(|reference| reference.starts_with("registry+"))
}

fn of(component: &Value) -> Option<Crate> {
    let word = |key: &str| Some(component[key].as_str()?.to_owned());
    Some(Crate { name: word("name")?, version: word("version")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_linked_in_is_left_out() {
        let component = |reference: &str, name: &str| json!({ "bom-ref": reference, "name": name, "version": "1.0.0" });
        let document = json!({
            "metadata": { "component": component("path+file:///a", "a"), "tools": [] },
            "components": [component("registry+x#b", "b"), component("registry+x#macro", "macro")],
            "dependencies": [
                { "ref": "path+file:///a", "dependsOn": ["registry+x#b", "registry+x#macro"] },
                { "ref": "registry+x#macro" },
            ],
        });
        let linked: BTreeSet<Crate> =
            [Crate { name: "b".to_owned(), version: "1.0.0".to_owned() }].into();
        let merged = merge(vec![document.clone(), document], &linked).unwrap();
        assert_eq!(crates(&merged), linked);
        assert_eq!(merged["components"].as_array().unwrap().len(), 2);
        let needs = json!([
            { "ref": "mvmhost", "dependsOn": ["path+file:///a"] },
            { "ref": "path+file:///a", "dependsOn": ["registry+x#b"] },
        ]);
        assert_eq!(merged["dependencies"], needs);
    }

    /// Every program needs Rust's library, the static ones musl and libgcc as well, and what is named
    /// in the document has its licence in the copyright file.
    #[test]
    fn what_is_no_crate_is_listed_with_its_licence() {
        let components = include_str!("../../../packaging/licences/components.cdx.json");
        let mut document: Value = serde_json::from_str(components).unwrap();
        let made = |(name, licence)| Runtime {
            name,
            licence,
            source: format!("{name}-source"),
            version: "1.2-3".to_owned(),
        };
        add_runtime(&mut document, &RUNTIME.map(made)).unwrap();
        let musl = document["components"].as_array().unwrap();
        let musl = musl.iter().find(|component| component["name"] == "musl").unwrap();
        assert_eq!(musl["purl"], "pkg:deb/debian/musl-source@1.2-3?arch=source");
        for (program, expected) in [("mvmhost", 1), ("mvm-net", 3), ("mvmhost-generator", 3)] {
            let entries = document["dependencies"].as_array().unwrap();
            let of = |entry: &&Value| {
                let name = entry["ref"].as_str().unwrap();
                name.contains(&format!("/crates/bin/{program}#"))
            };
            let entry = entries.iter().find(of).unwrap_or_else(|| panic!("no {program}"));
            let on = entry["dependsOn"].as_array().unwrap();
            let found = RUNTIME.iter().filter(|(name, _)| on.contains(&json!(name))).count();
            assert_eq!(found, expected, "{program}");
        }
        let copyright = include_str!("../../../packaging/deb/debian/copyright");
        for files in ["Files: rust/library/*", "Files: musl/*", "Files: gcc/libgcc/*"] {
            assert!(copyright.contains(files), "{files} is not in debian/copyright");
        }
    }

    #[test]
    fn a_package_has_the_name_of_its_kind() {
        let arm = Arch::find("arm64").unwrap();
        let rpm = subject("mvmhost-1-1.aarch64.rpm", "00", arm);
        assert!(rpm["purl"].as_str().unwrap().ends_with("?arch=aarch64"), "{rpm}");
        let deb = subject("mvmhost_1_arm64.deb", "00", arm);
        assert!(deb["purl"].as_str().unwrap().ends_with("?arch=arm64"), "{deb}");
    }
}
