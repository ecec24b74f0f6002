//! Several files of one containerd: what one of them imports, and what they come to together.

use std::fmt::Write;

use toml::{Table, Value};

use super::string;

/// The `imports` of a file, as it has them: paths, of which some are patterns.
pub fn imports(table: &Table) -> Vec<String> {
    let list = table.get("imports").and_then(Value::as_array);
    let paths = list.into_iter().flatten().filter_map(Value::as_str);
    paths.map(str::to_owned).collect()
}

/// Lays a later file over an earlier one, as containerd 2.x does: table by table, key by key. 1.x
/// takes a plugin's table whole; what the later file names counts in both.
pub fn merge(into: &mut Table, later: Table) {
    for (key, value) in later {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(known)), Value::Table(more)) => merge(known, more),
            // A file's version is about that file.
            (Some(_), _) if key == "version" => {}
            (_, value) => drop(into.insert(key, value)),
        }
    }
}

/// The text of a table; every table in it stands in its parent's line.
pub fn text(table: &Table) -> String {
    let mut out = String::new();
    for (key, value) in table {
        out.push_str(&string(key));
        out.push_str(" = ");
        write(&mut out, value);
        out.push('\n');
    }
    out
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => out.push_str(&string(text)),
        Value::Array(list) => {
            out.push('[');
            for (index, one) in list.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write(out, one);
            }
            out.push(']');
        }
        Value::Table(table) => {
            out.push('{');
            for (index, (key, one)) in table.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                out.push_str(&string(key));
                out.push_str(" = ");
                write(out, one);
            }
            out.push('}');
        }
        // Writing to a String cannot fail.
        Value::Integer(number) => drop(write!(out, "{number}")),
        Value::Float(number) => drop(write!(out, "{number:?}")),
        Value::Boolean(truth) => drop(write!(out, "{truth}")),
        Value::Datetime(time) => drop(write!(out, "{time}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_files_count_key_by_key() {
        let parse = |text: &str| text.parse::<Table>().unwrap();
        let main =
            "version = 2\nimports = [\"a\", \"b/*.toml\"]\n[plugins.x]\na = 1\nb = [true, 1.5]\n";
        let mut all = parse(main);
        assert_eq!(imports(&all), ["a", "b/*.toml"]);
        merge(
            &mut all,
            parse("version = 3\n[plugins.x]\na = 2\n[plugins.\"y.z\"]\nc = \"\\\"\"\n"),
        );
        let expected = "version = 2\nimports = [\"a\", \"b/*.toml\"]\n[plugins.x]\na = 2\nb = [true, 1.5]\n[plugins.\"y.z\"]\nc = \"\\\"\"\n";
        assert_eq!(all, parse(expected));
        assert_eq!(parse(&text(&all)), all);
    }
}
