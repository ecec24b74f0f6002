//! The sink for people: a finding as a few lines of text.

use crate::{Finding, Severity};

/// Whether escape sequences may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// Plain text: pipes, files, `NO_COLOR`.
    Never,
    /// SGR sequences for the severity.
    Always,
}

/// The finding as it stands on a terminal: severity, code and message, then what was seen and what
/// to type, each on lines of its own. Ends with a newline.
pub fn render(finding: &Finding, color: Color) -> String {
    let (word, sgr) = match finding.severity() {
        Severity::Error => ("error", "1;31"),
        Severity::Warning => ("warning", "1;33"),
        Severity::Info => ("info", "1;32"),
    };
    let head = match color {
        Color::Never => word.to_owned(),
        Color::Always => format!("\x1b[{sgr}m{word}\x1b[0m"),
    };
    let mut out = format!("{head} {}: {}\n", finding.code(), printable(&finding.message()));
    if !finding.evidence_text().is_empty() {
        indented(&mut out, "seen", finding.evidence_text());
    }
    let remedy = finding.remedy();
    if !remedy.is_empty() {
        indented(&mut out, "do", &remedy);
    }
    out
}

fn indented(out: &mut String, label: &str, text: &str) {
    for (at, line) in text.lines().enumerate() {
        let shown = if at == 0 { label } else { "" };
        out.push_str(&format!("  {shown:<5} {}\n", printable(line)));
    }
}

/// Text from a disk, a journal or a registry must not move the cursor.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn lines_are_labelled_and_harmless() {
        let finding = catalogue::host::not_root("x", "\x1b[2J").evidence("one\ntwo");
        let text = render(&finding, Color::Never);
        assert!(!text.contains('\x1b'));
        assert!(text.contains("\n  seen  one\n        two\n  do    "), "{text}");
        assert!(render(&finding, Color::Always).starts_with("\x1b[1;31merror\x1b[0m MVM-HOST-"));
    }
}
