//! The schema for editors and people: JSON Schema, and the keys of mvmhost.toml(5).

use std::fmt::Write;

use crate::Config;
use crate::schema::{Draft, Row, SECTIONS, Section, Shape, TABLES, quote};

/// The JSON Schema (draft 2020-12) of the file.
pub fn json_schema() -> String {
    let defaults = Draft::of(Config::default());
    let mut text = String::from(
        "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"mvmhost.toml\",\n  \"description\": \"One file declares the host.\",\n",
    );
    table("", &defaults, 1, &mut text);
    text.push_str("}\n");
    text
}

/// The members of a table's schema: its own keys, then the tables below it.
fn table(path: &str, defaults: &Draft, depth: usize, text: &mut String) {
    let pad = "  ".repeat(depth);
    let _ = write!(text, "{pad}\"type\": \"object\",\n{pad}\"additionalProperties\": false,\n");
    let _ = write!(text, "{pad}\"properties\": {{");
    let mut separator = "\n";
    let own = SECTIONS.iter().find(|section| section.path == path);
    for row in own.map_or(&[][..], |section| section.rows) {
        let _ = write!(text, "{separator}{pad}  \"{}\": {{ ", row.name);
        key(row, defaults, text);
        text.push_str(" }");
        separator = ",\n";
    }
    for section in SECTIONS {
        let Some(name) = child(section, path) else {
            continue;
        };
        let _ = write!(text, "{separator}{pad}  \"{name}\": {{\n{pad}    \"description\": ");
        quote(section.doc, text);
        text.push_str(",\n");
        table(section.path, defaults, depth + 2, text);
        let _ = write!(text, "{pad}  }}");
        separator = ",\n";
    }
    let _ = write!(text, "\n{pad}}}\n");
}

/// The section's last component, when it is directly below `path`.
fn child(section: &Section, path: &str) -> Option<&'static str> {
    let rest = section.path.strip_prefix(path)?;
    let rest = if path.is_empty() { rest } else { rest.strip_prefix('.')? };
    Some(rest).filter(|rest| !rest.is_empty() && !rest.contains('.'))
}

fn key(row: &Row, defaults: &Draft, text: &mut String) {
    text.push_str("\"description\": ");
    match row.computed {
        Some(computed) => quote(&format!("{}; default: {computed}", row.doc), text),
        None => quote(row.doc, text),
    }
    text.push_str(", ");
    shape(&(row.shape)(), text);
    if row.computed.is_none() {
        // Strings, numbers, lists of them and an empty table are the same text in JSON.
        text.push_str(", \"default\": ");
        (row.write)(defaults, text);
    }
}

fn shape(of: &Shape, text: &mut String) {
    match of {
        Shape::Bool => text.push_str("\"type\": \"boolean\""),
        Shape::Integer(low, high) => {
            let _ = write!(text, "\"type\": \"integer\", \"minimum\": {low}, \"maximum\": {high}");
        }
        Shape::Text(_) => text.push_str("\"type\": \"string\""),
        Shape::OneOf(names) => {
            let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
            let _ = write!(text, "\"enum\": [{}]", quoted.join(", "));
        }
        Shape::List(entry) => {
            text.push_str("\"type\": \"array\", \"items\": { ");
            shape(entry, text);
            text.push_str(" }");
        }
        Shape::Map(value) => {
            text.push_str("\"type\": \"object\", \"additionalProperties\": { ");
            shape(value, text);
            text.push_str(" }");
        }
        Shape::Record(fields) => {
            text.push_str("\"type\": \"object\", \"additionalProperties\": false, \"required\": [");
            let required = fields.iter().filter(|field| field.required);
            let required: Vec<String> =
                required.map(|field| format!("\"{}\"", field.name)).collect();
            text.push_str(&required.join(", "));
            text.push_str("], \"properties\": { ");
            for (index, field) in fields.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                let _ = write!(text, "\"{}\": {{ \"description\": ", field.name);
                quote(field.doc, text);
                text.push_str(", ");
                shape(&(field.shape)(), text);
                text.push_str(" }");
            }
            text.push_str(" }");
        }
    }
}

/// The keys as Markdown for the manual page, a heading for each table.
pub fn man_keys() -> String {
    let defaults = Draft::of(Config::default());
    let mut text = String::new();
    for section in SECTIONS {
        let _ = write!(text, "## [{}]\n\n{}\n\n", section.path, section.doc);
        for row in section.rows {
            let name =
                if row.path == TABLES { format!("[[{TABLES}]]") } else { row.name.to_owned() };
            let _ = writeln!(text, "**{name}** ({})", form(&(row.shape)()));
            let _ = writeln!(text, ":   {}.", row.doc);
            let mut default = String::new();
            (row.write)(&defaults, &mut default);
            let _ = match row.computed {
                Some(computed) => writeln!(text, "    Default: {computed}."),
                None => writeln!(text, "    Default: `{default}`"),
            };
            if let Shape::List(entry) = (row.shape)()
                && let Shape::Record(fields) = *entry
            {
                text.push('\n');
                for field in fields {
                    let need = if field.required { "required" } else { "optional" };
                    let form = form(&(field.shape)());
                    let _ =
                        writeln!(text, "    - **{}** ({form}, {need}): {}", field.name, field.doc);
                }
            }
            text.push('\n');
        }
    }
    text
}

/// A value's form in words.
fn form(of: &Shape) -> String {
    match of {
        Shape::Bool => "true or false".to_owned(),
        Shape::Integer(low, high) => format!("{low} to {high}"),
        Shape::Text(description) => (*description).to_owned(),
        Shape::OneOf(names) => names.join(" | "),
        Shape::List(entry) => format!("list: {}", form(entry)),
        Shape::Record(_) => "a table each".to_owned(),
        Shape::Map(value) => format!("table: {}", form(value)),
    }
}
