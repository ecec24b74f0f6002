//! Where findings go: the journal under systemd, standard error elsewhere.
//!
//! `main` calls [`init`] once with what it knows of its environment; everybody else calls
//! [`report`].

use std::io::Write;
use std::sync::OnceLock;

use libsystemd::logging::{Priority, journal_send};

use crate::terminal::{self, Color};
use crate::{Finding, Severity};

/// The SYSLOG_IDENTIFIER of every program, so that `journalctl -t mvmhost` shows all.
pub const IDENTIFIER: &str = "mvmhost";

static SINK: OnceLock<Sink> = OnceLock::new();

/// The two places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// The native protocol of systemd-journald, with fields.
    Journal,
    /// Lines on standard error.
    Terminal(Color),
}

/// Decides for the whole process and installs a logger for the `log` macros beside it. The second
/// call of a process changes nothing.
pub fn init(sink: Sink, level: log::LevelFilter) {
    if SINK.set(sink).is_err() {
        return;
    }
    let journal = match sink {
        Sink::Journal => systemd_journal_logger::JournalLog::new().ok(),
        Sink::Terminal(_) => None,
    };
    let installed = match journal {
        Some(journal) => journal.with_syslog_identifier(IDENTIFIER.to_owned()).install(),
        None => log::set_logger(&StandardError),
    };
    if installed.is_ok() {
        log::set_max_level(level);
    }
}

/// Whether this process writes to the journal: true when systemd started it with its output
/// connected there.
pub fn under_journal() -> bool {
    systemd_journal_logger::connected_to_journal()
}

/// Says it. A journal that cannot be reached is replaced by standard error, never by silence.
pub fn report(finding: &Finding) {
    let sink = SINK.get().copied().unwrap_or(Sink::Terminal(Color::Never));
    if sink == Sink::Journal && to_journal(finding).is_ok() {
        return;
    }
    let color = match sink {
        Sink::Terminal(color) => color,
        Sink::Journal => Color::Never,
    };
    // A caller may close standard error on purpose.
    let _ = std::io::stderr().lock().write_all(terminal::render(finding, color).as_bytes());
}

/// Puts it into the journal beside whatever else is done with it; without a journal nobody reads
/// it later, and that is all.
pub fn record(finding: &Finding) {
    if let Err(error) = to_journal(finding) {
        log::debug!("the journal did not take {}: {error}", finding.code());
    }
}

/// The fields of one journal entry, MESSAGE and PRIORITY aside.
pub fn fields(finding: &Finding) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("SYSLOG_IDENTIFIER", IDENTIFIER.to_owned()),
        ("MESSAGE_ID", finding.entry().id.to_owned()),
        ("MVMHOST_CODE", finding.code().to_owned()),
        ("MVMHOST_SUBJECT", finding.subject().to_owned()),
        ("DOCUMENTATION", "man:mvmhost-diagnostics(7)".to_owned()),
    ];
    // The journal catalog shows a field's name where an entry lacks the field, so what stands in
    // an entry's text is always sent.
    let entry = finding.entry();
    if !finding.evidence_text().is_empty() {
        fields.push((EVIDENCE, finding.evidence_text().to_owned()));
    } else if entry.severity != Severity::Info {
        fields.push((EVIDENCE, finding.message()));
    }
    if !entry.remedy.is_empty() {
        let remedy = finding.remedy();
        let explain = || format!("mvmhost explain {}", entry.code);
        fields.push((REMEDY, if remedy.trim().is_empty() { explain() } else { remedy }));
    }
    if entry.cause.contains('{') {
        fields.push((CAUSE, finding.cause()));
    }
    fields
}

const EVIDENCE: &str = "MVMHOST_EVIDENCE";
const REMEDY: &str = "MVMHOST_REMEDY";
const CAUSE: &str = "MVMHOST_CAUSE";

fn to_journal(finding: &Finding) -> Result<(), libsystemd::errors::SdError> {
    let priority = match finding.severity() {
        Severity::Error => Priority::Error,
        Severity::Warning => Priority::Warning,
        Severity::Info => Priority::Info,
    };
    let message = format!("{}: {}", finding.code(), finding.message());
    journal_send(priority, &message, fields(finding).into_iter())
}

struct StandardError;

impl log::Log for StandardError {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let level = record.level().as_str().to_lowercase();
            let _ = writeln!(std::io::stderr().lock(), "{level}: {}", record.args());
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn an_entry_carries_the_documented_fields() {
        let finding = catalogue::host::not_root("mvmhost", "plan").evidence("uid 1000");
        let names: Vec<_> = fields(&finding).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "SYSLOG_IDENTIFIER",
                "MESSAGE_ID",
                "MVMHOST_CODE",
                "MVMHOST_SUBJECT",
                "DOCUMENTATION",
                "MVMHOST_EVIDENCE",
                "MVMHOST_REMEDY"
            ]
        );
    }
}
