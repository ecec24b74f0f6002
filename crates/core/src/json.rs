//! The one documented JSON shape of every reading command:
//! `{"version": 1, "findings": [...], ...}`.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::Finding;

/// Version of the shape; raised when a field changes its meaning or goes away.
pub const VERSION: u32 = 1;

/// A document with the findings and whatever else the command has to say, under names of its own.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    version: u32,
    findings: &'a [Finding],
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl<'a> Document<'a> {
    /// A document that holds `findings` and nothing else yet.
    pub fn new(findings: &'a [Finding]) -> Self {
        Self { version: VERSION, findings, more: Map::new() }
    }

    /// Adds a member; what cannot be told in JSON becomes null.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        self.more.insert(name.to_owned(), serde_json::to_value(value).unwrap_or(Value::Null));
        self
    }

    /// The text, indented, with a newline at its end.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn shape_is_the_documented_one() {
        let findings = [catalogue::host::not_root("mvmhost", "plan")];
        let text = Document::new(&findings).with("steps", ["a"]).text();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["version"], 1);
        assert_eq!(value["steps"][0], "a");
        let finding = value["findings"][0].as_object().unwrap();
        let mut names: Vec<_> = finding.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["code", "evidence", "message", "remedy", "severity", "subject"]);
        assert_eq!(finding["severity"], "error");
    }
}
