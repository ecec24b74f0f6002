//! The members of every `--json` document, for mvmhost-json(7), from the schemas that are installed.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// What every document has; it is described once.
const COMMON: [&str; 3] = ["version", "findings", "problems"];

/// A heading for each command, and its members below it.
pub(crate) fn man_body(top: &Path) -> Result<String> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(top.join("packaging/schema"))? {
        paths.push(entry?.path());
    }
    paths.sort();
    let mut out = String::new();
    for path in paths {
        let text = fs::read_to_string(&path)?;
        let schema: Value =
            serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        if out.is_empty() {
            out.push_str("## Every command\n\n");
            for name in COMMON {
                member(&mut out, name, &schema["properties"][name], &schema);
            }
        }
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "## {}\n\n{}\n",
            text_of(&schema, "title"),
            text_of(&schema, "description")
        );
        members(&mut out, "", &schema, &schema);
    }
    Ok(out)
}

fn text_of<'v>(schema: &'v Value, name: &str) -> &'v str {
    schema[name].as_str().unwrap_or_default()
}

fn members(out: &mut String, before: &str, of: &Value, schema: &Value) {
    let mut named: Vec<_> = of["properties"].as_object().into_iter().flatten().collect();
    // Whatever order the library keeps.
    named.sort_by_key(|(name, _)| *name);
    for (name, found) in named {
        if !before.is_empty() || !COMMON.contains(&name.as_str()) {
            member(out, &format!("{before}{name}"), found, schema);
        }
    }
}

/// The member, and below it those that it has itself.
fn member(out: &mut String, name: &str, of: &Value, schema: &Value) {
    let _ = writeln!(out, "{name} ({})\n:   {}\n", kind(of), text_of(of, "description"));
    members(out, &format!("{name}."), of, schema);
    let each = [&of["items"], &of["additionalProperties"]];
    for each in each.into_iter().filter(|each| each.is_object()) {
        let each = match each["$ref"].as_str().and_then(|path| path.strip_prefix("#")) {
            Some(path) => schema.pointer(path).unwrap_or(each),
            None => each,
        };
        let name =
            if of["items"].is_object() { format!("{name}[].") } else { format!("{name}.*.") };
        members(out, &name, each, schema);
    }
}

/// `string`, `integer or null`, or the words that it can be.
fn kind(of: &Value) -> String {
    if let Some(only) = of.get("const") {
        return only.to_string();
    }
    if let Some(values) = of["enum"].as_array() {
        let values: Vec<&str> = values.iter().map(|word| word.as_str().unwrap_or("null")).collect();
        return values.join(" | ");
    }
    match &of["type"] {
        Value::String(one) => one.clone(),
        Value::Array(several) => {
            let types: Vec<&str> = several.iter().filter_map(Value::as_str).collect();
            types.join(" or ")
        }
        _ => "object".to_owned(),
    }
}
