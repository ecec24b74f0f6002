//! The alert rules and the dashboard of packaging/grafana, held against promtool.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::tools;

/// promtool accepts the rules, they say what their tests expect, and it accepts every expression of
/// the dashboard.
pub(crate) fn lint(top: &Path) -> Result<()> {
    tools::apt(&["prometheus"])?;
    let folder = top.join("packaging/grafana");
    tools::check(
        Command::new("promtool").arg("check").arg("rules").arg(folder.join("alerts.yaml")),
    )?;
    let tests = folder.join("alerts.test.yaml");
    tools::check(Command::new("promtool").arg("test").arg("rules").arg(tests))?;
    let rules = top.join("target").join(format!("dashboard-{}.yaml", tools::now()));
    fs::write(&rules, recorded(&expressions(&folder)?).to_string())?;
    let checked = tools::check(Command::new("promtool").arg("check").arg("rules").arg(&rules));
    fs::remove_file(&rules)?;
    checked
}

/// Every expression of the dashboard, with a value for its variable.
fn expressions(folder: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(folder.join("mvmhost.json"))?;
    let board: Value = serde_json::from_str(&text).context("mvmhost.json")?;
    let panels = board["panels"].as_array().context("no panels")?;
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let texts = targets.filter_map(|target| target["expr"].as_str());
    Ok(texts.map(|text| text.replace("$host", ".*")).collect())
}

/// As rules, which is what promtool reads; JSON is YAML.
fn recorded(expressions: &[String]) -> Value {
    let rule = |(at, expr): (usize, &String)| serde_json::json!({"record": format!("dashboard:panel:{at}"), "expr": expr});
    let rules: Vec<Value> = expressions.iter().enumerate().map(rule).collect();
    serde_json::json!({"groups": [{"name": "dashboard", "rules": rules}]})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mvm_core::catalogue;
    use mvm_guard_plan::{Figures, Room, metrics};
    use mvm_pool_plan::thinpool::{Usage, Working};

    use super::*;

    fn folder() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/grafana")
    }

    fn shipped() -> String {
        let texts = ["alerts.yaml", "mvmhost.json"];
        texts.map(|name| fs::read_to_string(folder().join(name)).unwrap()).concat()
    }

    /// The words that begin with `mvmhost_pool_`, each once.
    fn named(text: &str) -> BTreeSet<String> {
        let word = |c: char| !(c.is_ascii_lowercase() || c == '_');
        let words = text.split(word).filter(|word| word.starts_with("mvmhost_pool_"));
        words.map(str::to_owned).collect()
    }

    #[test]
    fn every_metric_is_one_that_the_guard_writes_and_none_is_forgotten() {
        let half = Usage { used: 1, total: 2 };
        let pool = Working {
            transaction_id: 0,
            metadata: half,
            data: half,
            held_root: None,
            mode: None,
            discards: None,
            when_full: None,
            needs_check: None,
            metadata_low_water: None,
        };
        let room = Room { place: "/p".to_owned(), total: 2, free: 1, promised: 0 };
        let figures = Figures { pool, block: 1, size: 2, room: Some(room), unfinished: None };
        let written = named(&metrics("p", Some(&figures), false));
        let mut used = named(&shipped());
        used.insert("mvmhost_pool_room_size_bytes".to_owned());
        assert_eq!(used, written);
    }

    #[test]
    fn a_code_that_is_named_exists() {
        let text = shipped();
        let codes: Vec<&str> =
            text.match_indices("MVM-").map(|(at, _)| &text[at..at + 12]).collect();
        assert!(codes.len() > 6);
        for code in codes {
            assert!(catalogue::find(code).is_some(), "{code}");
        }
    }

    #[test]
    fn the_dashboard_asks_for_the_host_that_is_chosen() {
        let board = expressions(&folder()).unwrap();
        assert!(board.len() > 10 && board.iter().all(|text| text.contains("instance=~\".*\"")));
    }
}
