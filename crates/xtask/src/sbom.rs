//! What is in a package, for programs that read it: CycloneDX.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::arch::Arch;
use crate::licences::Crate;
use crate::tools;

/// The components of all programs, kept in the repository (see `crate::licences`).
pub(crate) const COMPONENTS: &str = "packaging/licences/components.cdx.json";

/// Writes the package's list of components beside it, under its name with `.cdx.json` added.
pub(crate) fn beside(package: &Path, arch: &Arch) -> Result<PathBuf> {
    let text = fs::read_to_string(tools::top()?.join(COMPONENTS))?;
    let mut document: Value = serde_json::from_str(&text).context(COMPONENTS)?;
    let sum = tools::output(Command::new("sha256sum").arg("--").arg(package))?;
    let sum = sum.split_whitespace().next().context("sha256sum says nothing")?;
    let name = package.file_name().and_then(|name| name.to_str()).context("no name")?;
    document["metadata"]["component"] = subject(name, sum, arch);
    let beside = package.with_file_name(format!("{name}.cdx.json"));
    fs::write(&beside, serde_json::to_string_pretty(&document)? + "\n")?;
    Ok(beside)
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

    #[test]
    fn a_package_has_the_name_of_its_kind() {
        let arm = Arch::find("arm64").unwrap();
        let rpm = subject("mvmhost-1-1.aarch64.rpm", "00", arm);
        assert!(rpm["purl"].as_str().unwrap().ends_with("?arch=aarch64"), "{rpm}");
        let deb = subject("mvmhost_1_arm64.deb", "00", arm);
        assert!(deb["purl"].as_str().unwrap().ends_with("?arch=arm64"), "{deb}");
    }
}
