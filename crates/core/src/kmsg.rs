//! The sink of the generator: /dev/kmsg, because generators run before there is a journal
//! (systemd.generator(7)).

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::Finding;

/// The kernel cuts a record at about 1 KiB (PRINTK_MESSAGE_MAX and LOG_LINE_MAX in
/// kernel/printk); the code and the message come first, so that is what survives.
const RECORD_MAX: usize = 960;

/// The record for one finding: priority, program, code and message on one line.
pub fn record(finding: &Finding) -> String {
    let text = format!(
        "<{}>mvmhost: {} {}",
        finding.severity().priority(),
        finding.code(),
        finding.message()
    );
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.len() > RECORD_MAX {
        let cut = (0..=RECORD_MAX).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
        line.truncate(cut);
    }
    line.push('\n');
    line
}

/// Writes the record to `device`. A generator must not fail because nobody listens, so an error
/// has nowhere to go and is dropped; the oneshots say the same again in the journal.
pub fn report(device: &Path, finding: &Finding) {
    const O_NONBLOCK: i32 = 0o4000;
    const O_NOCTTY: i32 = 0o400;
    let opened = OpenOptions::new().append(true).custom_flags(O_NONBLOCK | O_NOCTTY).open(device);
    if let Ok(mut file) = opened {
        // One write is one record.
        let _ = file.write_all(record(finding).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn a_record_is_one_bounded_line() {
        let long = "ä\n".repeat(2000);
        let finding = catalogue::host::not_root("x", long);
        let record = record(&finding);
        assert!(record.starts_with("<3>mvmhost: MVM-HOST-"), "{record}");
        assert!(record.len() <= RECORD_MAX + 1);
        assert_eq!(record.matches('\n').count(), 1);
    }

    #[test]
    fn a_missing_device_is_no_error() {
        report(Path::new("/nonexistent/kmsg"), &catalogue::host::not_root("x", "y"));
    }
}
