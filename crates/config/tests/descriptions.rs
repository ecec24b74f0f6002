//! The JSON Schema and the manual page name every key of the table.

use mvm_config::{Config, json_schema, man_keys, to_toml};
use serde_json::Value;

/// `thinpool.loop.data-size` for every key of the effective default.
fn keys() -> Vec<(Vec<String>, String)> {
    let mut table = Vec::new();
    let mut keys = Vec::new();
    for line in to_toml(&Config::default()).lines() {
        if let Some(header) = line.strip_prefix('[') {
            table = header.trim_end_matches(']').split('.').map(str::to_owned).collect();
        } else if let Some((key, value)) = line.trim_start_matches('#').split_once(" = ") {
            let path = table.iter().cloned().chain([key.to_owned()]).collect();
            keys.push((path, value.to_owned()));
        }
    }
    keys
}

#[test]
fn the_json_schema_is_json_and_knows_every_key() {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for (path, value) in keys() {
        let mut node = &schema;
        for part in &path {
            assert_eq!(node["additionalProperties"], false, "{path:?}");
            node = &node["properties"][part];
        }
        assert!(node["description"].as_str().is_some_and(|doc| !doc.is_empty()), "{path:?}");
        match node.get("default") {
            Some(default) => {
                assert_eq!(*default, serde_json::from_str::<Value>(&value).unwrap(), "{path:?}");
            }
            None => {
                assert!(node["description"].as_str().unwrap().contains("default: "), "{path:?}")
            }
        }
    }
    let vlan = &schema["properties"]["network"]["properties"]["vlan"]["items"];
    assert_eq!(vlan["required"], serde_json::json!(["parent", "id"]));
    assert_eq!(vlan["properties"]["id"]["maximum"], 4094);
}

#[test]
fn the_manual_page_knows_every_key() {
    let text = man_keys();
    for (path, _) in keys() {
        let (key, table) = path.split_last().unwrap();
        let heading = format!("## [{}]\n", table.join("."));
        let section = text.split(&heading).nth(1).unwrap_or_else(|| panic!("no {heading}"));
        let section = section.split("\n## ").next().unwrap();
        let name = if key == "vlan" { "**[[network.vlan]]**" } else { &format!("**{key}**") };
        // Keys of entries are in lists of their own, and may have the name of a key.
        let own = section.lines().filter(|line| line.starts_with(name));
        assert_eq!(own.count(), 1, "{path:?}");
    }
    assert!(text.contains("**parent** (an interface name, required)"));
}
